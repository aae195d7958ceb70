"""Reading on a thread: nothing is lost, silence is heard, and a bug surfaces on the cell's side."""

import threading
from collections.abc import Generator
from itertools import pairwise

import pytest

from hermes_magic.errors import ProtocolError
from hermes_magic.reply import Done, Event, Failed, Started, Text
from hermes_magic.wire.background import Background

SOON = 5.0


def arrived(background: Background) -> list[Event]:
    return [event for arrivals in background for _, events in arrivals for event in events]


def many(count: int) -> Generator[list[Event]]:
    for number in range(count):
        yield [Text(str(number))]
    yield []
    yield [Done()]


def test_all_events_cross_over_in_their_order() -> None:
    background = Background(many(2000))
    assert arrived(background) == [*(Text(str(number)) for number in range(2000)), Done()]
    background.join(SOON)


def test_times_of_arrival_never_go_back() -> None:
    background = Background(many(50))
    times = [at for arrivals in background for at, _ in arrivals]
    assert all(early <= late for early, late in pairwise(times))
    assert 0 <= times[0] <= times[-1] <= background.elapsed()


def test_silence_gives_empty_lists() -> None:
    speak = threading.Event()

    def silent() -> Generator[list[Event]]:
        speak.wait(SOON)
        yield [Done()]

    batches = iter(Background(silent()))
    assert next(batches) == next(batches) == []
    speak.set()
    assert [event for batch in batches for _, events in batch for event in events] == [Done()]


def test_the_first_word_does_not_wait_for_what_came_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hermes_magic.wire.background._PACE", SOON)
    started, seen = threading.Event(), threading.Event()

    def answer() -> Generator[list[Event]]:
        yield [Started(id="gen-1")]
        started.wait(SOON)
        yield [Text("a")]
        yield [Done()] if seen.wait(SOON / 2) else [Failed(ProtocolError("nobody looked"))]

    for arrivals in Background(answer()):
        for _, events in arrivals:
            started.set()
            if Text("a") in events:
                seen.set()
            assert not isinstance(events[-1], Failed)


@pytest.mark.parametrize("last", [Done(), Failed(ProtocolError("x"))])
def test_the_last_event_ends_it_while_the_connection_is_still_read(last: Event) -> None:
    let_go, closed = threading.Event(), threading.Event()

    def draining() -> Generator[list[Event]]:
        try:
            yield [Text("a"), last]
            let_go.wait(SOON)
        finally:
            closed.set()

    background = Background(draining())
    assert arrived(background) == [Text("a"), last]
    assert not closed.is_set()
    let_go.set()
    assert closed.wait(SOON)
    background.join(SOON)


@pytest.mark.parametrize("bug", [ZeroDivisionError, KeyboardInterrupt])
def test_a_bug_is_raised_behind_what_came(bug: type[BaseException]) -> None:
    def broken() -> Generator[list[Event]]:
        yield [Text("a")]
        raise bug

    seen: list[Event] = []

    def watch() -> None:
        for arrivals in Background(broken()):
            seen.extend(event for _, events in arrivals for event in events)

    with pytest.raises(bug):
        watch()
    assert seen == [Text("a")]


def test_what_came_unseen_can_be_taken() -> None:
    background = Background(many(2))
    background.join(SOON)
    assert [events for _, events in background.take()] == [[Text("0")], [Text("1")], [Done()]]
    assert background.take() == []


def test_a_generator_that_just_ends_ends_it() -> None:
    def quiet() -> Generator[list[Event]]:
        yield from ()

    assert arrived(Background(quiet())) == []

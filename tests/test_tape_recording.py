"""What gets onto a tape, and what never does."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from hermes_magic.errors import NetworkError, TapeError
from hermes_magic.reply import (
    Booked,
    Done,
    Event,
    Failed,
    Finished,
    Notice,
    Retrying,
    Started,
    Text,
    Thought,
    UsageReported,
)
from hermes_magic.reply.usage import Usage
from hermes_magic.tape import request
from hermes_magic.tape.files import Tape
from hermes_magic.tape.pieces import Piece
from hermes_magic.tape.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

ASKED = request.asked({"messages": [{"role": "user", "content": "Why?"}]})
WHO = Started("gen-1", "hermes", "Nebius")
END: list[Event] = [Finished("stop", "eos"), UsageReported(Usage(raw={"cost": 1})), Done()]
KEY = "sk-or-v1-not-a-real-key"


class Clock:
    """Time that goes on by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return Tape(tmp_path / "tape.json")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def paced(clock: Clock, batches: Iterable[tuple[float, list[Event]]]) -> Generator[list[Event]]:
    """Give each batch at its second."""
    begun = clock.now
    for at, events in batches:
        clock.now = begun + at
        yield events


def record(tape: Tape, clock: Clock, *batches: tuple[float, list[Event]]) -> list[Event]:
    arriving = Recorder(tape, ASKED, clock).record(paced(clock, batches), KEY)
    return [event for events in arriving for event in events]


def test_a_whole_reply_with_its_times(tape: Tape, clock: Clock) -> None:
    batches: list[tuple[float, list[Event]]] = [
        (0.5, [WHO]),
        (1.0, [Thought("Hm.")]),
        (2.0, [Text("Yes"), Text(".")]),
        (2.5, END),
    ]
    assert record(tape, clock, *batches) == [event for _, events in batches for event in events]
    (kept,) = tape.episodes()
    assert kept.reply.pieces == (
        Piece("thought", "Hm.", 1.0, 1.0, 1),
        Piece("answer", "Yes.", 2.0, 2.0, 2),
    )
    reply = kept.reply
    assert (reply.model, reply.provider, reply.end) == ("hermes", "Nebius", 2.5)
    assert (reply.finish_reason, reply.native_reason, reply.usage) == ("stop", "eos", {"cost": 1})
    assert not kept.by_hand


def test_it_is_on_the_tape_before_the_reply_is_over(tape: Tape, clock: Clock) -> None:
    arriving = Recorder(tape, ASKED, clock).record(paced(clock, [(1.0, [Text("Yes."), *END])]))
    assert isinstance(next(arriving)[-1], Done)
    assert len(tape.episodes()) == 1


@pytest.mark.parametrize("last", [[Failed(NetworkError("Cut."))], []])
def test_a_reply_that_fails_or_just_ends_is_not(
    tape: Tape, clock: Clock, last: list[Event]
) -> None:
    record(tape, clock, (0.5, [WHO]), (1.0, [Text("Yes")]), (1.5, last))
    assert not tape.exists


def test_a_reply_that_is_stopped_is_not_and_its_line_is_closed(tape: Tape, clock: Clock) -> None:
    closed = []

    def endless() -> Generator[list[Event]]:
        try:
            while True:
                yield [Text("and ")]
        finally:
            closed.append(True)

    arriving = Recorder(tape, ASKED, clock).record(endless())
    next(arriving)
    arriving.close()
    assert closed
    assert not tape.exists


def test_only_the_try_that_succeeded_and_from_its_own_start(tape: Tape, clock: Clock) -> None:
    record(
        tape,
        clock,
        (0.5, [Started("gen-0", "other", "Chutes")]),
        (1.0, [Retrying("Chutes failed", 4.0, 2, 3)]),
        (6.0, [WHO, Text("Yes.")]),
        (7.0, END),
    )
    (kept,) = tape.episodes()
    assert kept.reply.pieces == (Piece("answer", "Yes.", 1.0, 1.0),)
    assert (kept.reply.provider, kept.reply.end) == ("Nebius", 2.0)


def test_no_number_notice_or_book_of_this_run(tape: Tape, clock: Clock) -> None:
    remarks: list[Event] = [Notice("/home/alice/ledger"), Booked(Decimal("0.12345"))]
    record(tape, clock, (1.0, [WHO, *remarks, Text("Yes."), *END]))
    text = tape.path.read_text("utf-8")
    assert not [word for word in ("gen-1", "alice", "0.12345") if word in text]


@pytest.mark.parametrize(
    "said",
    [
        [Text(f"Your key is {KEY}.")],
        [Text("Your key is sk-or-"), Thought("Hm."), *map(Text, KEY)],
        [*[Text(f"{KEY[:9]}\n"), Text("x" * 80)], Text(KEY[:5]), Text(KEY[5:])],
    ],
)
def test_never_the_key_even_if_the_server_repeats_it(
    tape: Tape, clock: Clock, said: list[Event]
) -> None:
    events = record(tape, clock, (1.0, [WHO, *said]), (2.0, END))
    assert not tape.exists
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert notice.text == "This answer is not on the tape: the API key stands in it."
    assert isinstance(events[-1], Done)


def test_a_paid_reply_outlives_a_tape_that_cannot_be_written(
    tape: Tape, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_episode: object) -> None:
        raise TapeError("The disk is full.")

    monkeypatch.setattr(tape, "put", full)
    events = record(tape, clock, (1.0, [Text("Yes."), *END]))
    assert Notice("This answer is not on the tape: The disk is full.") in events
    assert isinstance(events[-1], Done)

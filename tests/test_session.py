"""One question on its way: whole, failed or stopped, with the reply as far as it came."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, cast

import pytest

from hermes_magic.errors import CreditsError, NetworkError, OptionError, ProtocolError, Stopped
from hermes_magic.offline import Cut, Pause, Request, Response
from hermes_magic.offline import Server as Loopback
from hermes_magic.offline.messages import Event as Frame
from hermes_magic.options import Options
from hermes_magic.reply import Done, Event, Failed, Reply, Text
from hermes_magic.session import Answering, Session
from hermes_magic.wire.background import Arrival
from hermes_magic.wire.servers import Server

KEY = "sk-or-v1-not-a-real-key"
LONG = 60.0
SOON = 5.0


def delta(text: str, finish: str | None = None) -> dict[str, Any]:
    return {"id": "chat-1", "choices": [{"delta": {"content": text}, "finish_reason": finish}]}


WHOLE: list[Frame] = [delta("Yes"), delta(".", "stop")]


@pytest.fixture
def session() -> Iterator[Session]:
    with closing(Session()) as one:
        yield one


def ask(session: Session, server: Loopback, text: str = "Why?") -> Answering:
    return session.ask(Server("test", server.base_url), KEY, Options(), text)


def finish(answering: Answering) -> Reply:
    with answering:
        for _ in answering:
            pass
    return answering.reply


def idle(session: Session) -> None:
    """Wait until the body's end has been read, which comes just behind the reply's."""
    for thread in threading.enumerate():
        if thread.name == "hermes-reader":
            thread.join(SOON)
    assert not list(session._connections._lent)


def test_a_whole_reply(session: Session) -> None:
    with Loopback(lambda _: Response.sse(WHOLE)) as server:
        answering = ask(session, server)
        assert answering.reply.state == "failed"
        reply = finish(answering)
        (exchange,) = server.wait_for_exchanges()
    assert (reply.text, reply.state, reply.id) == ("Yes.", "complete", "chat-1")
    body = cast("dict[str, Any]", exchange.request.json)
    assert body["messages"] == [{"role": "user", "content": "Why?"}]
    timing = reply.timing
    assert timing.first is not None
    assert timing.total is not None
    assert 0 < timing.first <= timing.total


def test_nothing_to_ask_sends_nothing(session: Session) -> None:
    with Loopback(lambda _: Response.sse(WHOLE)) as server:
        with pytest.raises(OptionError):
            ask(session, server, "  \n")
        assert server.exchanges == ()


def test_a_refusal_is_raised_with_an_empty_reply(session: Session) -> None:
    server = Loopback(lambda _: Response.json({"error": "no"}, status=402))
    with server, pytest.raises(CreditsError) as caught:
        finish(ask(session, server))
    assert caught.value.reply is not None
    assert (caught.value.reply.text, caught.value.reply.state) == ("", "failed")


def test_a_cut_answer_is_raised_with_what_came(session: Session) -> None:
    server = Loopback(lambda _: Response.sse([delta("part"), Cut()]))
    with server, pytest.raises(NetworkError) as caught:
        finish(ask(session, server))
    assert caught.value.reply is not None
    assert (caught.value.reply.text, caught.value.reply.state) == ("part", "failed")


class Scripted:
    """Stands in for a Background, to give batches as no clock could."""

    def __init__(self, *batches: list[Event]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[list[Arrival]]:
        for batch in self._batches:
            yield [(0.0, batch)] if batch else []

    def join(self, seconds: float) -> None:
        """Have nothing to wait for."""

    def take(self) -> list[Arrival]:
        return []

    def elapsed(self) -> float:
        return 0.0


def iter_nothing() -> Generator[list[Event]]:
    yield from ()


def scripted(*batches: list[Event]) -> Answering:
    answering = Answering(lambda: None, iter_nothing(), lambda _: None)
    answering._background = cast("Any", Scripted(*batches))
    return answering


def test_a_failure_with_silence_behind_it_is_still_raised() -> None:
    error = ProtocolError("x")
    answering = scripted([Text("a")], [Failed(error)], [])
    with pytest.raises(ProtocolError):
        list(answering)
    assert answering.reply.state == "failed"


def test_a_stop_asked_for_behind_the_end_changes_nothing() -> None:
    answering = scripted([Text("a")], [Done()], [])
    for events in answering:
        if Done() in events:
            answering.request_stop()
    assert answering.reply.state == "complete"


def watch(answering: Answering, at_part: Callable[[], None]) -> None:
    """Iterate to the end, and do this when the first text has come."""
    with answering:
        for events in answering:
            if Text("part") in events:
                at_part()


def interrupt() -> None:
    raise KeyboardInterrupt


def test_a_stop_keeps_what_came_and_closes_the_connection(session: Session) -> None:
    with Loopback(lambda _: Response.sse([delta("part"), Pause(LONG)])) as server:
        answering = ask(session, server)
        with pytest.raises(Stopped) as caught:
            watch(answering, answering.request_stop)
        (exchange,) = server.wait_for_exchanges()
    assert exchange.client_left
    assert caught.value.reply == answering.reply
    assert (answering.reply.text, answering.reply.state) == ("part", "stopped")
    assert "may still bill" in caught.value.hint


def test_an_interrupt_is_a_stop(session: Session) -> None:
    with Loopback(lambda _: Response.sse([delta("part"), Pause(LONG)])) as server:
        answering = ask(session, server)
        with pytest.raises(Stopped):
            watch(answering, interrupt)
        (exchange,) = server.wait_for_exchanges()
    assert exchange.client_left
    assert (answering.reply.text, answering.reply.state) == ("part", "stopped")


@pytest.mark.parametrize("bug", [None, ZeroDivisionError])
def test_leaving_early_hangs_up(session: Session, bug: type[Exception] | None) -> None:
    with Loopback(lambda _: Response.sse([delta("part"), Pause(LONG)])) as server:
        try:
            with ask(session, server) as answering:
                for events in answering:
                    if Text("part") not in events:
                        continue
                    if bug:
                        raise bug
                    break
        except ZeroDivisionError:
            assert bug
        (exchange,) = server.wait_for_exchanges()
    assert exchange.client_left


def test_the_connection_is_kept_for_the_next_question(session: Session) -> None:
    with Loopback(lambda _: Response.sse(WHOLE)) as server:
        finish(ask(session, server))
        idle(session)
        (first,) = session._connections._idle
        finish(ask(session, server))
        idle(session)
        assert session._connections._idle == [first]


def test_a_connection_that_has_rested_for_long_is_not_used_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Loopback(lambda _: Response.sse(WHOLE)) as server:
        finish(ask(session, server))
        idle(session)
        (first,) = session._connections._idle
        clock = time.time
        monkeypatch.setattr(time, "time", lambda: clock() + 3600)
        assert finish(ask(session, server)).text == "Yes."
        idle(session)
        (second,) = session._connections._idle
        assert second != first


def test_a_stopped_connection_is_not_used_again(session: Session) -> None:
    stop = threading.Event()

    def respond(_: Request) -> Response:
        return Response.sse([delta("part"), Pause(LONG)] if not stop.is_set() else WHOLE)

    with Loopback(respond) as server:
        with pytest.raises(Stopped), ask(session, server):
            raise KeyboardInterrupt
        stop.set()
        assert finish(ask(session, server)).text == "Yes."


def test_a_connection_aborted_behind_its_end_is_not_used_again(session: Session) -> None:
    with Loopback(lambda _: Response.sse(WHOLE)) as server:
        answering = ask(session, server)
        finish(answering)
        idle(session)
        answering._hang_up()
        assert finish(ask(session, server)).text == "Yes."


def test_questions_on_many_threads_have_a_connection_each(session: Session) -> None:
    together = threading.Barrier(8)

    def respond(_: Request) -> Response:
        together.wait(SOON)  # no answer comes before all have asked
        return Response.sse(WHOLE)

    with Loopback(respond) as server, ThreadPoolExecutor(8) as threads:
        asked = threads.map(lambda _: finish(ask(session, server)), range(8))
        assert [reply.text for reply in asked] == ["Yes."] * 8
        idle(session)
        kept = {id(client) for *_, client in session._connections._idle}
        list(threads.map(lambda _: finish(ask(session, server)), range(8)))
        idle(session)
        assert len(kept) == 8
        assert {id(client) for *_, client in session._connections._idle} == kept


def test_another_server_or_key_gets_a_connection_of_its_own(session: Session) -> None:
    with (
        Loopback(lambda _: Response.sse(WHOLE)) as one,
        Loopback(lambda _: Response.sse(WHOLE)) as other,
    ):
        finish(ask(session, one))
        finish(ask(session, other))
        finish(session.ask(Server("test", other.base_url), "another", Options(), "Why?"))
        keys = [exchange.request.carries_key("another") for exchange in other.wait_for_exchanges(2)]
        assert (len(one.exchanges), keys) == (1, [False, True])


def test_a_connection_still_open_behind_the_end_does_not_hold_the_next_question(
    session: Session,
) -> None:
    frames: list[Frame] = [*WHOLE, b"data: [DONE]\n\n", Pause(LONG)]
    with Loopback(lambda _: Response.sse(frames)) as server:
        assert finish(ask(session, server)).state == "complete"
        assert finish(ask(session, server)).state == "complete"
        session.close()
        assert all(one.client_left for one in server.wait_for_exchanges(2))

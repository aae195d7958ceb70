"""Play an episode: what a client would give, without a server."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.errors import NetworkError
from hermes_magic.reply import WRITTEN_BY_HAND, Event, Replayed, UsageReported
from hermes_magic.tape.layout import compact
from hermes_magic.wire.body import BodyDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from hermes_magic.tape.episode import Episode
    from hermes_magic.tape.pieces import Piece

_NAMES: Final = {"thought": "reasoning", "answer": "content"}


class Player:
    """Gives the events of an episode as a `Client` gives those of a server, decoded as there.

    Args:
        episode: what is played.
        speed: how many times as fast as it was recorded; 0 for at once.

    Attributes:
        busy: it is playing.
    """

    def __init__(self, episode: Episode, speed: float = 1.0) -> None:
        self.busy = False
        self._episode = episode
        self._speed = speed
        self._abort = threading.Event()

    @property
    def aborted(self) -> bool:
        """Whether it has been aborted, and plays no more."""
        return self._abort.is_set()

    def at_once(self) -> None:
        """Lose no time: nobody is watching."""
        self._speed = 0.0

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond an abort."""
        self._abort.wait(seconds)

    def abort(self) -> None:
        """End the playing from any thread; its iterator ends soon after."""
        self._abort.set()

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def chat(
        self,
        _body: Mapping[str, Any] | None = None,
        _on_send: Callable[[], None] | None = None,
    ) -> Generator[list[Event]]:
        """Give the events at their times; the last list ends with `Done` or `Failed`."""
        self.busy = True
        reply = self._episode.reply
        decoder = BodyDecoder(think_tags=False)
        started = time.perf_counter()
        try:
            timing = reply.timing
            yield [Replayed(self._episode.recorded, self._episode.by_hand, timing)]
            for at, data in stream(self._episode):
                if self._speed:
                    self.wait(started + at / self._speed - time.perf_counter())
                if self.aborted:
                    yield decoder.flush(cut=NetworkError("The replay was stopped."))
                    return
                if events := decoder.feed(data):
                    yield self._with_estimate(events)
            yield decoder.flush()
        finally:
            self.busy = False

    def _with_estimate(self, events: list[Event]) -> list[Event]:
        estimate = self._episode.reply.estimate
        return [
            UsageReported(replace(event.usage, estimate=estimate))
            if isinstance(event, UsageReported) and event.usage.cost is None
            else event
            for event in events
        ]


def stream(episode: Episode) -> Iterator[tuple[float, bytes]]:
    """Give the bytes of an event stream that says what the episode says, each with its time.

    The body is an OpenAI-compatible server's: chunks of one delta each, finish reason, usage.
    """
    reply = episode.reply
    who = {"model": WRITTEN_BY_HAND} if episode.by_hand else _who(reply.model, reply.provider)
    for piece in reply.pieces:
        for number, (at, text) in enumerate(piece.deltas()):
            yield at, _chunk(who, delta=_delta(piece, text, first=not number))
    if reply.finish_reason:
        native = {"native_finish_reason": reply.native_reason} if reply.native_reason else {}
        yield reply.end, _chunk(who, finish_reason=reply.finish_reason, **native)
    if reply.usage is not None:
        yield reply.end, _event({**who, "choices": [], "usage": reply.usage})
    yield reply.end, b"data: [DONE]\n\n"


def _who(model: str, provider: str) -> dict[str, str]:
    return {"model": model, **({"provider": provider} if provider else {})}


def _delta(piece: Piece, text: str, *, first: bool) -> dict[str, Any]:
    """Give the delta of a chunk; a tool call's id and name come with its first."""
    if piece.kind in _NAMES:
        return {_NAMES[piece.kind]: text}
    call = piece.call
    function = {"arguments": text}
    if first and "name" in call:
        function["name"] = call["name"]
    tool: dict[str, Any] = {"index": call.get("index", 0), "function": function}
    if first and "id" in call:
        tool["id"] = call["id"]
    return {"tool_calls": [tool]}


def _chunk(who: Mapping[str, str], *, delta: object = None, **fields: object) -> bytes:
    return _event({**who, "choices": [{"index": 0, "delta": delta or {}, **fields}]})


def _event(value: object) -> bytes:
    return f"data: {compact(value)}\n\n".encode()

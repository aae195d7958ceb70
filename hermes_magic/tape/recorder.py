"""Record a reply while it comes, for the tape."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hermes_magic.errors import TapeError
from hermes_magic.reply import (
    Done,
    Event,
    Finished,
    Notice,
    Retrying,
    Started,
    UsageReported,
)
from hermes_magic.tape.episode import Recorded, recorded_now
from hermes_magic.tape.layout import layout
from hermes_magic.tape.pieces import Gatherer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from hermes_magic.reply import Usage
    from hermes_magic.tape.episode import Episode
    from hermes_magic.tape.files import Tape
    from hermes_magic.tape.request import Asked


class Recorder:
    """Puts the reply to one request on a tape, when it has come whole.

    What fails, is stopped or is tried again leaves no trace on the tape.

    Args:
        tape: where to put it.
        asked: the request in normal form.
        clock: gives seconds.
    """

    def __init__(
        self, tape: Tape, asked: Asked, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._tape = tape
        self._asked = asked
        self._clock = clock

    def record(self, batches: Generator[list[Event]], key: str = "") -> Generator[list[Event]]:
        """Pass the events of the reply on, and keep it.

        Args:
            batches: the events.
            key: the server's key, which must not get onto the tape.
        """
        with closing(batches):
            take, started = _Take(), self._clock()
            for events in batches:
                take.feed(events, max(0.0, self._clock() - started))
                last = events[-1] if events else None
                if isinstance(last, Done):
                    yield [*events[:-1], *self._keep(take, key), last]
                else:
                    yield events
                if isinstance(last, Retrying):
                    take, started = _Take(), self._clock() + last.delay

    def _keep(self, take: _Take, key: str) -> list[Event]:
        """Put the reply on the tape; a failure is told, for the reply is there and is paid."""
        episode = recorded_now(self._asked, take.reply(), datetime.now(UTC))
        if key and _holds(episode, key):
            return [Notice("This answer is not on the tape: the API key stands in it.")]
        try:
            self._tape.put(episode)
        except TapeError as error:
            return [Notice(f"This answer is not on the tape: {error.message}")]
        return []


class _Take:
    """One try to get a reply."""

    def __init__(self) -> None:
        self._gatherer = Gatherer()
        self._who = Started()
        self._finished = Finished("")
        self._usage: Usage | None = None
        self._end = 0.0

    def feed(self, events: list[Event], at: float) -> None:
        """Take events that came `at` seconds after the request was sent."""
        self._gatherer.feed(events, at)
        self._end = at
        for event in events:
            match event:
                case Started(_, model, provider):
                    who = self._who
                    self._who = Started("", model or who.model, provider or who.provider)
                case Finished():
                    self._finished = event
                case UsageReported(usage):
                    self._usage = usage

    def reply(self) -> Recorded:
        """Give what came."""
        usage = self._usage
        return Recorded(
            tuple(self._gatherer.pieces),
            round(self._end, 2),
            model=self._who.model,
            provider=self._who.provider,
            finish_reason=self._finished.reason,
            native_reason=self._finished.native,
            usage=usage.raw if usage is not None else None,
            estimate=usage.estimate if usage is not None else None,
        )


def _holds(episode: Episode, key: str) -> bool:
    """Tell whether the key stands in an episode, be it cut into pieces."""
    said = "".join(piece.text for piece in episode.reply.pieces)
    return key in layout(episode.written) or key in said

"""What is done to a reply's events on their way: stop texts, estimated costs, notes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hermes_magic.errors import AuthenticationError
from hermes_magic.reply import Done, Event, Failed, Finished, Notice, UsageReported
from hermes_magic.wire.stopping import StopText

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from hermes_magic.wire.servers import Price

HUNG_UP = "Ended at a --stop text on our side: the host may bill what it had written further."


def no_notes() -> list[str]:
    """Give no notes."""
    return []


@dataclass(frozen=True, slots=True)
class Shape:
    """What one question asks to be done to its reply.

    Attributes:
        stops: texts, before the first of which the answer ends.
        price: what the server costs, where it tells no cost.
        key_hint: what to do where the server refuses the key; "" for what the error says.
        notes: what the person should know from the start.
        late_notes: called at the end of the reply for what may be known by then.
    """

    stops: tuple[str, ...] = ()
    price: Price | None = None
    key_hint: str = ""
    notes: tuple[str, ...] = ()
    late_notes: Callable[[], list[str]] = no_notes

    def __call__(self, batches: Generator[list[Event]]) -> Generator[list[Event]]:
        """Give the events of a reply in this shape; close it where a stop text ends it."""
        stop = StopText(self.stops)
        with closing(batches):
            if self.notes:
                yield [Notice(note) for note in self.notes]
            for events in batches:
                out = self._shaped(events, stop)
                if out and isinstance(out[-1], Done | Failed):
                    out[-1:-1] = [Notice(note) for note in self.late_notes()]
                yield out
                if stop.found:
                    return

    def _shaped(self, events: list[Event], stop: StopText) -> list[Event]:
        out: list[Event] = []
        for event in events:
            if isinstance(event, Finished | Done | Failed):
                out += stop.flush()
            if stop.found:
                break
            out += stop.feed(self._told(event))
        return out + self._end(events) if stop.found else out

    def _end(self, events: list[Event]) -> list[Event]:
        """Give the end of a reply that a stop text ended; the host may have got there as well."""
        usage = [self._told(one) for one in events if isinstance(one, UsageReported)]
        hung_up = [] if any(isinstance(one, Done) for one in events) else [Notice(HUNG_UP)]
        return [Finished("stop", "stop text"), *usage, *hung_up, Done()]

    def _told(self, event: Event) -> Event:
        """Add what the server does not tell: the cost by its price, which key it wants."""
        match event:
            case UsageReported(usage) if self.price and usage.cost is None:
                return UsageReported(replace(usage, estimate=self.price.estimate(usage)))
            case Failed(error) if self.key_hint and isinstance(error, AuthenticationError):
                error.hint = self.key_hint
        return event

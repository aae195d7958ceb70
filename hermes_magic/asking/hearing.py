"""The events of one request of several: calls taken out of the text, figures added up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hermes_magic.prompt.calls import MalformedCall, ToolCallParser
from hermes_magic.reply import (
    Booked,
    Done,
    Failed,
    Finished,
    Notice,
    Replayed,
    Rethought,
    Text,
    Thought,
    ToolCall,
    ToolDelta,
    UsageReported,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hermes_magic.prompt.calls import Part
    from hermes_magic.reply import Event, Reply, Usage


class Hearing:
    """Eats the events of one request, gives those of the reply that it is a part of.

    Args:
        before: what the requests before it took; None if there were none.
        told: notices that have been given, to which these are added; each is given once.
        thought_before: whether there is a thought already, from which this one is set off.
        free: whether this request is replayed from a tape among others that are paid for.

    Attributes:
        calls: the calls that stand in the text, in order.
    """

    def __init__(
        self,
        before: Usage | None = None,
        told: set[str] | None = None,
        *,
        thought_before: bool = False,
        free: bool = False,
    ) -> None:
        self.calls: list[ToolCall | MalformedCall] = []
        self._before = before
        self._told = set() if told is None else told
        self._gap = thought_before
        self._free = free
        self._parser = ToolCallParser()
        self._behind = False

    def feed(self, events: list[Event]) -> list[Event]:
        """Take the next events; text that may be part of a call is held back."""
        return [one for event in filter(self._counts, events) for one in self._heard(event)]

    def flush(self) -> list[Event]:
        """Take the end; a call that has none is none, for it was cut off."""
        parts = self._parser.flush()
        return list(self._parts(part for part in parts if isinstance(part, str)))

    def spent(self, reply: Reply) -> Usage:
        """Give what this request took, with our estimate where the server has given no figure."""
        usage, booked = reply.usage, reply.booked
        if self._free:
            return usage.free()
        if usage.cost is None and usage.estimate is None and booked is not None:
            return replace(usage, estimate=booked.estimate)
        return usage

    def _heard(self, event: Event) -> Iterator[Event]:
        match event:
            case Text(text):
                yield from self._parts(self._parser.feed(text))
            case Finished(reason):
                parts = self._parser.flush()
                # One that `max_tokens` has cut off would only be cut off again.
                yield from self._parts(_read(parts) if reason == "length" else parts)
                yield event
            case Thought(text) if self._gap:
                self._gap = False
                yield Thought("\n\n" + text)
            case Rethought():
                yield from self.flush()
                self._parser = ToolCallParser()
                self.calls.clear()
                self._behind = False
                yield event
            case UsageReported(usage) if self._before is not None:
                yield UsageReported(self._before + (usage.free() if self._free else usage))
            case Booked(estimate=estimate) if self._before is not None and estimate is not None:
                yield replace(event, estimate=estimate + (self._before.amount or 0))
            case Notice(text) if text in self._told:
                pass
            case Notice(text):
                self._told.add(text)
                yield event
            case ToolDelta() | Done() | Failed():
                pass  # calls are taken from the whole reply, and its end is not the question's
            case _:
                yield event

    def _counts(self, event: Event) -> bool:
        """Tell whether an event says something of the whole reply."""
        return not (self._free and isinstance(event, Replayed))

    def _parts(self, parts: Iterable[Part]) -> Iterator[Event]:
        for part in parts:
            if not isinstance(part, str):
                self.calls.append(part)
                self._behind = True
            elif not self._behind:
                yield Text(part)
            elif part.strip():  # white space around a call is no part of the answer
                self._behind = False
                yield Text("\n\n" + part.lstrip())


def _read(parts: Iterable[Part]) -> list[Part]:
    return [part for part in parts if not isinstance(part, MalformedCall)]

"""Put a reply together from its events; a reply that breaks off is still a reply."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hermes_magic.reply.events import (
    Booked,
    Done,
    Finished,
    Notice,
    Replayed,
    Rethought,
    Started,
    Text,
    Thought,
    ToolDelta,
    ToolRan,
    UsageReported,
)
from hermes_magic.reply.reply import Reply, Settlement, State, Timing, ToolCall, ToolStep
from hermes_magic.reply.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermes_magic.reply.events import Event


@dataclass(slots=True)
class Progress:
    """How far a reply has come; cheap to read at any moment.

    Attributes:
        thought_deltas: pieces of thought so far, about its tokens.
        answer_deltas: pieces of answer so far, about its tokens.
        tool_deltas: pieces of tool calls so far.
        timing: seconds until the first delta, the answer, and the last event; at the end of a
            replay, those that the tape tells.
        replayed: the tape's word, if the reply comes from one.
    """

    id: str = ""
    model: str = ""
    provider: str = ""
    thought_deltas: int = 0
    answer_deltas: int = 0
    tool_deltas: int = 0
    timing: Timing = field(default_factory=Timing)
    usage: Usage = field(default_factory=Usage)
    finish_reason: str = ""
    replayed: Replayed | None = None

    @property
    def begun(self) -> bool:
        """Whether any thought, answer or tool call has arrived."""
        return bool(self.thought_deltas or self.answer_deltas or self.tool_deltas)


class ReplyBuilder:
    """Eat events, give a `Reply` at any moment."""

    def __init__(self) -> None:
        self.progress = Progress()
        self._thinking: list[str] = []
        self._text: list[str] = []
        self._notices: list[str] = []
        self._tools: dict[int, list[str]] = {}
        self._steps: list[ToolStep] = []
        self._booked: Booked | None = None
        self._done = False
        self._settlement = Settlement()

    def feed(self, events: Iterable[Event], at: float) -> None:
        """Take events that arrived `at` seconds after the request was sent."""
        for event in events:
            self._take(event, at)
        timing, replayed = self.progress.timing, self.progress.replayed
        self.progress.timing = Timing(timing.first, timing.answer, at)
        if self._done and replayed is not None:
            self.progress.timing = replayed.timing

    def _take(self, event: Event, at: float) -> None:
        match event:
            case Text(text):
                self._delta(at, answer=True)
                self._text.append(text)
            case Thought(text):
                self._delta(at, answer=False)
                self._thinking.append(text)
            case Rethought():
                self._rethink()
            case ToolDelta() | ToolRan():
                self._tool(event)
            case Started():
                self._identify(event)
            case UsageReported(usage):
                self.progress.usage = usage
            case Finished(reason):
                self.progress.finish_reason = reason
            case Notice() | Booked() | Replayed() | Done():
                self._remark(event)

    def _remark(self, event: Notice | Booked | Replayed | Done) -> None:
        match event:
            case Done():
                self._done = True
            case Notice(text):
                self._notices.append(text)
            case Booked():
                self._booked = event
            case Replayed():
                self.progress.replayed = event

    def _delta(self, at: float, *, answer: bool) -> None:
        progress = self.progress
        if answer:
            progress.answer_deltas += 1
        else:
            progress.thought_deltas += 1
        first, begun = progress.timing.first, progress.timing.answer
        if first is None or (answer and begun is None):
            first = at if first is None else first
            progress.timing = Timing(first, at if answer and begun is None else begun, at)

    def _rethink(self) -> None:
        progress = self.progress
        self._thinking += self._text
        self._text.clear()
        progress.thought_deltas += progress.answer_deltas
        progress.answer_deltas = 0
        progress.timing = Timing(progress.timing.first, None, progress.timing.total)

    def _tool(self, delta: ToolDelta | ToolRan) -> None:
        if isinstance(delta, ToolRan):
            self._steps.append(replace(delta.step, said="".join(self._text)))
            self._text.clear()
            return
        self.progress.tool_deltas += 1
        call = self._tools.setdefault(delta.index, ["", "", ""])
        call[0] = call[0] or delta.id
        call[1] += delta.name
        call[2] += delta.arguments

    def _identify(self, started: Started) -> None:
        progress = self.progress
        progress.id = started.id or progress.id
        progress.model = started.model or progress.model
        progress.provider = started.provider or progress.provider

    def reply(self, state: State = "complete") -> Reply:
        """Give the reply as it is now, in that state."""
        progress = self.progress
        return Reply(
            text="".join(self._text),
            thinking="".join(self._thinking),
            usage=progress.usage,
            model=progress.model,
            provider=progress.provider,
            finish_reason=progress.finish_reason,
            id=progress.id,
            state=state,
            timing=progress.timing,
            deltas=(progress.thought_deltas, progress.answer_deltas),
            notices=tuple(self._notices),
            tool_calls=tuple(ToolCall(*self._tools[index]) for index in sorted(self._tools)),
            steps=tuple(self._steps),
            booked=self._booked,
            replayed=progress.replayed,
            settlement=self._settlement,
        )

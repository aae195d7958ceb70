"""A conversation's turns: a value that grows by giving a new one.

A turn belongs to the cell that asked. Thought is never kept: the model's own chat template cuts
it from earlier turns too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHARS_PER_TOKEN = 4
"""About, for English; what is computed with it is marked ~ wherever a person sees it."""

_MESSAGE_TOKENS = 8
_OPENING, _CLOSING = "<think>", "</think>"


def estimate(text: str) -> int:
    """Give about how many tokens a text has."""
    return -(-len(text) // CHARS_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer.

    Attributes:
        cell: the id of the cell that asked, or "" where cells have none.
        question: what was sent as the user's message.
        answer: the answer's text, whole or as far as it came.
        steps: messages between the two: tool calls and their results.
    """

    cell: str
    question: str
    answer: str
    steps: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Cut off a thought that stands in the answer."""
        if self.answer.lstrip().startswith(_OPENING):
            _, _, answer = self.answer.partition(_CLOSING)
            object.__setattr__(self, "answer", answer.lstrip("\n"))

    @property
    def is_answered(self) -> bool:
        """Whether there is anything to go on from."""
        return bool(self.answer.strip())

    @property
    def tokens(self) -> int:
        """About how many tokens the turn's messages have."""
        return sum(estimate(_text(message)) + _MESSAGE_TOKENS for message in self.messages())

    def messages(self) -> list[dict[str, Any]]:
        """Give the turn as messages, user first, assistant last."""
        question = {"role": "user", "content": self.question}
        answer = {"role": "assistant", "content": self.answer}
        return [question, *(dict(step) for step in self.steps), answer]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in the order of their cells' first run."""

    turns: tuple[Turn, ...] = ()

    def __len__(self) -> int:
        return len(self.turns)

    def add(self, turn: Turn) -> Self:
        """Put a turn behind the others, or in the place of its own cell's earlier one."""
        place = self._place(turn.cell)
        if place is None:
            return type(self)((*self.turns, turn))
        return type(self)((*self.turns[:place], turn, *self.turns[place + 1 :]))

    def before(self, cell: str) -> Self:
        """Give what a cell goes on from: the turns before its own, or all if it has none."""
        return type(self)(self.turns[: self._place(cell)])

    def fit(self, tokens: int) -> Fitted:
        """Drop the oldest turns until the rest has at most so many tokens, about.

        Args:
            tokens: the model's context less system prompt, new question and `max_tokens`.
        """
        left = tokens
        kept = len(self.turns)
        while kept and (left := left - self.turns[kept - 1].tokens) >= 0:
            kept -= 1
        return Fitted(Conversation(self.turns[kept:]), dropped=kept)

    def messages(self) -> list[dict[str, Any]]:
        """Give the answered turns as messages: user and assistant take turns."""
        return [message for turn in self.turns if turn.is_answered for message in turn.messages()]

    def _place(self, cell: str) -> int | None:
        places = (place for place, turn in enumerate(self.turns) if cell and turn.cell == cell)
        return next(places, None)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is left of a conversation, and how many of its oldest turns are not."""

    conversation: Conversation
    dropped: int

    @property
    def notice(self) -> str:
        """One line that says what was dropped, or ""."""
        if not self.dropped:
            return ""
        turns = (
            "The oldest turn was" if self.dropped == 1 else f"The {self.dropped} oldest turns were"
        )
        return f"{turns} not sent: the conversation is longer than the model can read."


def _text(message: Mapping[str, Any]) -> str:
    calls: Sequence[Any] = message.get("tool_calls") or ()
    return f"{message.get('content') or ''}{calls or ''}"

"""A question as it leaves the notebook: values put in, things attached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent as the user's message, and what goes with it.

    Attributes:
        text: the message.
        notes: what the person should know from the start, a line each.
        before: the messages that come between the system prompt and this one.
        after: the messages that come behind it: what it has led to already.
        tools: functions that the model may call, for a server that takes them as such.
    """

    text: str
    notes: tuple[str, ...] = ()
    before: tuple[Mapping[str, Any], ...] = ()
    after: tuple[Mapping[str, Any], ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()


def question_of(asked: Question | str) -> Question:
    """Take a text for a question that has nothing with it."""
    return Question(asked) if isinstance(asked, str) else asked

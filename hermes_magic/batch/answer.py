"""What came of a request, and how it stands in a row of the journal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from hermes_magic import errors
from hermes_magic.money.calls import EXACT
from hermes_magic.reply import Reply, Timing, Usage

COLUMNS: Final = (
    "error, message, text, thinking, cost, estimate, prompt_tokens, completion_tokens,"
    " reasoning_tokens, cached_tokens, model, provider, finish_reason, generation, seconds"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request.

    Attributes:
        reply: the reply, as far as it came.
        error: None if it is whole.
    """

    reply: Reply
    error: errors.HermesError | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What came of a row.

    Attributes:
        answer: None if there is none.
        problem: why nothing could be asked, or "".
        first: whether no row before it asks the same.
    """

    answer: Answer | None
    problem: str
    first: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of the job's questions have an answer, how many of these are errors, and USD."""

    answered: int = 0
    failed: int = 0
    usd: Decimal = Decimal(0)

    def plus(self, answer: Answer) -> Counts:
        """Give the counts with one more answer."""
        reply = answer.reply
        cost = reply.usage.cost if reply.usage.cost is not None else reply.estimate
        return Counts(
            self.answered + 1,
            self.failed + (answer.error is not None),
            EXACT.add(self.usd, cost or Decimal(0)),
        )


def values_of(answer: Answer) -> tuple[object, ...]:
    """Give what stands in the columns."""
    reply, usage = answer.reply, answer.reply.usage
    return (
        "" if answer.error is None else type(answer.error).__name__,
        "" if answer.error is None else str(answer.error),
        _storable(reply.text),
        _storable(reply.thinking),
        None if usage.cost is None else str(usage.cost),
        None if usage.estimate is None else str(usage.estimate),
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.reasoning_tokens,
        usage.cached_tokens,
        _storable(reply.model),
        _storable(reply.provider),
        _storable(reply.finish_reason),
        _storable(reply.id),
        reply.timing.total,
    )


def _storable(text: str) -> str:
    """Replace half a surrogate pair, which a model may write and SQLite cannot keep."""
    return text.encode("utf-8", "replace").decode()


def answer_of(values: list[Any]) -> Answer:
    """Give what stands in the columns as an answer."""
    kind, message, text, thinking, cost, estimate = values[:6]
    model, provider, finish_reason, generation, seconds = values[10:]
    usage = replace(
        Usage(*values[6:10]),
        cost=None if cost is None else Decimal(cost),
        estimate=None if estimate is None else Decimal(estimate),
    )
    reply = Reply(
        text,
        thinking,
        usage,
        model,
        provider,
        finish_reason,
        generation,
        timing=Timing(total=seconds),
    )
    if not kind:
        return Answer(reply)
    reply = replace(reply, state="failed")
    error = _error(kind, message)
    error.reply = reply
    return Answer(reply, error)


def _error(kind: str, message: str) -> errors.HermesError:
    """Make the error that was kept; of a type that is no more, the general one."""
    made = getattr(errors, kind, errors.HermesError)
    if not (isinstance(made, type) and issubclass(made, errors.HermesError)):
        made = errors.HermesError
    error = made(message)
    error.hint = ""  # it stands in the message
    return error

"""A call in the ledger's terms: before it is sent, how it ended, and as it stands on the books."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hermes_magic.reply import Usage

CallState = Literal["reserved", "sent", "settled", "refused"]

EXACT: Final = Context(prec=100)
"""Digits enough for any sum of money; Decimal's own 28 would round."""


@dataclass(frozen=True, slots=True)
class Call:
    """One row of the ledger.

    Attributes:
        started: UTC, ISO 8601.
        day: the person's own date at that time, ISO 8601.
        cost: USD, the server's own figure; None if it has not given one (yet).
        estimate: USD, ours, where the server's figure is missing.
        seconds: from sending to the end; None if the end was never seen.
    """

    id: str
    started: str
    day: str
    notebook: str
    cell: str
    server: str
    model: str
    state: CallState
    cost: Decimal | None
    estimate: Decimal | None
    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    seconds: float | None
    finish_reason: str
    generation: str

    @property
    def is_estimated(self) -> bool:
        """Whether the server's figure is missing where there may be one."""
        return self.cost is None and bool(self.estimate)

    @property
    def amount(self) -> Decimal:
        """USD: the server's figure, else the estimate, else nothing."""
        return self.estimate or Decimal(0) if self.cost is None else self.cost


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a call before it is sent."""

    notebook: str
    cell: str
    server: str
    model: str


@dataclass(frozen=True, slots=True)
class Spent:
    """USD that count against the three limits: settled, or reserved at the worst case."""

    cell: Decimal
    notebook: Decimal
    day: Decimal


WorstCase: TypeAlias = "Callable[[Callable[[], Spent]], Decimal]"
"""Told how to learn what has been spent, gives the USD to reserve, or raises to refuse.

Not to ask saves a sum over the day's calls.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended.

    Attributes:
        usage: the server's account; without a cost the call stays open, unless `final`.
        estimate: USD, ours, in case the server's figure is missing.
        final: the server's figure will never come; the estimate (or nothing) counts.
    """

    usage: Usage
    estimate: Decimal | None = None
    final: bool = False
    model: str = ""
    finish_reason: str = ""
    generation: str = ""
    seconds: float | None = None


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """Add USD without rounding."""
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total

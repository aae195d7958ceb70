"""Limits, and whether a call fits into what is left of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Final

from hermes_magic.errors import BudgetError
from hermes_magic.money.calls import EXACT

if TYPE_CHECKING:
    from hermes_magic.money.calls import Spent
    from hermes_magic.money.prices import Quote

FEWEST_TOKENS: Final = 200
_LEDGER_UNIT: Final = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Limits:
    """USD that may be spent; None for no limit.

    Attributes:
        cell: on one run of a cell, all its tries together (`--max-cost`).
        notebook: on this notebook (`budget`).
        day: by this person in all kernels since midnight (`daily_budget`).
        run: names the run of the cell, the same for all its questions; "" for one question alone.
    """

    cell: Decimal | None = None
    notebook: Decimal | None = None
    day: Decimal | None = None
    run: str = ""

    def __bool__(self) -> bool:
        """Tell whether there is any limit."""
        return any(limit is not None for limit in (self.cell, self.notebook, self.day))


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is left of one limit."""

    name: str
    whose: str
    limit: Decimal
    spent: Decimal

    @property
    def usd(self) -> Decimal:
        left = EXACT.subtract(self.limit, self.spent)
        return max(Decimal(0), left.quantize(_LEDGER_UNIT, ROUND_FLOOR, EXACT))

    def __str__(self) -> str:
        return f"{self.name} ({dollars(self.usd)} of {dollars(self.limit)} left {self.whose})"


def fit(quote: Quote, limits: Limits, spent: Spent) -> tuple[Quote, str]:
    """Make a call fit into what is left: the quote, with a lower max_tokens if need be.

    Returns:
        The quote to go by, and one line that says what was lowered and why, or "".

    Raises:
        BudgetError: even the fewest useful tokens would not fit, or the price is unknown.
    """
    rest = _least(limits, spent)
    if rest is None or (quote.price is not None and quote.worst <= rest.usd):
        return quote, ""
    if quote.price is None:
        raise BudgetError(
            f"{rest.name} cannot be kept: nobody here knows this model's price.",
            hint="Nothing was sent. Check the model's name (-m), or ask without a limit.",
        )
    tokens = _affordable(quote, rest.usd)
    if tokens < FEWEST_TOKENS:
        raise BudgetError(
            f"This call can cost up to {dollars(quote.worst)}, more than {rest} allows.",
            hint=f"Nothing was sent. {_advice(rest)}",
        )
    lowered = replace(quote, max_tokens=tokens)
    return lowered, f"max_tokens lowered to {tokens:,}, to stay within {rest}."


def excess(worst: Decimal, limits: Limits, spent: Spent) -> str:
    """Say by one line which limit a call of this worst case (USD) would pass; "" for none."""
    rest = _least(limits, spent)
    if rest is None or worst <= rest.usd:
        return ""
    return f"The next call can cost up to {dollars(worst)}, more than {rest} allows."


def dollars(amount: Decimal) -> str:
    """Write USD with all digits that matter, at least cents: $0.0251."""
    whole, _, decimals = f"{amount.normalize(EXACT):f}".partition(".")
    return f"${int(whole):,}.{decimals.ljust(2, '0')}"


def _affordable(quote: Quote, usd: Decimal) -> int:
    """Give the most tokens of answer whose worst case fits."""
    left = EXACT.subtract(usd, quote.worst_prompt)
    if left <= 0 or not quote.worst_token:
        return 0
    most = EXACT.divide(left, quote.worst_token).to_integral_value(ROUND_FLOOR)
    return min(int(most), quote.max_tokens)


def _least(limits: Limits, spent: Spent) -> _Rest | None:
    """Give the limit that leaves least."""
    rows = (
        ("--max-cost", "for this cell", limits.cell, spent.cell),
        ("budget", "for this notebook", limits.notebook, spent.notebook),
        ("daily_budget", "for today", limits.day, spent.day),
    )
    rests = (
        _Rest(name, whose, limit, used) for name, whose, limit, used in rows if limit is not None
    )
    return min(rests, key=lambda rest: rest.usd, default=None)


def _advice(rest: _Rest) -> str:
    if rest.name == "--max-cost":
        return "Raise --max-cost, lower --max-tokens or shorten the text."
    return (
        "Lower --max-tokens, shorten the text, or raise the limit: "
        f"%config HermesMagics.{rest.name} = {rest.limit * 2:f}"
    )

"""Limits: what fits is sent, what can be made to fit is lowered, the rest is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.errors import BudgetError
from hermes_magic.money.budget import FEWEST_TOKENS, Limits, dollars, fit
from hermes_magic.money.calls import Spent
from hermes_magic.money.prices import Price, Quote

NOTHING = Spent(Decimal(0), Decimal(0), Decimal(0))
PRICE = Price.flat(Decimal("0.000001"), Decimal("0.000003"), "test")
QUOTE = Quote(50, 1000, 8192, PRICE)  # 0.001 for the question, 0.024576 for the answer
usd = st.decimals("0", "1", places=6)


def test_no_limit_changes_nothing() -> None:
    assert fit(QUOTE, Limits(), NOTHING) == (QUOTE, "")


@pytest.mark.parametrize("limit", ["0.025576", "1"])
def test_what_fits_is_left_as_it_is(limit: str) -> None:
    assert fit(QUOTE, Limits(cell=Decimal(limit)), NOTHING) == (QUOTE, "")


def test_what_nearly_fits_is_lowered_to_the_last_token_and_told() -> None:
    lowered, notice = fit(QUOTE, Limits(cell=Decimal("0.025575")), NOTHING)
    assert lowered.max_tokens == 8191
    assert notice == (
        "max_tokens lowered to 8,191, to stay within --max-cost "
        "($0.025575 of $0.025575 left for this cell)."
    )


def test_the_limit_that_leaves_least_decides() -> None:
    limits = Limits(cell=Decimal("0.02"), notebook=Decimal(1), day=Decimal(5))
    spent = Spent(Decimal(0), Decimal("0.99"), Decimal(1))
    lowered, notice = fit(QUOTE, limits, spent)
    assert lowered.max_tokens == 3000
    assert "budget ($0.01 of $1.00 left for this notebook)" in notice


@pytest.mark.parametrize(("limit", "tokens"), [("0.0016", 200), ("0.001599", None), ("0", None)])
def test_too_few_tokens_are_not_worth_a_call(limit: str, tokens: int | None) -> None:
    limits = Limits(day=Decimal(limit))
    if tokens is not None:
        assert fit(QUOTE, limits, NOTHING)[0].max_tokens == tokens
        return
    with pytest.raises(BudgetError) as raised:
        fit(QUOTE, limits, NOTHING)
    assert raised.value.message.startswith("This call can cost up to $0.025576, more than daily_b")
    assert "Nothing was sent." in raised.value.hint
    assert "%config HermesMagics.daily_budget" in raised.value.hint


def test_a_limit_without_a_price_cannot_be_kept() -> None:
    unknown = Quote(50, 1000, 8192, None)
    assert fit(unknown, Limits(), NOTHING) == (unknown, "")
    with pytest.raises(BudgetError, match="nobody here knows this model's price"):
        fit(unknown, Limits(notebook=Decimal(1)), NOTHING)


@given(
    limits=st.builds(Limits, st.none() | usd, st.none() | usd, st.none() | usd),
    spent=st.builds(Spent, usd, usd, usd),
    prices=st.tuples(*[st.decimals("0", "0.0001", places=10)] * 2),
    tokens=st.tuples(st.integers(0, 100_000), st.integers(1, 131_072)),
)
def test_what_is_let_through_never_passes_a_limit(
    limits: Limits, spent: Spent, prices: tuple[Decimal, Decimal], tokens: tuple[int, int]
) -> None:
    quote = Quote(0, *tokens, Price.flat(*prices, "test"))
    try:
        fitted, notice = fit(quote, limits, spent)
    except BudgetError:
        return
    for limit, used in (
        (limits.cell, spent.cell),
        (limits.notebook, spent.notebook),
        (limits.day, spent.day),
    ):
        assert limit is None or used + fitted.worst <= limit or fitted.worst == 0
    assert bool(notice) == (fitted.max_tokens < quote.max_tokens)
    assert not notice or fitted.max_tokens >= FEWEST_TOKENS


@pytest.mark.parametrize(
    ("amount", "written"),
    [("0", "$0.00"), ("1234.5", "$1,234.50"), ("0.0000001", "$0.0000001"), ("1E+3", "$1,000.00")],
)
def test_dollars_are_written_with_every_digit(amount: str, written: str) -> None:
    assert dollars(Decimal(amount)) == written

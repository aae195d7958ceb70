"""Prices: the server's own with their age, the table's with its date, the worst of all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.errors import HermesError, NetworkError
from hermes_magic.money.prices import (
    TABLE_DATE,
    Price,
    PriceList,
    dearest,
    quote,
    table_price,
)
from hermes_magic.options import HERMES_4_405B

HOUR = 3600.0
ROW = {"prompt": "0.000002", "completion": "0.000004"}


class Shelf:
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], tuple[str, float]] = {}

    def price(self, server: str, model: str) -> tuple[str, float] | None:
        return self.kept.get((server, model))

    def keep_price(self, server: str, model: str, pricing: str, fetched: float) -> None:
        self.kept[server, model] = (pricing, fetched)


class Market:
    """A server's prices, a shelf and a clock."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.answer: Any = ROW
        self.asked: list[str] = []
        self.shelf = Shelf()
        self.list = PriceList("https://x/v1", self.shelf, self._fetch, lambda: self.now)

    def _fetch(self, path: str) -> Any:
        self.asked.append(path)
        if isinstance(self.answer, HermesError):
            raise self.answer
        return self.answer


@pytest.fixture
def market() -> Market:
    return Market()


def test_the_table_serves_while_nobody_has_asked(market: Market) -> None:
    price = market.list.kept(HERMES_4_405B)
    assert price is not None
    assert (price.prompt, price.completion) == (Decimal("0.000001"), Decimal("0.000003"))
    assert price.source == f"from the built-in table of {TABLE_DATE.isoformat()}"
    assert market.asked == []


def test_the_servers_own_price_is_fetched_once_an_hour(market: Market) -> None:
    for wait in (0.0, HOUR - 1, 1.0, 1.0):
        market.now += wait
        price = market.list.fresh(HERMES_4_405B)
        assert price is not None
        assert price.prompt == Decimal("0.000002")
    assert market.asked == [HERMES_4_405B] * 2


@pytest.mark.parametrize(
    ("age", "said"),
    [(0, "just now"), (90, "1 min ago"), (7300, "2 h ago"), (200_000, "2 days ago")],
)
def test_a_kept_price_says_its_age(market: Market, age: float, said: str) -> None:
    market.list.fresh(HERMES_4_405B)
    market.now += age
    price = market.list.kept(HERMES_4_405B)
    assert price is not None
    assert price.source == f"the server's, fetched {said}"


def test_a_server_that_does_not_tell_is_not_asked_again_at_once(market: Market) -> None:
    market.answer = NetworkError("no")
    for _ in range(3):
        assert market.list.fresh("x/y") is None
    market.now += 301
    assert market.list.fresh(HERMES_4_405B) == table_price(HERMES_4_405B)
    assert market.asked == ["x/y", HERMES_4_405B]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"prompt": "0.1"},
        {"prompt": "-1", "completion": "-1"},
        {"prompt": "NaN", "completion": "1e99999"},
        {"prompt": True, "completion": "dear"},
    ],
)
def test_nonsense_is_no_price(market: Market, answer: Any) -> None:
    market.answer = answer
    assert market.list.fresh("x/y") is None


def test_a_spoilt_shelf_is_no_price(market: Market) -> None:
    market.shelf.keep_price("https://x/v1", "x/y", "{", market.now)
    assert market.list.kept("x/y") is None


def test_a_routing_suffix_has_the_models_price(market: Market) -> None:
    market.list.fresh(HERMES_4_405B + ":nitro")
    assert market.asked == [HERMES_4_405B]


def test_the_worst_price_is_the_highest_that_any_token_can_have() -> None:
    price = Price.from_wire(
        {
            **ROW,
            "request": "0.01",
            "input_cache_read": "0.0000002",
            "input_cache_write": "0.0000025",
            "internal_reasoning": "0.000005",
            "overrides": [{"min_prompt_tokens": 1000, "completion": "0.000008"}],
        },
        "test",
    )
    assert price is not None
    assert (price.prompt, price.completion) == (Decimal("0.000002"), Decimal("0.000004"))
    assert price.worst_prompt == Decimal("0.0000025")
    assert price.worst_completion == Decimal("0.000008")
    assert price.cost(1000, 1000) == Decimal("0.016")


def test_fallback_models_count_and_an_unknown_one_makes_all_unknown(market: Market) -> None:
    body = {"model": HERMES_4_405B, "models": [HERMES_4_405B, "x/y"], "max_tokens": 10}
    assert market.list.quote(body, ask=False).price is None
    table, server = table_price(HERMES_4_405B), Price.from_wire(ROW, "")
    both = dearest([table, server])
    assert table is not None
    assert both is not None
    assert (both.prompt, both.worst_prompt) == (table.prompt, Decimal("0.000002"))


def test_several_answers_are_paid_several_times() -> None:
    price = Price.flat(Decimal(0), Decimal("0.01"), "test")
    assert quote({"max_tokens": 10, "n": 3}, price).worst == Decimal("0.30")


@given(st.text(), st.integers(1, 131_072))
def test_the_worst_case_is_more_than_any_tokenizer_makes_of_a_text(text: str, most: int) -> None:
    price = Price.flat(Decimal("0.000001"), Decimal("0.000003"), "test")
    messages = [{"role": "user", "content": text}]
    made = quote({"messages": messages, "max_tokens": most}, price)
    at_most = len(text.encode()) * price.prompt + most * price.completion
    assert made.worst > at_most
    assert made.likely_prompt_tokens <= made.most_prompt_tokens

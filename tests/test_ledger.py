"""The ledger's rules: what counts, what is exact, what is forgotten."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.money.calls import Entry, Outcome, Spent, exact_sum
from hermes_magic.money.ledger import Ledger
from hermes_magic.money.store import Store
from hermes_magic.reply import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENTRY = Entry("paper.ipynb", "cell-1", "https://openrouter.ai/api/v1", "x/y")
NOON = datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=9)))
WORST = Decimal("0.05")
DIGITS = Decimal("0.0076509169000000005")


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    with closing(Ledger(Store(tmp_path / "ledger.sqlite3"), clock)) as ledger:
        yield ledger


def book(ledger: Ledger, entry: Entry = ENTRY) -> str:
    call = ledger.reserve(entry, lambda _: WORST)
    assert ledger.mark_sent(call)
    return call


def test_a_reservation_counts_at_its_worst_case(ledger: Ledger) -> None:
    book(ledger)
    assert ledger.spent(ENTRY) == Spent(WORST, WORST, WORST)


def test_a_settled_call_counts_what_it_cost_to_the_last_digit(ledger: Ledger) -> None:
    call = book(ledger)
    usage = Usage(12, 340, 200, 4, DIGITS)
    assert ledger.settle(call, Outcome(usage, None, finish_reason="stop", seconds=1.5))
    (row,) = ledger.calls()
    assert (row.cost, row.estimate, row.amount, row.is_estimated) == (DIGITS, None, DIGITS, False)
    assert (row.prompt_tokens, row.completion_tokens) == (12, 340)
    assert (row.reasoning_tokens, row.cached_tokens) == (200, 4)
    assert (row.seconds, row.finish_reason, row.state) == (1.5, "stop", "settled")
    assert ledger.spent(ENTRY).day == Decimal("0.007650916901")  # in picodollars, rounded up


def test_a_call_without_a_cost_stays_open_at_its_worst_case(ledger: Ledger) -> None:
    call = book(ledger)
    ledger.settle(call, Outcome(Usage(), Decimal("0.001"), generation="gen-1"))
    (row,) = ledger.calls()
    assert (row.state, row.amount, row.is_estimated) == ("sent", Decimal("0.001"), True)
    assert ledger.spent(ENTRY).day == WORST


def test_a_call_whose_cost_will_never_come_counts_its_estimate(ledger: Ledger) -> None:
    call = book(ledger)
    ledger.settle(call, Outcome(Usage(), Decimal("0.001"), final=True))
    assert ledger.spent(ENTRY).day == Decimal("0.001")
    assert ledger.calls()[0].state == "settled"


def test_a_known_cost_is_not_forgotten(ledger: Ledger) -> None:
    call = book(ledger)
    ledger.settle(call, Outcome(Usage(cost=DIGITS)))
    ledger.settle(call, Outcome(Usage(), Decimal(9), final=True))
    ledger.refuse(call, "error 502")
    ledger.drop(call)
    assert [(row.state, row.cost) for row in ledger.calls()] == [("settled", DIGITS)]


def test_a_free_answer_counts_nothing(ledger: Ledger) -> None:
    ledger.settle(book(ledger), Outcome(Usage(cost=Decimal(0))))
    assert ledger.spent(ENTRY).day == 0
    assert not ledger.calls()[0].is_estimated


def test_a_refused_call_is_kept_and_counts_nothing(ledger: Ledger) -> None:
    ledger.refuse(book(ledger), "error 429")
    (row,) = ledger.calls()
    assert (row.state, row.finish_reason, row.amount) == ("refused", "error 429", Decimal(0))
    assert ledger.spent(ENTRY).day == 0


def test_each_limit_counts_its_own_calls(ledger: Ledger, clock: Clock) -> None:
    book(ledger)
    book(ledger, Entry("paper.ipynb", "cell-2", "s", "m"))
    book(ledger, Entry("other.ipynb", "cell-3", "s", "m"))
    clock.now += timedelta(days=1)
    book(ledger)
    assert ledger.spent(ENTRY) == Spent(2 * WORST, 3 * WORST, WORST)


def test_a_day_is_the_persons_own(ledger: Ledger, clock: Clock) -> None:
    """Just after midnight in Tokyo it is still the day before in UTC."""
    clock.now = NOON.replace(hour=0, minute=10)
    book(ledger)
    (row,) = ledger.calls()
    assert (row.day, row.started) == ("2026-11-22", "2026-11-21T15:10:00.000+00:00")


def test_a_notebooks_total_is_exact_and_says_how_much_of_it_is_estimated(ledger: Ledger) -> None:
    ledger.settle(book(ledger), Outcome(Usage(cost=DIGITS)))
    ledger.settle(book(ledger), Outcome(Usage(), Decimal("0.001")))
    ledger.refuse(book(ledger), "error 429")
    book(ledger, Entry("other.ipynb", "", "s", "m"))
    assert ledger.notebook_total("paper.ipynb") == (DIGITS + Decimal("0.001"), 1)
    assert ledger.notebook_total("new.ipynb") == (Decimal(0), 0)


def test_only_what_was_never_sent_is_taken_off(ledger: Ledger, clock: Clock) -> None:
    sent = book(ledger)
    stale = ledger.reserve(ENTRY, lambda _: WORST)
    clock.now += timedelta(minutes=2)
    young = ledger.reserve(ENTRY, lambda _: WORST)
    ledger.drop_unsent()
    assert [row.id for row in ledger.calls()] == [sent, young]
    assert not ledger.mark_sent(stale)


def test_open_calls_are_those_that_the_server_can_settle(ledger: Ledger, clock: Clock) -> None:
    names = ["without a number", "young", "done", "old", "elsewhere", "open"]
    calls = dict.fromkeys(names, "")
    ages = {"old": timedelta(days=9), "young": timedelta(0)}
    for name in names:
        clock.now = NOON - ages.get(name, timedelta(hours=1))
        entry = Entry("", "", "elsewhere" if name == "elsewhere" else ENTRY.server, "")
        calls[name] = book(ledger, entry)
        if name != "without a number":
            ledger.identify(calls[name], f"gen-{name}")
    ledger.settle(calls["done"], Outcome(Usage(cost=DIGITS)))
    clock.now = NOON
    found = ledger.open_calls(
        ENTRY.server, youngest=timedelta(seconds=30), oldest=timedelta(days=7)
    )
    assert [row.id for row in found] == [calls["open"]]


def test_a_servers_words_are_kept_short_and_printable(ledger: Ledger) -> None:
    call = book(ledger)
    outcome = Outcome(Usage(cost=DIGITS), model="\x1b[31m" + "x" * 1000, finish_reason="st\nop")
    ledger.settle(call, outcome)
    (row,) = ledger.calls()
    assert row.model.startswith("[31mxxx")
    assert len(row.model) < 301
    assert row.finish_reason == "stop"


@given(st.lists(st.decimals("0", "999999", places=20), max_size=20))
def test_sums_are_exact(amounts: list[Decimal]) -> None:
    scaled = sum(int(amount.scaleb(20)) for amount in amounts)
    assert exact_sum(amounts) == Decimal(scaled).scaleb(-20)

"""A batch is priced before it is sent, keeps its budget, and every call of it is on the books."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from hermes_magic.errors import BudgetError, NotSentError, OptionError, Stopped
from hermes_magic.money.budget import Limits
from hermes_magic.money.calls import Entry, Outcome, Spent, exact_sum
from hermes_magic.money.group import GroupLedger
from hermes_magic.money.ledger import Ledger
from hermes_magic.money.store import Store
from hermes_magic.offline import Response
from hermes_magic.reply import Usage
from tests.batch.jobs import KEY, Office, Watcher, settled_threads
from tests.batch.till import COST, Till, answer, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENTRY = Entry("/paper.ipynb", "run", "http://server", "m")
DEAR = Decimal("0.02")
WORST = Decimal("0.0250")  # USD, about: 8192 tokens at $3 a million


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERMES_MAGIC_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(Store(tmp_path / "ledger.sqlite3"))
    yield ledger
    ledger.close()


def reserve(books: GroupLedger, usd: str) -> str:
    return books.reserve(ENTRY, lambda _: Decimal(usd))


def paid(usd: str) -> Outcome:
    return Outcome(Usage(cost=Decimal(usd)))


def test_a_small_job_needs_no_limit_and_a_dear_one_says_what_it_can_cost() -> None:
    with Till() as till:
        office = Office(till.base_url)
        assert office.run("About {{row}}", range(30), max_cost=None).done == 30
        with pytest.raises(OptionError, match=r"1,000 questions can cost up to \$25\.\d+") as error:
            office.run("On {{row}}", range(1000), max_cost=None)
        assert "--max-cost" in error.value.hint
        assert till.asked.total() == 30


def test_what_is_answered_already_needs_no_limit() -> None:
    with Till() as till:
        office = Office(till.base_url)
        office.run("About {{row}}", range(100))
        assert office.run("About {{row}}", range(120), max_cost=None).done == 120


def test_a_dry_run_estimates_the_whole_job_and_sends_nothing() -> None:
    with Till() as till:
        office = Office(till.base_url)
        told = office.job("About {{row}}", [*range(1000), *range(10)], dry_run=True).dry_run()
        assert "1,000 questions to send of 1,010 rows." in told
        assert "at most 8,192,000 out" in told
        assert "Likely ~$" in told
        assert "at most $25." in told
        assert "batches" in told
        assert told.endswith("Nothing was sent.")
        assert till.asked == {}
        office.run("About {{row}}", range(600))
        told = office.job("About {{row}}", range(1000), dry_run=True).dry_run()
        assert "400 questions to send" in told
        assert "3 tokens an answer, as answers of this job took so far" in told


def test_a_refused_fresh_start_forgets_nothing() -> None:
    with Till() as till:
        office = Office(till.base_url)
        office.run("About {{row}}", range(100))
        told = office.job("About {{row}}", range(100), dry_run=True, fresh=True).dry_run()
        assert "100 questions to send." in told
        with pytest.raises(OptionError, match="100 questions can cost"):
            office.run("About {{row}}", range(100), max_cost=None, fresh=True)
        assert office.run("About {{row}}", range(100), max_cost=None).done == 100
        assert till.paid().total() == 100


def test_an_unknown_price_keeps_no_limit_so_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MINE", KEY)
    with Till(prices=None) as till:
        own = {"mine": {"like": "vllm", "base_url": till.base_url, "key_variable": "MINE"}}
        office = Office(till.base_url, servers=own)
        with pytest.raises(BudgetError, match="price"):
            office.run("About {{row}}", range(3), server="mine", model="nobody/knows")
        assert till.asked == {}


def test_a_stop_sends_nothing_for_those_who_wait_for_room() -> None:
    watcher = Watcher(stop_when=lambda figures: figures.done >= 2)
    with Till(latency=0.1) as till:
        office = Office(till.base_url)
        with pytest.raises(Stopped, match="Stopped with"):
            office.run("About {{row}}", range(20), watcher, max_cost=Decimal("0.03"))
        asked = till.asked.total()
        assert max(figures.in_flight for figures in watcher.seen) == 1
        while settled_threads():
            time.sleep(0.01)
        # One may have been let in at the very moment of the stop; the others are sent away.
        assert till.paid().total() == till.asked.total() <= asked + 1


def test_a_job_never_passes_its_budget_and_goes_on_with_more() -> None:
    with Till(lambda text, _time: Response.json(answer(f"On {text}", DEAR))) as till:
        office = Office(till.base_url)
        result = office.run("About {{row}}", range(50), max_cost=Decimal("0.5"), at_once=8)
        spent = till.paid().total() * DEAR
        assert Decimal("0.5") - WORST - DEAR < spent <= Decimal("0.5")
        assert isinstance(result.reason, BudgetError)
        assert result.done == till.paid().total()
        assert result.not_sent == 50 - result.done
        last = result.errors[49]
        assert isinstance(last, NotSentError)
        assert "--max-cost" in str(last)
        with pytest.raises(NotSentError):  # the limit is the job's, not a run's
            raise office.run("About {{row}}", range(50), max_cost=Decimal("0.5")).errors[49]
        assert till.paid().total() * DEAR == spent
        whole = office.run("About {{row}}", range(50), max_cost=Decimal("1.1"))
        assert whole.done == 50
        assert till.paid().total() == 50


def test_a_tight_budget_lets_fewer_be_under_way_but_is_used_up() -> None:
    """At the worst case one call fits; at what calls cost, all do."""
    with Till(latency=0.01) as till:
        result = Office(till.base_url).run("About {{row}}", range(20), max_cost=Decimal("0.03"))
        assert till.most == 1
        assert result.done == 20


@pytest.mark.parametrize("limit", ["budget", "daily_budget"])
def test_the_notebooks_and_the_days_limits_hold_for_a_batch_as_well(limit: str) -> None:
    with Till(lambda text, _time: Response.json(answer(f"On {text}", DEAR))) as till:
        office = Office(till.base_url, **{limit: Decimal("0.3")})
        result = office.run("About {{row}}", range(50))
        assert till.paid().total() * DEAR <= Decimal("0.3")
        assert limit in str(result.errors[49])
        assert 0 < result.done < 50


def test_every_request_is_one_call_of_the_ledger() -> None:
    def respond(text: str, time: int) -> Response | None:
        if text == "About 1" and time == 1:
            return refusal(503)
        return refusal(400) if text == "About 2" else None

    with Till(respond) as till:
        office = Office(till.base_url)
        office.run("About {{row}}", range(40))
    calls = office.session.account.ledger.calls()
    assert len(calls) == 41
    assert sum(call.state == "refused" for call in calls) == 2
    settled = [call for call in calls if call.state == "settled"]
    assert len(settled) == 39
    assert {call.cost for call in settled} == {COST}
    assert {call.notebook for call in calls} == {"/home/ada/paper.ipynb"}
    assert len({call.cell for call in calls}) == 1
    assert {call.generation for call in settled} == {"gen-1"}


def test_what_a_batch_books_counts_for_others_at_its_worst_case(ledger: Ledger) -> None:
    books = GroupLedger(ledger, Limits(), ENTRY)
    call = reserve(books, "2")
    assert ledger.spent(ENTRY).notebook == 2
    books.settle(call, paid("0.5"))
    books.flush()
    assert ledger.spent(ENTRY) == Spent(*[Decimal("0.5")] * 3)


def test_what_others_spend_counts_for_a_batch(ledger: Ledger) -> None:
    books = GroupLedger(ledger, Limits(day=Decimal(3)), ENTRY)
    books.settle(reserve(books, "1"), paid("1"))
    ledger.book(Entry("/other.ipynb", "c", "s", "m"), Decimal("1.5"))
    with pytest.raises(BudgetError, match="daily_budget"):
        reserve(books, "1")
    assert reserve(books, "0.5")


def test_a_call_waits_for_room_that_another_makes(ledger: Ledger) -> None:
    books = GroupLedger(ledger, Limits(cell=Decimal(1)), ENTRY)
    first = reserve(books, "0.7")
    second: list[str] = []
    waiting = threading.Thread(target=lambda: second.append(reserve(books, "0.7")))
    waiting.start()
    waiting.join(0.2)
    assert second == []
    books.settle(first, paid("0.3"))
    waiting.join(10)
    assert len(second) == 1
    assert books.counted == Decimal("1.0")


def test_a_waiting_call_is_refused_when_no_room_can_come(ledger: Ledger) -> None:
    books = GroupLedger(ledger, Limits(cell=Decimal(1)), ENTRY)
    first = reserve(books, "0.7")
    refused: list[BudgetError] = []

    def ask() -> None:
        try:
            reserve(books, "0.7")
        except BudgetError as error:
            refused.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    books.settle(first, paid("0.6"))
    waiting.join(10)
    (error,) = refused
    assert "$0.70" in error.message
    assert "--max-cost" in error.message


def test_a_stop_sends_waiting_calls_away(ledger: Ledger) -> None:
    books = GroupLedger(ledger, Limits(cell=Decimal(1)), ENTRY)
    reserve(books, "0.7")
    refused: list[BudgetError] = []

    def ask() -> None:
        try:
            reserve(books, "0.7")
        except BudgetError as error:
            refused.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    books.stop()
    waiting.join(10)
    assert len(refused) == 1
    assert reserve(books, "0.3")  # what needs no waiting is booked: the end of a row under way


@pytest.mark.parametrize("end", ["refuse", "drop"])
def test_a_call_that_is_not_billed_counts_nothing(ledger: Ledger, end: str) -> None:
    books = GroupLedger(ledger, Limits(cell=Decimal(1)), ENTRY)
    call = reserve(books, "1")
    books.refuse(call, "error 500") if end == "refuse" else books.drop(call)
    assert reserve(books, "1")


def test_a_call_whose_cost_is_unknown_stays_at_its_worst_case(ledger: Ledger) -> None:
    books = GroupLedger(ledger, Limits(cell=Decimal(1)), ENTRY)
    books.settle(reserve(books, "0.6"), Outcome(Usage(), estimate=Decimal("0.1")))
    with pytest.raises(BudgetError):
        reserve(books, "0.6")


def test_many_threads_spend_exactly_the_limit(ledger: Ledger) -> None:
    books = GroupLedger(ledger, Limits(cell=Decimal(30)), ENTRY)
    granted: list[str] = []

    def spend() -> None:
        while True:
            try:
                call = reserve(books, "1")
            except BudgetError:
                return
            granted.append(call)
            books.identify(call, f"gen-{call}")
            books.settle(call, paid("0.5"))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    books.flush()
    calls = ledger.calls()
    assert len(calls) == len(granted) == 59  # 58 at half a dollar leave room for one more
    assert exact_sum(call.amount for call in calls) == Decimal("29.5")
    assert {call.state for call in calls} == {"settled"}
    assert all(call.generation == f"gen-{call.id}" for call in calls)


def test_a_deleted_ledger_is_begun_anew_with_the_calls_under_way(
    ledger: Ledger, tmp_path: Path
) -> None:
    books = GroupLedger(ledger, Limits(), ENTRY)
    call = reserve(books, "1")
    for each in tmp_path.glob("ledger.sqlite3*"):
        each.unlink()
    books.settle(call, paid("0.5"))
    books.flush()
    (kept,) = ledger.calls()
    assert kept.cost == Decimal("0.5")

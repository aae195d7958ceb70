"""The ledger: every call on the books before it is sent, and settled when its cost is known.

A call is `reserved` at its worst case, `sent` the moment its request goes out (one step where a
connection stands already: a kill just then leaves it at its worst case), and then `settled` by the
server's own figure or `refused` by the server. What was reserved and never sent is taken off. A
kernel that is killed leaves its call `sent`; whoever looks next settles it. No prompt and no answer
is kept.
"""

from __future__ import annotations

import math
import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from hermes_magic.money.calls import EXACT, Call, CallState, Spent, exact_sum

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from hermes_magic.money.calls import Entry, Outcome, WorstCase
    from hermes_magic.money.store import Store

ResultT = TypeVar("ResultT")

_PICO: Final = Decimal(10) ** 12
_MOST_PICO: Final = 10**17  # 100,000 dollars, so that SQLite's sums stay whole
_UNSENT_SECONDS: Final = 60
_LONGEST_NAME: Final = 300
_COLUMNS: Final = (
    "id, started, day, notebook, cell, server, model, state, cost, estimate, prompt_tokens,"
    " completion_tokens, reasoning_tokens, cached_tokens, seconds, finish_reason, generation"
)


class Ledger:
    """All calls of this person, in all kernels.

    Args:
        store: the file.
        now: the person's own time, with its zone.
    """

    def __init__(
        self, store: Store, now: Callable[[], datetime] = lambda: datetime.now().astimezone()
    ) -> None:
        self._store = store
        self._now = now

    def reserve(
        self,
        entry: Entry,
        worst_case: WorstCase,
        *,
        sent: bool = False,
    ) -> str:
        """Book a call that is about to be sent; give its number.

        Args:
            entry: whose call it is.
            worst_case: until it returns nobody else can reserve.
            sent: nothing can come between: it is `sent` at once.
        """
        state: CallState = "sent" if sent else "reserved"
        return self._store.write(_reserve, entry, worst_case, state, self._now())

    def book(self, entry: Entry, worst: Decimal) -> str:
        """Book a call as sent, for who has looked at the limits; give its number."""
        return self._store.write(_insert, entry, "sent", worst, self._now())

    def together(self, work: Callable[[], ResultT]) -> ResultT:
        """Do some work that calls this ledger more than once in one transaction.

        It may be done again, on a fresh file.
        """
        return self._store.together(work)

    def spent(self, entry: Entry) -> Spent:
        """Give what counts against the limits of a call now."""
        return self._store.read(_spent, entry, self.today())

    def mark_sent(self, call: str) -> bool:
        """Note that the request is going out; False if the reservation has been taken off."""
        return self._store.write(
            _changed, "UPDATE calls SET state = 'sent' WHERE id = ? AND state = 'reserved'", call
        )

    def identify(self, call: str, generation: str) -> None:
        """Note the server's id, by which anybody can settle the call later."""
        statement = "UPDATE calls SET generation = ? WHERE id = ?"
        self._store.write(_changed, statement, _name(generation), call)

    def settle(self, call: str, outcome: Outcome) -> bool:
        """Note how a call ended; it stays open while its cost is missing but can still come.

        Gives False if the call is not on the books (any more): its file was moved or deleted.
        """
        return self._store.write(_settle, call, outcome)

    def refuse(self, call: str, reason: str) -> None:
        """Note that the server did not take the call, and will not bill it."""
        self._store.write(
            _changed,
            "UPDATE calls SET state = 'refused', counted = 0, estimate = NULL, finish_reason = ?"
            " WHERE id = ? AND cost IS NULL",
            _name(reason),
            call,
        )

    def drop(self, call: str) -> None:
        """Take a call off that was never sent, or that nobody bills."""
        self._store.write(_changed, "DELETE FROM calls WHERE id = ? AND cost IS NULL", call)

    def drop_unsent(self) -> None:
        """Take off what other kernels reserved over a minute ago and never sent."""
        before = _stamp(self._now() - timedelta(seconds=_UNSENT_SECONDS))
        self._store.write(
            _changed, "DELETE FROM calls WHERE state = 'reserved' AND started < ?", before
        )

    def open_calls(self, server: str, *, youngest: timedelta, oldest: timedelta) -> list[Call]:
        """Give calls to a server that wait for their cost, the newest first.

        Args:
            server: its address.
            youngest: how long ago they must have been booked at least.
            oldest: how long ago at most.
        """
        now = self._now()
        return self._calls(
            "WHERE state = 'sent' AND generation != '' AND server = ?"
            " AND started BETWEEN ? AND ? ORDER BY rowid DESC",
            server,
            _stamp(now - oldest),
            _stamp(now - youngest),
        )

    def notebook_total(self, notebook: str) -> tuple[Decimal, int]:
        """Give the USD that a notebook has spent, and how many calls are in it by estimate."""
        return self._store.read(_notebook_total, notebook)

    def calls(self) -> list[Call]:
        """Give all calls, in their order."""
        return self._calls("ORDER BY rowid")

    def today(self) -> str:
        """Give the person's own date, ISO 8601."""
        return self._now().date().isoformat()

    def take_news(self) -> list[str]:
        """Give what the person should be told about the ledger's file, once."""
        return self._store.take_news()

    def price(self, server: str, model: str) -> tuple[str, float] | None:
        """Give the kept pricing of a model (JSON) and when it was fetched (Unix time)."""
        return self._store.read(_price, server, model)

    def keep_price(self, server: str, model: str, pricing: str, fetched: float) -> None:
        """Keep a model's pricing for all kernels."""
        statement = "INSERT OR REPLACE INTO prices VALUES (?, ?, ?, ?)"
        self._store.write(_changed, statement, server, model, pricing, fetched)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._store.close()

    def _calls(self, condition: str, *values: object) -> list[Call]:
        return self._store.read(_select, condition, *values)


def _reserve(
    connection: sqlite3.Connection,
    entry: Entry,
    worst_case: WorstCase,
    state: CallState,
    now: datetime,
) -> str:
    worst = worst_case(partial(_spent, connection, entry, now.date().isoformat()))
    return _insert(connection, entry, state, worst, now)


def _insert(
    connection: sqlite3.Connection, entry: Entry, state: CallState, worst: Decimal, now: datetime
) -> str:
    call = secrets.token_hex(12)
    connection.execute(
        "INSERT INTO calls"
        " (id, started, day, notebook, cell, server, model, state, counted, estimate)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            call,
            _stamp(now),
            now.date().isoformat(),
            entry.notebook,
            entry.cell,
            entry.server,
            _name(entry.model),
            state,
            _pico(worst),
            str(worst),
        ),
    )
    return call


def _spent(connection: sqlite3.Connection, entry: Entry, day: str) -> Spent:
    return Spent(
        cell=_counted(connection, "cell", entry.cell),
        notebook=_counted(connection, "notebook", entry.notebook),
        day=_counted(connection, "day", day),
    )


def _settle(connection: sqlite3.Connection, call: str, outcome: Outcome) -> bool:
    usage = outcome.usage
    over = outcome.final or usage.cost is not None
    counts = outcome.estimate or Decimal(0) if usage.cost is None else usage.cost
    if connection.execute("SELECT 1 FROM calls WHERE id = ?", (call,)).fetchone() is None:
        return False
    connection.execute(
        "UPDATE calls SET state = CASE WHEN ? THEN 'settled' ELSE state END,"
        " counted = CASE WHEN ? THEN ? ELSE counted END,"
        " cost = coalesce(?, cost), estimate = CASE WHEN ? THEN ? ELSE coalesce(?, estimate) END,"
        " prompt_tokens = coalesce(?, prompt_tokens),"
        " completion_tokens = coalesce(?, completion_tokens),"
        " reasoning_tokens = coalesce(?, reasoning_tokens),"
        " cached_tokens = coalesce(?, cached_tokens), seconds = coalesce(?, seconds),"
        " model = coalesce(nullif(?, ''), model),"
        " finish_reason = coalesce(nullif(?, ''), finish_reason),"
        " generation = coalesce(nullif(?, ''), generation)"
        " WHERE id = ? AND (cost IS NULL OR ? IS NOT NULL)",
        (
            over,
            over,
            _pico(counts),
            _text(usage.cost),
            over,
            _text(outcome.estimate if usage.cost is None else None),
            _text(outcome.estimate),
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.reasoning_tokens,
            usage.cached_tokens,
            outcome.seconds,
            *map(_name, (outcome.model, outcome.finish_reason, outcome.generation)),
            call,
            _text(usage.cost),
        ),
    )
    return True


def _changed(connection: sqlite3.Connection, statement: str, *values: object) -> bool:
    return connection.execute(statement, values).rowcount > 0


def _counted(connection: sqlite3.Connection, column: str, value: str) -> Decimal:
    statement = f"SELECT coalesce(sum(counted), 0) FROM calls WHERE {column} = ?"  # noqa: S608
    (pico,) = connection.execute(statement, (value,)).fetchone()
    return Decimal(pico) / _PICO


def _select(connection: sqlite3.Connection, condition: str, *values: object) -> list[Call]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM calls {condition}", values)  # noqa: S608
    return [_call(row) for row in rows]


def _notebook_total(connection: sqlite3.Connection, notebook: str) -> tuple[Decimal, int]:
    rows: list[tuple[str | None, str | None]] = connection.execute(
        "SELECT cost, estimate FROM calls WHERE notebook = ?", (notebook,)
    ).fetchall()
    costs = [Decimal(cost) for cost, _ in rows if cost is not None]
    estimates = [Decimal(estimate) for cost, estimate in rows if cost is None and estimate]
    return exact_sum([*costs, *estimates]), sum(map(bool, estimates))


def _call(row: tuple[object, ...]) -> Call:
    values = dict(zip(Call.__slots__, row, strict=True))
    for name in ("cost", "estimate"):
        values[name] = None if values[name] is None else Decimal(str(values[name]))
    return Call(**values)  # type: ignore[arg-type]  # as the table's columns are declared


def _price(connection: sqlite3.Connection, server: str, model: str) -> tuple[str, float] | None:
    row: tuple[str, float] | None = connection.execute(
        "SELECT pricing, fetched FROM prices WHERE server = ? AND model = ?", (server, model)
    ).fetchone()
    return row


def _pico(usd: Decimal) -> int:
    return min(math.ceil(EXACT.multiply(usd, _PICO)), _MOST_PICO)


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else str(usd)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _name(text: str) -> str:
    """Keep a server's words short and printable."""
    return "".join(char for char in text[:_LONGEST_NAME] if char.isprintable())

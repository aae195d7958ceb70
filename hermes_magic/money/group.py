"""A batch's share of the ledger: what comes up at about the same time is written at once.

Four transactions for each call would take longer than the call's own work, and a sum over all
calls before each is quadratic in their number. Here a call is booked as sent at its worst case
with the changes of those before it, and what this batch has spent is counted in memory. A kill
leaves calls at their worst case; it can never leave one out.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final

from hermes_magic.errors import BudgetError
from hermes_magic.money.budget import Limits, excess
from hermes_magic.money.calls import EXACT, Spent

if TYPE_CHECKING:
    from collections.abc import Callable

    from hermes_magic.money.calls import Entry, Outcome, WorstCase
    from hermes_magic.money.ledger import Ledger

_NOTHING: Final = Spent(Decimal(0), Decimal(0), Decimal(0))
_HINT: Final = "Run it again with a higher limit: what is answered is not asked again."


@dataclass(slots=True)
class _Wish:
    """A call that waits to be booked; then its number, or why it is not."""

    entry: Entry
    worst: Decimal
    call: str = ""
    excess: str = ""
    after: int = 0  # how many calls had ended when it was decided


class GroupLedger:
    """Books the calls of one batch; safe in threads.

    Args:
        ledger: the person's.
        limits: `cell` is that of the batch as a whole.
        entry: whose calls these are.
        spent: USD that count against the batch's own limit already.
    """

    def __init__(
        self, ledger: Ledger, limits: Limits, entry: Entry, spent: Decimal = _NOTHING.cell
    ) -> None:
        self._ledger = ledger
        self._limits = limits
        self.entry = entry
        self._writing = threading.Lock()
        self._lock = threading.Condition()
        self._changes: list[Callable[[], object]] = []
        self._wishes: list[_Wish] = []
        self._open: dict[str, _Wish] = {}
        self._counted = spent
        self._ended = 0
        self._closed = False

    @property
    def under_way(self) -> int:
        """How many calls are booked and have not ended."""
        return len(self._open)

    @property
    def counted(self) -> Decimal:
        """USD that count against the batch's own limit: settled, or at the worst case."""
        return self._counted

    def reserve(
        self,
        entry: Entry,
        worst_case: WorstCase,
        *,
        sent: bool = True,  # noqa: ARG002 - it always is
    ) -> str:
        """Book a call as sent; give its number.

        Where a limit has no room, it waits for calls under way to end, which mostly cost less
        than their worst case.

        Raises:
            BudgetError: there is no room, and no call under way that could make some.
        """
        wish = _Wish(entry, worst_case(lambda: _NOTHING))
        with self._lock:
            self._wishes.append(wish)
        while True:
            with self._writing:
                if not (wish.call or wish.excess):
                    self._write()
            if wish.call:
                return wish.call
            with self._lock:
                nothing_new = wish.after == self._ended
                if self._closed or (nothing_new and not self._open):
                    raise BudgetError(wish.excess, hint=_HINT)
                if nothing_new:
                    self._lock.wait()
                wish.excess = ""
                self._wishes.append(wish)

    def mark_sent(self, call: str) -> bool:
        """Do nothing: it is booked as sent."""
        return call in self._open

    def identify(self, call: str, generation: str) -> None:
        """Note the server's id."""
        if generation:
            self._change(partial(self._ledger.identify, call, generation))

    def settle(self, call: str, outcome: Outcome) -> bool:
        """Note how a call ended."""
        self._change(partial(self._settle, call, self._open[call], outcome))
        cost = outcome.usage.cost
        if outcome.final or cost is not None:
            self._end(call, outcome.estimate or Decimal(0) if cost is None else cost)
        else:
            self._end(call, None)
        return True

    def refuse(self, call: str, reason: str) -> None:
        """Note that the server did not take the call."""
        self._change(partial(self._ledger.refuse, call, reason))
        self._end(call, Decimal(0))

    def drop(self, call: str) -> None:
        """Take a call off that was never sent, or that nobody bills."""
        self._change(partial(self._ledger.drop, call))
        self._end(call, Decimal(0))

    def notebook_total(self, notebook: str) -> tuple[Decimal, int]:  # noqa: ARG002 - one batch's
        """Give the USD that this batch counts; the notebook's own sum would take too long."""
        return self._counted, 0

    def take_news(self) -> list[str]:
        """Give what the person should be told about the ledger's file, once."""
        return self._ledger.take_news()

    def flush(self) -> None:
        """Write what has come up."""
        with self._writing:
            self._write()

    def stop(self) -> None:
        """Send away who waits for room, now and later."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()

    def _change(self, change: Callable[[], object]) -> None:
        with self._lock:
            self._changes.append(change)

    def _end(self, call: str, counts: Decimal | None) -> None:
        """Count a call at its cost; at its worst case if that is None."""
        with self._lock:
            wish = self._open.pop(call, None)
            self._ended += 1
            if wish is not None and counts is not None:
                self._counted = EXACT.add(self._counted, EXACT.subtract(counts, wish.worst))
            self._lock.notify_all()

    def _settle(self, call: str, wish: _Wish, outcome: Outcome) -> None:
        if not self._ledger.settle(call, outcome):  # its file was moved or deleted
            self._ledger.settle(self._ledger.book(wish.entry, wish.worst), outcome)

    def _write(self) -> None:
        """Write all that has come up in one transaction, and decide on the wishes."""
        with self._lock:
            changes, self._changes = self._changes, []
            wishes, self._wishes = self._wishes, []
            counted, ended = self._counted, self._ended
        if not (changes or wishes):
            return
        decided = self._ledger.together(partial(self._transact, changes, wishes, counted))
        with self._lock:
            for wish, (call, excess_) in zip(wishes, decided, strict=True):
                if call:
                    self._open[call] = wish
                    self._counted = EXACT.add(self._counted, wish.worst)
                wish.after, wish.excess, wish.call = ended, excess_, call

    def _transact(
        self, changes: list[Callable[[], object]], wishes: list[_Wish], counted: Decimal
    ) -> list[tuple[str, str]]:
        for change in changes:
            change()
        spent = self._spent(counted) if wishes else _NOTHING
        decided = []
        for wish in wishes:
            too_much = excess(wish.worst, self._limits, spent)
            call = "" if too_much else self._ledger.book(wish.entry, wish.worst)
            spent = spent if too_much else _plus(spent, wish.worst)
            decided.append((call, too_much))
        return decided

    def _spent(self, counted: Decimal) -> Spent:
        """Give what counts; ask the ledger only for what others can change as well."""
        if self._limits.notebook is None and self._limits.day is None:
            return replace(_NOTHING, cell=counted)
        return replace(self._ledger.spent(self.entry), cell=counted)


def _plus(spent: Spent, usd: Decimal) -> Spent:
    return Spent(*(EXACT.add(one, usd) for one in (spent.cell, spent.notebook, spent.day)))

"""A process that spends from a shared ledger: a line of JSON in, what it spent out, again.

In: {"path": …, "limit": "0.05", "calls": [[max_tokens, share, fate], …]}. Out: the USD of each
call that was let through: what it cost, or its worst case if it was left open.
"""

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from hermes_magic.errors import BudgetError
from hermes_magic.money.budget import Limits, fit
from hermes_magic.money.calls import Entry, Outcome, Spent
from hermes_magic.money.ledger import Ledger
from hermes_magic.money.prices import Quote, table_price
from hermes_magic.money.store import Store
from hermes_magic.options import HERMES_4_405B
from hermes_magic.reply import Usage

ENTRY = Entry("", "", "http://127.0.0.1/v1", HERMES_4_405B)


def spend(ledger: Ledger, limit: Decimal, call: tuple[int, str, str]) -> Decimal | None:
    """Make one call; None if there is no room for it."""
    tokens, share, fate = call
    quote = Quote(10, 300, tokens, table_price(HERMES_4_405B))

    def worst_case(spent: Callable[[], Spent]) -> Decimal:
        nonlocal quote
        quote, _ = fit(quote, Limits(day=limit), spent())
        return quote.worst

    try:
        number = ledger.reserve(ENTRY, worst_case)
    except BudgetError:
        return None
    if fate == "drop":
        ledger.drop(number)
        return Decimal(0)
    ledger.mark_sent(number)
    if fate == "refuse":
        ledger.refuse(number, "error 429")
        return Decimal(0)
    if fate == "leave":
        return quote.worst
    cost = quote.worst * Decimal(share)
    for _ in range(2 if fate == "settle twice" else 1):
        ledger.settle(number, Outcome(Usage(cost=cost)))
    return cost


def main() -> None:
    for line in sys.stdin:
        task = json.loads(line)
        ledger = Ledger(Store(Path(task["path"])))
        spent = [spend(ledger, Decimal(task["limit"]), call) for call in task["calls"]]
        news = ledger.take_news()
        ledger.close()
        answer = {"spent": [None if usd is None else str(usd) for usd in spent], "news": news}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

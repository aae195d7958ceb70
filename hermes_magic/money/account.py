"""One notebook's account: whose calls these are, the ledger they stand in, and their prices."""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.errors import HermesError
from hermes_magic.money.booking import BookedSender
from hermes_magic.money.calls import Entry, Outcome
from hermes_magic.money.dryrun import dry_run
from hermes_magic.money.ledger import Ledger
from hermes_magic.money.place import data_folder
from hermes_magic.money.prices import Price, PriceList
from hermes_magic.money.report import Report
from hermes_magic.money.store import Store
from hermes_magic.wire.catalog import Catalog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermes_magic.money.budget import Limits
    from hermes_magic.wire.client import Client
    from hermes_magic.wire.servers import Server

LEDGER_FILE: Final = "ledger.sqlite3"
_MILLION: Final = 1_000_000
_YOUNGEST: Final = timedelta(seconds=30)
_OLDEST: Final = timedelta(days=7)


class Account:
    """What one notebook's calls are booked to. The ledger's file is opened by the first call.

    Args:
        notebook: the notebook's path, if it is known; else this kernel stands for it.
        ledger: another ledger than the person's own.
    """

    def __init__(self, notebook: str = "", ledger: Ledger | None = None) -> None:
        self.notebook = notebook or f"kernel {secrets.token_hex(6)}"
        self.ledger = ledger or Ledger(Store(data_folder() / LEDGER_FILE))
        self.last_cell = ""
        self._prices: dict[tuple[str, str], PriceList] = {}
        self._visited: set[str] = set()
        self._closed = threading.Event()

    def sender(
        self,
        client: Client,
        server: Server,
        key: str,
        limits: Limits,
    ) -> BookedSender:
        """Give what sends a cell's requests and books them."""
        entry = self.begin(server, key, limits.run)
        return BookedSender(client, self.ledger, self.prices(server, key), entry, limits)

    def begin(self, server: Server, key: str, run: str = "") -> Entry:
        """Give what is known of the calls of a cell's run; it is the last cell from now on.

        Args:
            server: who is asked.
            key: its key.
            run: names the run, the same for all its calls; "" for one call alone.
        """
        entry = self.entry(server)
        entry = replace(entry, cell=run or entry.cell)
        self.last_cell = entry.cell
        if entry.server not in self._visited:
            self._visited.add(entry.server)
            self.settle_others(server, key)
        return entry

    def entry(self, server: Server, model: str = "") -> Entry:
        """Give what is known of a cell's calls before they are sent."""
        return Entry(self.notebook, secrets.token_hex(6), server.address, model)

    def prices(self, server: Server, key: str) -> PriceList:
        """Give a server's price list."""
        fetch = Catalog(server, key).pricing
        made = PriceList(server.address, self.ledger, fetch, own=_own_price(server))
        return self._prices.setdefault((server.address, key), made)

    def rate(self, server: Server, key: str, model: str) -> Decimal | None:
        """Give the USD of a token of answer as far as it is known; None for free or unknown."""
        price = self.prices(server, key).kept(model)
        return (price.completion or None) if price is not None else None

    def dry_run(self, server: Server, key: str, body: Mapping[str, Any], limits: Limits) -> str:
        """Write what would be sent and what it can cost; send nothing but the price's look-up."""
        quote = self.prices(server, key).quote(body, ask=True)
        spent = self.ledger.spent(self.entry(server))
        return dry_run(server.address, body, quote, limits, spent)

    def report(self) -> Report:
        """Give what was spent, in all kernels."""
        ledger = self.ledger
        return Report(ledger.calls(), ledger.today(), self.notebook, self.last_cell)

    def settle_others(self, server: Server, key: str) -> threading.Thread:
        """Settle, in the background, what killed kernels have left open at this server."""

        def run() -> None:
            self.ledger.drop_unsent()
            calls = self.ledger.open_calls(server.address, youngest=_YOUNGEST, oldest=_OLDEST)
            catalog = Catalog(server, key)
            for call in calls:
                if self._closed.is_set():
                    return
                with suppress(HermesError):
                    usage = catalog.generation(call.generation)
                    if usage.cost is not None:
                        self.ledger.settle(call.id, Outcome(usage))

        thread = threading.Thread(target=run, name="hermes-books", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Close the ledger's file."""
        self._closed.set()
        self.ledger.close()


def _own_price(server: Server) -> Price | None:
    """Give the price of a server that need not be asked: the configured one, or nothing at all."""
    if server.price is not None:
        prompt, completion = server.price.prompt, server.price.completion
        return Price.flat(prompt / _MILLION, completion / _MILLION, "as configured")
    if not server.key_variable:
        return Price.flat(Decimal(0), Decimal(0), "this server takes no key")
    return None

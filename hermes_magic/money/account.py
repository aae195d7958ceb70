"""One notebook's account: whose calls these are, the ledger they stand in, and their prices."""

from __future__ import annotations

import secrets
import threading
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from hermes_magic.money.booking import BookedSender
from hermes_magic.money.ledger import Entry, Ledger, Outcome
from hermes_magic.money.place import data_folder
from hermes_magic.money.prices import PriceList
from hermes_magic.money.store import Store
from hermes_magic.wire.client import Client
from hermes_magic.wire.settle import look_up

if TYPE_CHECKING:
    from hermes_magic.money.budget import Limits
    from hermes_magic.wire.servers import Server

LEDGER_FILE: Final = "ledger.sqlite3"
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

    def sender(self, client: Client, server: Server, key: str, limits: Limits) -> BookedSender:
        """Give what sends a cell's requests and books them."""
        entry = self.entry(server)
        self.last_cell = entry.cell
        if entry.server not in self._visited:
            self._visited.add(entry.server)
            self.settle_others(server, key)
        return BookedSender(client, self.ledger, self.prices(server, key), entry, limits)

    def entry(self, server: Server, model: str = "") -> Entry:
        """Give what is known of a cell's calls before they are sent."""
        return Entry(self.notebook, secrets.token_hex(6), address(server), model)

    def prices(self, server: Server, key: str) -> PriceList:
        """Give a server's price list."""

        def fetch(path: str) -> Any:
            with closing(Client(server, key)) as client:
                return client.get(path)

        made = PriceList(address(server), self.ledger, fetch, free=not server.key_variable)
        return self._prices.setdefault((address(server), key), made)

    def settle_others(self, server: Server, key: str) -> threading.Thread:
        """Settle, in the background, what killed kernels have left open at this server."""

        def run() -> None:
            self.ledger.drop_unsent()
            calls = self.ledger.open_calls(address(server), youngest=_YOUNGEST, oldest=_OLDEST)
            with closing(Client(server, key)) as client:
                for call in calls:
                    if self._closed.is_set():
                        return
                    usage = look_up(client, call.generation)
                    if usage is not None:
                        self.ledger.settle(call.id, Outcome(usage))

        thread = threading.Thread(target=run, name="hermes-books", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Close the ledger's file."""
        self._closed.set()
        self.ledger.close()


def address(server: Server) -> str:
    """Give a server's address without a password that may stand in it."""
    parts = urlsplit(server.base_url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()

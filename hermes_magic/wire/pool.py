"""Kept-alive connections: each carries one request at a time, and is used again when idle."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

from hermes_magic.wire.client import Client

if TYPE_CHECKING:
    from collections.abc import Generator

    from hermes_magic.reply import Event
    from hermes_magic.wire.servers import Server

_MOST_IDLE = 32
_TAIL_SECONDS = 0.03


class Pool:
    """The open connections of a session; safe in threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._idle: list[tuple[Server, str, Client]] = []
        self._lent: WeakSet[Client] = WeakSet()

    def take(self, server: Server, key: str) -> Client:
        """Give a connection to that server, an open one if there is one.

        A connection whose reply is whole but whose body has no end yet is waited for a moment,
        then given up: a server may hold it open for ever.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._draining(), _TAIL_SECONDS)
            for client in self._draining():
                client.abort()
            self._drop_useless()
            at = next((n for n, (*of, _) in enumerate(self._idle) if of == [server, key]), None)
            client = Client(server, key) if at is None else self._idle.pop(at)[2]
            self._lent.add(client)
            return client

    def lend(
        self, server: Server, key: str, client: Client, events: Generator[list[Event]]
    ) -> Generator[list[Event]]:
        """Give the events of a request through a connection, and take it back behind them."""
        try:
            yield from events
        finally:
            events.close()
            self._take_back(server, key, client)

    def close(self) -> None:
        """Close the idle connections, and end the requests under way."""
        with self._changed:
            for client in self._lent:
                client.abort()
            for _, _, client in self._idle:
                client.close()
            self._idle.clear()

    def _drop_useless(self) -> None:
        """Close what is stale, or was aborted just after it had come back."""
        useless = [client for *_, client in self._idle if client.aborted or client.is_stale]
        for client in useless:
            client.close()
        self._idle = [one for one in self._idle if one[2] not in useless]

    def _draining(self) -> list[Client]:
        return [client for client in self._lent if client.draining and not client.aborted]

    def _take_back(self, server: Server, key: str, client: Client) -> None:
        with self._changed:
            self._lent.discard(client)
            if client.aborted or len(self._idle) >= _MOST_IDLE:
                client.close()
            else:
                self._idle.append((server, key, client))
            self._changed.notify_all()

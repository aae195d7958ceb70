"""Requests sent from the workers of a Dask cluster; budget, rate limit and answers stay here.

Each worker holds a `Station` (an actor: its calls stand in no task graph), which finds the API key
in the worker's own environment, so that no key travels or is logged. A request whose worker dies
is a failed request like any other: it is booked at its worst case and asked again elsewhere.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from hermes_magic.errors import HermesError, NetworkError, OptionError
from hermes_magic.money.keys import KeyChain
from hermes_magic.reply import Done, Event, Failed
from hermes_magic.wire.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from hermes_magic.wire.servers import Server

_NEEDS = "%pip install 'hermes-magic[dask]'"


class Station:
    """Sends requests from one worker, many at once.

    Args:
        server: who is asked.
        at_once: how many requests may be under way here.
    """

    def __init__(self, server: Server, at_once: int) -> None:
        self._server = server
        self._threads = ThreadPoolExecutor(at_once, "hermes-station")
        self._lock = threading.Lock()
        self._idle: list[Client] = []

    async def ask(self, body: Mapping[str, Any]) -> list[Event]:
        """Send a request; give all its events, `Done` or `Failed` last."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, body)

    def _ask(self, body: Mapping[str, Any]) -> list[Event]:
        try:
            client = self._client()
        except HermesError as error:  # there is no key on this worker
            return [Failed(error)]
        events = [event for batch in client.chat(body) for event in batch]
        with self._lock:
            self._idle.append(client)
        return events

    def _client(self) -> Client:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return Client(self._server, KeyChain().find(self._server).value)


class Cluster:
    """The stations of a cluster: one on each worker that is there when it is needed.

    Args:
        client: a `dask.distributed.Client`.
        server: who is asked.
        at_once: how many requests may be under way on all workers together.

    Raises:
        OptionError: this is no such client.
    """

    def __init__(self, client: Any, server: Server, at_once: int) -> None:
        self._client = _checked(client)
        self._server = server
        self._at_once = at_once
        self._lock = threading.Lock()
        self._stations: dict[str, Any] = {}
        self._turn = 0

    def station(self) -> tuple[str, Any]:
        """Give the next worker's address and station.

        Raises:
            NetworkError: there is no worker.
        """
        with self._lock:
            workers = sorted(self._client.scheduler_info(n_workers=-1)["workers"])
            if not workers:
                raise NetworkError("The cluster has no worker.", hint="Start one, or wait for it.")
            self._turn += 1
            address = workers[self._turn % len(workers)]
            if address not in self._stations:
                self._stations[address] = self._open(address)
            return address, self._stations[address]

    def lost(self, address: str) -> None:
        """Forget a worker's station, for it does not answer any more."""
        with self._lock:
            self._stations.pop(address, None)

    def _open(self, address: str) -> Any:
        made = self._client.submit(
            Station, self._server, self._at_once, actor=True, workers=[address], pure=False
        )
        return made.result()


class RemoteClient:
    """What a `Client` is to a line: sends one request at a time, through the cluster."""

    aborted = is_open = False

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def wait(self, seconds: float) -> None:
        """Wait."""
        threading.Event().wait(seconds)

    def chat(
        self, body: Mapping[str, Any], on_send: Callable[[], None] | None = None
    ) -> Generator[list[Event]]:
        """Send a request from the next worker; give its events when all are there."""
        try:
            address, station = self._cluster.station()
        except HermesError as error:
            yield [Failed(error)]
            return
        if on_send is not None:
            on_send()
        try:
            events = station.ask(dict(body)).result()
        except Exception as error:  # noqa: BLE001 - Dask has no type for a worker that is gone
            self._cluster.lost(address)
            yield [Failed(_lost(address, error))]
            return
        yield events or [Done()]

    def close(self) -> None:
        """Do nothing: the stations end with the client that made them."""


def _lost(address: str, error: Exception) -> NetworkError:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return NetworkError(f"The worker {address} was lost ({reason}).", retryable=True)


def _checked(client: Any) -> Any:
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise OptionError("A cluster needs dask.distributed.", hint=_NEEDS) from None
    if not isinstance(client, distributed.Client) or client.asynchronous:
        kind = type(client).__name__
        raise OptionError(f"cluster takes a (synchronous) dask.distributed Client, not a {kind}.")
    return client

"""Fetch the true cost of a reply that ended without one.

A stopped stream brings no usage, and Hermes's host cannot cancel, so the bill goes on. OpenRouter's
`/generation?id=` has the figure later: it answers 404 at first, for half a second or for some tens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from hermes_magic.errors import HermesError
from hermes_magic.reply import Usage
from hermes_magic.wire.client import Client

if TYPE_CHECKING:
    from hermes_magic.wire.servers import Server

_DELAYS = (0.0, 0.25, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0)


def can_settle(generation: str) -> bool:
    """Tell whether an id is one that OpenRouter keeps books on."""
    return generation.startswith("gen-")


class Learner(Protocol):
    """What wants to know a cost: a `Settlement`."""

    def settle(self, usage: Usage | None) -> None:
        """Take the usage, or None if it is not to be had."""


def settle(
    server: Server, key: str, generation: str, learner: Learner, leave: threading.Event
) -> threading.Thread:
    """Fetch a generation's cost on a thread of its own; `leave` ends it early.

    The learner gets the usage as soon as the server has it, or None if it never does.
    """

    def run() -> None:
        with closing(Client(server, key)) as client:
            learner.settle(poll(lambda: client.get(_path(generation)), leave.wait))

    thread = threading.Thread(target=run, name="hermes-settle", daemon=True)
    thread.start()
    return thread


def look_up(client: Client, generation: str) -> Usage | None:
    """Ask once what a generation took; None while the server's books do not have its cost."""
    return _once(lambda: client.get(_path(generation)))


def poll(fetch: Callable[[], Any], wait: Callable[[float], bool]) -> Usage | None:
    """Ask again and again until there is a cost; None if there is none after two minutes.

    Args:
        fetch: asks once; raises HermesError while there is no answer.
        wait: waits some seconds, and tells whether to give up.
    """
    for delay in _DELAYS:
        if wait(delay):
            return None
        usage = _once(fetch)
        if usage is not None:
            return usage
    return None


def _path(generation: str) -> str:
    return f"/generation?id={quote(generation, safe='')}"


def _once(fetch: Callable[[], Any]) -> Usage | None:
    try:
        answer = fetch()
    except HermesError:
        return None
    data = answer.get("data") if isinstance(answer, Mapping) else None
    usage = Usage.from_generation(data) if isinstance(data, Mapping) else None
    return usage if usage is not None and usage.cost is not None else None

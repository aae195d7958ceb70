"""Fetch the true cost of a reply that ended without one.

A stopped stream brings no usage, and Hermes's host cannot cancel, so the bill goes on. OpenRouter's
`/generation?id=` has the figure later: it answers 404 at first, for half a second or for some tens.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from hermes_magic.errors import HermesError
from hermes_magic.wire.catalog import Catalog

if TYPE_CHECKING:
    from collections.abc import Callable

    from hermes_magic.reply import Usage
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
        catalog = Catalog(server, key)
        learner.settle(poll(lambda: catalog.generation(generation), leave.wait))

    thread = threading.Thread(target=run, name="hermes-settle", daemon=True)
    thread.start()
    return thread


def poll(fetch: Callable[[], Usage], wait: Callable[[float], bool]) -> Usage | None:
    """Ask again and again until there is a cost; None if there is none after two minutes.

    Args:
        fetch: asks once; raises HermesError while there is no answer.
        wait: waits some seconds, and tells whether to give up.
    """
    for delay in _DELAYS:
        if wait(delay):
            return None
        with suppress(HermesError):
            usage = fetch()
            if usage.cost is not None:
                return usage
    return None

"""Where Python code asks from: a notebook, or a process of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from hermes_magic.asking.asker import Asker
from hermes_magic.asking.desk import OPENROUTER, Desk
from hermes_magic.asking.interrupts import on_interrupt
from hermes_magic.options import HERMES_4_405B
from hermes_magic.session import Session
from hermes_magic.wire.servers import OPENROUTER_URL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from decimal import Decimal

    from hermes_magic.asking.asker import Host
    from hermes_magic.options import Options
    from hermes_magic.reply import Reply
    from hermes_magic.view.base import View


class Home(Protocol):
    """Whose keys, defaults, limits and conversations count."""

    @property
    def desk(self) -> Desk:
        """Who is asked."""

    @property
    def asker(self) -> Asker:
        """Who asks."""

    def defaults(self) -> Mapping[str, Any]:
        """Give the values of options that a call does not give."""

    def host(self) -> Host:
        """Give the host of one call."""

    def forget_source(self) -> None:
        """Take the source of the call, in which a key stands, out of what keeps sources."""


@dataclass
class _TableSettings:
    """Nothing is set: the option table's defaults, and no limits."""

    server: str = OPENROUTER
    servers: Mapping[str, Any] = field(default_factory=dict)
    base_url: str = OPENROUTER_URL
    model: str = HERMES_4_405B
    budget: Decimal | None = None
    daily_budget: Decimal | None = None


class ProcessHome:
    """A process without a notebook: one session, from its first question to its end.

    Args:
        shell: gives IPython's shell, or None where there is none.
    """

    def __init__(self, shell: Callable[[], Any]) -> None:
        self._session = Session(_script)
        self._shell = shell
        self.desk = Desk(_TableSettings(), self._session)
        self.asker = Asker(self.desk, self._session)

    def defaults(self) -> Mapping[str, Any]:
        """Leave each option to the table."""
        return {}

    def host(self) -> Host:
        """Give the host of one call."""
        return _ProcessHost(self._shell())

    def forget_source(self) -> None:
        """Do nothing: nothing here keeps sources."""

    def close(self) -> None:
        """Close the connections and the ledger."""
        self._session.close()


class _ProcessHost:
    """Shows answers on stdout, if they are to be shown; each question is a turn of its own."""

    _PLACE: Final = ("process", "call")

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def view(self, options: Options, stop: Callable[[], None], rate: Decimal | None) -> View:
        from hermes_magic.view.choose import open_view

        return open_view(self._shell, options.thoughts, stop, rate)

    def stoppable(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        return on_interrupt(stop)

    def keep(self, reply: Reply, options: Options) -> None:
        """Leave the reply to the caller."""

    def place(self) -> tuple[object, str]:
        return self._PLACE


def _script() -> str:
    """Give the path of the script that runs, or ""."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return str(Path(path).absolute()) if path else ""

"""Where a notebook's questions go: the server in use, or the offline demo."""

from __future__ import annotations

import getpass
import os
import sys
from typing import TYPE_CHECKING, Any, Protocol

from hermes_magic.errors import AuthenticationError, OptionError
from hermes_magic.magic.chats import Chats
from hermes_magic.money.keys import KeyChain
from hermes_magic.options import HERMES_4_405B
from hermes_magic.wire.roster import find, roster
from hermes_magic.wire.servers import OPENROUTER_URL, Server, openrouter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermes_magic.money.account import Account
    from hermes_magic.offline import DemoServer
    from hermes_magic.session import Session

OPENROUTER = "openrouter"


class Settings(Protocol):
    """The traits that say where questions go."""

    server: str
    servers: Mapping[str, Any]
    base_url: str
    model: str


class Desk:
    """Knows the servers and which is in use; `commands.Notebook` in the flesh."""

    def __init__(self, settings: Settings, shell: Any, session: Session) -> None:
        self.keys = KeyChain()
        self.chats = Chats()
        self._settings = settings
        self._shell = shell
        self._session = session
        self._demo: DemoServer | None = None

    @property
    def in_use(self) -> str:
        """The name of the server that is asked where a line names none."""
        return self._settings.server

    @property
    def account(self) -> Account:
        """What this notebook's calls are booked to."""
        return self._session.account

    @property
    def is_offline(self) -> bool:
        """Whether the demo server answers."""
        return self._demo is not None

    def server(self, name: str = "") -> Server:
        """Give the server of that name, or the one in use.

        Raises:
            OptionError: there is none, or the notebook is offline.
        """
        name = name or self.in_use
        if self._demo is not None:
            if name != self.in_use:
                raise OptionError(
                    f"The offline demo is in use, so {name} is not asked.",
                    hint="%hermes online goes back to real servers.",
                )
            return Server("offline demo server", self._demo.base_url, key_variable="")
        return find(self.servers(), name)

    def servers(self) -> Mapping[str, Server]:
        """Give all servers by name."""
        own = self._settings.servers
        known = roster(own)
        named = "" if self._settings.base_url == OPENROUTER_URL else self._settings.base_url
        named = named or os.environ.get("OPENROUTER_BASE_URL", "")
        if named or OPENROUTER not in own:
            known[OPENROUTER] = openrouter(named)
        return known

    def model_at(self, server: Server) -> str:
        """Give the model to ask there where a line names none."""
        named = self._settings.model
        return server.model if named == HERMES_4_405B else named

    def go_offline(self) -> None:
        """Ask the demo server from now on."""
        from hermes_magic.view.choose import has_viewer

        if self._demo is None:
            self._demo = _demo_server(paced=has_viewer(self._shell)).start()

    def go_online(self) -> None:
        """Ask real servers again; end the demo server."""
        if self._demo is not None:
            self._demo.close()
            self._demo = None

    def usable_key(self, server: Server) -> str:
        """Give the server's key, or "" where there is none: lists can be read without."""
        try:
            return self.keys.find(server).value
        except AuthenticationError:
            return ""

    def ask_secret(self, question: str) -> str:
        """Ask the person for a line that is not shown.

        Raises:
            OptionError: nobody is there to answer.
        """
        from hermes_magic.view.choose import has_viewer

        if not has_viewer(self._shell):
            raise OptionError("Nobody is here to type a key: run this cell by hand.")
        return getpass.getpass(question)

    def say(self, text: str) -> None:
        """Write one line below the cell."""
        sys.stdout.write(text + "\n")

    def show(self, bundle: Mapping[str, str]) -> None:
        """Show a MIME bundle below the cell."""
        from IPython.display import display

        display(dict(bundle), raw=True)


def _demo_server(*, paced: bool) -> DemoServer:
    """Make the offline server; with nobody to watch it need not take its time."""
    from hermes_magic.offline import DemoServer

    if paced:
        return DemoServer(key_required=False)
    return DemoServer(key_required=False, tokens_per_second=None, first_token_seconds=0)

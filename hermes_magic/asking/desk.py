"""Who is asked, and by which key: the server in use, or the offline demo."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from hermes_magic.asking.chats import Chats
from hermes_magic.errors import AuthenticationError, OptionError
from hermes_magic.money.budget import Limits
from hermes_magic.money.keys import KeyChain
from hermes_magic.options import HERMES_4_405B
from hermes_magic.wire.roster import find, roster
from hermes_magic.wire.servers import OPENROUTER_URL, Server, openrouter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from hermes_magic.money.account import Account
    from hermes_magic.offline import DemoServer
    from hermes_magic.options import Options
    from hermes_magic.session import Session
    from hermes_magic.tape.choice import Choice
    from hermes_magic.tape.tapes import Tapes

OPENROUTER = "openrouter"


class Settings(Protocol):
    """What a person has set: where questions go, and what they may cost."""

    server: str
    servers: Mapping[str, Any]
    base_url: str
    model: str
    tape: str
    tape_mode: str
    tape_speed: float
    budget: Decimal | None
    daily_budget: Decimal | None


class Desk:
    """Knows the servers, the keys, the conversations and the limits of one session.

    Attributes:
        listed: the models that servers, by name, were last seen to have.
    """

    def __init__(self, settings: Settings, session: Session) -> None:
        self.keys = KeyChain()
        self.chats = Chats()
        self.listed: dict[str, tuple[str, ...]] = {}
        self.session = session
        self._settings = settings
        self._demo: DemoServer | None = None

    @property
    def in_use(self) -> str:
        """The name of the server that is asked where a line names none."""
        return self._settings.server

    @property
    def account(self) -> Account:
        """What this session's calls are booked to."""
        return self.session.account

    @property
    def is_offline(self) -> bool:
        """Whether the demo server answers."""
        return self._demo is not None

    def limits(self, options: Options, run: str = "") -> Limits:
        """Give what may be spent on a question, and in the run of a cell that it belongs to."""
        settings = self._settings
        return Limits(options.max_cost, settings.budget, settings.daily_budget, run)

    def tape(self, options: Options | None = None) -> Choice | None:
        """Give the tape that a question uses, or the notebook's, and how; None for none.

        Raises:
            OptionError: the environment names a mode that is none.
            TapeError: a tape is to be replayed only, and none is named.
        """
        from hermes_magic.tape.choice import choose

        settings = self._settings
        path = settings.tape if options is None else options.tape
        # A tape that a cell names itself is in use, though the notebook goes on without one.
        own = path != settings.tape and settings.tape_mode == "off"
        mode = "" if own else settings.tape_mode
        return choose(path, mode, os.environ, float(settings.tape_speed))

    def use_tape(self, path: str, mode: str) -> None:
        """Use that tape in that way from now on; "" for none."""
        self._settings.tape, self._settings.tape_mode = path, mode

    @property
    def tapes(self) -> Tapes:
        """The tapes that this session has opened."""
        return self.session.tapes

    def server(self, name: str = "") -> Server:
        """Give the server of that name, or the one in use.

        Raises:
            OptionError: there is none, or the demo is in use.
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

    def go_offline(self, *, paced: bool = True) -> None:
        """Ask the demo server from now on; with nobody to watch it need not take its time."""
        from hermes_magic.offline import DemoServer

        if self._demo is None:
            hurry: dict[str, Any] = {"tokens_per_second": None, "first_token_seconds": 0}
            self._demo = DemoServer(key_required=False, **({} if paced else hurry)).start()

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

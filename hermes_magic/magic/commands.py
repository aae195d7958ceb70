"""The commands of `%hermes`: one table drives their dispatch and the help page.

A line is a command if its first word is one and all the rest fits: as many words as the command
takes, each of letters, digits and `./:_-` only, and `--server NAME` where it takes that. So
`%hermes models nous` lists models, and `%hermes models of the atom?` is a question.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hermes_magic.errors import HermesError
from hermes_magic.magic import figures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hermes_magic.wire.servers import Server

_WORD = re.compile(r"[\w./:-]+")
_SERVER = re.compile(r"--server[ =]\s*([\w.-]+)")


class Notebook(Protocol):
    """What a command may ask of the notebook, and do to it."""

    def server(self, name: str = "") -> Server:
        """Give the server of that name, or the one in use."""

    def servers(self) -> Mapping[str, Server]:
        """Give all servers by name."""

    def model_at(self, server: Server) -> str:
        """Give the model that is asked there."""

    def go_offline(self) -> None:
        """Ask the demo server from now on."""

    def go_online(self) -> None:
        """Ask real servers again."""

    def say(self, text: str) -> None:
        """Write one line below the cell."""

    def show(self, bundle: Mapping[str, str]) -> None:
        """Show something below the cell."""

    @property
    def in_use(self) -> str:
        """The name of the server that is asked where a line names none."""

    @property
    def is_offline(self) -> bool:
        """Whether the demo server answers."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: its first word; "" for `%hermes` alone.
        help: what it does, one line.
        run: takes the notebook, the word given or "", and the server named or "".
        argument: the name of its one word, or "" if it takes none.
        takes_server: whether `--server NAME` may stand behind it.
    """

    name: str
    help: str
    run: Callable[[Notebook, str, str], None]
    argument: str = ""
    takes_server: bool = False

    @property
    def typed(self) -> str:
        """What to type behind `%hermes`."""
        argument = f" [{self.argument}]" if self.argument else ""
        return self.name + argument + (" [--server NAME]" if self.takes_server else "")


@dataclass(frozen=True, slots=True)
class Call:
    """A line that is a command."""

    command: Command
    word: str = ""
    server: str = ""

    def __call__(self, notebook: Notebook) -> None:
        """Run it."""
        self.command.run(notebook, self.word, self.server)


def recognise(line: str) -> Call | None:
    """Give the call that a line is, or None if it is a question."""
    name, _, rest = line.strip().partition(" ")
    command = next((one for one in COMMANDS if one.name == name), None)
    if command is None:
        return None
    named = _SERVER.search(rest) if command.takes_server else None
    if named is not None:
        rest = rest[: named.start()] + " " + rest[named.end() :]
    words = rest.split()
    fits = len(words) <= bool(command.argument) and all(map(_WORD.fullmatch, words))
    if not fits or rest.strip().startswith("-"):
        return None
    return Call(command, "".join(words), named.group(1) if named else "")


def help_rows() -> list[tuple[str, str]]:
    """Give each command as it is typed, and what it does."""
    return [(command.typed, command.help) for command in COMMANDS]


def _where(notebook: Notebook, _word: str, _server: str) -> None:
    if notebook.is_offline:
        notebook.say("The offline demo server answers. %hermes online goes back, %hermes -h helps.")
        return
    server = notebook.server()
    parts = [server.name, server.address, notebook.model_at(server), key_source(server)]
    notebook.say(" · ".join(parts))


def key_source(server: Server) -> str:
    """Say where the server's key comes from, or why there is none; never the key."""
    if not server.key_variable:
        return "no key needed"
    try:
        server.key(os.environ)
    except HermesError as error:
        return str(error)
    return f"key from {server.key_variable}"


def _status(notebook: Notebook, _word: str, name: str) -> None:
    server = notebook.server(name)
    source = key_source(server)
    notebook.show(figures.status(server, notebook.model_at(server), source, _usable_key(server)))


def _models(notebook: Notebook, word: str, name: str) -> None:
    server = notebook.server(name)
    notebook.show(figures.models(server, _usable_key(server), word))


def _servers(notebook: Notebook, _word: str, _server: str) -> None:
    servers = notebook.servers()
    keys = {name: _usable_key(server) for name, server in servers.items()}
    notebook.show(figures.servers(servers, keys, notebook.in_use))


def _usable_key(server: Server) -> str:
    """Give the server's own key, or "" where there is none: lists can be read without."""
    try:
        return server.key(os.environ)
    except HermesError:
        return ""


def _offline(notebook: Notebook, _word: str, _server: str) -> None:
    notebook.go_offline()
    notebook.say(
        "Offline demo: prepared answers, no model is asked, nothing is billed. "
        "%hermes online goes back."
    )


def _online(notebook: Notebook, word: str, server: str) -> None:
    notebook.go_online()
    _where(notebook, word, server)


COMMANDS: tuple[Command, ...] = (
    Command("", "where you are: server, model, key", _where),
    Command(
        "status",
        "the same, and what the key may still spend",
        _status,
        takes_server=True,
    ),
    Command(
        "models",
        "models with price and context; WORD narrows the list",
        _models,
        argument="WORD",
        takes_server=True,
    ),
    Command("servers", "the servers that --server knows, and which answer right now", _servers),
    Command(
        "offline", "use the built-in demo server: no key, no network, nothing billed", _offline
    ),
    Command("online", "back to the real server", _online),
)

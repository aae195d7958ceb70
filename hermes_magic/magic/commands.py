r"""The commands of `%hermes`: one table drives their dispatch and the help page.

A line is a command if its first word is one and all the rest fits: as many words as the command
takes, each of letters, digits and `./\:~_-` only, and `--server NAME` where it takes that. So
`%hermes models nous` lists models, and `%hermes models of the atom?` is a question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from hermes_magic.errors import OptionError
from hermes_magic.magic import figures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from hermes_magic.asking.chats import Chats
    from hermes_magic.money.account import Account
    from hermes_magic.money.budget import Limits
    from hermes_magic.money.keys import KeyChain
    from hermes_magic.options import Options
    from hermes_magic.tape.choice import Choice
    from hermes_magic.tape.tapes import Tapes
    from hermes_magic.wire.servers import Server

_WORD = re.compile(r"[\w./:~\\-]+")
_CSV = re.compile(r"""--csv(?:=|\s+)("[^"]+"|'[^']+'|[^\s'"]+)""")
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

    def tape(self) -> Choice | None:
        """Give the tape in use, or None."""

    def use_tape(self, path: str, mode: str) -> None:
        """Use that tape in that way from now on; "" for none."""

    @property
    def tapes(self) -> Tapes:
        """The tapes that have been opened."""

    def say(self, text: str) -> None:
        """Write one line below the cell."""

    def show(self, bundle: Mapping[str, str]) -> None:
        """Show something below the cell."""

    def ask_secret(self, question: str) -> str:
        """Ask the person for a line that is not shown."""

    def usable_key(self, server: Server) -> str:
        """Give the server's key, or "" where there is none: lists can be read without."""

    def limits(self, options: Options) -> Limits:
        """Give what may be spent on a question."""

    @property
    def keys(self) -> KeyChain:
        """Where keys are found and kept."""

    @property
    def chats(self) -> Chats:
        """The notebook's conversations."""

    @property
    def listed(self) -> MutableMapping[str, tuple[str, ...]]:
        """The models that servers, by name, were last seen to have."""

    @property
    def account(self) -> Account:
        """What this notebook's calls are booked to."""

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
        takes_csv: whether `--csv FILE` may stand behind it; the file is then its word.
        takes_chat: whether its word is a conversation's name.
    """

    name: str
    help: str
    run: Callable[[Notebook, str, str], object]
    argument: str = ""
    takes_server: bool = False
    takes_csv: bool = False
    takes_chat: bool = False

    @property
    def typed(self) -> str:
        """What to type behind `%hermes`."""
        argument = f" [{self.argument}]" if self.argument else ""
        csv = " [--csv FILE]" if self.takes_csv else ""
        return self.name + argument + csv + (" [--server NAME]" if self.takes_server else "")


@dataclass(frozen=True, slots=True)
class Call:
    """A line that is a command."""

    command: Command
    word: str = ""
    server: str = ""

    def __call__(self, notebook: Notebook) -> object:
        """Run it; give what the cell is to have as its value."""
        return self.command.run(notebook, self.word, self.server)


def recognise(line: str) -> Call | None:
    """Give the call that a line is, or None if it is a question.

    Raises:
        OptionError: `--csv` has no file.
    """
    name, _, rest = line.strip().partition(" ")
    command = next((one for one in COMMANDS if one.name == name), None)
    if command is None:
        return None
    named = _SERVER.search(rest) if command.takes_server else None
    if named is not None:
        rest = rest[: named.start()] + " " + rest[named.end() :]
    csv = _CSV.fullmatch(rest.strip()) if command.takes_csv else None
    if csv is not None:
        return Call(command, csv.group(1).strip("\"'"))
    if command.takes_csv and rest.split()[:1] in (["--csv"], ["--csv="]):
        raise OptionError("--csv needs one file: %hermes cost --csv spent.csv")
    words = rest.split()
    fits = len(words) <= bool(command.argument) and all(map(_WORD.fullmatch, words))
    if not fits or rest.strip().startswith("-"):
        return None
    return Call(command, "".join(words), named.group(1) if named else "")


def help_rows() -> list[tuple[str, str]]:
    """Give each command as it is typed, and what it does."""
    return [(command.typed, command.help) for command in COMMANDS]


def _where(notebook: Notebook, word: str, server: str) -> None:
    from hermes_magic.magic import whereabouts

    whereabouts.where(notebook, word, server)


def _status(notebook: Notebook, _word: str, name: str) -> None:
    from hermes_magic.magic.whereabouts import key_source

    server = notebook.server(name)
    source, key = key_source(notebook, server), notebook.usable_key(server)
    notebook.show(figures.status(server, notebook.model_at(server), source, key))


def _models(notebook: Notebook, word: str, name: str) -> None:
    server = notebook.server(name)
    every = figures.listed(server, notebook.usable_key(server))
    notebook.listed[server.name] = tuple(model.id for model in every)
    notebook.show(figures.models(server, every, word))


def _servers(notebook: Notebook, _word: str, _server: str) -> None:
    servers = notebook.servers()
    keys = {name: notebook.usable_key(server) for name, server in servers.items()}
    notebook.show(figures.servers(servers, keys, notebook.in_use))


def _later(module: str, name: str) -> Callable[[Notebook, str, str], object]:
    """Give a command of another module, which is imported when it is first run."""

    def run(notebook: Notebook, word: str, server: str) -> object:
        command = getattr(import_module(f"hermes_magic.magic.{module}"), name)
        return command(notebook, word, server)

    return run


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
    Command("", "where you are: server, model, key, what was spent, conversations", _where),
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
        "cost",
        "what was spent: cell, notebook, day, month, model",
        _later("purse", "cost"),
        takes_csv=True,
    ),
    Command(
        "history",
        "the conversations of --chat, turn by turn",
        _later("talk", "history"),
        "NAME",
        takes_chat=True,
    ),
    Command(
        "forget",
        "forget them, or the one of that name",
        _later("talk", "forget"),
        "NAME",
        takes_chat=True,
    ),
    Command(
        "record",
        "record answers on a tape, and replay those on it",
        _later("taping", "record"),
        argument="PATH",
    ),
    Command("replay", "replay a tape and ask nobody", _later("taping", "replay"), argument="PATH"),
    Command(
        "draft",
        "put questions on a tape for you to answer",
        _later("taping", "draft"),
        argument="PATH",
    ),
    Command(
        "tape", "the tape in use; off goes on without it", _later("taping", "tape"), argument="off"
    ),
    Command(
        "login",
        "ask for a key without echo, and keep it",
        _later("purse", "login"),
        takes_server=True,
    ),
    Command(
        "logout", "remove the key that login has kept", _later("purse", "logout"), takes_server=True
    ),
    Command("offline", "use the built-in demo server: no key, network or bill", _offline),
    Command("online", "back to the real server", _online),
)

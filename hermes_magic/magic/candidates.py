"""What a word of a `%hermes` line can become: options, values, commands, names of the notebook.

Nothing is asked of a server, and nothing of the notebook is called.
"""

from __future__ import annotations

import inspect
import re
import typing
from dataclasses import dataclass, is_dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from IPython.core.completer import SimpleCompletion
from IPython.utils.dir2 import dir2

from hermes_magic.magic import prepared
from hermes_magic.magic.commands import COMMANDS
from hermes_magic.options import SHORT_NAMES, OneOf, Spot, flags, spot
from hermes_magic.prompt.schema import looks_like_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from hermes_magic.asking.desk import Desk
    from hermes_magic.magic.commands import Command

Word = tuple[str, str]
"""What a word can become, and what that is or means."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be put in place of a fragment.

    Attributes:
        fragment: the end of what is typed, which each word begins with.
        words: in the order to show them.
        kind: what they are, in a word.
        files: whether a file's name can stand there as well.
    """

    fragment: str = ""
    words: tuple[Word, ...] = ()
    kind: str = ""
    files: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """Where names come from.

    Attributes:
        namespace: the notebook's variables, without IPython's own.
        desk: knows servers and conversations.
    """

    namespace: Mapping[str, Any]
    desk: Desk


def sources(shell: InteractiveShell, desk: Desk) -> Sources:
    """Give the names of a notebook: not what is private or IPython's own."""
    hidden = shell.user_ns_hidden
    namespace = {
        name: value
        for name, value in dict(shell.user_ns).items()
        if not name.startswith("_") and hidden.get(name) is not value
    }
    return Sources(namespace, desk)


def offer(typed: str, sources: Sources, *, in_cell: bool) -> Offer:
    """Give what can stand at the end of what is typed behind the magic's name."""
    place = spot(typed, bare=in_cell)
    command, space, rest = typed.lstrip().partition(" ")
    known = None if in_cell else next((one for one in COMMANDS if one.name == command), None)
    if known is not None and known.name and space:
        return _of_command(known, rest, sources)
    if not in_cell and space and command in (prepared.FIX, prepared.EXPLAIN):
        return _of_prepared(command, rest, sources)
    if place is not None and place.row is not None:
        return _value(place, sources)
    commands = _begun(_commands(), command) if not (in_cell or space) else ()
    if place is None:
        return Offer(command, commands, "command") if commands else Offer()
    return Offer(place.fragment, (*commands, *flags(place)), "option")


def as_completions(offer: Offer, *, told: bool) -> list[SimpleCompletion]:
    """Write an offer in IPython's form.

    Args:
        offer: what can stand there.
        told: whether the front end has room for a line beside each word, as a terminal has.
    """
    return [
        SimpleCompletion(text, type=(help_line if told and help_line else offer.kind))
        for text, help_line in offer.words
    ]


def _commands() -> Iterator[Word]:
    yield from ((one.name, one.help) for one in COMMANDS if one.name)
    yield from ((typed.partition(" ")[0], about) for typed, about in prepared.help_rows())


def _of_command(command: Command, rest: str, sources: Sources) -> Offer:
    """Give what can stand behind a command: what it takes."""
    *before, fragment = rest.split(" ")
    if command.takes_server and (before[-1:] == ["--server"] or fragment.startswith("--server=")):
        name = fragment.removeprefix("--server=")
        return Offer(name, _begun(_servers(sources), name), "server")
    if command.takes_csv and before[-1:] == ["--csv"]:
        return Offer(files=True)
    if command.argument == "PATH" and not any(before):
        return Offer(files=True)
    switches = [("--server", "of this server")] * command.takes_server
    switches += [("--csv", "write every call to a file")] * command.takes_csv
    names = list(_chats(sources)) if command.takes_chat else []
    names += [(command.argument, "")] if command.argument.islower() else []  # itself, no NAME
    names = [] if any(before) else names
    words = _begun([*switches, *names], fragment)
    return Offer(fragment, words, "option" if fragment.startswith("-") else "name")


def _of_prepared(kind: str, rest: str, sources: Sources) -> Offer:
    """Give what can stand behind fix or explain: a variable's name first, then options."""
    name, space, options = rest.partition(" ")
    if kind == prepared.EXPLAIN and not space:
        names = _attributes(name, sources) if "." in name else _things(sources)
        return Offer(name, _begun(names, name), "variable")
    return offer(options if kind == prepared.EXPLAIN else rest, sources, in_cell=True)


def _value(place: Spot, sources: Sources) -> Offer:
    """Give what an option's value can be."""
    assert place.row is not None  # noqa: S101 - callers have looked
    takes = place.row.spec.convert
    if isinstance(takes, OneOf):
        choices = [(word, "") for word in takes.words]
        return Offer(place.fragment, _begun(choices, place.fragment), "value")
    if place.row.name not in _VALUES:
        return Offer(place.fragment, files=place.row.name == "tape")
    kind, names = _VALUES[place.row.name]
    fragment = re.split(r"[,\[]", place.fragment)[-1]
    attached = place.row.name == "attached"
    words = _attributes(fragment, sources) if attached and "." in fragment else names(sources)
    options = flags(place) if place.row.spec.alone is not None and not fragment else ()
    return Offer(fragment, (*_begun(words, fragment), *options), kind, files=attached)


def _begun(words: Iterable[Word], fragment: str) -> tuple[Word, ...]:
    return tuple(word for word in words if word[0].startswith(fragment))


def _models(sources: Sources) -> Iterator[Word]:
    yield from SHORT_NAMES.items()
    servers = sources.desk.servers().values()
    listed = (name for names in sources.desk.listed.values() for name in names)
    known = [*SHORT_NAMES.values(), *(server.model for server in servers), *listed]
    yield from ((name, "") for name in dict.fromkeys(known))


def _servers(sources: Sources) -> Iterator[Word]:
    return ((name, server.address) for name, server in sources.desk.servers().items())


def _chats(sources: Sources) -> Iterator[Word]:
    for name in sources.desk.chats.names:
        count = len(sources.desk.chats[name])
        yield name, f"{count} turn{'' if count == 1 else 's'}"


def _things(sources: Sources) -> Iterator[Word]:
    return ((name, _kind(value)) for name, value in sources.namespace.items())


def _variables(sources: Sources) -> Iterator[Word]:
    """Give what a reply may take the name of: not what was imported or defined."""
    for name, value in sources.namespace.items():
        if not isinstance(value, ModuleType | type) and not inspect.isroutine(value):
            yield name, _kind(value)


def _schemas(sources: Sources) -> Iterator[Word]:
    for name, value in sources.namespace.items():
        if _is_schema(value):
            yield name, _kind(value)


def _functions(sources: Sources) -> Iterator[Word]:
    return ((name, "") for name, value in sources.namespace.items() if inspect.isroutine(value))


def _attributes(fragment: str, sources: Sources) -> Iterator[Word]:
    """Give the attributes of a variable that are no methods; nothing of it is evaluated."""
    name, _, _ = fragment.partition(".")
    if fragment.count(".") != 1 or name not in sources.namespace:
        return
    value = sources.namespace[name]
    for attribute in dir2(value):
        held = inspect.getattr_static(value, attribute, None)
        if not attribute.startswith("_") and not callable(held) and attribute.isidentifier():
            yield f"{name}.{attribute}", ""


def _is_schema(value: object) -> bool:
    if isinstance(value, dict):
        return bool(value) and looks_like_schema(value)
    if not isinstance(value, type):
        return False
    built = is_dataclass(value) or typing.is_typeddict(value)
    return built or inspect.getattr_static(value, "model_json_schema", None) is not None


def _kind(value: object) -> str:
    return type(value).__name__


_VALUES: Final[Mapping[str, tuple[str, Callable[[Sources], Iterator[Word]]]]] = {
    "model": ("model", _models),
    "fallback": ("model", _models),
    "server": ("server", _servers),
    "chat": ("chat", _chats),
    "attached": ("variable", _things),
    "each": ("variable", _things),
    "out": ("variable", _variables),
    "schema": ("schema", _schemas),
    "tools": ("tool", _functions),
}

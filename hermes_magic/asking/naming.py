"""Names on the magic line that mean variables of the notebook."""

from __future__ import annotations

import builtins
import difflib
import re
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermes_magic.options import Options
    from hermes_magic.prompt.schema import Schema
    from hermes_magic.prompt.tools import Tool

_LIST: Final = re.compile(r"(?:list)?\[(\w+)\]")


def did_you_mean(name: str, namespace: Mapping[str, Any]) -> str:
    """Name the variable that looks most like this one, in a sentence, or give ""."""
    known = [each for each in namespace if not each.startswith("_")]
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def schema(options: Options, namespace: Mapping[str, Any]) -> Schema | None:
    """Give what the answer must be by `--schema` or `--json`, or None for any text.

    Raises:
        OptionError: the name is no variable's, or what it names is no schema.
    """
    if not (options.json or options.schema):
        return None
    return usable_schema(schema_named(options.schema, namespace) if options.schema else None)


def usable_schema(target: object) -> Schema:
    """Give what the answer must be, by a class or a JSON Schema, or None for any JSON.

    Raises:
        OptionError: it is no schema, or nothing can be checked by it.
    """
    from hermes_magic.prompt.schema import schema_of

    found = schema_of(target)
    found.problems(None)  # what makes checking impossible is told before anything is sent
    return found


def tools(options: Options, namespace: Mapping[str, Any]) -> tuple[Tool, ...]:
    """Give the functions named after `--tools`, by those names.

    Raises:
        OptionError: a name is no variable's, or what it names is no function to call.
    """
    if not options.tools:
        return ()
    from hermes_magic.prompt.tools import tool

    names = dict.fromkeys(options.tools)
    return tuple(tool(_function(name, namespace), name) for name in names)


def _function(name: str, namespace: Mapping[str, Any]) -> object:
    if name not in namespace:
        suggestion = did_you_mean(name, namespace)
        raise OptionError(f"--tools {name}: no variable has that name.{suggestion}")
    return namespace[name]


def schema_named(word: str, namespace: Mapping[str, Any]) -> object:
    """Give what the word after `--schema` names: `City`, `[City]` or `list[City]`.

    Raises:
        OptionError: no variable has that name.
    """
    listed = _LIST.fullmatch(word)
    name = listed[1] if listed else word
    built_in = getattr(builtins, name, None)
    if name not in namespace and not isinstance(built_in, type):
        suggestion = did_you_mean(name, namespace)
        raise OptionError(f"--schema {name}: no variable has that name.{suggestion}")
    target = namespace.get(name, built_in)
    return [target] if listed else target

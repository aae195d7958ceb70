"""Read a magic line by the option table."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hermes_magic.errors import OptionError
from hermes_magic.options.convert import Word
from hermes_magic.options.each import Options
from hermes_magic.options.rows import FLAGS, TABLE, Row

_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+(?=\s|$)""", re.DOTALL)


class _Line:
    """Read a magic line word by word; what is not an option stays as it was typed."""

    def __init__(self, line: str) -> None:
        self.rest = line.strip()

    def at_option(self) -> bool:
        return self.rest.startswith("-") and self.rest != "-"

    def word(self) -> str:
        """Take the next word off, with its quotes."""
        match = _WORD.match(self.rest)
        if match is None:
            raise OptionError(f"A quote is not closed in: {self.rest[:60]}")
        self.rest = self.rest[match.end() :].lstrip()
        return match.group()


def parse(
    line: str, defaults: Mapping[str, Any] | None = None, *, bare: bool = False
) -> tuple[Options, str]:
    """Split a magic line into its options and the text behind them, which stays as typed.

    Args:
        line: what stands behind `%%hermes` or `%hermes`.
        defaults: values for options that the line does not give, by field name.
        bare: whether no text stands behind the options, so that a word behind an option which
            need not have a value is its value.

    Raises:
        OptionError: an option is unknown, lacks its value or has a wrong one.
    """
    given: dict[str, Any] = {}
    rest = _Line(line)
    while rest.at_option():
        typed, equals, attached = rest.word().partition("=")
        flag = Word.read(typed)
        if flag == "--" and not equals:
            break
        row, constant = _lookup(flag)
        if constant is None:
            word = attached if equals else _following(rest, flag, row, bare=bare)
            value = _value(row, flag, Word.read(word))
            given[row.name] = given.get(row.name, ()) + value if row.spec.repeatable else value
        elif equals:
            raise OptionError(f"{flag} takes no value.")
        else:
            given[row.name] = constant
    return Options(**{**(defaults or {}), **given}), rest.rest


def check(name: str, value: object) -> Any:
    """Check a default as the magic line would; give the converted value.

    Raises:
        OptionError: the value is not one that the option takes.
    """
    row = next(row for row in TABLE if row.name == name)
    if value is None and row.default is None:
        return None
    if row.spec.repeatable:
        return tuple(one for word in _words(value) for one in _value(row, name, word))
    if row.spec.convert is not None:
        return _value(row, name, ",".join(_words(value)))
    if not isinstance(value, bool):
        raise OptionError(f"{name} takes True or False, not {value!r}.")
    return value


def _words(value: object) -> list[str]:
    """Give what would stand on the magic line: one word, or one for each item."""
    if isinstance(value, Mapping):
        return [f"{key}={json.dumps(item, default=repr)}" for key, item in value.items()]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [word for item in value for word in _item(item)]
    return [str(value)]


def _item(item: object) -> list[str]:
    """Take a (key, value) pair as a mapping's, as `check` itself gives it."""
    match item:
        case (str(key), value):
            return _words({key: value})
        case _:
            return [str(item)]


def _lookup(flag: str) -> tuple[Row, bool | None]:
    try:
        return FLAGS[flag]
    except KeyError:
        raise OptionError(
            f"Unknown option {flag}: did you mean {nearest(flag, FLAGS)}?",
            hint="%hermes -h lists them all; a question that starts with a dash goes after --",
        ) from None


def nearest(word: str, known: Mapping[str, Any]) -> str:
    """Give the known word that looks most like this one."""
    word = word.lower()

    def likeness(one: str) -> tuple[bool, float]:
        return one.startswith(word), difflib.SequenceMatcher(None, word, one).ratio()

    return max(known, key=likeness)


def _following(rest: _Line, flag: str, row: Row, *, bare: bool) -> str:
    if row.spec.alone is not None and not (bare and rest.rest and not rest.at_option()):
        return row.spec.alone
    if not rest.rest or rest.rest.split(maxsplit=1)[0].partition("=")[0] in FLAGS:
        raise OptionError(f"{flag} needs a value: {flag} {row.spec.metavar} ({row.spec.help}).")
    return rest.word()


def _value(row: Row, flag: str, word: str) -> Any:
    assert row.spec.convert is not None  # noqa: S101 - callers have looked
    try:
        return row.spec.convert(word)
    except ValueError as error:
        raise OptionError(f"{flag} takes {error}, not {word[:40]!r}.") from None

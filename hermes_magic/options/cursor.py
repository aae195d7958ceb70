"""What the word at the cursor can become, on a magic line that is still being typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hermes_magic.options.rows import FLAGS, Row, negated

if TYPE_CHECKING:
    from collections.abc import Iterator

_DONE = re.compile(r"""((?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+)\s+""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Spot:
    """The place of the cursor.

    Attributes:
        fragment: what is typed of the word, or of a value behind `=`.
        row: the option whose value the word is, or None where an option can stand.
        given: the names of the options that stand before it.
    """

    fragment: str
    row: Row | None = None
    given: frozenset[str] = frozenset()


def spot(typed: str, *, bare: bool = False) -> Spot | None:
    """Give the place of the cursor, or None where it is in the question.

    Args:
        typed: what stands between the magic's name and the cursor.
        bare: whether no text stands behind the options, see `parse`.
    """
    rest = typed.lstrip()
    given: set[str] = set()
    row: Row | None = None
    while done := _DONE.match(rest):
        word, rest = done[1], rest[done.end() :]
        if row is not None and not (row.spec.alone is not None and word.startswith("-")):
            row = None
            continue
        if not word.startswith("-") or word in {"-", "--"}:
            return None
        row = _awaiting(word, given, bare=bare)
    return _at(rest, row, frozenset(given))


def flags(place: Spot) -> Iterator[tuple[str, str]]:
    """Give the options that can stand there and their help, in the table's order.

    What is given already is left out, unless it may be repeated; a `--no-` form stands where the
    option is on by default, or where it has been begun, and a short form where a dash is typed.
    """
    for flag, (row, value) in FLAGS.items():
        again = row.name in place.given and not row.spec.repeatable
        if again or not flag.startswith(place.fragment or "--"):
            continue
        if flag != negated(row) or value is not False:
            yield flag, row.spec.help
        elif row.default is True or place.fragment.startswith("--no-"):
            yield flag, f"off: {row.spec.help}"


def _awaiting(word: str, given: set[str], *, bare: bool) -> Row | None:
    """Take note of an option; give its row if the next word is its value."""
    flag, equals, _ = word.partition("=")
    row, constant = FLAGS.get(flag, (None, True))
    if row is None:
        return None
    given.add(row.name)
    takes_next = constant is None and not equals and (bare or row.spec.alone is None)
    return row if takes_next else None


def _at(fragment: str, row: Row | None, given: frozenset[str]) -> Spot | None:
    flag, equals, value = fragment.partition("=")
    attached, constant = FLAGS.get(flag, (None, True))
    if row is not None and not (row.spec.alone is not None and fragment.startswith("-")):
        return Spot(fragment, row, given)
    if equals and attached is not None and constant is None:
        return Spot(value, attached, given)
    return Spot(fragment, None, given) if not fragment or fragment.startswith("-") else None

"""Lines whose question is written for the person: `%hermes fix` and `%hermes explain NAME`.

As with commands, a line is one of these only if all of it fits. Behind `fix`, and behind a NAME,
stands nothing, or options and then words, or words behind `:`, `--` or a line break; so
`%hermes fix my code please` and `%hermes explain the median` are questions. `explain WORD` is
about a variable, and an error if there is none; `explain WORD: why?` and `explain WORD?` are
questions if there is none.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

FIX: Final = "fix"
EXPLAIN: Final = "explain"
_NAME: Final = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_BEHIND: Final = r"(?P<options>\s+-[-\w].*)|\s*(?::\s|\n)\s*(?P<words>.*\S.*)"
_FIX: Final = re.compile(rf"fix(?:{_BEHIND})?\s*", re.DOTALL)
_EXPLAIN: Final = re.compile(
    rf"explain\s+(?P<name>{_NAME})(?:(?P<asked>\s*\?)|{_BEHIND})?\s*", re.DOTALL
)
_HELP: Final = (
    ("fix [options] [words]", "explain the last exception, and offer the corrected cell"),
    ("explain NAME [options] [question]", "explain a variable, function, module …"),
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A line that asks a prepared question.

    Attributes:
        kind: FIX or EXPLAIN.
        rest: options, and what the person adds.
        name: of the variable to explain, or "".
    """

    kind: str
    rest: str
    name: str = ""


def help_rows() -> list[tuple[str, str]]:
    """Give each as it is typed, and what it does."""
    return list(_HELP)


def recognise(line: str, namespace: Mapping[str, Any]) -> Prepared | None:
    """Give the prepared question that a line asks, or None if it is none.

    Args:
        line: what stands behind `%hermes`.
        namespace: the notebook's variables.

    Raises:
        OptionError: `explain` stands alone.
    """
    line = line.strip()
    if found := _FIX.fullmatch(line):
        return Prepared(FIX, _rest(found))
    if line == EXPLAIN:
        raise OptionError("explain needs the name of a variable: %hermes explain df")
    found = _EXPLAIN.fullmatch(line)
    if found is None:
        return None
    first = found["name"].partition(".")[0]
    is_sentence = bool(found["asked"] or found["words"])
    if keyword.iskeyword(first) or (is_sentence and first not in namespace):
        return None
    return Prepared(EXPLAIN, _rest(found), found["name"])


def _rest(found: re.Match[str]) -> str:
    if found["words"]:
        return f"-- {found['words'].strip()}"
    return (found["options"] or "").strip()

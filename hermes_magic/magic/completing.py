"""Tab on a `%hermes` or `%%hermes` line: finds the line, and asks what can stand there.

What can stand there is `magic/candidates.py`'s to say, which is imported by the first Tab.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from IPython.core.completer import context_matcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from hermes_magic.magic.front import Front

_CELL = r"(?s)%%hermes[ \t](.*)"  # compiled by the first Tab
_LINE = r"(?s)\s*(?:[\w., \t]+=[ \t]*)?%hermes[ \t](.*)"
_FILES = "IPCompleter.file_matcher"
_PRIORITY = 100  # before Jedi, which need not run then


def install(shell: InteractiveShell, front: Front) -> None:
    """Add the matcher."""
    uninstall(shell)

    def matcher(context: CompletionContext) -> Mapping[str, Any]:
        return _complete(shell, front, context)

    named: Any = context_matcher(identifier="hermes_magic.completing", priority=_PRIORITY)
    _matchers(shell).append(named(matcher))


def uninstall(shell: InteractiveShell) -> None:
    """Take the matcher away."""
    known = _matchers(shell)
    known[:] = [each for each in known if getattr(each, "__module__", "") != __name__]


def _complete(
    shell: InteractiveShell, front: Front, context: CompletionContext
) -> Mapping[str, Any]:
    """Give what the word at the cursor can become, in IPython's form."""
    found = _typed(context.full_text, context.cursor_line, context.text_until_cursor)
    if found is None:
        return {"completions": []}
    typed, in_cell = found
    from hermes_magic.errors import HermesError
    from hermes_magic.magic import candidates

    names = candidates.sources(shell, front.magics.desk)
    try:
        offer = candidates.offer(typed, names, in_cell=in_cell)
    except HermesError:  # of a setting: the cell will tell it, on one line
        return {"completions": []}
    return {
        "completions": candidates.as_completions(offer, told=not hasattr(shell, "kernel")),
        "matched_fragment": offer.fragment,
        "ordered": True,
        "suppress": True,
        "do_not_suppress": {_FILES} if offer.files else set(),
    }


def _typed(text: str, row: int, line: str) -> tuple[str, bool] | None:
    """Give what stands between the magic's name and the cursor, and whether a cell is below it."""
    above = "".join(text.split("\n")[:row])
    if not above.strip() and (cell := re.match(_CELL, line)):
        return cell[1], True
    if text.lstrip().startswith("%%hermes"):
        return None
    found = re.match(_LINE, line)
    return (found[1], False) if found else None


def _matchers(shell: InteractiveShell) -> list[Any]:
    completer: Any = shell.Completer
    matchers: list[Any] = completer.custom_matchers
    return matchers

"""Keep IPython from reading a question as something else.

It reads any line that ends in `?` as a call for help, so `%hermes What is a p-value?` would look up
a variable `value`; and it takes `>>>` and `In [1]:` off all lines of a cell, and their indentation
with them, even of a question. These transformers come first; `%hermes?` stays help.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import (
    EscapedCommand,
    MagicAssign,
    TokenTransformBase,
    cell_magic,
    leading_empty_lines,
)

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_CELL = re.compile(r"%%hermes(?!\S)")
_QUESTION = re.compile(r"%hermes[ \t]+\S.*\?\s*\Z", re.DOTALL)


class _First(TokenTransformBase):
    """Find what the base class finds, in lines that ask Hermes, and come before `HelpEnd`.

    IPython takes the leftmost find of a line first, so these say that they start at its edge.
    """

    priority = 1
    _column = 0

    @classmethod
    def find(cls, tokens_by_line: list[list[Any]]) -> TokenTransformBase | None:
        for tokens in tokens_by_line:
            found = super().find([tokens])  # type: ignore[no-untyped-call]
            if isinstance(found, _First) and _QUESTION.match(_source(tokens, found)):
                found._column, found.start_col = found.start_col, 0  # noqa: SLF001 - of this class
                return found
        return None

    def transform(self, lines: list[str]) -> list[str]:
        self.start_col = self._column
        return list(super().transform(lines))


class _AskedOnTheLine(_First, EscapedCommand):
    """`%hermes What is a p-value?`."""


class _AskedInAnAssignment(_First, MagicAssign):
    """`answer = %hermes What is a p-value?`."""


def _source(tokens: list[Any], found: TokenTransformBase) -> str:
    lines = (token.line for token in tokens if token.start[0] == found.start_line + 1)
    return str(next(lines, ""))[found.start_col :]


def _asked_in_a_cell(lines: list[str]) -> list[str]:
    """Make a call of a `%%hermes` cell, before anything is taken off it."""
    whole = leading_empty_lines(lines)
    if whole and _CELL.match(whole[0]):
        return list(cell_magic(whole))
    return lines


# IPython then leaves it out where it asks whether a cell is whole, or needs another line.
_asked_in_a_cell.has_side_effects = True  # type: ignore[attr-defined]  # IPython's own mark
_TRANSFORMERS = (_AskedOnTheLine, _AskedInAnAssignment)


def install(shell: InteractiveShell) -> None:
    """Add the transformers."""
    uninstall(shell)
    manager = shell.input_transformer_manager
    manager.token_transformers.extend(_TRANSFORMERS)
    manager.cleanup_transforms.insert(0, _asked_in_a_cell)


def uninstall(shell: InteractiveShell) -> None:
    """Take the transformers away."""
    manager = shell.input_transformer_manager
    for known in (manager.token_transformers, manager.cleanup_transforms):
        known[:] = [each for each in known if getattr(each, "__module__", "") != __name__]

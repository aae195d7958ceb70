"""The help page."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from hermes_magic.options.rows import FLAGS, TABLE, Row, negated

if TYPE_CHECKING:
    from collections.abc import Sequence


def help_text(commands: Sequence[tuple[str, str]] = ()) -> str:
    """Give the help page: usage, each option with its default, commands and examples.

    Args:
        commands: each command as it is typed behind `%hermes`, and what it does.
    """
    options = [_help_row(row) for row in TABLE]
    lines = [_columns(f"%hermes {typed}".strip(), means) for typed, means in commands]
    return _HELP.format(options="\n".join(options), commands="\n".join(lines))


def _help_row(row: Row) -> str:
    flags = [*row.spec.flags, *([negated(row)] if negated(row) in FLAGS else [])]
    left = ", ".join(flags) + (f" {row.spec.metavar}" if row.spec.metavar else "")
    shown = "on" if row.default is True else row.default
    unset = shown in (None, False, "", ())
    right = row.spec.help + ("" if unset else f" (default: {shown})")
    return _columns(left, right)


def _columns(left: str, right: str) -> str:
    lines = textwrap.wrap(right, 60)
    if len(left) > _LEFT - 2:
        lines.insert(0, "")
    return "\n".join(
        f"  {left if place == 0 else '':<{_LEFT}}{line}".rstrip()
        for place, line in enumerate(lines)
    )


_LEFT = 28
_HELP = """\
Ask Nous Hermes 4 405B; the answer streams into the notebook with its thought and its cost.

  %%hermes [options]          the question is the cell's text
  %hermes [options] question  the question stands on the line

Options
{options}

Commands
{commands}

After the cell, `_` and the -o name hold a Reply: .text .thinking .cost .usage .model .provider
.finish_reason .id; str(reply) is the text. Defaults: %config HermesMagics.temperature = 0.2
"""

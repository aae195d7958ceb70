"""A small table as a MIME bundle: for what a command tells."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from hermes_magic.view.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CELL = "text-align:left;padding:2px 12px 2px 0;"
_RIGHT = "text-align:right;padding:2px 12px 2px 0;font-variant-numeric:tabular-nums;"


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    note: str = "",
    numbers: Sequence[int] = (),
) -> dict[str, str]:
    """Give a table as `text/plain` and `text/html`.

    Args:
        headings: the columns' names; none for a table without a head.
        rows: texts of anyone's making: they are escaped, and one line each.
        note: a line below the table.
        numbers: the columns whose texts stand at the right.
    """
    clean = [[_one_line(cell) for cell in row] for row in rows]
    return {
        "text/plain": _plain(headings, clean, _one_line(note), numbers),
        "text/html": _html(headings, clean, _one_line(note), numbers),
    }


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())


def _plain(
    headings: Sequence[str], rows: list[list[str]], note: str, numbers: Sequence[int]
) -> str:
    lines = [list(headings), *rows] if headings else rows
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(
            cell.rjust(width) if place in numbers else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([*text, *([note] if note else [])])


def _html(headings: Sequence[str], rows: list[list[str]], note: str, numbers: Sequence[int]) -> str:
    head = f"<thead>{_row('th', headings, numbers)}</thead>" if headings else ""
    body = "".join(_row("td", row, numbers) for row in rows)
    below = f'<p style="opacity:0.75;">{_escaped(note)}</p>' if note else ""
    return (
        f'<div class="hermes"><table class="hermes-table">{head}<tbody>{body}</tbody></table>'
        f"{below}</div>"
    )


def _row(tag: str, cells: Sequence[str], numbers: Sequence[int]) -> str:
    inner = "".join(
        f'<{tag} style="{_RIGHT if place in numbers else _CELL}">{_escaped(cell)}</{tag}>'
        for place, cell in enumerate(cells)
    )
    return f"<tr>{inner}</tr>"


def _escaped(text: str) -> str:
    """Escape; keep a dollar from opening a formula in the host's typesetter."""
    return escape(text).replace("$", "<span>$</span>")

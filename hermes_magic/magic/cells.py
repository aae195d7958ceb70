"""The running cell: which it is, and where its answers go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hermes_magic.asking.interrupts import on_interrupt

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from decimal import Decimal

    from hermes_magic.options import Options
    from hermes_magic.reply import Reply
    from hermes_magic.view.base import View
    from hermes_magic.view.unseen import Unseen


class CellHost:
    """Shows answers below a cell, and keeps them in the notebook's variables.

    Args:
        shell: IPython's.
        text: the cell's.
        keep: puts a reply into the variables.
        unseen: what keeps ended answers until a page has confirmed them.
    """

    def __init__(
        self, shell: Any, text: str, keep: Callable[[Reply, Options], None], unseen: Unseen
    ) -> None:
        self.keep = keep
        self._unseen = unseen
        self._shell = shell
        self._text = text

    def view(self, options: Options, stop: Callable[[], None], rate: Decimal | None) -> View:
        """Give the view that this front end can show."""
        from hermes_magic.view.choose import open_view

        return open_view(self._shell, options.thoughts, stop, rate, self._unseen)

    def stoppable(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        """Take an interrupt of the kernel for a stop."""
        return on_interrupt(stop)

    def place(self) -> tuple[object, str]:
        """Give what tells this run from others, and this cell from others."""
        return cell_of(self._shell, self._text)


def cell_of(shell: Any, text: str) -> tuple[object, str]:
    """Give what tells this run from others, and this cell from others.

    A front end tells the cell's id (JupyterLab, Notebook 7 and VS Code do); else a cell is known by
    its text. In a terminal nothing is run again: each question is a new cell.

    Args:
        shell: IPython's.
        text: the cell's.
    """
    if not hasattr(shell, "kernel"):
        return shell.execution_count, f"line {shell.execution_count}"
    parent = shell.get_parent() or {}
    told = parent.get("metadata", {}).get("cellId")
    return parent.get("header", {}).get("msg_id"), str(told or text)


def running_source(shell: Any) -> str:
    """Give the source of the running cell as the front end sent it; "" in a terminal."""
    if not hasattr(shell, "kernel"):
        return ""
    parent = shell.get_parent() or {}
    return str(parent.get("content", {}).get("code", ""))

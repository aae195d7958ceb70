"""Which view a cell gets: terminal, live, or the static bundle where nobody is watching."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from hermes_magic.options import Thoughts
    from hermes_magic.view.base import View
    from hermes_magic.view.unseen import Unseen


def has_viewer(shell: Any) -> bool:
    """Tell whether a person is there: nbclient, papermill and nbval send `allow_stdin: false`."""
    if not hasattr(shell, "kernel"):
        return True
    parent = shell.get_parent() or {}
    return bool(parent.get("content", {}).get("allow_stdin", False))


def open_view(
    shell: Any,
    thoughts: Thoughts,
    request_stop: Callable[[], None],
    rate: Decimal | None,
    unseen: Unseen | None = None,
) -> View:
    """Give the view for a cell that this shell is about to run.

    Args:
        shell: IPython's.
        thoughts: how a thought is shown.
        request_stop: what a Stop button calls, on any thread.
        rate: USD that a token of the reply costs, about, if that is known.
        unseen: what keeps this shell's ended answers until a page has confirmed them, if anything.
    """
    if not hasattr(shell, "kernel"):
        from hermes_magic.view.terminal import TerminalView

        return TerminalView(sys.stdout, thoughts)
    if has_viewer(shell):
        from hermes_magic.view.live import LiveView

        told = (shell.get_parent() or {}).get("metadata", {}).get("cellId")
        # IPython 9 counts on before it runs a cell, 8 behind it: its list of inputs is as long.
        place = str(told or ""), len(shell.history_manager.input_hist_parsed) - 1
        return LiveView(thoughts, request_stop, rate, place=place, unseen=unseen)
    from hermes_magic.view.static import StaticView

    return StaticView(thoughts)

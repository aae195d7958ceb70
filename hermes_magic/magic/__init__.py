"""The front door: what `%load_ext hermes_magic` does to an IPython shell."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from hermes_magic.magic import questions
from hermes_magic.magic.magics import HermesMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["HermesMagics", "load", "unload"]


def load(shell: InteractiveShell) -> None:
    """Register the magics; warm up in the background what the first cell will need."""
    taken = shell.magics_manager.magics["cell"].get("hermes")
    owner = getattr(taken, "__module__", None) or type(taken).__module__
    if taken is not None and not owner.startswith("hermes_magic"):
        sys.stdout.write(f"%%hermes was {owner}'s; from now on it is hermes_magic's.\n")
    unload(shell)
    questions.install(shell)
    magics = HermesMagics(shell)
    shell.register_magics(magics)
    assert shell.display_formatter is not None  # noqa: S101 - every shell has one
    shell.display_formatter.ipython_display_formatter.for_type_by_name(
        "hermes_magic.reply.reply", "Reply", magics.display
    )
    threading.Thread(target=_warm, name="hermes-warm", daemon=True).start()


def unload(shell: InteractiveShell) -> None:
    """Take the magics away and close what they hold."""
    questions.uninstall(shell)
    for kind in ("line", "cell"):
        found = shell.magics_manager.magics[kind].get("hermes")
        owner = getattr(found, "__self__", None)
        if isinstance(owner, HermesMagics):
            del shell.magics_manager.magics[kind]["hermes"]
            owner.close()


def _warm() -> None:
    """Import what the first cell needs; send nothing."""
    import hermes_magic.view.live
    import hermes_magic.wire.client  # noqa: F401

"""The front door: what `%load_ext hermes_magic` does to an IPython shell."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from hermes_magic.magic import completing, questions
from hermes_magic.magic.front import Front

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load", "unload"]

_KINDS = ("line", "cell")
_WARM_AFTER_SECONDS = 0.3


def load(shell: InteractiveShell) -> None:
    """Register the magics, and warm up a little later what the first cell will need."""
    taken = shell.magics_manager.magics["cell"].get("hermes")
    owner = getattr(taken, "__module__", None) or type(taken).__module__
    if taken is not None and not owner.startswith("hermes_magic"):
        sys.stdout.write(f"%%hermes was {owner}'s; from now on it is hermes_magic's.\n")
    unload(shell)
    front = Front(shell)
    for kind in _KINDS:
        shell.magics_manager.register_function(front.hermes, kind, "hermes")
    shell.configurables.append(front)  # type: ignore[arg-type]  # it stands for one
    questions.install(shell)
    completing.install(shell, front)
    assert shell.display_formatter is not None  # noqa: S101 - every shell has one
    shell.display_formatter.ipython_display_formatter.for_type_by_name(
        "hermes_magic.reply.reply", "Reply", front.display
    )
    warming = threading.Timer(_WARM_AFTER_SECONDS, _warm)
    warming.daemon = True
    warming.start()


def unload(shell: InteractiveShell) -> None:
    """Take the magics away and close what they hold."""
    questions.uninstall(shell)
    completing.uninstall(shell)
    configurables: list[Any] = shell.configurables
    for front in [each for each in configurables if type(each) is Front]:
        configurables.remove(front)
        for kind in _KINDS:
            if shell.magics_manager.magics[kind].get("hermes") == front.hermes:
                del shell.magics_manager.magics[kind]["hermes"]
        front.close()


def _warm() -> None:
    """Import and make what the first cell needs; send nothing, write nothing."""
    import hermes_magic.magic.magics
    import hermes_magic.money.account  # noqa: F401
    from hermes_magic.view import live
    from hermes_magic.wire import client

    live.warm()
    client.warm()

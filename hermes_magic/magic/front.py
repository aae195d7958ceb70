"""What stands in the shell until the first cell: cheap to load, and whole when it is needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from IPython.core.magic import no_var_expand

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from hermes_magic.magic.magics import HermesMagics
    from hermes_magic.reply import Reply


class Front:
    """Stands for a `HermesMagics`, which takes some 20 ms to import, and makes it when needed.

    It is what `%config` finds among the shell's configurables: asked for its class or for
    anything else, it answers as the `HermesMagics` that it stands for.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._lock = threading.RLock()
        self._magics: HermesMagics | None = None

    @no_var_expand
    def hermes(self, line: str, cell: str | None = None) -> object:
        """Ask Nous Hermes 4 405B; the answer streams in with its thought and its cost.

        `%%hermes [options]` over a question, or `%hermes [options] question` on one line, such as

            %%hermes --no-think -t 0.2 -o answer
            Why does the median resist outliers?

        `%hermes -h` lists options and commands. Behind the cell, `_` and the -o variable hold a
        `Reply`: .text .thinking .cost (Decimal USD) .usage .model .provider .finish_reason .id
        """
        return self.magics.hermes(line, cell)

    @property
    def magics(self) -> HermesMagics:
        """What it stands for."""
        with self._lock:
            if self._magics is None:
                from hermes_magic.magic.magics import HermesMagics

                self._magics = HermesMagics(self._shell)
            return self._magics

    def display(self, reply: Reply) -> None:
        """Show a reply that a cell evaluates."""
        self.magics.display(reply)

    def close(self) -> None:
        """Close what the magics hold, if there are any."""
        if self._magics is not None:
            self._magics.close()

    @property  # type: ignore[misc]  # what it stands for
    def __class__(self) -> type:
        return type(self.magics)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.magics, name)

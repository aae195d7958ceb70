"""The notebook as the home of Python code that asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hermes_magic.magic.cells import running_source
from hermes_magic.magic.forgetting import forget_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hermes_magic.asking.asker import Asker
    from hermes_magic.asking.desk import Desk
    from hermes_magic.magic.cells import CellHost


class NotebookHome:
    """Where `ask` finds the notebook's server, defaults, keys, limits and conversations.

    Args:
        shell: IPython's.
        desk: who is asked.
        asker: who asks.
        defaults: gives the values of `%config`.
        host_of: gives the host of a cell, by its source.
    """

    def __init__(
        self,
        shell: Any,
        desk: Desk,
        asker: Asker,
        defaults: Callable[[], Mapping[str, Any]],
        host_of: Callable[[str], CellHost],
    ) -> None:
        self.desk = desk
        self.asker = asker
        self.defaults = defaults
        self._shell = shell
        self._host_of = host_of

    def host(self) -> CellHost:
        """Give the host of one call: the cell that runs."""
        return self._host_of(running_source(self._shell))

    def forget_source(self) -> None:
        """Take the running cell out of IPython's history."""
        forget_cell(self._shell)

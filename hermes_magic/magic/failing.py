"""The last exception of the notebook, and the cells that it came through."""

from __future__ import annotations

import linecache
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hermes_magic.errors import Failure
from hermes_magic.prompt.failure import RUN, Cell, file_names

if TYPE_CHECKING:
    from collections.abc import Iterator


class LastException:
    """Finds the last exception of a notebook.

    Args:
        shell: IPython's.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._instead: tuple[BaseException, BaseException | None] | None = None

    def find(self) -> BaseException | None:
        """Give the exception that was shown last, or None."""
        last = getattr(sys, "last_value", None) or getattr(sys, "last_exc", None)
        if self._instead is not None and last is self._instead[0]:
            return self._instead[1]
        return last if isinstance(last, BaseException) else None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep it the last one even if a question about it fails."""
        last = self.find()
        try:
            yield
        except Failure as failure:
            self._instead = failure, last
            raise

    def cells(self, error: BaseException) -> dict[str, Cell]:
        """Give the notebook's cells by the file names of their code.

        Where no file name tells the cell (`%%time` runs code of its own), the one that has just
        failed stands under `RUN`.
        """
        numbers = getattr(self._shell.compile, "_filename_map", {})
        names = file_names(error) & numbers.keys()
        cells = {name: self._cell(name, numbers[name]) for name in names}
        result = self._shell.last_execution_result
        if result is not None and any(
            error is one for one in (result.error_in_exec, result.error_before_exec)
        ):
            cells[RUN] = Cell(_label(result.execution_count), str(result.info.raw_cell))
        return cells

    def _cell(self, name: str, number: int) -> Cell:
        """Give a cell as it was typed, or as IPython ran it where the history has another."""
        ran = "".join(linecache.getlines(name))
        typed = self._shell.history_manager.input_hist_raw
        raw = typed[number] if 0 < number < len(typed) else ""
        same = raw and self._shell.transform_cell(raw).rstrip() == ran.rstrip()
        return Cell(_label(number), raw if same else ran)


def _label(number: int | None) -> str:
    return f"Cell In[{number}]"

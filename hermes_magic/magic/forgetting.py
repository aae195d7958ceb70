"""Take what should never have been typed out of IPython's history, in memory and in its file."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_REMOVED = "# removed by hermes_magic: an API key stood here"


def forget_cell(shell: InteractiveShell) -> None:
    """Remove the running cell's text from the history, which IPython writes before it runs."""
    manager: Any = shell.history_manager
    if manager is None or not manager.input_hist_raw:
        return
    number = len(manager.input_hist_raw) - 1  # shell.execution_count may be ahead of it
    for inputs in (manager.input_hist_parsed, manager.input_hist_raw):
        inputs[-1] = _REMOVED
    manager._i00 = shell.user_ns[f"_i{number}"] = _REMOVED  # noqa: SLF001 - the next _i
    with manager.db_input_cache_lock, suppress(sqlite3.Error):
        waiting = manager.db_input_cache
        waiting[:] = [entry for entry in waiting if entry[0] != number]
        if manager.enabled:
            _erase(manager.db, manager.session_number, number)


def _erase(database: sqlite3.Connection, session: int, line: int) -> None:
    database.execute("PRAGMA secure_delete = ON")  # overwrite, do not only unlink
    with database:
        database.execute("DELETE FROM history WHERE session = ? AND line = ?", (session, line))

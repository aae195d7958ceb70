"""A lock file that one run of a job holds, in whichever kernel; the system frees it on a kill."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from hermes_magic.money.place import touch_private

if TYPE_CHECKING:
    from pathlib import Path


class Lock:
    """Held by one at a time, on this machine.

    Args:
        path: the file, made if it is not there; it stays.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> bool:
        """Take it without waiting; tell whether it is ours now."""
        if self._file is not None:
            return True
        touch_private(self._path)
        file = os.open(self._path, os.O_RDWR)
        try:
            _lock(file)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def free(self) -> None:
        """Give it back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

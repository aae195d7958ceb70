"""Where the person's own files of hermes-magic live: the ledger and the stored key."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_VARIABLE = "HERMES_MAGIC_DATA"


def data_folder() -> Path:
    """Give the folder: HERMES_MAGIC_DATA, or what the system has for a person's data."""
    chosen = os.environ.get(FOLDER_VARIABLE, "")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("hermes-magic", appauthor=False))


def private_folder(folder: Path) -> Path:
    """Make the folder, if need be, so that only its owner can look into it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def touch_private(path: Path) -> None:
    """Make an empty file, if there is none, that only its owner can read."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return

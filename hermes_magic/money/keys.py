"""Keys: where they are found, where they are kept, and where they must not stand.

The order, first come first: the environment variable, the system's keyring, the file that
`%hermes login` writes where there is no keyring, Colab's secrets, a `.env` in this folder or one
above. What the person has set up comes before what happens to lie around in a folder.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.errors import PastedKeyError
from hermes_magic.money.place import data_folder, private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hermes_magic.wire.servers import Server

_SERVICE: Final = "hermes-magic"
_FILE: Final = "keys.json"
_KEYRING: Final = "the system's keyring"
_PATTERN: Final = re.compile(r"sk-or-v1-[A-Za-z0-9_-]{16,}")
_SHORTEST: Final = 12  # local servers are given keys like EMPTY, which are no secret
_LINE: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*")
_LARGEST_ENV: Final = 100_000


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and where it comes from in words that may be shown."""

    value: str = field(repr=False)
    source: str


class KeyChain:
    """Finds, stores and forgets keys. What stands in the environment is never changed.

    Args:
        environ: the environment.
        folder: gives the folder of the stored keys.
        here: gives the folder where the search for a `.env` begins.
    """

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        folder: Callable[[], Path] = data_folder,
        here: Callable[[], Path] = Path.cwd,
    ) -> None:
        self._environ = environ
        self._folder = folder
        self._here = here
        self._from_keyring: dict[str, str] = {}

    def find(self, server: Server) -> Key:
        """Give the key to send, "" if the server needs none.

        Raises:
            AuthenticationError: there is none, or what is found cannot be one.
        """
        if not server.key_variable:
            return Key("", "no key needed")
        for value, source in self._found(server.key_variable):
            if value.strip():
                return Key(server.key({server.key_variable: value}), source)
        return Key(server.key({}), "")

    def store(self, server: Server, key: str) -> str:
        """Keep a key for all kernels; give where, in words.

        Raises:
            AuthenticationError: it cannot be a key.
            OSError: there is no keyring, and the file cannot be written.
        """
        variable = server.key_variable
        key = server.key({variable: key})
        self._from_keyring.pop(variable, None)
        if _store_in_keyring(variable, key):
            return _KEYRING
        self._write({**self._stored(), variable: key})
        return f"{self._path}, which only you can read"

    def forget(self, server: Server) -> list[str]:
        """Remove a stored key; give from where it was removed, in words."""
        variable = server.key_variable
        self._from_keyring.pop(variable, None)
        places = [_KEYRING] if _forget_in_keyring(variable) else []
        stored = self._stored()
        if stored.pop(variable, None) is not None:
            self._write(stored)
            places.append(str(self._path))
        return places

    @property
    def _path(self) -> Path:
        return self._folder() / _FILE

    def _found(self, variable: str) -> Iterator[tuple[str, str]]:
        yield self._environ.get(variable, ""), variable
        yield self._kept(variable), f"{variable} in {_KEYRING}"
        yield self._stored().get(variable, ""), f"{variable} in {self._path}"
        yield _colab_secret(variable), f"{variable} in Colab's secrets"
        path, value = _dotenv(variable, self._here)
        yield value, f"{variable} in {path}"

    def _kept(self, variable: str) -> str:
        """Ask the keyring once: it may be slow, and may ask for a password."""
        if variable not in self._from_keyring:
            self._from_keyring[variable] = _read_keyring(variable)
        return self._from_keyring[variable]

    def _stored(self) -> dict[str, str]:
        try:
            stored = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        rows = stored.items() if isinstance(stored, dict) else ()
        return {name: value for name, value in rows if isinstance(value, str)}

    def _write(self, stored: Mapping[str, str]) -> None:
        """Replace the file at once, by one that only its owner could ever read."""
        private_folder(self._path.parent)
        if not stored:
            self._path.unlink(missing_ok=True)
            return
        new = self._path.with_name(f"{_FILE}.{os.getpid()}")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump(dict(stored), file)
        new.replace(self._path)


def refuse_pasted(text: str, key: str = "") -> None:
    """Refuse a text that holds an API key.

    Args:
        text: what is about to be run or sent.
        key: the key in use, which need not look like one.

    Raises:
        PastedKeyError: it does. The key is not in the error.
    """
    if _PATTERN.search(text) or (len(key) >= _SHORTEST and key in text):
        raise PastedKeyError("This cell holds an API key, so nothing was sent.")


def _keyring() -> Any:
    """Give the keyring module, or None."""
    if "keyring" not in sys.modules and importlib.util.find_spec("keyring") is None:
        return None
    return importlib.import_module("keyring")


# Backends raise what they like (D-Bus, Keychain, Wincred): any failure means no keyring.
def _read_keyring(variable: str) -> str:
    with contextlib.suppress(Exception):
        keyring = _keyring()
        return keyring.get_password(_SERVICE, variable) or "" if keyring else ""
    return ""


def _store_in_keyring(variable: str, key: str) -> bool:
    """Store, and look whether it is really there: a null keyring takes all and keeps nothing."""
    with contextlib.suppress(Exception):
        keyring = _keyring()
        if keyring is not None:
            keyring.set_password(_SERVICE, variable, key)
            return bool(keyring.get_password(_SERVICE, variable) == key)
    return False


def _forget_in_keyring(variable: str) -> bool:
    with contextlib.suppress(Exception):
        keyring = _keyring()
        if keyring is not None and keyring.get_password(_SERVICE, variable) is not None:
            keyring.delete_password(_SERVICE, variable)
            return True
    return False


def _colab_secret(variable: str) -> str:
    """Give a secret of Google Colab's, "" elsewhere or where the person has not allowed it."""
    if "google.colab" not in sys.modules:
        return ""
    with contextlib.suppress(Exception):  # its errors are classes of its own kernel
        return str(importlib.import_module("google.colab.userdata").get(variable) or "")
    return ""


def _dotenv(variable: str, here: Callable[[], Path]) -> tuple[Path, str]:
    """Look for a variable in the nearest `.env` that has it, from this folder upwards."""
    with contextlib.suppress(OSError):
        folder = here().absolute()
        for path in (each / ".env" for each in (folder, *folder.parents)):
            value = _dotenv_value(path, variable)
            if value:
                return path, value
    return Path(".env"), ""


def _dotenv_value(path: Path, variable: str) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_LARGEST_ENV)
    except OSError:
        return ""
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match and match[1] == variable:
            return _unquoted(match[2])
    return ""


def _unquoted(value: str) -> str:
    if value[:1] in {"'", '"'} and value.find(value[0], 1) > 0:
        return value[1 : value.index(value[0], 1)]
    return value.partition(" #")[0].strip()

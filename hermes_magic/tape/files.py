"""A tape on disk: one file of episodes, or a folder of such files."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import threading
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NoReturn

from hermes_magic.errors import OptionError, TapeError
from hermes_magic.tape import episode as episodes
from hermes_magic.tape.episode import Episode, EpisodeError
from hermes_magic.tape.layout import layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FORMAT: Final = "hermes-magic tape"
VERSION: Final = 1
SUFFIX: Final = ".json"
_CONFLICT: Final = re.compile(r"^(<{7}|={7}|>{7})", re.MULTILINE)
_NO_NAME: Final = re.compile(r"[^a-z0-9]+")
_NAME_CHARS: Final = 40
_LOCK_SECONDS: Final = 10.0
_LOCK_POLL: Final = 0.02


class Tape:
    """The episodes at a path: a file, or a folder with a file for each new episode.

    A path that is not there becomes a file if its name ends in `.json`, else a folder. Every file
    is written whole beside its place and then moved there, so that no reader ever sees half of
    one; what other kernels write meanwhile is seen and kept. Safe in threads.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[Path, tuple[tuple[int, ...], _File]] = {}
        self._lock = threading.Lock()

    @property
    def exists(self) -> bool:
        """Whether anything is there."""
        return self.path.exists()

    def episodes(self) -> list[Episode]:
        """Give all episodes, in the order of their files and in these of their recording.

        Raises:
            TapeError: a file cannot be read, or is no tape of a version that we know.
        """
        with self._lock:
            return [one for path in self._paths() for one in self._file(path).episodes]

    def find(self, key: str) -> Episode | None:
        """Give the episode with that key, the last if there are several.

        Raises:
            TapeError: as `episodes`.
        """
        found = [one for one in self.episodes() if one.key == key]
        return max(found, key=lambda one: one.recorded) if found else None

    def put(self, episode: Episode) -> None:
        """Put an episode on the tape, in the place of those with its key if there are any.

        Raises:
            TapeError: it cannot be written.
        """
        with self._lock:
            try:
                self._put(episode)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise TapeError(f"The tape {self.path} cannot be written: {reason}.") from None

    def check_writable(self) -> None:
        """Refuse a place where no episode can be put, before one is paid for.

        Raises:
            TapeError: it cannot be written.
        """
        place = self.path
        while not place.exists() and place != place.parent:
            place = place.parent
        if not os.access(place, os.W_OK) or (place != self.path and not place.is_dir()):
            raise TapeError(f"The tape {self.path} cannot be written.")

    @property
    def _is_folder(self) -> bool:
        return self.path.is_dir() or not (self.path.is_file() or self.path.suffix == SUFFIX)

    def _paths(self) -> list[Path]:
        if self.path.is_file():
            return [self.path]
        found = self.path.glob(f"*{SUFFIX}")
        return sorted((path for path in found if path.name[0] != "."), key=lambda path: path.name)

    def _file(self, path: Path) -> _File:
        """Read a file, or give what it was if it has not changed since."""
        try:
            seen = _state(path)
            if path not in self._read or self._read[path][0] != seen:
                self._read[path] = seen, _File.parsed(path, path.read_text("utf-8"))
        except OSError as error:
            raise TapeError(f"{path} cannot be read: {(error.strerror or '').lower()}.") from None
        except UnicodeDecodeError:
            raise TapeError(f"{path} is no tape: it is not UTF-8.") from None
        return self._read[path][1]

    def _put(self, episode: Episode) -> None:
        folder = self.path if self._is_folder else self.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f".{self.path.name}.lock"):
            holding = [path for path in self._paths() if episode.key in self._file(path).keys]
            path = holding[0] if holding else self._new_path(episode)
            file = self._file(path) if path.exists() else _File.parsed(path, _EMPTY)
            self._write(path, file.with_episode(episode))
            for other in holding[1:]:
                self._write(other, self._file(other).without(episode.key))

    def _write(self, path: Path, file: _File) -> None:
        _write(path, file.text)
        self._read[path] = _state(path), file

    def _new_path(self, episode: Episode) -> Path:
        if not self._is_folder:
            return self.path
        return self.path / f"{_name(episode)}-{episode.key[:8]}{SUFFIX}"


@dataclass(frozen=True)
class _File:
    """One file's document, and its episodes in the place of those in the document."""

    document: Mapping[str, Any]
    episodes: tuple[Episode, ...]

    @classmethod
    def parsed(cls, path: Path, text: str) -> _File:
        """Read a file.

        Raises:
            TapeError: it is no tape, or one of a newer version.
        """
        document = _parsed(path, text)
        written = document.get("episodes")
        if not isinstance(written, list):
            raise TapeError(f"{path} is no tape: it has no list of `episodes`.")
        return cls(
            document, tuple(_episode(path, number, one) for number, one in enumerate(written, 1))
        )

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(one.key for one in self.episodes)

    @property
    def text(self) -> str:
        return layout({**self.document, "episodes": [one.text for one in self.episodes]})

    def with_episode(self, episode: Episode) -> _File:
        """Give the file with that episode, in the place of the first with its key."""
        if episode.key not in self.keys:
            return replace(self, episodes=(*self.episodes, episode))
        old = next(one for one in self.episodes if one.key == episode.key)
        new = episode.in_place_of(old)
        kept = (new if one is old else one for one in self.episodes)
        return replace(
            self, episodes=tuple(one for one in kept if one is new or one.key != new.key)
        )

    def without(self, key: str) -> _File:
        """Give the file without the episodes of that key."""
        return replace(self, episodes=tuple(one for one in self.episodes if one.key != key))


def _parsed(path: Path, text: str) -> dict[str, Any]:
    conflict = _CONFLICT.search(text)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        raise TapeError(f"{path} has an unresolved merge conflict in line {line}.")
    try:
        document = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise TapeError(f"{path} is no tape: line {error.lineno}: {error.msg}.") from None
    except (ValueError, RecursionError):
        raise TapeError(f"{path} is no tape: it is not JSON.") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise TapeError(f'{path} is no tape: it does not say "format": "{FORMAT}".')
    version = document.get("version")
    if not isinstance(version, int) or version != VERSION:
        raise TapeError(
            f"{path} is a tape of version {version}; this hermes-magic knows {VERSION}.",
            hint="Use a newer hermes-magic." if _is_newer(version) else "",
        )
    return document


def _episode(path: Path, number: int, written: Any) -> Episode:
    try:
        return episodes.read(written)
    except (EpisodeError, OptionError, ArithmeticError, RecursionError) as error:
        raise TapeError(f"{path}, episode {number}: {str(error).rstrip('.')}.") from None


def _state(path: Path) -> tuple[int, ...]:
    """Give what tells whether a file has changed."""
    state = path.stat()
    return state.st_mtime_ns, state.st_size, state.st_ino


_EMPTY: Final = json.dumps({"format": FORMAT, "version": VERSION, "episodes": []})


def _is_newer(version: object) -> bool:
    return isinstance(version, int) and version > VERSION


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _name(episode: Episode) -> str:
    """Give a file's name that tells what is asked: the last message that has a text."""
    texts = [one.get("content") for one in episode.asked["messages"]]
    said = next((text for text in reversed(texts) if isinstance(text, str) and text.strip()), "")
    words = _NO_NAME.sub("-", said.lower()).strip("-")
    whole = words[: _NAME_CHARS + 1].rpartition("-")[0] if len(words) > _NAME_CHARS else words
    return whole or words[:_NAME_CHARS] or "episode"


def _write(path: Path, text: str) -> None:
    """Put a file into its place in one step."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        # Not tempfile: a tape is for others to read, as far as the person's umask lets them.
        with aside.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        aside.replace(path)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other kernels from writing; a lock that a killed one has left is taken over."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            if time.monotonic() > deadline:
                break
            time.sleep(_LOCK_POLL)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()

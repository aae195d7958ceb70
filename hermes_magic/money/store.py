"""The SQLite file under the ledger, which must never stop a cell.

A corrupt file is moved aside and a new one begun; one that cannot be used (read-only, full disk,
held by another, made by a newer version) is left alone and this kernel counts in memory. Either
is told once. A file that was deleted or moved under a running kernel is begun anew.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar

from hermes_magic.money.place import private_folder, touch_private

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
ResultT = TypeVar("ResultT")

_VERSION: Final = 1
BUSY_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.02
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS calls (
    id TEXT NOT NULL PRIMARY KEY,          -- random: a call may outlive its file
    started TEXT NOT NULL,                 -- UTC
    day TEXT NOT NULL,                     -- the person's own date
    notebook TEXT NOT NULL,
    cell TEXT NOT NULL,
    server TEXT NOT NULL,
    model TEXT NOT NULL,
    state TEXT NOT NULL,                   -- reserved, sent, settled or refused
    counted INTEGER NOT NULL,              -- picodollars, rounded up: what budgets count
    cost TEXT,                             -- USD, the server's own digits
    estimate TEXT,                         -- USD, where the server's figure is missing
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    reasoning_tokens INTEGER,
    cached_tokens INTEGER,
    seconds REAL,
    finish_reason TEXT NOT NULL DEFAULT '',
    generation TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS calls_by_day ON calls (day, counted);
CREATE INDEX IF NOT EXISTS calls_by_notebook ON calls (notebook, counted);
CREATE INDEX IF NOT EXISTS calls_by_cell ON calls (cell, counted);
CREATE INDEX IF NOT EXISTS calls_open ON calls (state) WHERE state IN ('reserved', 'sent');
CREATE TABLE IF NOT EXISTS prices (
    server TEXT NOT NULL,
    model TEXT NOT NULL,
    pricing TEXT NOT NULL,                 -- the server's JSON
    fetched REAL NOT NULL,                 -- seconds since the epoch
    PRIMARY KEY (server, model)
);
"""
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE: Final = 0xFF  # of an extended one: https://www.sqlite.org/rescode.html


class _NewerError(sqlite3.Error):
    """The file was made by a newer version."""


class Store:
    """One kernel's connection to the ledger's file, opened at its first use; safe in threads.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._process = 0
        self._in_memory = False
        self._inside: sqlite3.Connection | None = None
        self._news: list[str] = []
        self._inherited: list[sqlite3.Connection] = []

    def write(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], ResultT],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> ResultT:
        """Do some work in one transaction that no other kernel's can come between.

        The work is done once or not at all, and done again on a fresh file if this one is
        damaged. What it raises, other than `sqlite3.Error`, undoes it and comes out. Inside
        `together` it is part of that transaction.
        """
        with self._lock:
            if self._inside is not None:
                return work(self._inside, *arguments, **named)

        def transaction(connection: sqlite3.Connection) -> ResultT:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection, *arguments, **named)
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            return result

        return self._with_recovery(transaction)

    def together(self, work: Callable[[], ResultT]) -> ResultT:
        """Do some work that writes more than once in one transaction, as `write` does."""

        def inside(connection: sqlite3.Connection) -> ResultT:
            self._inside = connection
            try:
                return work()
            finally:
                self._inside = None

        with self._lock:
            return self.write(inside)

    def read(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], ResultT],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> ResultT:
        """Do some work that only reads."""
        with self._lock:
            if self._inside is not None:
                return work(self._inside, *arguments, **named)
        return self._with_recovery(lambda connection: work(connection, *arguments, **named))

    def take_news(self) -> list[str]:
        """Give what the person should be told about the file, once."""
        with self._lock:
            news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
                self._connection = None

    def _with_recovery(self, work: Callable[[sqlite3.Connection], ResultT]) -> ResultT:
        with self._lock:
            for recover in (self._recover, self._leave):
                try:
                    return work(self._connected())
                except (sqlite3.Error, OSError) as error:
                    recover(error)
            return work(self._connected())

    def _connected(self) -> sqlite3.Connection:
        """Give the connection, made anew after a fork or when the file is another one."""
        if self._process != os.getpid() and self._connection:
            self._inherited.append(self._connection)  # to close it could harm the parent's
            self._connection = None
        elif not self._in_memory and self._connection and _identity(self.path) != self._identity:
            self.close()
        if self._connection is None:
            self._process = os.getpid()
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        if not self._in_memory:
            private_folder(self.path.parent)
            touch_private(self.path)
            self._identity = _identity(self.path)
        connection = sqlite3.connect(
            ":memory:" if self._in_memory else self.path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _recover(self, error: sqlite3.Error | OSError) -> None:
        """Move a damaged file aside; leave any other alone."""
        if not is_damage(error) or self._in_memory:
            self._leave(error)
            return
        self.close()
        if _identity(self.path) != self._identity:  # another kernel has moved it already
            return
        aside = self.path.with_name(f"{self.path.stem}-damaged-{time.time_ns()}{self.path.suffix}")
        try:
            self.path.replace(aside)
            for tail in ("-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    Path(f"{self.path}{tail}").replace(f"{aside}{tail}")
        except OSError as failure:
            self._leave(failure)
            return
        self._news.append(
            f"The ledger was damaged: it is kept as {aside}, and a new one has begun."
        )

    def _leave(self, error: sqlite3.Error | OSError) -> None:
        """Go on in memory."""
        if self._in_memory:
            raise error
        self.close()
        self._in_memory = True
        self._news.append(
            f"The ledger {self.path} cannot be used ({_reason(error)}): "
            "this kernel's spending is counted, but not kept."
        )


def _prepare(connection: sqlite3.Connection) -> None:
    """Set the connection up, make the tables; raise where the file cannot be written."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise _NewerError("it was made by a newer hermes-magic")
    when_free(lambda: connection.execute("PRAGMA journal_mode = WAL"))
    # A killed kernel loses nothing with this; a power cut may lose the last calls, not the file.
    connection.execute("PRAGMA synchronous = NORMAL")
    if version == _VERSION:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        return
    connection.executescript(
        f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;"
    )


def when_free(work: Callable[[], object]) -> None:
    """Do some work again while another holds the file, where SQLite does not wait by itself.

    It does not while a file is turned to WAL, which several may want at once.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            work()
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_damage(error: sqlite3.Error | OSError) -> bool:
    """Tell whether a file is no database, or a broken one."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY_CODE in _DAMAGED


def _reason(error: sqlite3.Error | OSError) -> str:
    return (getattr(error, "strerror", "") or str(error)).rstrip(".").lower()

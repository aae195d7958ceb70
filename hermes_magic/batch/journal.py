"""What a job keeps: every answer in a file, durable before the next question is sent.

The file holds the answers by the hash of their request. Which row asks which question is kept in
temporary tables of this connection, so that memory stays flat however many rows there are.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from hermes_magic import errors
from hermes_magic.batch.answer import COLUMNS, Answer, Counts, Place, answer_of, values_of
from hermes_magic.money.calls import EXACT
from hermes_magic.money.place import private_folder, touch_private
from hermes_magic.money.store import BUSY_SECONDS, is_damage, when_free

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_BLOCK: Final = 500
_BEGIN_ANEW: Final = "Move that file away to begin anew."
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS answers (
    key BLOB NOT NULL PRIMARY KEY,         -- hash of the request
    error TEXT NOT NULL,                   -- its type, or ''
    message TEXT NOT NULL,
    text TEXT NOT NULL,
    thinking TEXT NOT NULL,
    cost TEXT,                             -- USD, the server's own digits
    estimate TEXT,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    reasoning_tokens INTEGER,
    cached_tokens INTEGER,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    finish_reason TEXT NOT NULL,
    generation TEXT NOT NULL,
    seconds REAL
);
PRAGMA temp_store = FILE;
CREATE TEMP TABLE IF NOT EXISTS places (      -- row by row, in their order
    place INTEGER PRIMARY KEY,
    key BLOB,                              -- NULL: there is nothing to ask
    problem TEXT NOT NULL,                 -- why
    first INTEGER NOT NULL                 -- whether it is the first with its key
);
CREATE TEMP TABLE IF NOT EXISTS questions (   -- each different one once, in their order
    number INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    text TEXT NOT NULL,
    times INTEGER NOT NULL DEFAULT 1
);
"""


@dataclass(frozen=True, slots=True)
class Question:
    """One request to make: its key and the user's message."""

    key: bytes
    text: str


class Journal:
    """One job's file, and the plan of this run; safe in threads.

    Attributes:
        path: the file, which only its owner can read.
        counts: of the answers to this run's questions, from `count` on.

    Raises (all methods): `StorageError` if the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts = Counts()
        self._lock = threading.RLock()
        self._unsaved: dict[bytes, Answer] = {}
        with self._told():
            private_folder(path.parent)
            touch_private(path)
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                when_free(partial(_prepare, self._connection))
            except BaseException:
                self._connection.close()
                raise

    def plan(self, rows: Iterable[tuple[Question | None, str]], *, dedupe: bool = True) -> None:
        """Take the questions of all rows; a row without one says why.

        Args:
            rows: (question, "") or (None, the problem), in their order.
            dedupe: whether equal questions are one.
        """
        block: list[tuple[Question | None, str]] = []
        place = 0
        for row in rows:
            block.append(row)
            if len(block) == _BLOCK:
                self._plan(place, block, dedupe=dedupe)
                place += len(block)
                block.clear()
        self._plan(place, block, dedupe=dedupe)

    def _plan(self, place: int, block: list[tuple[Question | None, str]], *, dedupe: bool) -> None:
        with self._lock, self._told():
            self._connection.execute("BEGIN")
            for at, (question, problem) in enumerate(block, place):
                key, first = None, False
                if question is not None:
                    take = self._ask_once if dedupe else self._ask_again
                    key, first = take(question)
                self._connection.execute(
                    "INSERT INTO places VALUES (?, ?, ?, ?)", (at, key, problem, first)
                )
            self._connection.execute("COMMIT")

    def _ask_once(self, question: Question) -> tuple[bytes, bool]:
        added = self._connection.execute(
            "INSERT INTO questions (key, text) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
            (question.key, question.text),
        )
        return question.key, added.rowcount > 0

    def _ask_again(self, question: Question) -> tuple[bytes, bool]:
        """Give the first of equal questions the key it would have alone, each other its own."""
        (times,) = self._connection.execute(
            "INSERT INTO questions (key, text) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET times = times + 1 RETURNING times",
            (question.key, question.text),
        ).fetchone()
        if times == 1:
            return question.key, True
        key = question.key + b"%d" % times
        self._connection.execute(
            "INSERT INTO questions (key, text) VALUES (?, ?)", (key, question.text)
        )
        return key, True

    def forget(self, *, failed_only: bool) -> None:
        """Forget the answers of this run's questions, or only those that are errors."""
        which = "error != '' AND " if failed_only else ""
        with self._lock, self._told():
            self._connection.execute(
                f"DELETE FROM answers WHERE {which}key IN (SELECT key FROM questions)"  # noqa: S608
            )

    def open_questions(
        self, *, failed_too: bool = False, all_of_them: bool = False
    ) -> Iterator[Question]:
        """Give the questions that have no answer, in their order.

        Args:
            failed_too: those as well whose answer is an error.
            all_of_them: those as well that have an answer.
        """
        last = -1
        while block := self._select(
            "SELECT number, questions.key, questions.text FROM questions"
            " LEFT JOIN answers USING (key) WHERE number > ?"
            " AND (answers.key IS NULL OR (? AND error != '') OR ?) ORDER BY number LIMIT ?",
            last,
            failed_too,
            all_of_them,
            _BLOCK,
        ):
            for last, key, text in block:  # noqa: B007 - where the next block begins
                yield Question(key, text)

    def keep(self, key: bytes, answer: Answer) -> None:
        """Keep an answer; it is durable when this returns.

        An answer that cannot be written stays in hand for as long as this object lives.
        """
        values = values_of(answer)
        marks = ", ".join("?" * (len(values) + 1))
        with self._lock:
            self.counts = self.counts.plus(answer)
            try:
                with self._told():
                    self._connection.execute(
                        f"INSERT OR REPLACE INTO answers (key, {COLUMNS}) VALUES ({marks})",  # noqa: S608
                        (key, *values),
                    )
            except errors.StorageError:
                self._unsaved[key] = answer
                raise

    def places(self) -> Iterator[Place]:
        """Give what came of each row, in their order."""
        last = -1
        while block := self._select(
            f"SELECT place, places.key, problem, first, answers.key IS NOT NULL, {COLUMNS}"  # noqa: S608
            " FROM places LEFT JOIN answers USING (key) WHERE place > ? ORDER BY place LIMIT ?",
            last,
            _BLOCK,
        ):
            for last, key, problem, first, found, *values in block:  # noqa: B007 - as above
                answer = answer_of(values) if found else self._unsaved.get(key)
                yield Place(answer, problem, bool(first))

    def texts(self) -> list[str | None]:
        """Give each row's question as text; None where there is nothing to ask."""
        rows = self._select(
            "SELECT text FROM places LEFT JOIN questions USING (key) ORDER BY place"
        )
        return [text for (text,) in rows]

    def count(self) -> Counts:
        """Count the answers to this run's questions; `keep` goes on counting from there."""
        failed, answered, usd = 0, 0, Decimal(0)
        with self._lock, self._told():
            rows = self._connection.execute(
                "SELECT answers.error != '', coalesce(cost, estimate) FROM questions"
                " JOIN answers USING (key)"
            )
            for is_error, cost in rows:
                answered += 1
                failed += is_error
                usd = EXACT.add(usd, Decimal(cost or 0))
            self.counts = Counts(answered, failed, usd)
            return self.counts

    def mean_tokens(self) -> int | None:
        """Give how long the job's answers have been on average, in tokens; None without any."""
        ((mean,),) = self._select(
            "SELECT avg(completion_tokens) FROM (SELECT completion_tokens FROM answers"
            " WHERE error = '' LIMIT 1000)"
        )
        return None if mean is None else round(mean)

    def rows(self) -> tuple[int, int, int]:
        """Count the rows that have an answer, those that have an error, and all."""
        ((done, failed, count),) = self._select(
            "SELECT count(*) FILTER (WHERE error = ''),"
            " count(*) FILTER (WHERE error != '' OR problem != ''), count(*)"
            " FROM places LEFT JOIN answers USING (key)"
        )
        for key, answer in self._unsaved.items():
            ((times,),) = self._select("SELECT count(*) FROM places WHERE key = ?", key)
            done, failed = (
                (done + times, failed) if answer.error is None else (done, failed + times)
            )
        return int(done), int(failed), int(count)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _select(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, self._told():
            return self._connection.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", "") or str(error)
            raise errors.StorageError(
                f"The answers cannot be kept in {self.path}: {reason.rstrip('.').lower()}.",
                hint=_BEGIN_ANEW if is_damage(error) else None,
            ) from error


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # A kill loses nothing with this; a power cut may lose the last answers.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(_SCHEMA)

"""The journal of a batch: what comes back is what was kept, whatever stands in it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic import errors
from hermes_magic.batch.answer import Answer
from hermes_magic.batch.journal import Journal, Question
from hermes_magic.reply import Reply, Timing, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ONE, TWO = Question(b"one", "One?"), Question(b"two", "Two?")
WHOLE = Reply(
    "Yes.",
    "Hm.",
    Usage(5, 7, 3, 2, Decimal("0.00123000000000000000001"), estimate=Decimal("0.1")),
    "hermes",
    "Nebius",
    "stop",
    "gen-1",
    timing=Timing(total=1.5),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "batches" / "job.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path)) as journal:
        journal.plan([(ONE, ""), (None, "wrong"), (TWO, ""), (ONE, "")])
        yield journal


def kept(path: Path, *rows: Question) -> list[Answer | None]:
    """Open the file anew; give what stands in it for these questions."""
    with closing(Journal(path)) as again:
        again.plan((row, "") for row in rows)
        return [place.answer for place in again.places()]


def test_a_reply_comes_back_digit_for_digit(journal: Journal, path: Path) -> None:
    journal.keep(b"one", Answer(WHOLE))
    (answer,) = kept(path, ONE)
    assert answer is not None
    assert answer.error is None
    assert answer.reply == WHOLE


@pytest.mark.parametrize("kind", [errors.RateLimitError, errors.SchemaError, errors.TemplateError])
def test_an_error_comes_back_as_its_type(journal: Journal, path: Path, kind: Any) -> None:
    error = kind("It failed.")
    journal.keep(b"one", Answer(Reply("half", state="failed"), error))
    (answer,) = kept(path, ONE)
    assert answer is not None
    assert type(answer.error) is kind
    assert str(answer.error) == str(error)
    assert answer.error is not None
    assert answer.error.reply == answer.reply
    assert (answer.reply.text, answer.reply.state) == ("half", "failed")


@pytest.mark.parametrize("name", ["NoSuchError", "Stopped", "annotations"])
def test_a_type_that_is_none_of_ours_is_a_general_error(
    journal: Journal, path: Path, name: str
) -> None:
    kind = type(name, (errors.HermesError,), {})
    journal.keep(b"one", Answer(Reply(state="failed"), kind("It failed.")))
    (answer,) = kept(path, ONE)
    assert answer is not None
    assert type(answer.error) is errors.HermesError


def test_half_a_surrogate_pair_does_not_lose_the_answer(journal: Journal, path: Path) -> None:
    journal.keep(b"one", Answer(Reply("so \ud83d far")))
    (answer,) = kept(path, ONE)
    assert answer is not None
    assert answer.reply.text == "so ? far"


def test_places_keep_the_order_of_the_rows(journal: Journal) -> None:
    journal.keep(b"two", Answer(Reply("2")))
    journal.keep(b"one", Answer(Reply("1")))
    places = list(journal.places())
    assert [place.answer and place.answer.reply.text for place in places] == ["1", None, "2", "1"]
    assert [place.problem for place in places] == ["", "wrong", "", ""]
    assert [place.first for place in places] == [True, False, True, False]
    assert journal.texts() == ["One?", None, "Two?", "One?"]


def test_what_is_answered_is_not_open(journal: Journal) -> None:
    assert list(journal.open_questions()) == [ONE, TWO]
    journal.keep(b"one", Answer(WHOLE))
    assert list(journal.open_questions()) == [TWO]
    journal.forget(failed_only=True)
    assert list(journal.open_questions()) == [TWO]
    journal.forget(failed_only=False)
    assert list(journal.open_questions()) == [ONE, TWO]


def test_rows_are_counted_by_what_came_of_them(journal: Journal) -> None:
    assert journal.rows() == (0, 1, 4)
    journal.keep(b"one", Answer(WHOLE))
    journal.keep(b"two", Answer(WHOLE, errors.NetworkError("cut")))
    assert journal.rows() == (2, 2, 4)
    assert list(journal.open_questions(failed_too=True)) == [TWO]
    assert list(journal.open_questions(all_of_them=True)) == [ONE, TWO]


def test_many_rows_are_all_there(path: Path) -> None:
    rows = [Question(b"%d" % number, str(number)) for number in range(1700)]
    with closing(Journal(path)) as journal:
        journal.plan((row, "") for row in rows)
        assert journal.rows() == (0, 0, 1700)
        assert list(journal.open_questions()) == rows
        assert len(list(journal.places())) == 1700


def test_counts_go_on_from_what_is_there(journal: Journal, path: Path) -> None:
    journal.keep(b"one", Answer(WHOLE))
    journal.keep(b"other", Answer(WHOLE))
    with closing(Journal(path)) as again:
        again.plan([(ONE, ""), (TWO, "")])
        again.count()
        again.keep(b"two", Answer(Reply(state="failed"), errors.NetworkError("cut")))
        assert (again.counts.answered, again.counts.failed) == (2, 1)
        assert again.counts.usd == WHOLE.usage.cost
        assert again.count() == again.counts


def test_a_run_waits_for_another_that_makes_the_file_just_now(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with closing(other):
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE other (number)")
        done = threading.Timer(0.2, other.execute, ["COMMIT"])
        done.start()
        with closing(Journal(path)) as journal:
            assert journal.path == path
        done.join()


def test_a_damaged_file_is_left_alone_and_the_error_says_what_to_do(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)
    before = path.read_bytes()
    with pytest.raises(errors.StorageError, match="Move that file away"):
        Journal(path)
    assert path.read_bytes() == before


def test_an_answer_that_cannot_be_written_stays_in_hand(journal: Journal) -> None:
    journal._connection.execute("PRAGMA query_only = 1")
    with pytest.raises(errors.StorageError, match="cannot be kept in"):
        journal.keep(b"one", Answer(WHOLE))
    first = next(journal.places())
    assert first.answer == Answer(WHOLE)
    assert journal.rows() == (2, 1, 4)

"""Whatever has become of the ledger's file, work goes on, and the person is told once."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import tempfile
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hermes_magic.money import store as store_module
from hermes_magic.money.calls import Entry, Outcome
from hermes_magic.money.ledger import Ledger
from hermes_magic.money.store import Store
from hermes_magic.reply import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENTRY = Entry("n", "c", "s", "m")
NOBODY = 65534


def book(ledger: Ledger) -> str:
    call = ledger.reserve(ENTRY, lambda _: Decimal(1))
    ledger.mark_sent(call)
    return call


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger(Store(path))
    yield ledger
    ledger.close()


def test_the_file_is_its_owners_alone(ledger: Ledger, path: Path) -> None:
    book(ledger)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}


def test_nothing_is_opened_before_the_first_use(ledger: Ledger, path: Path) -> None:
    assert ledger.take_news() == []
    assert not path.parent.exists()


def rubbish(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)


def damage(path: Path) -> None:
    """Overwrite all pages but the first."""
    with closing(Ledger(Store(path))) as ledger:
        for _ in range(50):
            book(ledger)
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


@pytest.mark.parametrize("spoil", [rubbish, damage])
def test_a_damaged_file_is_moved_aside_and_told_once(
    spoil: Callable[[Path], None], ledger: Ledger, path: Path
) -> None:
    path.parent.mkdir()
    spoil(path)
    spoilt = path.read_bytes()
    book(ledger)
    book(ledger)
    (aside,) = path.parent.glob("ledger-damaged-*.sqlite3")
    assert aside.read_bytes() == spoilt
    (news,) = ledger.take_news()
    assert str(aside) in news
    assert ledger.take_news() == []
    with closing(Ledger(Store(path))) as another:
        assert len(another.calls()) == 2
        assert another.take_news() == []


def test_a_file_that_another_kernel_has_moved_is_begun_anew(ledger: Ledger, path: Path) -> None:
    running = book(ledger)
    path.rename(path.with_name("aside"))
    assert not ledger.settle(running, Outcome(Usage(cost=Decimal(2))))
    book(ledger)
    assert len(ledger.calls()) == 1
    assert ledger.take_news() == []


def test_a_deleted_file_is_begun_anew(ledger: Ledger, path: Path) -> None:
    book(ledger)
    for each in path.parent.iterdir():
        each.unlink()
    book(ledger)
    with closing(Ledger(Store(path))) as another:
        assert len(another.calls()) == 1
    assert ledger.take_news() == []


def test_a_folder_that_cannot_be_made_leaves_the_books_in_memory(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with closing(Ledger(Store(in_the_way / "data" / "ledger.sqlite3"))) as ledger:
        book(ledger)
        book(ledger)
        assert len(ledger.calls()) == 2
        (news,) = ledger.take_news()
    assert "cannot be used (not a directory)" in news


def test_a_file_of_a_newer_version_is_left_alone(ledger: Ledger, path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    book(ledger)
    assert path.read_bytes() == before
    (news,) = ledger.take_news()
    assert "newer hermes-magic" in news
    assert len(ledger.calls()) == 1


def test_a_foreign_database_is_left_alone(ledger: Ledger, path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE calls (number)")
    book(ledger)
    assert len(ledger.take_news()) == 1
    assert len(ledger.calls()) == 1


@pytest.fixture
def someone_else() -> Iterator[Path]:
    """Work as a user for whom permissions count; root may write anything."""
    if sys.platform == "win32":
        pytest.skip("permissions of another kind")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    was = os.geteuid()
    if was == 0:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    yield folder
    if was == 0:
        os.seteuid(0)
    folder.chmod(0o700)
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()


def test_a_read_only_ledger_leaves_the_books_in_memory(someone_else: Path) -> None:
    path = someone_else / "ledger.sqlite3"
    with closing(Ledger(Store(path))) as ledger:
        book(ledger)
    for each in someone_else.iterdir():
        each.chmod(0o400)
    someone_else.chmod(0o500)
    before = path.read_bytes()
    with closing(Ledger(Store(path))) as ledger:
        book(ledger)
        assert len(ledger.take_news()) == 1
        assert len(ledger.calls()) == 1
        assert ledger.take_news() == []
    assert path.read_bytes() == before


def test_a_ledger_that_another_holds_for_too_long_is_left_to_it(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0.05)
    with closing(Ledger(Store(path))) as another:
        book(another)
    with closing(sqlite3.connect(path, isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        book(ledger)
        assert "cannot be used (database is locked)" in ledger.take_news()[0]
        assert len(ledger.calls()) == 1


def test_a_forked_process_has_a_connection_of_its_own(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(path)
    with closing(Ledger(store)) as ledger:
        book(ledger)
        parents = store._connection
        monkeypatch.setattr(os, "getpid", lambda: -1)
        book(ledger)
        assert store._connection is not parents
        assert parents is not None
        assert len(ledger.calls()) == 2
        parents.close()  # which the child must not do


def test_what_the_work_raises_undoes_it_and_comes_out(ledger: Ledger) -> None:
    def refuse(_: object) -> Decimal:
        raise LookupError("no")

    with pytest.raises(LookupError):
        ledger.reserve(ENTRY, refuse)
    assert ledger.calls() == []
    book(ledger)
    assert len(ledger.calls()) == 1

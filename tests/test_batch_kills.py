"""A job survives interrupts, a kill -9 and a full disk, and pays for no answer twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hermes_magic.money.calls import exact_sum
from hermes_magic.money.place import FOLDER_VARIABLE
from tests.batch.jobs import KEY, booked
from tests.batch.till import COST, Till, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hermes_magic.offline import Response

ROOT = Path(__file__).parent.parent
PATIENCE = 120.0


@contextmanager
def working(till: Till, folder: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    environment = {
        **os.environ,
        FOLDER_VARIABLE: str(folder),
        "OPENROUTER_API_KEY": KEY,
        "PYTHONPATH": str(ROOT),
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.batch.worker", till.base_url, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate(timeout=30)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kept(folder: Path) -> int:
    """Count the answers in the job's file, as it is on the disk."""
    (path,) = (folder / "batches").glob("*.sqlite3")
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM answers").fetchone()[0])


class Gate:
    """Fails some questions at their first time, and can hold all answers back.

    A held answer is one that nobody pays for if the client is gone when it is let out.
    """

    def __init__(self, failing: set[int]) -> None:
        self._failing = {f"About {row}" for row in failing}  # each fails once
        self.open = threading.Event()
        self.open.set()
        self.held = 0
        self._lock = threading.Lock()

    def __call__(self, text: str, _time: int) -> Response | None:
        if not self.open.is_set():
            with self._lock:
                self.held += 1
            self.open.wait(PATIENCE)
            return None
        with self._lock:
            fails = text in self._failing
            self._failing.discard(text)
        return refusal(500) if fails else None


def test_five_thousand_rows_three_interrupts_and_a_kill_are_paid_once_each(tmp_path: Path) -> None:
    rows, at_once = 5000, 16
    failing = set(random.Random(8).sample(range(rows), rows // 20))
    gate = Gate(failing)
    with Till(gate, latency=0.01) as till:
        for share in (1, 2, 3):
            with working(till, tmp_path, rows, at_once) as child:
                wait_until(lambda share=share: till.asked.total() >= share * 900)  # type: ignore[misc]
                child.send_signal(signal.SIGINT)
                assert child.stdout is not None
                assert child.stdout.read().split() == ["STARTED", "STOPPED"]
        with working(till, tmp_path, rows, at_once) as child:
            wait_until(lambda: till.asked.total() >= 3700)
            gate.open.clear()
            wait_until(lambda: gate.held == at_once)
            child.kill()
            child.wait()
        gate.open.set()
        assert till.paid().total() < rows
        with working(till, tmp_path, rows, at_once) as child:
            assert child.communicate(timeout=PATIENCE)[0].split()[1:3] == ["DONE", "4750"]
        with working(till, tmp_path, rows, at_once, "retry") as child:
            assert child.communicate(timeout=PATIENCE)[0].split()[1:] == ["DONE", "5000", "0"]
        assert till.paid() == {f"About {row}": 1 for row in range(rows)}
    calls = booked(tmp_path)
    settled = [call for call in calls if call.state == "settled"]
    assert exact_sum(call.amount for call in settled) == rows * COST
    assert sum(call.state == "sent" for call in calls) == at_once  # at their worst case, for good
    assert sum(call.state == "refused" for call in calls) == len(failing)


@pytest.mark.parametrize("at", [60, 150, 260])
def test_a_kill_at_any_moment_repeats_at_most_what_was_under_way(tmp_path: Path, at: int) -> None:
    rows, at_once = 400, 8
    with Till(latency=0.005) as till:
        with working(till, tmp_path, rows, at_once) as child:
            wait_until(lambda: till.asked.total() >= at)
            child.kill()
            child.wait()
        before = kept(tmp_path)
        assert before >= at - 2 * at_once
        with working(till, tmp_path, rows, at_once) as child:
            assert child.communicate(timeout=PATIENCE)[0].split()[1:] == ["DONE", "400", "0"]
        assert till.asked.keys() == {f"About {row}" for row in range(rows)}
        assert till.asked.total() <= rows + at_once
    calls = booked(tmp_path)
    assert len([call for call in calls if call.state in {"sent", "settled"}]) >= till.asked.total()


def test_a_full_disk_stops_the_job_with_one_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    rows, at_once = 3000, 8
    with Till(latency=0.001) as till:
        with working(till, tmp_path, rows, at_once, "small disk") as child:
            said = child.communicate(timeout=PATIENCE)[0].splitlines()
        assert said[1].startswith("FULL ")
        in_hand = int(said[1].split()[1])
        assert said[2].startswith("The answers cannot be kept in ")
        assert len(said) == 3
        assert in_hand == till.paid().total()
        assert 0 < in_hand < rows
        assert in_hand - kept(tmp_path) <= at_once
        with working(till, tmp_path, rows, at_once) as child:
            assert child.communicate(timeout=PATIENCE)[0].split()[1:] == ["DONE", "3000", "0"]
        assert till.paid().total() <= rows + at_once

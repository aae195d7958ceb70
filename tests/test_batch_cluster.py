"""A batch on a real Dask cluster: one worker dies, nothing is lost, and no key travels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hermes_magic.errors import OptionError
from hermes_magic.money.calls import exact_sum
from tests.batch.jobs import KEY, Office, booked
from tests.batch.till import COST, Till

ROOT = Path(__file__).parent.parent
AT_ONCE = 9


def clustered(till: Till, folder: Path, rows: int, max_cost: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.batch.clustered", till.base_url, str(rows), max_cost],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        cwd=ROOT,
        env={
            **os.environ,
            "HERMES_MAGIC_DATA": str(folder),
            "OPENROUTER_API_KEY": KEY,
            "PYTHONPATH": str(ROOT),
        },
    )
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert KEY not in done.stdout + done.stderr
    return told


def spent(folder: Path) -> Decimal:
    return exact_sum(call.amount for call in booked(folder))


@pytest.mark.cluster
def test_a_worker_killed_in_the_middle_costs_nothing_but_what_it_had_under_way(
    tmp_path: Path,
) -> None:
    rows = 150
    with Till(latency=0.05) as till:
        told = clustered(till, tmp_path, rows, "50")
        assert told["killed"], told["errors"]
        assert (told["done"], told["right"], told["errors"]) == (rows, True, [])
        assert told["more"] == 6
        assert told["kind"].startswith("dask")
        assert till.most <= AT_ONCE
        about = {text: n for text, n in till.asked.items() if text.startswith("About")}
        assert about.keys() == {f"About {row}" for row in range(rows)}
        assert sum(about.values()) <= rows + AT_ONCE
        calls = booked(tmp_path)
        assert len(calls) >= till.asked.total()  # what was lost is booked at its worst case
    assert "Station" in told["known"]
    assert KEY not in told["known"]
    assert "About" not in told["known"]  # nor does a question stand in a task


@pytest.mark.cluster
def test_the_budget_holds_for_the_cluster_as_a_whole(tmp_path: Path) -> None:
    with Till(latency=0.05) as till:
        told = clustered(till, tmp_path, 300, "0.045")
        assert 50 < told["done"] < 300
        assert "--max-cost" in told["errors"][0]
    assert spent(tmp_path) <= Decimal("0.045") + 6 * COST


def test_what_is_no_cluster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    with Till() as till:
        with pytest.raises(OptionError, match="Client, not a str"):
            Office(till.base_url).run("Of {{row}}", range(3), cluster="tcp://scheduler:8786")
        assert till.asked == {}

"""Eight processes spend from one ledger at once: together never more than the daily budget."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hermes_magic.money.calls import exact_sum
from hermes_magic.money.ledger import Ledger
from hermes_magic.money.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

PROCESSES = 8
FATES = ("settle", "settle", "settle", "leave", "refuse", "drop", "settle twice")
CALLS = st.tuples(
    st.integers(1, 4000),
    st.decimals("0", "1", places=3).map(str),
    st.sampled_from(FATES),
)


@pytest.fixture(scope="module")
def spenders() -> Iterator[list[subprocess.Popen[str]]]:
    script = Path(__file__).parent / "money" / "spender.py"
    started = [
        subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        for _ in range(PROCESSES)
    ]
    yield started
    for each in started:
        each.communicate(timeout=30)


def run(spenders: list[subprocess.Popen[str]], tasks: list[dict[str, Any]]) -> list[Any]:
    """Let all processes spend at the same time; give their answers."""
    for each, task in zip(spenders, tasks, strict=True):
        assert each.stdin is not None
        each.stdin.write(json.dumps(task) + "\n")
        each.stdin.flush()
    answers = []
    for each in spenders:
        assert each.stdout is not None
        answers.append(json.loads(each.stdout.readline()))
    return answers


def spent_in_all(answers: list[Any]) -> Decimal:
    return exact_sum(Decimal(usd) for one in answers for usd in one["spent"] if usd is not None)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.decimals("0.0005", "0.05", places=4),
    plans=st.lists(st.lists(CALLS, min_size=1, max_size=6), min_size=PROCESSES, max_size=PROCESSES),
)
def test_no_sequence_of_calls_passes_the_daily_budget(
    spenders: list[subprocess.Popen[str]], limit: Decimal, plans: list[Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.sqlite3")
        tasks = [{"path": str(path), "limit": str(limit), "calls": calls} for calls in plans]
        answers = run(spenders, tasks)
        ledger = Ledger(Store(path))
        calls = ledger.calls()
        ledger.close()
    assert [one["news"] for one in answers] == [[]] * PROCESSES
    assert spent_in_all(answers) <= limit
    assert exact_sum(call.amount for call in calls) == spent_in_all(answers)
    kept = sum(
        usd is not None and fate != "drop"
        for one, plan in zip(answers, plans, strict=True)
        for usd, (_, _, fate) in zip(one["spent"], plan, strict=True)
    )
    assert len(calls) == kept


def test_only_one_of_eight_gets_the_last_cent(
    spenders: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    """1,000 tokens of answer and the prompt's 300: room for one such call, and not for two."""
    path = tmp_path / "ledger.sqlite3"
    task = {"path": str(path), "limit": "0.0034", "calls": [(1000, "1", "leave")]}
    answers = run(spenders, [task] * PROCESSES)
    assert [one["spent"][0] for one in answers].count("0.003300") == 1
    assert spent_in_all(answers) == Decimal("0.0033")

"""A kernel is killed at any point of a call: the ledger neither loses the call nor doubles it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hermes_magic.money.account import LEDGER_FILE, Account
from hermes_magic.money.ledger import Ledger
from hermes_magic.money.place import FOLDER_VARIABLE
from hermes_magic.money.store import Store
from hermes_magic.offline import Pause, Request, Response, Server
from hermes_magic.options import HERMES_4_405B
from hermes_magic.wire.servers import openrouter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hermes_magic.money.calls import Call
    from hermes_magic.offline.messages import Step

COST = Decimal("0.0012300000000000001")
WORST = Decimal("0.02")  # 8192 tokens at $3 a million alone are more
WHO = {"id": "gen-1", "model": HERMES_4_405B, "provider": "Nebius"}


def chunk(finish: str | None = None, **delta: object) -> Mapping[str, object]:
    return {**WHO, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


THOUGHT, ANSWER, STOP = chunk(reasoning="Hm."), chunk(content="So."), chunk("stop", content="")
USAGE = {**WHO, "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "cost": COST}}
WHOLE = [THOUGHT, ANSWER, STOP, USAGE]
LONG = Pause(600)


@dataclass
class Billing:
    """A server that bills each question, whether or not anybody stays for the answer."""

    events: list[Mapping[str, object] | Step]
    billed: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        if request.method == "POST":
            self.billed.append("gen-1")
            return Response.sse(self.events, headers={"X-Generation-Id": "gen-1"})
        if request.path.endswith("/generation?id=gen-1") and self.billed:
            return Response.json({"data": {"id": "gen-1", "total_cost": COST}})
        return Response.json({"error": {"code": 404, "message": "Not found"}}, status=404)


@contextmanager
def asking(server: Server, folder: Path, point: str) -> Iterator[subprocess.Popen[str]]:
    script = Path(__file__).parent / "money" / "asker.py"
    environment = {**os.environ, FOLDER_VARIABLE: str(folder)}
    child = subprocess.Popen(
        [sys.executable, str(script), server.base_url, point],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parent.parent,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate(timeout=30)


def kill_at(server: Server, folder: Path, point: str, told: str) -> None:
    """Ask in a process of its own; kill -9 it when it has told that line."""
    with asking(server, folder, point) as child:
        assert child.stdout is not None
        lines = []
        for line in child.stdout:
            lines.append(line.strip())
            if lines[-1] == told:
                return
        raise AssertionError(f"never told {told}: {lines}")


def look(server: Server, folder: Path, *, later: timedelta = timedelta(minutes=5)) -> list[Call]:
    """Open the ledger as the next kernel does, some minutes later; give what stands in it."""
    ledger = Ledger(Store(folder / LEDGER_FILE), lambda: datetime.now().astimezone() + later)
    account = Account(ledger=ledger)
    account.settle_others(openrouter(server.base_url), "sk-test").join(30)
    calls = ledger.calls()
    account.close()
    return calls


NEVER_SENT = ["before booking", "while booking", "booked"]
KNOWN = [
    ("after the headers", "Started", [LONG]),
    ("in the thought", "Thought", [THOUGHT, LONG]),
    ("in mid-answer", "Text", [THOUGHT, ANSWER, LONG]),
    ("between last delta and usage", "Finished", [THOUGHT, ANSWER, STOP, LONG]),
    ("between usage and [DONE]", "UsageReported", [*WHOLE, LONG]),
    ("while settling", "HALTED", WHOLE),
    ("settled", "HALTED", WHOLE),
    ("behind the end", "Done", WHOLE),
]


@pytest.mark.parametrize("point", NEVER_SENT)
def test_killed_before_sending_leaves_nothing(point: str, tmp_path: Path) -> None:
    billing = Billing(list(WHOLE))
    with Server(billing) as server:
        kill_at(server, tmp_path, point, "HALTED")
        assert billing.billed == []
        assert look(server, tmp_path) == []


@pytest.mark.parametrize(("point", "told", "events"), KNOWN, ids=[row[0] for row in KNOWN])
def test_killed_later_is_one_call_at_the_servers_cost(
    point: str, told: str, events: list[Mapping[str, object] | Step], tmp_path: Path
) -> None:
    billing = Billing(list(events))
    with Server(billing) as server:
        kill_at(server, tmp_path, point, told)
        for _ in range(2):
            (call,) = look(server, tmp_path)
            assert (call.state, call.cost, call.generation) == ("settled", COST, "gen-1")
            assert call.notebook == "/home/ada/paper.ipynb"
        assert billing.billed == ["gen-1"]


def test_killed_between_the_books_and_the_wire_is_kept_at_its_worst_case(tmp_path: Path) -> None:
    """Nobody can know whether such a request went out, so it counts."""
    with Server(Billing(list(WHOLE))) as server:
        kill_at(server, tmp_path, "marked as sent", "HALTED")
        (call,) = look(server, tmp_path)
    assert (call.state, call.cost, call.is_estimated) == ("sent", None, True)
    assert call.amount > WORST


def test_killed_before_the_headers_is_kept_at_its_worst_case(tmp_path: Path) -> None:
    """The server has given no number yet by which its cost could be asked for."""
    arrived = threading.Event()
    leave = threading.Event()

    def respond(request: Request) -> Response:
        if request.method == "POST":
            arrived.set()
            leave.wait(30)
        return Response.json({}, status=404)

    with Server(respond) as server:
        with asking(server, tmp_path, ""):
            assert arrived.wait(30)
        leave.set()
        (call,) = look(server, tmp_path)
    assert (call.state, call.generation, call.is_estimated) == ("sent", "", True)
    assert call.amount > WORST


def test_a_living_kernel_and_a_helpful_neighbour_settle_a_call_once(tmp_path: Path) -> None:
    """A call that still runs may be settled by another kernel; its own end changes nothing."""
    billing = Billing([THOUGHT, Pause(1.5), ANSWER, STOP, USAGE])
    with Server(billing) as server, asking(server, tmp_path, "") as child:
        assert child.stdout is not None
        assert any(line.strip() == "Thought" for line in child.stdout)
        (running,) = look(server, tmp_path)
        assert child.communicate(timeout=30)[0].strip().endswith("END")
        (ended,) = look(server, tmp_path)
    assert (running.cost, ended.cost) == (COST, COST)
    assert (ended.completion_tokens, ended.state) == (2, "settled")

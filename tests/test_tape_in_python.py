"""Tapes for `ask` and `aask`: recorded on many threads, replayed at once and unseen."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic import aask, ask
from hermes_magic.errors import NetworkError, TapeError
from hermes_magic.offline import Request, Response, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hermes_magic.reply import Reply


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    def respond(request: Request) -> Response:
        body: Any = request.json
        said = {"delta": {"content": body["messages"][-1]["content"]}, "finish_reason": "stop"}
        return Response.sse([{"id": "gen-1", "choices": [said]}])

    with Server(respond) as running:
        monkeypatch.setenv("OPENROUTER_BASE_URL", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-not-a-real-key")
        yield running


def test_many_threads_record_on_one_tape_and_replay_without_server_or_key(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = tmp_path / "rows.json"

    def asked(number: int) -> Reply:
        return ask(f"Row {number}?", tape=tape)

    with ThreadPoolExecutor(8) as threads:
        first = list(threads.map(asked, range(24)))
    server.close()
    monkeypatch.delenv("OPENROUTER_API_KEY")
    with ThreadPoolExecutor(8) as threads:
        again = list(threads.map(asked, range(24)))
    assert [one.text for one in again] == [one.text for one in first]
    assert [one.text for one in again] == [f"Row {number}?" for number in range(24)]
    assert all(one.replayed for one in again)
    assert not any(one.replayed for one in first)


def test_fresh_asks_all_the_same(server: Server, tmp_path: Path) -> None:
    for fresh in (False, False, True):
        ask("Why?", tape=tmp_path / "tape", fresh=fresh)
    posts = [one for one in server.exchanges if one.request.method == "POST"]
    assert len(posts) == 2
    server.close()
    with pytest.raises(NetworkError):
        ask("Why?", tape=tmp_path / "tape", fresh=True, retries=0)
    assert ask("Why?", tape=tmp_path / "tape").replayed


def test_a_process_that_must_not_ask_does_not(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMES_TAPE_MODE", "replay")
    for tape in ("", tmp_path / "tape"):
        with pytest.raises(TapeError):
            ask("Why?", tape=tape)
    assert not server.exchanges


def test_what_nobody_sees_comes_at_once(tmp_path: Path) -> None:
    line = {"at": 600, "answer": "At last."}
    request = {"messages": [{"role": "user", "content": "Why?"}]}
    reply = {"stream": [line], "end": 600, "finish_reason": "stop"}
    episode = {"recorded": "2026-11-22", "with": "x", "request": request, "reply": reply}
    tape = tmp_path / "slow.json"
    document = {"format": "hermes-magic tape", "version": 1, "episodes": [episode]}
    tape.write_text(json.dumps(document), "utf-8")
    started = time.perf_counter()
    for given in (ask("Why?", tape=tape), asyncio.run(aask("Why?", tape=tape))):
        assert given.text == "At last."
        assert given.timing.total == 600
    assert time.perf_counter() - started < 60

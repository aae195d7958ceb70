"""CPU per event of the whole client: bytes in, events out, against a loop by hand and the rest."""

from __future__ import annotations

import json
import math
import socket
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from tests.bench.contest import Case, Contest, Contestant, child, contest
from tests.bench.report import Goal, Report, Row
from tests.bench.streams import streaming

OURS, BY_HAND, OPENAI = "hermes_magic", "httpx iter_bytes by hand", "openai"
SIZES = (5_000, 50_000)
FRAMINGS = ("evt", "plain", "big")
PACKAGES = ("httpx", "httpcore", "h11", "openai", "hermes-magic")
_BODY = {"model": "m", "messages": [{"role": "user", "content": "Why?"}], "stream": True}
_RECEIVE = 65_536

Figures = Mapping[tuple[str, str], Sequence[float]]


def hermes() -> Callable[[Case], Any]:
    """Read by our client; keep thought, answer and usage."""
    from hermes_magic.reply import Text, Thought, UsageReported
    from hermes_magic.wire.client import Client
    from hermes_magic.wire.servers import Server

    clients: dict[str, Client] = {}

    def work(case: Case) -> Any:
        url = str(case["url"])
        client = clients[url] = clients.get(url) or Client(Server("bench", url), "sk-or-x")
        thought, answer, usage = [], [], {}
        for events in client.chat(_BODY):
            for event in events:
                match event:
                    case Text(text):
                        answer.append(text)
                    case Thought(text):
                        thought.append(text)
                    case UsageReported(reported):
                        usage = dict(reported.raw)
        return _result("".join(thought), "".join(answer), usage)

    return work


def by_hand() -> Callable[[Case], Any]:
    """Read by a loop on httpx with a splitter of its own."""
    httpx = import_module("httpx")
    client = httpx.Client(trust_env=False)

    def work(case: Case) -> Any:
        sink, rest = _Sink(), b""
        with client.stream("POST", f"{case['url']}/chat/completions", json=_BODY) as response:
            for data in response.iter_bytes():
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    if line.startswith(b"data: ") and line != b"data: [DONE]":
                        sink.take(json.loads(line[6:]))
        return sink.result()

    return work


def by_lines() -> Callable[[Case], Any]:
    """Read by httpx's own lines, as most do (wrong at U+2028)."""
    httpx = import_module("httpx")
    client = httpx.Client(trust_env=False)

    def work(case: Case) -> Any:
        sink = _Sink()
        with client.stream("POST", f"{case['url']}/chat/completions", json=_BODY) as response:
            for line in response.iter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    sink.take(json.loads(line[6:]))
        return sink.result()

    return work


def openai() -> Callable[[Case], Any]:
    """Read by the official OpenAI client."""
    library = import_module("openai")
    clients: dict[str, Any] = {}

    def work(case: Case) -> Any:
        url = str(case["url"])
        client = clients[url] = clients.get(url) or library.OpenAI(base_url=url, api_key="sk-x")
        thought, answer, usage = [], [], {}
        for chunk in client.chat.completions.create(**_BODY):
            delta = chunk.choices[0].delta
            if reasoning := getattr(delta, "reasoning", None):
                thought.append(reasoning)
            if delta.content:
                answer.append(delta.content)
            if chunk.usage is not None:
                usage = {"cost": chunk.usage.cost}
        return _result("".join(thought), "".join(answer), usage)

    return work


def discard() -> Callable[[Case], Any]:
    """Receive from the bare socket and look at nothing: the kernel's own copying."""

    def work(case: Case) -> Any:
        url = urlsplit(str(case["url"]))
        request = f"POST {url.path}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        with socket.create_connection((str(url.hostname), url.port)) as connection:
            connection.sendall(request.encode())
            tail = b""
            while not tail.endswith(b"\r\n0\r\n\r\n"):
                tail = tail[-8:] + connection.recv(_RECEIVE)
        return None

    return work


CONTESTANTS: Mapping[str, Contestant] = {
    "socket, discarded": discard,
    BY_HAND: by_hand,
    "httpx iter_lines": by_lines,
    OURS: hermes,
    OPENAI: openai,
}


class _Sink:
    """What a loop by hand does with each chunk."""

    def __init__(self) -> None:
        self._thought: list[str] = []
        self._answer: list[str] = []
        self._usage: Any = {}

    def take(self, chunk: Any) -> None:
        choices = chunk.get("choices")
        if choices:
            delta = choices[0]["delta"]
            if reasoning := delta.get("reasoning"):
                self._thought.append(reasoning)
            if content := delta.get("content"):
                self._answer.append(content)
        self._usage = chunk.get("usage") or self._usage

    def result(self) -> Any:
        return _result("".join(self._thought), "".join(self._answer), self._usage)


def _result(thought: str, answer: str, usage: Mapping[str, Any]) -> Any:
    return [len(thought), len(answer), answer[-20:], float(usage["cost"])]


def run(rounds: int) -> Report:
    """Let everybody read the same streams."""
    with streaming() as address:
        cases = [_case(address, framing, size) for framing in FRAMINGS for size in SIZES]
        warm_up = {"url": f"{address}/evt/200/v1"}
        with contest(sys.modules[__name__], warm_up) as running:
            figures = _read(running, cases, rounds)
            missing = running.missing
        memory = {name: _memory(name, warm_up, cases[1]) for name in running.names}
    return Report(
        name="wire",
        unit="CPU us/event",
        base=BY_HAND,
        rows=_rows(figures),
        goals=_goals(figures),
        packages=PACKAGES,
        missing=missing,
        facts={f"memory for {SIZES[-1]:,} events, MB, {name}": mb for name, mb in memory.items()},
    )


def _case(address: str, framing: str, size: int) -> Case:
    """Make a case; openai is spared the long ones, which would take most of the time."""
    return {
        "name": f"{framing} {size:,}",
        "url": f"{address}/{framing}/{size}/v1",
        "size": size,
        "without": [] if size == SIZES[0] else [OPENAI],
    }


def _read(running: Contest, cases: Sequence[Case], rounds: int) -> Figures:
    """Give microseconds of CPU per event by (case, contestant); all must have read the same."""
    figures: dict[tuple[str, str], list[float]] = defaultdict(list)
    results: dict[int, Any] = {}
    for place, name, measured in running.rounds(cases, rounds):
        case, result = cases[place], measured["result"]
        if result is not None and results.setdefault(place, result) != result:
            raise RuntimeError(f"{name} has read {result}, not {results[place]}")
        figures[case["name"], name].append(measured["cpu"] * 1e6 / case["size"])
    return figures


def _memory(name: str, warm_up: Case, case: Case) -> float | None:
    """Give the MB that reading takes in a fresh process, beyond what it had when warm."""
    with child(__name__, name) as fresh:
        before, after = fresh.do(warm_up)["peak"], fresh.do(case)["peak"]
    return None if before is None else round(after - before, 1)


def _rows(figures: Figures) -> list[Row]:
    return [
        Row(case, name, values, _ratios(values, figures[case, BY_HAND]))
        for (case, name), values in sorted(figures.items(), key=lambda item: _place(*item[0]))
    ]


def _place(case: str, name: str) -> tuple[str, int]:
    return case, list(CONTESTANTS).index(name)


def _goals(figures: Figures) -> list[Goal]:
    goals = []
    for framing in FRAMINGS:
        few, many = (f"{framing} {size:,}" for size in SIZES)
        ratio = statistics.median(
            ratio
            for case in (few, many)
            for ratio in _ratios(figures[case, OURS], figures[case, BY_HAND])
        )
        goals.append(Goal(f"{framing}: at most 1.3 times the loop by hand", ratio, ratio <= 1.3))
        if (few, OPENAI) in figures:
            share = statistics.median(_ratios(figures[few, OURS], figures[few, OPENAI]))
            goals.append(Goal(f"{framing}: at most 1/6 of openai", share, share <= 1 / 6))
        growth = _exponent(figures[few, OURS], figures[many, OURS])
        goals.append(Goal(f"{framing}: growth exponent at most 1.05", growth, growth <= 1.05))
    return goals


def _ratios(values: Sequence[float], base: Sequence[float]) -> list[float]:
    return [value / by for value, by in zip(values, base, strict=True)]


def _exponent(few: Sequence[float], many: Sequence[float]) -> float:
    """Give the exponent by which the cost of the whole grows with the number of events."""
    growth = statistics.median(_ratios(many, few)) * SIZES[1] / SIZES[0]
    return math.log(growth) / math.log(SIZES[1] / SIZES[0])

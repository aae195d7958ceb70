"""A thousand questions at once: wall time against the latency, CPU, connections, memory."""

from __future__ import annotations

import asyncio
import io
import json
import os
import secrets
import statistics
import sys
import tempfile
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from tests.bench.contest import Case, Contest, Contestant, child, contest
from tests.bench.delays import delaying
from tests.bench.report import Goal, Report, Row

OURS, FLOOR, BY_HAND = "hermes_magic", "bare sockets", "asyncio + httpx, a client for each worker"
CHATLAS = "chatlas parallel_chat"
PACKAGES = ("httpx", "httpcore", "h11", "openai", "chatlas", "hermes-magic")
QUESTIONS = 1000
LATENCY = 200
AT_ONCE = (64, 256)
ROWS = (1_000, 100_000)
_KEY = "sk-or-not-a-key-at-all"

Figures = Mapping[tuple[str, str], Sequence[float]]


def hermes() -> Callable[[Case], Any]:
    """Ask by our batch: planned, priced, booked, kept in its file."""
    folder = tempfile.TemporaryDirectory(prefix="hermes-bench-")
    os.environ["HERMES_MAGIC_DATA"] = folder.name
    os.environ["OPENROUTER_API_KEY"] = _KEY
    jobs = import_module("tests.batch.jobs")
    progress = import_module("hermes_magic.view.progress")

    def work(case: Case, _kept: object = folder) -> Any:
        job = jobs.Office(case["url"]).job(
            f"{secrets.token_hex(8)} {{{{row}}}}",
            (str(number) for number in range(case["questions"])),
            at_once=case["at_once"],
            max_cost=100_000,
        )
        result = job.run(progress.SilentProgress(), lambda _: nullcontext())
        return [result.done, len(next(iter(result)).reply.text)]

    return work


def bare() -> Callable[[Case], Any]:
    """Ask over bare sockets with asyncio, and read no more than must be: the floor."""

    def work(case: Case) -> Any:
        return asyncio.run(_bare(case))

    return work


async def _bare(case: Case) -> Any:
    url = urlsplit(str(case["url"]))
    left = iter(range(case["questions"]))
    texts: list[str] = []

    async def worker() -> None:
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        for number in left:
            body = json.dumps(_body(number)).encode()
            head = f"POST {url.path}/chat/completions HTTP/1.1\r\nHost: x\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length:")[1].split()[0])
            reply = json.loads(await reader.readexactly(length))
            texts.append(reply["choices"][0]["message"]["content"])
        writer.close()

    await asyncio.gather(*(worker() for _ in range(case["at_once"])))
    return [len(texts), len(texts[0])]


def by_hand() -> Callable[[Case], Any]:
    """Ask by httpx in asyncio as one who knows its pool would: a client for each worker."""
    httpx = import_module("httpx")

    async def run(case: Case) -> Any:
        left = iter(range(case["questions"]))
        texts: list[str] = []

        async def worker() -> None:
            async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as client:
                texts.extend([await _ask(client, case, number) for number in left])

        await asyncio.gather(*(worker() for _ in range(case["at_once"])))
        return [len(texts), len(texts[0])]

    return lambda case: asyncio.run(run(case))


def one_pool() -> Callable[[Case], Any]:
    """Ask by httpx in asyncio as most do: one client, a semaphore."""
    httpx = import_module("httpx")

    async def run(case: Case) -> Any:
        places = asyncio.Semaphore(case["at_once"])
        limits = httpx.Limits(max_connections=case["at_once"])
        async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=60) as client:

            async def one(number: int) -> str:
                async with places:
                    return await _ask(client, case, number)

            texts = await asyncio.gather(*map(one, range(case["questions"])))
        return [len(texts), len(texts[0])]

    return lambda case: asyncio.run(run(case))


async def _ask(client: Any, case: Case, number: int) -> str:
    url = f"{case['url']}/chat/completions"
    response = await client.post(url, json=_body(number), headers={"Authorization": _KEY})
    return str(response.json()["choices"][0]["message"]["content"])


def chatlas() -> Callable[[Case], Any]:
    """Ask by chatlas."""
    library = import_module("chatlas")

    def work(case: Case) -> Any:
        chat = library.ChatOpenAICompletions(
            base_url=case["url"], api_key=_KEY, model="nousresearch/hermes-4-405b"
        )
        asked = [str(number) for number in range(case["questions"])]
        with redirect_stdout(io.StringIO()):  # it draws its progress there
            answered = asyncio.run(
                library.parallel_chat(chat, asked, max_active=case["at_once"], rpm=10**9)
            )
        texts = [each.get_last_turn().text for each in answered]
        return [len(texts), len(texts[0])]

    return work


CONTESTANTS: Mapping[str, Contestant] = {
    FLOOR: bare,
    BY_HAND: by_hand,
    "asyncio + httpx, one client": one_pool,
    OURS: hermes,
    CHATLAS: chatlas,
}


def _body(number: int) -> Mapping[str, object]:
    return {"model": "m", "messages": [{"role": "user", "content": str(number)}]}


def run(rounds: int) -> Report:
    """Let everybody ask the same questions of the same server."""
    with delaying() as address:
        cases = [_case(address, QUESTIONS, at_once, LATENCY) for at_once in AT_ONCE]
        with contest(sys.modules[__name__], _case(address, 8, 4, 1)) as running:
            wall, cpu, connections = _ask_all(running, address, cases, rounds)
            missing = running.missing
        memory = [_memory(address, rows) for rows in ROWS]
    rows = [*_rows(wall, "wall s"), *_rows(cpu, "CPU ms a request")]
    facts: dict[str, Any] = {
        f"connections, {name}, {case}": sorted(set(n)) for (case, name), n in connections
    }
    facts |= {f"peak MB, {rows:,} rows": mb for rows, mb in zip(ROWS, memory, strict=True)}
    return Report(
        name="batch",
        unit="as the case says",
        base=FLOOR,
        rows=rows,
        goals=_goals(wall, cpu, dict(connections), memory),
        packages=PACKAGES,
        missing=missing,
        facts=facts,
    )


def _case(address: str, questions: int, at_once: int, latency: int) -> Case:
    return {
        "name": f"{at_once} at once",
        "url": f"{address}/{latency}/v1",
        "address": address,
        "questions": questions,
        "at_once": at_once,
        "floor": -(-questions // at_once) * latency / 1000,
    }


def _ask_all(
    running: Contest, address: str, cases: Sequence[Case], rounds: int
) -> tuple[Figures, Figures, Any]:
    wall: dict[tuple[str, str], list[float]] = defaultdict(list)
    cpu: dict[tuple[str, str], list[float]] = defaultdict(list)
    connections: dict[tuple[str, str], list[int]] = defaultdict(list)
    _opened(address)
    for place, name, measured in running.rounds(cases, rounds):
        case = cases[place]
        if measured["result"] != [QUESTIONS, 160]:
            raise RuntimeError(f"{name} has got {measured['result']}")
        wall[case["name"], name].append(measured["wall"])
        cpu[case["name"], name].append(measured["cpu"] * 1000 / QUESTIONS)
        connections[case["name"], name].append(_opened(address))
    return wall, cpu, connections.items()


def _opened(address: str) -> int:
    with urllib.request.urlopen(f"{address}/connections") as response:  # noqa: S310 - our own server
        return int(response.read())


def _memory(address: str, rows: int) -> float | None:
    """Give the peak MB of a fresh process that asks that many questions without latency."""
    with child(__name__, OURS) as fresh:
        peak: float | None = fresh.do(_case(address, rows, 64, 0))["peak"]
    return None if peak is None else round(peak, 1)


def _rows(figures: Figures, what: str) -> list[Row]:
    return [
        Row(f"{case}, {what}", name, values, _ratios(values, figures[case, FLOOR]))
        for (case, name), values in sorted(figures.items(), key=lambda item: _place(*item[0]))
    ]


def _place(case: str, name: str) -> tuple[int, int]:
    return int(case.split(maxsplit=1)[0]), list(CONTESTANTS).index(name)


def _goals(wall: Figures, cpu: Figures, connections: Any, memory: Sequence[Any]) -> list[Goal]:
    goals = []
    for at_once, most in zip(AT_ONCE, (1.25, 3), strict=True):
        case = f"{at_once} at once"
        floor = -(-QUESTIONS // at_once) * LATENCY / 1000
        ratio = statistics.median(wall[case, OURS]) / floor
        goals.append(Goal(f"{case}: at most {most} times {floor:g} s", ratio, ratio <= most))
        took = statistics.median(cpu[case, OURS])
        goals.append(Goal(f"{case}: at most 2 ms CPU a request", took, took <= 2))
        opened = max(connections[case, OURS])
        # One more asks for the price.
        exact = at_once <= opened <= at_once + 1
        goals.append(Goal(f"{case}: as many connections as that", opened, exact))
    if None not in memory:
        growth = memory[1] - memory[0]
        text = f"{ROWS[1]:,} rows take at most 10 MB more than {ROWS[0]:,}"
        goals.append(Goal(text, growth, growth <= 10))
    return goals


def _ratios(values: Sequence[float], base: Sequence[float]) -> list[float]:
    return [value / by for value, by in zip(values, base, strict=True)]

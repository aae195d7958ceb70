"""The first token on a warm connection: CPU from the question to the first text."""

from __future__ import annotations

import atexit
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.contest import Case, Contestant, contest
from tests.bench.report import Goal, Report, Row
from tests.bench.streams import streaming

if TYPE_CHECKING:
    from hermes_magic.money.budget import Limits

BARE, CLIENT, CELL, BOOKED = (
    "httpx by hand",
    "our client",
    "our session, as `%hermes offline` asks",
    "our session with the ledger, as a cell asks",
)
REQUESTS = 40
PACKAGES = ("httpx", "openai", "hermes-magic")
MOST_MILLISECONDS, MOST_RATIO = 2.0, 1.5
_BODY = {"model": "m", "messages": [{"role": "user", "content": "Why?"}], "stream": True}
_KEY = "sk-or-not-a-key"

First = Callable[[str], float]
"""Ask at an address; give the process's CPU clock when the first text is there."""


def timed(first: First) -> Callable[[Case], Any]:
    """Ask many times, one after the other; give the median milliseconds of CPU of one."""

    def work(case: Case) -> Any:
        spent = []
        for _ in range(REQUESTS):
            time.sleep(0.005)  # the end of the last body has been read meanwhile
            start = time.process_time()
            spent.append(first(str(case["url"])) - start)
        return statistics.median(spent) * 1e3

    return work


def bare() -> Callable[[Case], Any]:
    """Ask by httpx alone, with a splitter by hand."""
    httpx = import_module("httpx")
    client = httpx.Client(trust_env=False)

    def first(url: str) -> float:
        at, rest = 0.0, b""
        with client.stream("POST", f"{url}/chat/completions", json=_BODY) as response:
            for data in response.iter_bytes():
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    if line.startswith(b"data: {") and not at:
                        choices = json.loads(line[6:])["choices"]
                        at = time.process_time() if choices[0]["delta"]["content"] else 0.0
        return at

    return timed(first)


def ours() -> Callable[[Case], Any]:
    """Ask by our client, which gives events."""
    from hermes_magic.reply import Text
    from hermes_magic.wire.client import Client
    from hermes_magic.wire.servers import Server

    clients: dict[str, Client] = {}

    def first(url: str) -> float:
        client, at = clients.get(url) or Client(Server("bench", url), _KEY), 0.0
        clients[url] = client
        for events in client.chat(_BODY):
            if not at and any(isinstance(event, Text) for event in events):
                at = time.process_time()
        return at

    return timed(first)


def asked(limits: Callable[[], Limits | None]) -> Callable[[Case], Any]:
    """Ask by our session, which reads on a thread of its own."""
    from hermes_magic.money.account import Account
    from hermes_magic.money.ledger import Ledger
    from hermes_magic.money.store import Store
    from hermes_magic.options import Options
    from hermes_magic.reply import Text
    from hermes_magic.session import Session
    from hermes_magic.wire.servers import Server

    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    session = Session()
    session._account = Account("bench", Ledger(Store(folder / "ledger.sqlite3")))

    def first(url: str) -> float:
        at, server = 0.0, Server("bench", url, key_variable="")
        with session.ask(server, _KEY, Options(), "Why?", limits()) as answering:
            for events in answering:
                if not at and any(isinstance(event, Text) for event in events):
                    at = time.process_time()
        return at

    return timed(first)


def unbooked() -> Callable[[Case], Any]:
    """Ask by our session, with nothing on the books."""
    return asked(lambda: None)


def booked() -> Callable[[Case], Any]:
    """Ask by our session, each question booked in a ledger of its own."""
    from hermes_magic.money.budget import Limits

    return asked(Limits)


def openai() -> Callable[[Case], Any]:
    """Ask by the official OpenAI client."""
    library = import_module("openai")
    clients: dict[str, Any] = {}

    def first(url: str) -> float:
        at = 0.0
        client = clients[url] = clients.get(url) or library.OpenAI(base_url=url, api_key=_KEY)
        for chunk in client.chat.completions.create(**_BODY):
            if not at and chunk.choices[0].delta.content:
                at = time.process_time()
        return at

    return timed(first)


CONTESTANTS: Mapping[str, Contestant] = {
    BARE: bare,
    CLIENT: ours,
    CELL: unbooked,
    BOOKED: booked,
    "openai": openai,
}


def run(rounds: int) -> Report:
    """Let everybody ask the same."""
    figures: dict[str, list[float]] = defaultdict(list)
    with streaming() as address:
        case = {"url": f"{address}/slow/3/v1"}
        with contest(sys.modules[__name__], case) as running:
            for _, name, measured in running.rounds([case], rounds):
                figures[name].append(measured["result"])
            missing = running.missing
    ratios = {
        name: [one / by for one, by in zip(values, figures[BARE], strict=True)]
        for name, values in figures.items()
    }
    return Report(
        name="first",
        unit="CPU ms to the first text",
        base=BARE,
        rows=[
            Row("warm", name, figures[name], ratios[name])
            for name in CONTESTANTS
            if name in figures
        ],
        goals=[*_goals(CLIENT, figures, ratios), *_goals(BOOKED, figures, ratios)],
        packages=PACKAGES,
        missing=missing,
    )


def _goals(
    name: str, figures: Mapping[str, list[float]], ratios: Mapping[str, list[float]]
) -> list[Goal]:
    spent, ratio = statistics.median(figures[name]), statistics.median(ratios[name])
    return [
        Goal(f"{name}: at most {MOST_MILLISECONDS:g} ms", spent, spent <= MOST_MILLISECONDS),
        Goal(f"{name}: at most {MOST_RATIO:g} times httpx", ratio, ratio <= MOST_RATIO),
    ]

"""A whole cell in a real kernel: 2,000 tokens at 500 a second, and what it costs to show them."""

from __future__ import annotations

import json
import math
import random
import statistics
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import psutil

from hermes_magic.offline import Pause, Request, Response, Server
from hermes_magic.offline.faults import long_text
from tests.bench.report import Goal, Report, Row
from tests.kernel import Kernel, Ran, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FLOOR, OURS = "httpx loop that shows nothing", "%%hermes"
TOKENS, LONGER, PER_SECOND = 2_000, 8_000, 500
PACKAGES = ("httpx", "ipykernel", "ipywidgets", "chatlas", "hermes-magic")
WAIT_SECONDS = 0.3  # what the first token takes, at least
FIRST_SECONDS, MOST_RATIO, MOST_GROWTH = 0.05, 1.25, 1.05
_KEY = "sk-or-not-a-key"
_LOOP = """
import httpx, json
{before}
with httpx.Client(trust_env=False, timeout=None) as _client:
    _url = {url!r} + "/chat/completions"
    with _client.stream("POST", _url, json={{"stream": True}}) as _streamed:
        _text, _rest = "", b""
        for _data in _streamed.iter_bytes():
            *_lines, _rest = (_rest + _data).split(b"\\n")
            for _line in _lines:
                if _line.startswith(b"data: {{"):
                    _text += json.loads(_line[6:])["choices"][0]["delta"].get("content") or ""
                    {each}
"""
_CHATLAS = """
import chatlas
_chat = chatlas.ChatOpenAICompletions(base_url={url!r}, api_key="sk-x", model="m")
_ = _chat.chat("go", echo="output")
"""
_OURS = "%%hermes --max-tokens 100000\ngo"
SETUP = "%load_ext hermes_magic"
CONTESTANTS = {
    FLOOR: _LOOP.replace("{before}", "").replace("{each}", ""),
    OURS: _OURS,
    "httpx, Markdown of the whole at each token": _LOOP.replace(
        "{before}",
        "from IPython.display import Markdown, display\n"
        "_shown = display(Markdown(''), display_id=True)",
    ).replace("{each}", "_shown.update(Markdown(_text))"),
    "chatlas": _CHATLAS,
}


@dataclass(frozen=True)
class Figures:
    """One cell's: seconds of the kernel's CPU, seconds to the first text, bytes to the browser."""

    cpu: float
    first: float
    bytes: int


class Streaming:
    """A server that sends a text word by word, and notes when the first one goes."""

    def __init__(self) -> None:
        self.tokens = TOKENS
        self.began = 0.0
        self.server = Server(self._respond)

    def _respond(self, request: Request) -> Response:
        if request.method == "GET":
            return Response.json({"data": []})
        return Response.sse(self._events())

    def _events(self) -> Iterator[Any]:
        words = long_text(self.tokens).split(" ")
        yield "OPENROUTER PROCESSING"
        yield Pause(WAIT_SECONDS)
        start = time.perf_counter()
        for place, word in enumerate(words):
            ahead = start + place / PER_SECOND - time.perf_counter()
            if ahead > 0:
                yield Pause(ahead)
            if not place:
                self.began = time.time()
            choice = {"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}
            yield {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"} | {
                "choices": [choice]
            }
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": len(words), "total_tokens": len(words)}
        yield {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"} | {
            "choices": [end],
            "usage": usage,
        }


def run(rounds: int) -> Report:
    """Run everybody's cell in a kernel of its own, warm; then fresh kernels for the first cell."""
    missing = {} if find_spec("chatlas") else {"chatlas": "chatlas is not installed"}
    names = [name for name in CONTESTANTS if name not in missing]
    figures: dict[str, list[Figures]] = defaultdict(list)
    streaming = Streaming()
    order = random.Random(0)
    with streaming.server as server, kernels(names, server.base_url) as running:
        for number in range(rounds + 1):  # the first round is for warming up
            for name in order.sample(names, len(names)):
                measured = measure(running[name], cell(name, server.base_url), streaming)
                if number:
                    figures[name].append(measured)
        streaming.tokens = LONGER
        longer = measure(running[OURS], cell(OURS, server.base_url), streaming)
        streaming.tokens = TOKENS
        fresh = [first_cell(server.base_url, streaming) for _ in range(rounds)]
    return _report(names, figures, longer, fresh, missing)


@contextmanager
def kernels(names: Sequence[str], url: str) -> Iterator[dict[str, Kernel]]:
    """Start a kernel for each; end them afterwards."""
    running: dict[str, Kernel] = {}
    with ExitStack() as stack:
        for name in names:
            running[name] = stack.enter_context(a_kernel(url))
            if name == OURS:
                running[name].run(SETUP)
        yield running


@contextmanager
def a_kernel(url: str) -> Iterator[Kernel]:
    """Start a kernel whose money is booked in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        told = {"OPENROUTER_API_KEY": _KEY, "OPENROUTER_BASE_URL": url, "XDG_DATA_HOME": folder}
        with running_kernel(told) as kernel:
            yield kernel


def cell(name: str, url: str) -> str:
    """Give a contestant's cell."""
    source = CONTESTANTS[name]
    return source if name == OURS else source.format(url=url)


def measure(kernel: Kernel, source: str, streaming: Streaming) -> Figures:
    """Run a cell; measure its kernel, all its threads together."""
    process = psutil.Process(kernel.manager.provisioner.process.pid)  # type: ignore[union-attr]
    before = sum(process.cpu_times()[:2])
    ran = kernel.run(source, watched=True)
    spent = sum(process.cpu_times()[:2]) - before
    if not ran.ok:
        raise RuntimeError(f"the cell failed: {ran.error}")
    return Figures(spent, _first_text(ran) - streaming.began, sum(map(_size, ran.messages)))


def first_cell(url: str, streaming: Streaming) -> float:
    """Give the seconds to the first text of the first cell in a fresh kernel, warmed up."""
    with a_kernel(url) as kernel:
        kernel.run(SETUP)
        time.sleep(2)  # a person writes a question; meanwhile what it needs is imported
        streaming.tokens = 50
        first = measure(kernel, _OURS, streaming).first
        streaming.tokens = TOKENS
        return first


def _first_text(ran: Ran) -> float:
    """Give the time at which the kernel sent the first text; the end's where it sends none."""
    for message in ran.messages:
        if _has_text(message["header"]["msg_type"], message["content"]):
            return float(message["header"]["date"].timestamp())
    return float(ran.messages[-1]["header"]["date"].timestamp())


def _has_text(kind: str, content: Mapping[str, Any]) -> bool:
    match kind:
        case "stream":
            return bool(content["text"].strip())
        case "update_display_data":
            return bool(content["data"].get("text/markdown", "").strip())
        case "comm_msg":
            return bool(content["data"].get("content", {}).get("answer"))
    return False


def _size(message: Mapping[str, Any]) -> int:
    parts = ("header", "parent_header", "metadata", "content")
    frames = sum(len(json.dumps(message[part], default=str)) for part in parts)
    return frames + sum(map(len, message.get("buffers", [])))


def _report(
    names: Sequence[str],
    figures: Mapping[str, list[Figures]],
    longer: Figures,
    fresh: Sequence[float],
    missing: Mapping[str, str],
) -> Report:
    floor = [one.cpu for one in figures[FLOOR]]
    rows, ratios = [], {}
    for name in names:
        cpu = [one.cpu for one in figures[name]]
        ratios[name] = [one / by for one, by in zip(cpu, floor, strict=True)]
        rows.append(Row(f"{TOKENS:,} tokens, kernel CPU s", name, cpu, ratios[name]))
    ours = figures[OURS]
    ratio, first = statistics.median(ratios[OURS]), statistics.median(one.first for one in ours)
    sent = statistics.median(one.bytes for one in ours)
    growth = math.log(longer.bytes / sent) / math.log(LONGER / TOKENS)
    cold = statistics.median(fresh)

    def goal(text: str, measured: float, most: float) -> Goal:
        return Goal(f"{text} at most {most}", measured, measured <= most)

    seen = {name: round(statistics.median(f.first for f in figures[name]), 3) for name in names}
    return Report(
        name="cell",
        unit="kernel CPU s",
        base=FLOOR,
        rows=rows,
        goals=[
            goal("CPU by the loop that shows nothing:", ratio, MOST_RATIO),
            goal("s from the first byte to the first text, warm:", first, FIRST_SECONDS),
            goal("s from the first byte to the first text, first cell:", cold, FIRST_SECONDS),
            goal("growth exponent of the bytes to the browser:", growth, MOST_GROWTH),
        ],
        packages=PACKAGES,
        missing=missing,
        facts={
            "bytes to the browser by the answer's": round(sent / len(long_text(TOKENS)), 1),
            **{f"first text, s, {name}": s for name, s in seen.items() if name != FLOOR},
        },
    )

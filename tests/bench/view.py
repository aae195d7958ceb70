"""The view in JupyterLab in a real browser: `python -m tests.bench.view [KIND:TOKENS ...]`.

For each text and way of showing it: seconds from the last token to its paint and to the last
change on the page, main-thread time in tasks over 50 ms, bytes to the browser, CPU of kernel and
page. The anchor updates the whole Markdown ten times a second. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from hermes_magic.offline.faults import long_text
from tests.__main__ import find_chromium
from tests.browser.cells import Scripted, setup
from tests.browser.conftest import ARGUMENTS
from tests.browser.lab import Lab, Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, CDPSession, WebSocket

RESULTS = Path(__file__).parent / "results" / "view.json"
DEFAULT = ("mixed:2000", "mixed:10000", "mixed:50000", "list:10000", "code:10000", "table:10000")
ANCHORED = 10_000  # tokens above which the anchor would not come to an end
MARK = "theveryend"
LINES = {
    "list": "- item {} of a list that never ends, with **bold** and `code`\n",
    "code": "x{} = compute(1, 'two', [3])  # a line of code\n",
    "table": "| {} | some words | `code` | 3.14 |\n",
    "paragraph": "word {} of a paragraph without any break, with *emphasis* now and then. ",
}
HEADS = {"code": "```python\n", "table": "| a | b | c | d |\n|---|---|---|--:|\n"}
ANCHOR = """
import httpx, json, time
from IPython.display import Markdown, display
shown, text, last = display(Markdown(''), display_id=True), '', 0
body = {{'model': 'm', 'stream': True, 'messages': [{{'role': 'user', 'content': 'go'}}]}}
with httpx.stream('POST', {url!r} + '/chat/completions', json=body, timeout=None) as response:
    for line in response.iter_lines():
        if line.startswith('data: {{'):
            for choice in json.loads(line[6:])['choices']:
                text += choice['delta'].get('content') or ''
        if time.monotonic() - last > 0.1:
            shown.update(Markdown(text))
            last = time.monotonic()
shown.update(Markdown(text))
"""
WATCH = """
mark => {
  window.bench = { tasks: [], painted: 0, changed: 0 };
  new PerformanceObserver(list => {
    for (const task of list.getEntries()) {
      const start = (performance.timeOrigin + task.startTime) / 1000;
      window.bench.tasks.push([start, task.duration / 1000]);
    }
  }).observe({ entryTypes: ['longtask'] });
  new MutationObserver(records => {
    if (records.every(record => record.target.closest?.('.hermes-speech'))) return;
    window.bench.changed = Date.now() / 1000;
    if (window.bench.painted) return;
    const area = document.querySelectorAll('.jp-Cell')[2].querySelector('.jp-Cell-outputArea');
    if (area.textContent.slice(-2000).includes(mark)) {
      requestAnimationFrame(() => { window.bench.painted ||= Date.now() / 1000; });
    }
  }).observe(document.querySelectorAll('.jp-Cell')[2].querySelector('.jp-Cell-outputWrapper'),
    { childList: true, subtree: true, characterData: true });
}
"""


@dataclass(frozen=True)
class Figures:
    """What one run measured, in seconds and bytes."""

    way: str
    kind: str
    tokens: int
    answer_bytes: int
    seconds: float
    lag_painted: float
    lag_settled: float
    long_tasks: float
    long_tasks_at_end: float
    bytes: int
    kernel_cpu: float
    page_cpu: float


class Timed(Scripted):
    """Notes when the last token has gone."""

    last = 0.0

    def _events(self, text: str) -> Iterator[Any]:
        for event in super()._events(text):
            if isinstance(event, dict) and MARK in json.dumps(event, default=str):
                self.last = time.time()
            yield event


def text_of(kind: str, tokens: int) -> str:
    """Return a text of about so many tokens that ends in MARK."""
    if kind == "mixed":
        return f"{long_text(tokens)}\n\n{MARK}"
    line = LINES[kind]
    count = tokens // len(line.split())
    return HEADS.get(kind, "") + "".join(line.format(n) for n in range(count)) + MARK


@contextmanager
def lab_and_profile() -> Iterator[tuple[Lab, BrowserContext]]:
    """Start a JupyterLab and a browser."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Lab(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        try:
            lab.start()
            yield lab, browser.new_context(viewport={"width": 1280, "height": 900})
        finally:
            browser.close()
            lab.stop()


def measure(lab: Lab, profile: BrowserContext, way: str, kind: str, tokens: int) -> Figures:
    """Run one cell and measure it."""
    text = text_of(kind, tokens)
    received: list[int] = []
    with Timed(text, pause=1 / (200 if tokens <= 2000 else 500)) as server:
        ask = "%%hermes --max-tokens 100000\ngo"
        cell = ask if way == "hermes" else ANCHOR.format(url=server.base_url)
        cpu = "import time\nprint(time.process_time())"
        name = f"{way}-{kind}-{tokens}.ipynb"
        warm = f"{setup(server)}\n_ = get_ipython().run_line_magic('hermes', 'say $x$')"
        lab.write(name, [warm, cpu, cell, cpu])
        book = Notebook(lab, profile, name, screenshots=lab.home)
        book.page.on("websocket", lambda socket: count_bytes(socket, received))
        book.open()
        metrics = profile.new_cdp_session(book.page)
        metrics.send("Performance.enable")
        for index in (0, 1):
            book.run_cell(index)
            book.wait_idle()
        book.page.evaluate(WATCH, MARK)
        received.clear()
        before, began = page_cpu(metrics), time.time()
        book.page.set_default_timeout(1_000_000)
        book.run_cell(2)
        book.wait_idle()
        settle(book)
        seen: dict[str, Any] = book.page.evaluate("window.bench")
        after, total = page_cpu(metrics), sum(received)
        book.run_cell(3)
        book.wait_idle()
        spent = float(book.output(3).inner_text()) - float(book.output(1).inner_text())
        book.page.close()
    return Figures(
        *(way, kind, tokens, len(text.encode())),
        *(server.last - began, seen["painted"] - server.last, seen["changed"] - server.last),
        sum(length for start, length in seen["tasks"] if start < server.last),
        sum(length for start, length in seen["tasks"] if start >= server.last),
        *(total, spent, after - before),
    )


def count_bytes(socket: WebSocket, received: list[int]) -> None:
    """Add up what comes through a page's web socket."""
    socket.on("framereceived", lambda payload: received.append(len(payload)))


def page_cpu(metrics: CDPSession) -> float:
    """Return the seconds that the page's main thread has worked."""
    found = metrics.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in found if one["name"] == "TaskDuration")


def settle(book: Notebook) -> None:
    """Wait until the page has not changed for three seconds."""
    quiet = "() => window.bench.painted && Date.now() / 1000 - window.bench.changed > 3"
    book.page.wait_for_function(quiet, polling=500)
    lab_idle = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0, true)))"
    book.page.evaluate(lab_idle)


def exponent(one: Figures, other: Figures, name: str) -> float:
    """Return how a figure grows with the text: 1 is linear."""
    ratio = float(getattr(other, name)) / float(getattr(one, name))
    return math.log(ratio) / math.log(other.answer_bytes / one.answer_bytes)


def report(runs: list[Figures]) -> str:
    """Write the table, and the growth of our own figures with the text."""
    head = (
        "| way | text | tokens | s | lag: painted | settled | long tasks: streaming"
        " | of the time | at the end | bytes / answer | kernel CPU | page CPU |"
    )
    lines = [head, "|---|---|" + "--:|" * 10]
    lines += [
        f"| {r.way} | {r.kind} | {r.tokens:,} | {r.seconds:.1f} | {r.lag_painted:.2f} "
        f"| {r.lag_settled:.2f} | {r.long_tasks:.2f} | {r.long_tasks / r.seconds:.1%} "
        f"| {r.long_tasks_at_end:.2f} "
        f"| {r.bytes / r.answer_bytes:.1f} | {r.kernel_cpu:.2f} | {r.page_cpu:.2f} |"
        for r in runs
    ]
    own = sorted(
        (r for r in runs if (r.way, r.kind) == ("hermes", "mixed")), key=lambda r: r.tokens
    )
    for one, other in pairwise(own):
        grown = (f"{n} {exponent(one, other, n):.2f}" for n in ("bytes", "kernel_cpu", "page_cpu"))
        lines.append(f"growth {one.tokens:,} to {other.tokens:,}: {', '.join(grown)}")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.view", description=__doc__)
    parser.add_argument("cases", nargs="*", default=DEFAULT, metavar="KIND:TOKENS")
    runs: list[Figures] = []
    with lab_and_profile() as (lab, profile):
        for case in parser.parse_args(arguments).cases:
            kind, _, tokens = case.partition(":")
            ways = ["hermes", "update_display"] if int(tokens) <= ANCHORED else ["hermes"]
            for way in ways if kind == "mixed" else ["hermes"]:
                runs.append(measure(lab, profile, way, kind, int(tokens)))
                sys.stderr.write(f"{runs[-1]}\n")
    machine = {"python": platform.python_version(), "machine": platform.platform()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({**machine, "runs": [asdict(run) for run in runs]}, indent=1))
    sys.stdout.write(report(runs) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

"""The view in JupyterLab in a real browser: how far behind, how jerky, how many bytes, what CPU.

`python -m tests.bench view` takes all cases; `python -m tests.bench.view KIND:TOKENS ...` only
these. The anchor updates the whole Markdown ten times a second, as most magics do.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from hermes_magic.offline.faults import long_text
from tests.__main__ import find_chromium
from tests.bench.report import Goal, Report, Row, lines, save
from tests.browser.cells import Scripted, setup
from tests.browser.conftest import ARGUMENTS
from tests.browser.lab import Lab, Notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from playwright.sync_api import BrowserContext, CDPSession, WebSocket

OURS, ANCHOR_WAY = "hermes", "update_display"
PACKAGES = ("jupyterlab", "ipykernel", "ipywidgets", "anywidget", "hermes-magic")
MOST_ROUNDS = 3
MOST_LAG, MOST_BYTES, MOST_LONG, MOST_GROWTH = 0.5, 6, 0.01, 1.15
KINDS = ("list", "code", "table", "paragraph")
DEFAULT = ("mixed:2000", "mixed:10000", *(f"{kind}:10000" for kind in KINDS))
# Minutes each, so once a run: 10,000 lines of code and 5,000 rows of a table are among them.
LARGE = ("mixed:50000", "list:50000", "code:100000", "table:50000", "paragraph:50000")
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
    const last = area.querySelector('.hermes-answer')?.lastElementChild ?? area;
    if (last.textContent.slice(-2000).includes(mark)) {
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


PAINTED, LONG, BYTES = "s from last token to paint", "share in long tasks", "bytes / answer"
FIGURES: Mapping[str, Callable[[Figures], float]] = {
    PAINTED: lambda one: one.lag_painted,
    "s to the last change": lambda one: one.lag_settled,
    LONG: lambda one: one.long_tasks / one.seconds,
    "long tasks at the end, s": lambda one: one.long_tasks_at_end,
    BYTES: lambda one: one.bytes / one.answer_bytes,
    "kernel CPU s": lambda one: one.kernel_cpu,
    "page main thread s": lambda one: one.page_cpu,
}


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
        cell = ask if way == OURS else ANCHOR.format(url=server.base_url)
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


def run(rounds: int) -> Report:
    """Measure all cases; a round takes minutes, so there are three at most."""
    return report(measured([*DEFAULT * min(rounds, MOST_ROUNDS), *LARGE]))


def measured(cases: Sequence[str]) -> list[Figures]:
    """Measure cases such as `mixed:2000`, one after the other."""
    runs: list[Figures] = []
    with lab_and_profile() as (lab, profile):
        for case in cases:
            kind, _, tokens = case.partition(":")
            anchored = kind == "mixed" and int(tokens) <= ANCHORED
            for way in [OURS, ANCHOR_WAY] if anchored else [OURS]:
                runs.append(measure(lab, profile, way, kind, int(tokens)))
                sys.stderr.write(f"{runs[-1]}\n")
    return runs


def report(runs: Sequence[Figures]) -> Report:
    """Give a row for each figure of each case, and whether the goals of our own view are met."""
    groups: dict[tuple[str, int, str], list[Figures]] = defaultdict(list)
    for one in runs:
        groups[one.kind, one.tokens, one.way].append(one)
    rows = [_row(name, case, figure, groups) for case in groups for name, figure in FIGURES.items()]
    own = {(kind, tokens): found for (kind, tokens, way), found in groups.items() if way == OURS}
    goals = [goal for (kind, tokens), found in own.items() for goal in _goals(kind, tokens, found)]
    for (kind, few), (other, many) in pairwise(sorted(own)):
        for name in ("bytes", "kernel_cpu", "page_cpu") if kind == other else ():
            grown = exponent(own[kind, few], own[kind, many], name)
            text = f"{kind}, {name} from {few:,} to {many:,} tokens: growth exponent"
            goals.append(_goal(text, grown, MOST_GROWTH))
    return Report("view", "the figure", ANCHOR_WAY, rows, goals, PACKAGES)


def _row(
    name: str,
    case: tuple[str, int, str],
    figure: Callable[[Figures], float],
    groups: Mapping[tuple[str, int, str], Sequence[Figures]],
) -> Row:
    kind, tokens, way = case
    values = [figure(one) for one in groups[case]]
    base = [figure(one) for one in groups.get((kind, tokens, ANCHOR_WAY), ())]
    ratios = [one / by for one, by in zip(values, base, strict=False) if by]
    return Row(f"{kind} {tokens:,}: {name}", way, values, ratios)


def _goals(kind: str, tokens: int, found: Sequence[Figures]) -> Iterator[Goal]:
    case = f"{kind} {tokens:,}"

    def middle(name: str) -> float:
        return statistics.median(FIGURES[name](one) for one in found)

    yield _goal(f"{case}: s from the last token to its paint", middle(PAINTED), MOST_LAG)
    yield _goal(f"{case}: bytes by the answer's", middle(BYTES), MOST_BYTES)
    if tokens <= ANCHORED:
        yield _goal(f"{case}: share of the time in long tasks", middle(LONG), MOST_LONG)


def _goal(text: str, value: float, most: float) -> Goal:
    return Goal(f"{text}, at most {most:g}", value, value <= most)


def exponent(few: Sequence[Figures], many: Sequence[Figures], name: str) -> float:
    """Return how a figure grows with the text: 1 is linear."""

    def middle(runs: Sequence[Figures], name: str) -> float:
        return statistics.median(float(getattr(one, name)) for one in runs)

    grown = middle(many, name) / middle(few, name)
    return math.log(grown) / math.log(middle(many, "answer_bytes") / middle(few, "answer_bytes"))


def main(arguments: list[str]) -> None:
    """Measure the cases named, print and save."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.view", description=__doc__)
    parser.add_argument("cases", nargs="*", default=[*DEFAULT, *LARGE], metavar="KIND:TOKENS")
    found = report(measured(parser.parse_args(arguments).cases))
    sys.stdout.write("\n".join([*lines(found), f"- saved in {save(found)}", ""]))


if __name__ == "__main__":
    main(sys.argv[1:])

"""`%%hermes --each` in a real kernel: a line that moves, a table that stays, a stop that keeps."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from hermes_magic.offline import Response
from tests.batch.jobs import KEY
from tests.batch.till import Till, answer, refusal
from tests.kernel import Kernel, Ran, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGICS = "get_ipython().find_line_magic('hermes').__self__"
FRAME = """
import pandas as pd
df = pd.DataFrame({"review": [f"review {number}" for number in range(30)]})
class Verdict:
    good: bool
    score: int
import dataclasses; Verdict = dataclasses.dataclass(Verdict)
"""


def respond(text: str, _time: int) -> Response | None:
    if text.startswith("Judge"):
        return Response.json(answer('{"good": true, "score": 4}'))
    if text.startswith("Hostile"):
        return Response.json(answer("<img src=x onerror=alert(1)> $x$ \x1b[31m"))
    return refusal(400) if text == "Odd review 3" else None


@pytest.fixture(scope="module")
def till() -> Iterator[Till]:
    with Till(respond, latency=0.05) as till:
        yield till


@pytest.fixture(scope="module")
def kernel(till: Till, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    environment = {
        "OPENROUTER_BASE_URL": till.base_url,
        "OPENROUTER_API_KEY": KEY,
        "HERMES_MAGIC_DATA": str(tmp_path_factory.mktemp("data")),
    }
    with running_kernel(environment) as kernel:
        assert kernel.run("%load_ext hermes_magic").ok
        assert kernel.run(FRAME).ok
        yield kernel


def lines(ran: Ran) -> list[str]:
    """Give the text of each display and update, in their order."""
    shown = {"display_data", "update_display_data"}
    return [content["data"]["text/plain"] for kind, content in ran.contents() if kind in shown]


def test_a_cell_runs_once_for_each_row_and_leaves_a_table(kernel: Kernel) -> None:
    ran = kernel.run(
        "%%hermes --each df -o out --schema Verdict --at-once 4\nJudge {{row.review}}", watched=True
    )
    assert ran.ok, ran.text()
    assert kernel.value("list(out.columns)") == str(
        ["review", "answer", "good", "score", "error", "cost", "tokens"]
    )
    assert kernel.value("f'{out.good.dtype} {out.score.sum()} {len(out)}'") == "bool 120 30"
    assert kernel.value("f'{_.done} {_.cost}'") == "30 0.0030000000000000030"
    shown = lines(ran)
    assert any("in flight" in line and "left" in line for line in shown)
    assert any('{"good": true' in line for line in shown[:-1])
    (bundle,) = ran.bundles()
    assert bundle["text/plain"].startswith("30 of 30 done · $0.003 · ")
    assert not any(kind == "stream" for kind, _ in ran.contents())


def test_with_nobody_watching_one_line_is_shown_that_is_the_same_each_time(kernel: Kernel) -> None:
    first = kernel.run("%%hermes --each df -o out\nOdd {{row.review}}")
    assert lines(first) == ["29 of 30 done · 1 failed · $0.0029"]
    again = kernel.run("%%hermes --each df -o out\nOdd {{row.review}}")
    assert lines(again) == lines(first)
    assert kernel.value("out.error[3]").startswith("BadRequestError: The server answered 400")


def test_the_line_moves_at_most_four_times_a_second(kernel: Kernel) -> None:
    begun = time.monotonic()
    ran = kernel.run("%%hermes --each df --at-once 1\nSlow {{row.review}}", watched=True)
    assert 3 <= len(lines(ran)) <= 4 * (time.monotonic() - begun) + 3  # begin, plan and end


def test_an_interrupt_keeps_what_came_and_the_next_run_goes_on(kernel: Kernel, till: Till) -> None:
    cell = "%%hermes --each df -o part --at-once 2\nStop {{row.review}}"
    stopped = kernel.run(
        cell,
        watched=True,
        interrupt_when=lambda ran: any(re.match(r"[1-9]\d? of 30", line) for line in lines(ran)),
    )
    assert stopped.error["ename"] == "Stopped"
    assert len(stopped.error["traceback"]) == 1
    assert 1 <= int(kernel.value("part.answer.notna().sum()")) < 30
    assert "NotSentError: Not sent: the run was stopped." in kernel.value("part.error[29]")
    assert kernel.run(cell, watched=True).ok
    assert kernel.value("part.answer.notna().sum()") == "30"
    assert {n for text, n in till.paid().items() if text.startswith("Stop")} == {1}


def test_a_dry_run_says_what_it_would_cost(kernel: Kernel, till: Till) -> None:
    ran = kernel.run("%%hermes --each df --dry-run\nDry {{row.review}}")
    assert ran.ok
    assert "30 questions to send." in ran.stdout
    assert not any(text.startswith("Dry") for text in till.asked)


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("%%hermes --each dff\n{{row}}", "no variable has that name. Did you mean df?"),
        ("%%hermes --each df\nWhy?", "does not use the row"),
        ("%%hermes --each df --chat a\n{{row}}", "--chat cannot go with --each"),
        ("%%hermes --each FRAME\n{{row}}", "no variable"),
        ("%%hermes --retry-failed\nWhy?", "--retry-failed goes with --each NAME"),
        ("%%hermes --each df --tape t\n{{row}}", "A batch uses no tape"),
        ("big = list(range(1000))\n%hermes --each big {{row}}", "can cost up to $2"),
        ("%%hermes --each df\n{{row.reviews}}", "there is no column reviews, but review"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(kernel: Kernel, cell: str, told: str) -> None:
    ran = kernel.run(cell)
    assert told in ran.error["evalue"]
    assert len(ran.error["traceback"]) == 1


def test_a_line_gives_the_result(kernel: Kernel) -> None:
    assert kernel.run("result = %hermes --each df Line {{row.review}}").ok
    assert kernel.value("result").startswith("Result(30 rows: 30 done, cost $0.003")


def test_answers_cannot_break_out_of_the_progress(kernel: Kernel) -> None:
    ran = kernel.run("%%hermes --each df --at-once 1\nHostile {{row.review}}", watched=True)
    shown = [content["data"] for kind, content in ran.contents() if "display" in kind]
    html = "".join(each["text/html"] for each in shown)
    assert "&lt;img src=x" in html
    assert "<img" not in html
    assert "$x" not in html
    assert "\x1b" not in repr(shown)


def test_the_default_bound_can_be_set(kernel: Kernel) -> None:
    for value, bound in ((8, "8"), (300, "8"), (16, "16")):
        kernel.run(f"%config HermesMagics.at_once = {value}")
        assert kernel.value(f"{MAGICS}.at_once") == bound


def test_the_offline_demo_books_nothing_and_needs_no_limit(kernel: Kernel) -> None:
    assert kernel.run("%hermes offline").ok
    try:
        ran = kernel.run("%%hermes --each df -o out --max-tokens 64\nDemo {{row.review}}")
        assert ran.ok, ran.text()
        assert kernel.value("out.answer.notna().sum()") == "30"
    finally:
        kernel.run("%hermes online")

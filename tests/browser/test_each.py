"""`%%hermes --each` as a person sees it: a bar that fills, the first answers, then one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.batch.till import Till

from .cells import setup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lab import NotebookMaker

ROWS = "reviews = [f'review {number}' for number in range(60)]"
FILLED = """
output => {
  const bar = output.querySelector(".hermes-batch > div > div");
  return bar.getBoundingClientRect().width / bar.parentElement.offsetWidth;
}
"""
EACH = "%%hermes --each reviews -o out --at-once 4 --max-cost 5\nJudge {{row}}"


@pytest.fixture
def till() -> Iterator[Till]:
    with Till(latency=0.2) as till:
        yield till


def test_a_bar_fills_and_gives_way_to_one_line(notebook: NotebookMaker, till: Till) -> None:
    book = notebook("each.ipynb", [setup(till), ROWS, EACH, "out[59]['answer']"])
    book.open()
    for cell in (0, 1):
        book.run_cell(cell)
        book.wait_idle()
    book.run_cell(2)
    output = book.output(2)
    expect(output).to_contain_text(re.compile(r"\d+ of 60 done · 4 in flight · \$0\.0\d+ of ~\$0"))
    expect(output).to_contain_text(re.compile(r"s left"))
    expect(output).to_contain_text(re.compile(r"On Judge review \d"))
    assert 0 < output.evaluate(FILLED) < 1
    book.screenshot("each-running")
    book.wait_idle()
    expect(output).to_have_text(re.compile(r"^\s*60 of 60 done · \$0\.006 · \d+\.\d s\s*$"))
    book.screenshot("each-done")
    book.run_cell(3)
    expect(book.output(3)).to_contain_text("On Judge review 59")
    book.save()
    assert book.console_errors == []

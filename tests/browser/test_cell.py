"""A `%%hermes` cell as a person sees it: growing, folding, priced, and still there after reload."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from hermes_magic.offline import DemoServer

if TYPE_CHECKING:
    from .lab import Lab, NotebookMaker

QUESTION = "%%hermes -o answer\nWhy does the median resist outliers?"
LAST_WORDS = "A prepared demo answer"


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=80, first_token_seconds=0.5) as server:
        yield server


def setup(demo: DemoServer) -> str:
    return (
        "%load_ext hermes_magic\n"
        f"%config HermesMagics.base_url = {demo.base_url!r}\n"
        "import os; os.environ['OPENROUTER_API_KEY'] = 'sk-made-up'"
    )


@pytest.mark.parametrize("flavour", ["lab", "notebook"])
def test_an_answer_grows_folds_its_thought_shows_its_cost_and_stays(
    lab: Lab, notebook: NotebookMaker, demo: DemoServer, flavour: str
) -> None:
    book = notebook(f"cell-{flavour}.ipynb", [setup(demo), QUESTION])
    book.open()
    book.run_cell(0)
    book.wait_idle()
    book.run_cell(1)
    output = book.output(1)
    thought = output.locator("details.hermes-thought")

    expect(thought).to_have_attribute("open", "")
    expect(thought).to_contain_text("the reader needs the mechanism")
    expect(thought.locator("summary")).to_contain_text(re.compile(r"Thinking \d"))
    book.screenshot(f"cell-{flavour}-thinking")

    expect(output.locator(".hermes-answer")).to_contain_text("order, not at distance")
    assert LAST_WORDS not in output.inner_text()
    expect(thought).not_to_have_attribute("open", "")
    expect(output.locator(".hermes-line")).to_contain_text(re.compile(r"~\d+ tokens.*offline demo"))
    expect(output.locator(".hermes-answer table")).to_be_visible()
    book.screenshot(f"cell-{flavour}-answering")

    book.wait_idle()
    expect(output).to_contain_text(LAST_WORDS)
    assert_final(book)
    book.screenshot(f"cell-{flavour}-done")
    if flavour == "lab":
        book.set_theme("JupyterLab Dark")
        book.screenshot("cell-lab-dark")
        book.set_width(480)
        book.screenshot("cell-lab-narrow")
        book.set_theme("JupyterLab Light")
        book.set_width(1280)

    before = output.inner_text()
    assert book.console_errors == []
    book.save()
    book.close()
    lab.restart()
    book.open(kernel=False)
    assert_final(book)
    assert output.inner_text() == before
    book.screenshot(f"cell-{flavour}-reopened")
    assert book.console_errors == []
    assert book.requests == []


def assert_final(book) -> None:
    output = book.output(1)
    thought = output.locator("details.hermes-thought")
    expect(thought).to_have_count(1)
    expect(thought).not_to_have_attribute("open", "")
    expect(thought.locator("summary")).to_contain_text(re.compile(r"Thought for \d+\.\d s · 267 tokens"))
    expect(output.locator("details.hermes-cost > summary")).to_contain_text(
        re.compile(r"\$0\.001938 if it were real · 9 in · 643 out \(267 thought\)")
    )
    expect(output.locator("mjx-container").first).to_be_visible()
    thought.locator("summary").click()
    expect(thought).to_contain_text("the reader needs the mechanism")
    thought.locator("summary").click()
    expect(output).not_to_contain_text("model not found")

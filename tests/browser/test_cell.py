"""A `%%hermes` cell as a person sees it: growing, folding, priced, and still there after reload."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from hermes_magic.offline import DemoServer

from .cells import MEDIAN, Scripted, median, setup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from .lab import Flavour, Lab, Notebook, NotebookMaker

FORMULAS = 5  # in the answer on the median
LAST_WORDS = "A prepared demo answer"
# Where everything of the answer stands, seen from the cell's top left corner.
PLACES = """
output => {
  const origin = output.closest('.jp-Cell').getBoundingClientRect();
  const what = '.hermes-thought, .hermes-answer p, table, th, td, pre, li, mjx-container, h2, ' +
    '.hermes-line, .hermes-cost';
  return [...output.querySelector('.hermes').querySelectorAll(what)]
    .filter(node => !node.closest('.hermes-thought > div, .hermes-cost table'))
    .map(node => [node.tagName, node.getBoundingClientRect()])
    .map(([tag, box]) => [tag, box.left - origin.left, box.top - origin.top]);
}
"""


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=80, first_token_seconds=0.5) as server:
        yield server


@pytest.mark.parametrize("flavour", ["lab", "notebook"])
def test_an_answer_grows_folds_its_thought_shows_its_cost_and_stays(
    lab: Lab, notebook: NotebookMaker, demo: DemoServer, flavour: Flavour
) -> None:
    book = notebook(f"cell-{flavour}.ipynb", [setup(demo), MEDIAN])
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
    expect(output.locator(".hermes-answer pre code")).to_contain_text("mean(spoiled)")
    book.screenshot(f"cell-{flavour}-answering")

    book.wait_idle()
    assert_final(book)
    book.screenshot(f"cell-{flavour}-done")
    before = words(output)
    assert book.console_errors == []
    book.save()
    book.close()
    lab.restart()
    book.open(kernel=False)
    assert_final(book)
    assert words(output) == before
    expect(output.get_by_role("button")).to_have_count(0)
    book.screenshot(f"cell-{flavour}-reopened")
    assert book.console_errors == []
    assert book.requests == []


def assert_final(book: Notebook) -> None:
    output = book.output(1)
    expect(output).to_contain_text(LAST_WORDS)
    thought = output.locator("details.hermes-thought")
    expect(thought).to_have_count(1)
    expect(thought).not_to_have_attribute("open", "")
    expect(thought.locator("summary")).to_contain_text(
        re.compile(r"Thought for \d+\.\d s · 267 tokens")
    )
    expect(output.locator("details.hermes-cost > summary")).to_contain_text(
        re.compile(r"\$0\.001938 if it were real · 9 in · 643 out \(267 thought\)")
    )
    expect(output.locator("mjx-container").first).to_be_visible()
    thought.locator("summary").click()
    expect(thought).to_contain_text("the reader needs the mechanism")
    thought.locator("summary").click()
    expect(output).not_to_contain_text("model not found")


@pytest.mark.parametrize("width", [480, 1280])
def test_nothing_moves_at_the_end(notebook: NotebookMaker, width: int) -> None:
    with median() as server:
        server.hold()
        book = notebook("jump.ipynb", [setup(server), MEDIAN])
        book.open()
        book.set_width(width)
        book.run_all()
        output = book.output(1)
        expect(output).to_contain_text(LAST_WORDS)
        expect(output.locator(".hermes-live mjx-container")).to_have_count(FORMULAS)
        before = places(output)
        book.screenshot(f"cell-{width}-before-the-end")
        server.release()
        book.wait_idle()
        expect(output.locator(".hermes-live")).to_have_count(0)
        expect(output.locator("mjx-container")).to_have_count(FORMULAS)
        after = places(output)
        book.screenshot(f"cell-{width}-after-the-end")
    assert len(before) == len(after) > 20
    for was, is_now in zip(before, after, strict=True):
        assert is_now[1:] == pytest.approx(was[1:], abs=0.6), (was, is_now)


def test_a_formula_above_a_growing_paragraph_stands_there_once(notebook: NotebookMaker) -> None:
    with Scripted("\\[x = 1\\]\nso it goes on and on, word by word", pause=0.2) as server:
        server.hold()
        book = notebook("formula.ipynb", [setup(server), MEDIAN])
        book.open()
        book.run_all()
        live = book.output(1).locator(".hermes-live .hermes-answer")
        expect(live).to_contain_text("word by word")
        expect(live.locator("mjx-container")).to_have_count(1)
        expect(live.locator("p")).to_have_count(1)
        server.release()
        book.wait_idle()


def words(output: Locator) -> list[str]:
    """Return the lines of an output without the buttons that an open page adds."""
    return [line for line in output.inner_text().splitlines() if not line.startswith("Copy")]


def places(output: Locator) -> list[Any]:
    found: list[Any] = output.evaluate(PLACES)
    return found

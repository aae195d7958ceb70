"""The block that is still being written: what has not changed in it stays as it is in the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .cells import MEDIAN, Scripted, setup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lab import Notebook, NotebookMaker

WORDS = " ".join(f"word{number}" for number in range(400))
CODE = "".join(f"total += weights[{number}] * 'x'  # step\n" for number in range(50))
ROWS = "".join(f"| {number} | `cell` |\n" for number in range(30))
SELECT = """
([block, text]) => {
  const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
  while (!walker.nextNode().data.includes(text));
  const at = walker.currentNode.data.indexOf(text);
  getSelection().setBaseAndExtent(walker.currentNode, at, walker.currentNode, at + text.length);
  window.marked = [...block.children];
}
"""


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(pause=0.01) as server:
        yield server


def selected(book: Notebook) -> str:
    return str(book.page.evaluate("() => getSelection().toString()"))


@pytest.mark.parametrize(
    ("text", "first", "later"),
    [
        (f"The formula \\(x^2\\) and {WORDS}", "word3 ", "word300"),
        (f"```python\n{CODE}", "weights", "49"),
        (f"| a | b |\n|---|---|\n{ROWS}", "0", "29"),
    ],
    ids=["paragraph", "code", "table"],
)
def test_a_selection_outlives_the_words_behind_it(
    notebook: NotebookMaker, server: Scripted, text: str, first: str, later: str
) -> None:
    server.text = text
    server.hold()
    book = notebook("growing.ipynb", [setup(server), MEDIAN])
    book.open()
    book.run_all()
    answer = book.output(1).locator(".hermes-answer")
    block = answer.locator(":scope > *").first
    expect(block).to_contain_text(first)
    block.evaluate(f"(block, text) => ({SELECT})([block, text])", first)
    assert later not in block.inner_text()
    expect(block).to_contain_text(later)
    assert selected(book) == first
    assert block.evaluate("block => window.marked.every((one, at) => one === block.children[at])")
    assert block.evaluate("block => block.isConnected")
    server.release()
    book.wait_idle()
    assert book.console_errors == []


def test_code_that_grows_is_selected_and_copied_line_by_line(
    notebook: NotebookMaker, server: Scripted
) -> None:
    server.text = f"Code:\n\n```python\n{CODE}```\n\nThe end."
    server.hold()
    book = notebook("lines.ipynb", [setup(server), MEDIAN])
    book.open()
    book.run_all()
    output = book.output(1)
    expect(output.locator(".hermes-answer")).to_contain_text("The end.")
    code = output.locator(".hermes-answer pre code")
    expect(code.locator(".hm-lines")).to_have_count(3)
    live = output.locator(".hermes-answer pre").bounding_box()
    code.evaluate("code => getSelection().selectAllChildren(code)")
    assert selected(book) == CODE.rstrip("\n")
    expect(output.locator(".hermes-copy-code")).to_have_count(1)
    server.release()
    book.wait_idle()
    expect(output.locator(".hermes-live")).to_have_count(0)
    saved = output.locator(".hermes-answer pre").bounding_box()
    assert live is not None
    assert saved is not None
    assert saved["height"] == pytest.approx(live["height"], abs=1)
    assert book.console_errors == []

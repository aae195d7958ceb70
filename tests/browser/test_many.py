"""Many answers at once, and what happens to one whose page or kernel goes away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .cells import MEDIAN, Scripted, median, setup
from .lab import Notebook
from .server import poll

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext

    from .lab import Flavour, Lab, NotebookMaker

# A widget is closed soon after a page has confirmed the answer; run this when the page is idle.
COMMS = """\
import time
comms, end = get_ipython().kernel.comm_manager.comms, time.monotonic() + 30
while comms and time.monotonic() < end: time.sleep(0.1)
print('open comms:', len(comms))
"""
BEGUN = "order, not at distance"
END = "A prepared demo answer"
NO_PAGE = "The answer of cell [2], which ended while no page was open."

# JupyterLab's complaint of a message that the old kernel sent when the page had let go of it.
IN_FLIGHT = re.compile(r"Comm not found for comm id [0-9a-f]{32} ")
# ... and of ipywidgets' answer to the other tab's question which widgets there are.
CONTROL = re.compile(r"Comm not found for comm id [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} ")

CLOSED = pytest.mark.parametrize(
    ("flavour", "is_saved"),
    [("lab", True), ("lab", False), ("notebook", True)],
    ids=["lab", "lab, not saved", "notebook"],
)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with median() as server:
        yield server
        server.release()


def test_ten_cells_each_keep_their_own_answer(notebook: NotebookMaker, server: Scripted) -> None:
    asking = [f"%%hermes\nsay Number {n}: $x_{{{n}}}$ and `code`." for n in range(10)]
    book = notebook("ten.ipynb", [setup(server), *asking, COMMS])
    book.open()
    for n in range(11):
        book.run_cell(n)
    book.wait_idle()
    book.run_cell(11)
    expect(book.output(11)).to_have_text("open comms: 0")
    for n in range(10):
        expect(book.output(n + 1).locator(".hermes")).to_have_count(1)
        expect(book.output(n + 1)).to_contain_text(f"Number {n}:")
    expect(book.page.locator(".hermes-live")).to_have_count(0)
    assert (book.console_errors, book.requests) == ([], [])


def test_several_answers_in_one_cell_come_in_their_order(
    notebook: NotebookMaker, server: Scripted
) -> None:
    source = "for n in range(3):\n    print('before', n)\n    _ = get_ipython().run_line_magic("
    book = notebook("loop.ipynb", [setup(server), f"{source}'hermes', f'say Answer {{n}}.')"])
    book.open()
    book.run_all()
    book.wait_idle()
    shown = book.output(1).inner_text()
    places = [shown.index(f"{what} {n}") for n in range(3) for what in ("before", "Answer")]
    assert places == sorted(places)
    expect(book.output(1).get_by_role("button", name="Copy Markdown")).to_have_count(3)


def test_a_kernel_restarted_in_mid_answer(
    lab: Lab, notebook: NotebookMaker, server: Scripted
) -> None:
    server.hold()
    book = notebook("restart.ipynb", [setup(server), MEDIAN, COMMS])
    book.open()
    book.run_cell(0)
    book.run_cell(1)
    output = book.output(1)
    expect(output).to_contain_text(END)
    book.restart_kernel()
    expect(output).to_contain_text("The kernel has gone: this answer is not whole.")
    expect(output).to_contain_text(BEGUN)
    expect(output.get_by_role("button", name="Stop")).to_have_count(0)
    book.save()
    (kept,) = lab.read(book.path).cells[1].outputs
    assert set(kept.data) == {"text/html", "text/markdown", "text/plain"}
    server.release()
    book.run_cell(0)
    book.run_cell(1)
    book.wait_idle()
    expect(output.locator(".hermes-live")).to_have_count(0)
    expect(output).to_contain_text(END)
    book.run_cell(2)
    expect(book.output(2)).to_have_text("open comms: 0")
    assert [one for one in book.console_errors if not IN_FLIGHT.match(one)] == []


@CLOSED
def test_a_tab_closed_in_mid_answer_and_reopened_after_its_end(
    lab: Lab, notebook: NotebookMaker, server: Scripted, flavour: Flavour, *, is_saved: bool
) -> None:
    book = closed_in_mid_answer(notebook, server, flavour, save=is_saved)
    server.release()
    poll(lambda: lab.is_idle, "the kernel's end of the answer")
    book.open()
    expect_placed(book)
    book.save()
    book.open(kernel=False)
    expect(book.output(1).locator(".hermes")).to_have_count(1)
    expect(book.output(1)).to_contain_text(END)


@CLOSED
def test_a_tab_closed_and_reopened_in_mid_answer(
    notebook: NotebookMaker, server: Scripted, flavour: Flavour, *, is_saved: bool
) -> None:
    book = closed_in_mid_answer(notebook, server, flavour, save=is_saved)
    book.open(kernel="busy")
    if is_saved:
        expect(book.output(1)).to_contain_text("was not whole yet when the notebook was saved")
        expect(book.output(1)).to_contain_text(BEGUN)
    server.release()
    expect_placed(book)


def closed_in_mid_answer(
    notebook: NotebookMaker, server: Scripted, flavour: Flavour, *, save: bool
) -> Notebook:
    server.hold()
    book = notebook(f"reopened-{flavour}.ipynb", [setup(server), MEDIAN, "answer", COMMS])
    book.open()
    book.run_cell(0)
    book.run_cell(1)
    expect(book.output(1)).to_contain_text(BEGUN)
    if save:
        book.save()
    book.close()
    return book


def expect_placed(book: Notebook) -> None:
    """Expect the answer in its cell once, and behind it a kernel without a widget."""
    output = book.output(1)
    expect(output).to_contain_text(END)
    expect(output.locator(".hermes")).to_have_count(1)
    expect(output.locator("mjx-container").first).to_be_visible()
    expect(book.page.locator(".jp-CodeCell .jp-InputPrompt").nth(1)).to_have_text("[2]:")
    book.run_cell(2)
    expect(book.output(2)).to_contain_text(END)
    book.run_cell(3)
    expect(book.output(3)).to_have_text("open comms: 0")
    expect(output.locator(".hermes")).to_have_count(1)
    assert book.console_errors == []


def test_several_answers_of_a_cell_that_no_page_saw_come_in_their_order_in_place_of_old_ones(
    lab: Lab, notebook: NotebookMaker, server: Scripted
) -> None:
    source = (
        "for n in range(3):\n    _ = get_ipython().run_line_magic('hermes', f'say Answer {n}.')"
    )
    book = notebook("unseen.ipynb", [setup(server), source, COMMS])
    book.open()
    book.run_cell(0)
    book.run_cell(1)
    book.wait_idle()
    book.save()
    server.hold()
    book.run_cell(1)
    expect(book.output(1).locator(".hermes-live")).to_contain_text("Answer 0.")
    book.close()
    server.release()
    poll(lambda: lab.is_idle, "the kernel's end of the answers")
    book.open()
    answers = book.output(1).locator(".hermes-answer")
    expect(answers).to_have_text(["Answer 0.", "Answer 1.", "Answer 2."])
    book.run_cell(2)
    expect(book.output(2)).to_have_text("open comms: 0")
    expect(answers).to_have_count(3)
    assert book.console_errors == []


def test_an_answer_whose_cell_was_never_saved_is_shown_by_the_next_cell_once(
    lab: Lab, notebook: NotebookMaker, server: Scripted
) -> None:
    book = closed_in_mid_answer(notebook, server, "lab", save=False)
    lab.write(book.path, ["'first'", "'second'", COMMS])
    server.release()
    poll(lambda: lab.is_idle, "the kernel's end of the answer")
    book.open()

    def is_shown() -> bool:
        book.run_cell(0)
        book.wait_idle()
        return NO_PAGE in book.output(0).inner_text()

    poll(is_shown, "the answer without a cell")  # as soon as the page has asked for it
    for n in (1, 2):
        book.run_cell(n)
    expect(book.output(2)).to_have_text("open comms: 0")
    expect(book.output(0)).to_contain_text(END)
    expect(book.output(0)).to_contain_text("first")
    expect(book.page.locator(".hermes-answer")).to_have_count(1)
    assert book.console_errors == []


def test_a_notebook_saved_in_mid_answer_whose_kernel_then_ends_shows_what_had_come(
    lab: Lab, notebook: NotebookMaker, server: Scripted
) -> None:
    server.hold()
    book = notebook("saved.ipynb", [setup(server), MEDIAN])
    book.open()
    book.run_all()
    output = book.output(1)
    expect(output).to_contain_text(END)
    book.save()
    (kept,) = lab.read(book.path).cells[1].outputs
    assert set(kept.data) == {"text/html", "text/markdown", "text/plain"}
    expect(output.locator(".hermes-live")).to_have_count(1)
    server.release()
    book.wait_idle()
    expect(output.locator(".hermes-live")).to_have_count(0)
    expect(output).not_to_contain_text("not whole")
    book.open(kernel=False)
    expect(output).to_contain_text("This answer was not whole yet when the notebook was saved.")
    expect(output).to_contain_text(BEGUN)
    expect(output).not_to_contain_text("Error displaying widget")
    book.screenshot("saved-in-mid-answer", cell=1)
    assert book.console_errors == []


def test_two_tabs_on_one_kernel(
    lab: Lab, chromium: BrowserContext, notebook: NotebookMaker, server: Scripted
) -> None:
    server.hold()
    first = notebook("tabs.ipynb", [setup(server), MEDIAN, COMMS])
    first.open()
    second = Notebook(lab, chromium, "tabs.ipynb", screenshots=first.screenshots)
    second.open()
    first.run_cell(0)
    first.run_cell(1)
    expect(first.output(1)).to_contain_text(END)
    server.release()
    first.wait_idle()
    second.wait_idle()
    expect(first.output(1).locator(".hermes")).to_have_count(1)
    expect(first.output(1)).to_contain_text(END)
    second.run_cell(2)
    expect(second.output(2)).to_have_text("open comms: 0")
    assert [one for one in first.console_errors if not CONTROL.match(one)] == []
    assert second.console_errors == []


def test_an_output_hidden_in_mid_answer_is_whole_when_it_is_shown_again(
    notebook: NotebookMaker, server: Scripted
) -> None:
    server.hold()
    book = notebook("hidden.ipynb", [setup(server), MEDIAN])
    book.open()
    book.run_all()
    expect(book.output(1)).to_contain_text(BEGUN)
    book.command("notebook:hide-cell-outputs", cell=1)
    server.release()
    book.wait_idle()
    book.command("notebook:show-cell-outputs", cell=1)
    expect(book.output(1)).to_contain_text(END)
    book.command("notebook:enable-output-scrolling", cell=1)
    expect(book.output(1).locator(".hermes")).to_have_count(1)
    assert book.console_errors == []

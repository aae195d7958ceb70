"""Many answers at once, and what happens to one whose page or kernel goes away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .cells import MEDIAN, Scripted, median, setup
from .lab import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext

    from .lab import Lab, NotebookMaker

COMMS = "print('open comms:', len(get_ipython().kernel.comm_manager.comms))"
BEGUN = "order, not at distance"
END = "A prepared demo answer"

# JupyterLab's complaint of a message that the old kernel sent when the page had let go of it.
IN_FLIGHT = re.compile(r"Comm not found for comm id [0-9a-f]{32} ")
# ... and of ipywidgets' answer to the other tab's question which widgets there are.
CONTROL = re.compile(r"Comm not found for comm id [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} ")


@pytest.fixture
def server() -> Iterator[Scripted]:
    with median() as server:
        yield server
        server.release()


def test_ten_cells_each_keep_their_own_answer(notebook: NotebookMaker, server: Scripted) -> None:
    asking = [f"%%hermes\nsay Number {n}: $x_{{{n}}}$ and `code`." for n in range(10)]
    book = notebook("ten.ipynb", [setup(server), *asking, COMMS])
    book.open()
    book.run_all()
    book.wait_idle()
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
    book.run_all()
    book.wait_idle()
    expect(output.locator(".hermes-live")).to_have_count(0)
    expect(output).to_contain_text(END)
    expect(book.output(2)).to_have_text("open comms: 0")
    assert [one for one in book.console_errors if not IN_FLIGHT.match(one)] == []


def test_a_tab_closed_and_reopened_in_mid_answer_finds_the_whole_reply(
    notebook: NotebookMaker, server: Scripted
) -> None:
    server.hold()
    book = notebook("reopened.ipynb", [setup(server), MEDIAN, "answer", COMMS])
    book.open()
    book.run_cell(0)
    book.run_cell(1)
    expect(book.output(1)).to_contain_text(BEGUN)
    book.close()
    server.release()
    book.open()
    book.run_cell(2)
    expect(book.output(2)).to_contain_text(END)
    book.run_cell(3)
    expect(book.output(3)).to_have_text("open comms: 0")
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

"""At home in JupyterLab and in Notebook 7: Tab, new cells, a conversation, the whole notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from playwright.sync_api import expect

from .cells import Scripted, setup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lab import Flavour, Lab, NotebookMaker

BOTH = pytest.mark.parametrize("flavour", ["lab", "notebook"])
WORKED = Path(__file__).parents[2] / "notebooks" / "02-at-home.ipynb"
QUICK = """
from hermes_magic.offline import DemoServer
DemoServer.__init__.__kwdefaults__.update(tokens_per_second=1000, first_token_seconds=0.1)
"""
CODE = "say So:\n\n```python\nran = 1\n```\n\nand\n\n```python\nprint(ran + 1)\n```"


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted("So.") as server:
        yield server


@BOTH
def test_tab_completes_an_option(
    notebook: NotebookMaker, server: Scripted, flavour: Flavour
) -> None:
    book = notebook(f"tab-{flavour}.ipynb", [setup(server), "", "amounts = [1]", ""])
    book.open()
    book.run_cell(0)
    book.run_cell(2)
    book.wait_idle()
    book.edit(1)
    keyboard = book.page.keyboard

    keyboard.type("%%hermes --th")
    keyboard.press("Tab")
    offered = book.page.locator(".jp-Completer-item")
    expect(offered).to_have_count(2)
    expect(offered.first).to_contain_text("--think")
    book.screenshot(f"tab-{flavour}")
    keyboard.type("ou")
    expect(offered).to_have_count(1)
    keyboard.press("Enter")
    assert book.source(1) == "%%hermes --thoughts"

    book.edit(3)
    keyboard.type("%%hermes --with amo")
    keyboard.press("Tab")
    expect(offered.filter(has_text="amounts")).to_be_visible()
    keyboard.press("Enter")
    assert book.source(3) == "%%hermes --with amounts"
    assert book.console_errors == []


@BOTH
def test_code_goes_into_a_new_cell_below_and_nothing_runs(
    notebook: NotebookMaker, server: Scripted, flavour: Flavour
) -> None:
    book = notebook(
        f"code-{flavour}.ipynb", [setup(server), f"%%hermes --code\n{CODE}", "last = 1"]
    )
    book.open()
    book.run_cell(0)
    book.wait_idle()
    book.run_cell(1)
    book.wait_idle()
    expect(book.page.locator(".jp-Notebook .jp-Cell")).to_have_count(4)
    assert [book.source(place) for place in (2, 3)] == ["ran = 1\n\nprint(ran + 1)", "last = 1"]
    expect(book.output(1)).to_contain_text("So:")
    book.screenshot(f"code-{flavour}")
    book.save()
    cells = book.lab.read(book.path).cells
    assert [cell.execution_count for cell in cells] == [1, 2, None, None]
    assert cells[2].outputs == []
    assert book.console_errors == []


@BOTH
def test_a_cell_that_is_edited_and_run_again_replaces_its_turn(
    notebook: NotebookMaker, server: Scripted, flavour: Flavour
) -> None:
    chat = "%%hermes --chat\n"
    cells = [setup(server), f"{chat}say one", f"{chat}say two", f"{chat}say three"]
    book = notebook(f"chat-{flavour}.ipynb", cells)
    book.open()
    for place in (0, 1, 2):
        book.run_cell(place)
        book.wait_idle()
    book.write(1, f"{chat}say 1")
    for place in (1, 3):
        book.run_cell(place)
        book.wait_idle()
    assert asked(server)[-2:] == [
        ["say 1"],
        ["say 1", "1", "say two", "two", "say three"],
    ]
    assert book.console_errors == []


def asked(server: Scripted) -> list[list[str]]:
    """Give the texts of each question's messages."""
    bodies: list[Any] = [
        each.request.json for each in server.exchanges if each.request.method == "POST"
    ]
    return [[message["content"] for message in body["messages"]] for body in bodies]


@pytest.fixture
def quick(lab: Lab) -> Iterator[None]:
    """Let the demo server write as fast as a skimming reader, not at the pace of a model."""
    startup = lab.home / "ipython" / "profile_default" / "startup" / "quick.py"
    startup.parent.mkdir(parents=True, exist_ok=True)
    startup.write_text(QUICK, "utf-8")
    yield
    startup.unlink()


@pytest.mark.usefixtures("quick")
@BOTH
def test_the_worked_notebook_runs_without_an_error(
    notebook: NotebookMaker, flavour: Flavour
) -> None:
    book = notebook(f"at-home-{flavour}.ipynb", [])
    worked = nbformat.read(WORKED, as_version=4)
    for cell in worked.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(worked, book.lab.root / book.path)
    book.open()
    ids = [cell.id for cell in worked.cells]
    for name in ids:
        book.run_cell(book.place(name))
        book.wait_idle()
    book.save()
    ran = {cell.id: cell for cell in book.lab.read(book.path).cells if cell.cell_type == "code"}
    planned = [cell for cell in worked.cells if cell.cell_type == "code"]
    for cell in planned:
        failed = any(output.output_type == "error" for output in ran[cell.id].outputs)
        assert failed is ("raises-exception" in cell.metadata.get("tags", [])), cell.source
        assert ran[cell.id].execution_count
    offered = [cell for name, cell in ran.items() if name not in ids]
    assert offered
    assert all(cell.source and cell.execution_count is None for cell in offered)
    book.screenshot(f"at-home-{flavour}")
    assert (book.console_errors, book.requests) == ([], [])

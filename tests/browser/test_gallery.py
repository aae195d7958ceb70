"""The gallery in a real JupyterLab: live and saved, the same bytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lab import Lab, NotebookMaker

SAVED = Path(__file__).parents[2] / "notebooks"
RUN = "[...panel.model.cells].every(cell => cell.type !== 'code' || cell.executionCount)"
NAMES = [tape.stem for tape in sorted((SAVED / "tapes").iterdir())]


@pytest.fixture
def quick(lab: Lab) -> Iterator[None]:
    """Play tapes as fast as a skimming reader, not at the pace of a model."""
    settings = lab.home / "ipython" / "profile_default" / "ipython_config.py"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("c.HermesMagics.tape_speed = 20", "utf-8")
    yield
    settings.unlink()


def told(path: Path) -> Any:
    """Give what a notebook's file says, but not which Python has run it."""
    notebook = json.loads(path.read_text("utf-8"))
    del notebook["metadata"]["language_info"]["version"]
    return notebook


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", NAMES)
def test_a_run_in_jupyterlab_saves_the_same_bytes(
    name: str, lab: Lab, notebook: NotebookMaker
) -> None:
    page = notebook(f"{name}.ipynb", [])
    shutil.copytree(SAVED, lab.root, dirs_exist_ok=True)
    page.open()
    page.run_all()
    page.wait_idle()
    # A cell that is meant to fail ends the command, not the cells behind it.
    page._until(RUN)
    page.wait_idle()
    answers = page.page.locator(".hermes")
    expect(answers.first).to_be_visible()
    page.save()
    assert told(lab.root / f"{name}.ipynb") == told(SAVED / f"{name}.ipynb")
    assert not page.console_errors
    assert not page.requests

"""The gallery: notebooks on tapes, which run anywhere and give the bytes that are saved."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from hermes_magic.tape.files import Tape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermes_magic.tape.episode import Episode

SAVED = Path(__file__).parent.parent / "notebooks"
TAPES = sorted((SAVED / "tapes").iterdir())
NAMES = [tape.stem for tape in TAPES]
NO_SERVER = "http://127.0.0.1:9"
WALL = """
import sys

def refuse(event, arguments):
    address = arguments[1] if event == "socket.connect" else None
    if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1"):
        raise RuntimeError(f"the gallery needs no network, but asks {address[0]}")

sys.addaudithook(refuse)
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh copy of the folder."""
    return shutil.copytree(SAVED, tmp_path / "notebooks")


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a kernel without key and network."""
    home = tmp_path_factory.mktemp("ipython")
    startup = home / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "wall.py").write_text(WALL, "utf-8")
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NO_SERVER)
    own = {"IPYTHONDIR": str(home), "OPENROUTER_BASE_URL": f"{NO_SERVER}/v1"}
    return {**os.environ, **proxies, **own}


def execute(path: Path, environment: dict[str, str]) -> None:
    """Run a notebook as nbconvert does, and save it."""
    notebook = nbformat.read(path, as_version=4)
    saved = notebook.metadata.language_info
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute(env=environment)
    notebook.metadata.language_info = saved  # of the Python that has run it: nobody's output
    nbformat.write(notebook, path)


def episodes(tape: Path) -> list[Episode]:
    found = Tape(tape).episodes()
    assert found
    return found


def answers(name: str) -> Iterator[dict[str, str]]:
    """Give the MIME bundles of the answers that a notebook shows."""
    notebook = nbformat.read(SAVED / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if 'class="hermes"' in output.get("data", {}).get("text/html", ""):
                yield output.data


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_clone_without_key_and_network_gives_the_saved_bytes(
    name: str, clone: Path, cut_off: dict[str, str]
) -> None:
    execute(clone / f"{name}.ipynb", cut_off)
    for path in (f"{name}.ipynb", f"tapes/{name}.json"):
        assert (clone / path).read_bytes() == (SAVED / path).read_bytes()
    assert not list((clone / "tapes").glob(".*"))


@pytest.mark.parametrize(
    ("name", "said", "asked"),
    [
        ("03-exploring-a-data-set", "What in this table could mislead me?", "mislead=help"),
        ("04-a-statistics-lesson", "Which one would you choose?", "choose=avoid"),
    ],
)
def test_one_word_of_one_prompt_fails_and_shows_that_word(
    name: str, said: str, asked: str, clone: Path, cut_off: dict[str, str]
) -> None:
    path = clone / f"{name}.ipynb"
    text = path.read_text("utf-8")
    word, other = asked.split("=")
    changed = said.replace(word, other)
    path.write_text(text.replace(said, changed), "utf-8")
    with pytest.raises(CellExecutionError) as caught:
        execute(path, cut_off)
    assert caught.value.ename == "TapeError"
    assert f"\n-{said}\n+{changed}\n" in caught.value.traceback


@pytest.mark.parametrize("tape", TAPES, ids=NAMES)
class TestTellsThatNoModelWasAsked:
    def test_the_tape(self, tape: Path) -> None:
        for episode in episodes(tape):
            assert episode.by_hand
            assert not episode.is_draft
            assert episode.written["by_hand"] is True
            assert set(episode.written) == {"by_hand", "recorded", "request", "reply"}
            assert set(episode.written["reply"]) <= {"thought", "answer"}

    def test_every_answer(self, tape: Path) -> None:
        shown = list(answers(tape.stem))
        for bundle in shown:
            for text in bundle.values():
                assert "written by hand" in text
                assert "no model was asked" in text
                assert "hermes-4" not in text

    def test_the_first_lines(self, tape: Path) -> None:
        notebook = nbformat.read(SAVED / f"{tape.stem}.ipynb", as_version=4)
        assert "written by hand" in notebook.cells[0].source
        assert "no model " in notebook.cells[0].source.lower()

    def test_no_answer_is_left_over(self, tape: Path) -> None:
        whole = [one for one in episodes(tape) if "<tool_call>" not in str(one.written["reply"])]
        assert len(list(answers(tape.stem))) == len(whole)


@pytest.mark.parametrize("name", [path.stem for path in SAVED.glob("*.ipynb")])
def test_nothing_of_a_single_run_is_saved(name: str) -> None:
    notebook = nbformat.read(SAVED / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}

"""What the model is told of an exception."""

from __future__ import annotations

import json
import linecache
import os
from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic.prompt.failure import (
    RUN,
    Cell,
    cell_block,
    failing_cells,
    failing_values,
    names_on,
    traceback_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFINES = "def total(rows):\n    return sum(row['amount'] for row in rows)"
RUNS = "rows = [{'amount': 1}, {'amuont': 2}]\n\ntotal(\n    rows)"


class Notebook:
    """Runs cells as IPython does, each under a file name of its own."""

    def __init__(self) -> None:
        self.variables: dict[str, Any] = {"__name__": "__main__"}
        self.cells: dict[str, Cell] = {}

    def run(self, source: str) -> BaseException:
        """Run a cell; give what it raises."""
        number = len(self.cells) + 1
        name = f"/tmp/ipykernel_test/{number}.py"  # noqa: S108 - no file, a name
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        self.cells[name] = Cell(f"Cell In[{number}]", source)
        try:
            exec(compile(source, name, "exec"), self.variables)  # noqa: S102 - the test's own
        except BaseException as error:  # noqa: BLE001 - whatever a cell may raise
            # as IPython's own frames are not the person's, this one is not
            return error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        return StopIteration()

    def labels(self, error: BaseException) -> list[str]:
        return [value.label for value in failing_values(error, self.cells)]

    def told(self, error: BaseException) -> str:
        return traceback_text(error, self.cells)


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    yield notebook
    for name in notebook.cells:
        del linecache.cache[name]


def test_cells_stand_under_their_labels(notebook: Notebook) -> None:
    notebook.run("pass")
    notebook.run(DEFINES)
    error = notebook.run(RUNS)
    assert notebook.told(error) == (
        "Traceback (most recent call last):\n"
        "  Cell In[3], line 3\n"
        "    total(\n"
        "  Cell In[2], line 2, in total\n"
        "    return sum(row['amount'] for row in rows)\n"
        "  Cell In[2], line 2, in <genexpr>\n"
        "    return sum(row['amount'] for row in rows)\n"
        "KeyError: 'amount'"
    )
    labels = [cell.label for cell in failing_cells(error, notebook.cells)]
    assert labels == ["Cell In[3]", "Cell In[2]"]


def test_libraries_are_left_out_but_for_the_last_frame(notebook: Notebook) -> None:
    notebook.variables["json"] = json
    error = notebook.run("json.loads('[1, x]')")
    told = notebook.told(error)
    lines = told.splitlines()
    assert lines[1:3] == ["  Cell In[1], line 1", "    json.loads('[1, x]')"]
    assert lines[3].startswith("  [")
    assert lines[3].endswith("left out]")
    assert lines[4].startswith("  json.decoder, line ")
    assert os.sep + "json" not in told
    assert told.endswith("json.decoder.JSONDecodeError: Expecting value: line 1 column 5 (char 4)")


def test_a_deep_recursion_is_short(notebook: Notebook) -> None:
    error = notebook.run("def f(n):\n    return f(n + 1)\nf(0)")
    told = notebook.told(error)
    assert len(told) < 2000
    assert "frames left out]" in told
    assert len(notebook.labels(error)) <= 12


def test_a_syntax_error_is_shown_with_its_place_and_no_frame(notebook: Notebook) -> None:
    error = notebook.run("x = 1\ny = (2\nz = 3")
    told = notebook.told(error)
    assert told.startswith("  Cell In[1], line 2\n    y = (2\n")
    assert told.endswith("SyntaxError: '(' was never closed")
    assert [cell.label for cell in failing_cells(error, notebook.cells)] == ["Cell In[1]"]


def test_what_led_to_it_is_told_too(notebook: Notebook) -> None:
    error = notebook.run(
        "try:\n    {}['x']\nexcept KeyError as error:\n    raise ValueError('no x') from error"
    )
    first, joint, second = notebook.told(error).split("\n\n")
    assert "KeyError: 'x'" in first
    assert "direct cause" in joint
    assert second.endswith("ValueError: no x")
    error = notebook.run("try:\n    1 / 0\nexcept ZeroDivisionError:\n    undefined")
    assert "During handling" in notebook.told(error)
    error = notebook.run("try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise OSError from None")
    assert "ZeroDivisionError" not in notebook.told(error)


def test_a_cell_that_no_frame_tells_is_the_one_that_was_run(notebook: Notebook) -> None:
    error: BaseException = ValueError("no frame")
    ran = Cell("Cell In[9]", "%%time\nx")
    assert failing_cells(error, {RUN: ran}) == [ran]
    error = notebook.run("1 / 0")
    assert ran not in failing_cells(error, {**notebook.cells, RUN: ran})


def test_values_are_those_that_the_failing_lines_name(notebook: Notebook) -> None:
    notebook.run(DEFINES)
    notebook.run("other = 'never'")
    error = notebook.run(RUNS)
    values = failing_values(error, notebook.cells)
    assert [(value.label, value.value) for value in values] == [
        ("row in <genexpr>", {"amuont": 2}),
        ("rows in total", [{"amount": 1}, {"amuont": 2}]),
        ("rows", [{"amount": 1}, {"amuont": 2}]),
    ]


def test_modules_and_library_functions_are_no_values(notebook: Notebook) -> None:
    notebook.variables |= {"json": json, "loads": json.loads}
    notebook.run("def helper(x):\n    return x")
    assert notebook.labels(notebook.run("json.x, loads, print, text")) == []
    assert notebook.labels(notebook.run("helper(1).x")) == ["helper"]
    assert notebook.labels(notebook.run("def local():\n    pass\nlocal().x")) == []


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("api_key", True),
        ("APIKEY", True),
        ("hf_token", True),
        ("token", True),
        ("password", True),
        ("key", False),
        ("keys", False),
        ("tokens", False),
        ("n_tokens_in", False),
    ],
)
def test_what_is_called_a_secret_is_one(notebook: Notebook, name: str, secret: bool) -> None:  # noqa: FBT001
    error = notebook.run(f"{name} = 'x'\n{name}.y")
    (value,) = failing_values(error, notebook.cells)
    assert value.secret == secret


def test_the_environment_is_a_secret(notebook: Notebook) -> None:
    error = notebook.run("from os import environ as e\ne['no']['way']")
    (value,) = failing_values(error, notebook.cells)
    assert value.secret


@pytest.mark.parametrize(
    ("source", "line", "names"),
    [
        ("a + b.c[d]", 1, ["a", "b", "d"]),
        ("f(a,\n  b,\n  c)", 2, ["f", "a", "b", "c"]),
        ("for a in b:\n    c", 1, ["a", "b"]),
        ("for a in b:\n    c", 2, ["c"]),
        ("if a:\n    b\nelif c:\n    d", 3, ["c"]),
        ("with a as b:\n    c", 1, ["a", "b"]),
        ("x = [a for a in b if c]", 1, ["x", "a", "b", "c"]),
        ("def f(a=b):\n    return c", 2, ["c"]),
        ("try:\n    a\nexcept b:\n    c", 2, ["a"]),
        ("match a:\n    case 1:\n        b", 1, ["a"]),
        ("a = 1; b = a.c", 1, ["a", "b"]),
        ("a", 7, []),
        ("a b", 1, []),
    ],
)
def test_the_names_of_a_line(source: str, line: int, names: list[str]) -> None:
    assert names_on(source, line) == names


def test_a_long_cell_is_cut_visibly() -> None:
    cell = Cell("Cell In[1]", "\n".join(f"line_{n} = {n}" for n in range(1000)))
    block = cell_block(cell, "the cell that failed", allowance=200)
    assert len(block.text) < 900
    assert block.omitted
    assert "[left out:" in block.text


def test_a_long_message_is_cut_visibly(notebook: Notebook) -> None:
    told = notebook.told(notebook.run("raise ValueError('x' * 100_000)"))
    assert len(told) < 5000
    assert "[left out: " in told

"""An exception described for the model: the cells it came through, its traceback, the values.

The traceback keeps the notebook's own frames and the last one. Of the values only those are read
that the failing lines name.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import os
import re
import traceback
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.prompt.context import Attachment
from hermes_magic.prompt.history import CHARS_PER_TOKEN
from hermes_magic.prompt.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_FRAMES: Final = 12
_MOST_ERRORS: Final = 4
_MOST_VALUES: Final = 12
_LONGEST_MESSAGE: Final = 4000
_CAUSE: Final = "The above exception was the direct cause of the following exception:"
_CONTEXT: Final = "During handling of the above exception, another exception occurred:"
_SECRET: Final = re.compile(
    r"(api|access|private|secret)_?key|secret|(^|_)token$|passw|pwd|credential", re.IGNORECASE
)


RUN: Final = ""
"""The file name under which the cell stands that was run, if it is known."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the notebook that has run.

    Attributes:
        label: such as "Cell In[3]".
        source: as the person wrote it.
    """

    label: str
    source: str


@dataclass(frozen=True, slots=True)
class Value:
    """A variable that a failing line names.

    Attributes:
        label: its name, and the function that it belongs to.
        value: what it holds.
        secret: whether its name says that nobody should see it.
    """

    label: str
    value: object
    secret: bool


def traceback_text(error: BaseException, cells: Mapping[str, Cell]) -> str:
    """Give the traceback, cells under their labels and libraries left out.

    Args:
        error: what was raised.
        cells: the notebook's cells by the file names of their code.
    """
    parts: list[str] = []
    for one, joint in reversed(list(_chain(error))):
        parts.append("\n".join([*_stack(one, cells), _message(one, cells)]))
        parts.append(joint)
    return "\n\n".join(filter(None, parts))


def failing_cells(error: BaseException, cells: Mapping[str, Cell]) -> list[Cell]:
    """Give the cells that the exception came through: first the one that was run."""
    through = [cells[name] for name in _file_names(error) if name in cells]
    run = [cells[RUN]] if RUN in cells and not through else []
    return list(dict.fromkeys([*through, *run]))


def file_names(error: BaseException) -> set[str]:
    """Give the names of the files whose code the exception came through."""
    return set(_file_names(error))


def _file_names(error: BaseException) -> list[str]:
    names = [frame.f_code.co_filename for frame, _ in _frames(error)]
    syntax = [one.filename for one, _ in _chain(error) if isinstance(one, SyntaxError)]
    return [*names, *filter(None, syntax)]


def cell_block(cell: Cell, kind: str, *, allowance: int) -> Attachment:
    """Describe a cell: its source, as much of it as the allowance has tokens for."""
    page = Page(allowance * CHARS_PER_TOKEN)
    lines = cell.source.rstrip("\n").split("\n")
    page.write_lines(lines, len(lines), "line")
    return Attachment(cell.label, kind, page.text, "python", tuple(page.omitted))


def failing_values(error: BaseException, cells: Mapping[str, Cell]) -> list[Value]:
    """Give what the failing lines of the notebook name, the innermost line's first."""
    found: dict[tuple[int, str], Value] = {}
    sent = {name for name, cell in cells.items() if cell in failing_cells(error, cells)}
    own = [each for each in _frames(error) if each[0].f_code.co_filename in cells]
    for frame, line in reversed(own):
        source = "".join(linecache.getlines(frame.f_code.co_filename))
        for name in names_on(source, line):
            space = _space(frame, name)
            if space is None or not _is_worth_telling(space[name], sent):
                continue
            label = name if space is frame.f_globals else f"{name} in {frame.f_code.co_name}"
            # f_locals is a new mapping at each look: the frame stands for it
            place = id(frame.f_globals if name == label else frame)
            secret = bool(_SECRET.search(name)) or isinstance(space[name], type(os.environ))
            found.setdefault((place, name), Value(label, space[name], secret))
    return list(found.values())[:_MOST_VALUES]


def _space(frame: types.FrameType, name: str) -> Mapping[str, Any] | None:
    """Give where the frame's code looks a name up; another frame of the line may do it instead."""
    if name in frame.f_locals:
        return frame.f_locals
    is_global = name in frame.f_code.co_names and name in frame.f_globals
    return frame.f_globals if is_global else None


def names_on(source: str, line: int) -> list[str]:
    """Give the names that the statement on a line uses, without those of its body."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    start = max((node.lineno for node in around), default=0)
    found = [name for node in around if node.lineno == start for name in _names(node)]
    names = sorted(found, key=lambda name: (name.lineno, name.col_offset))
    return list(dict.fromkeys(name.id for name in names))


def _names(node: ast.AST) -> Iterator[ast.Name]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name):
            yield child
        if not isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from _names(child)


def _is_worth_telling(value: Any, sent: set[str]) -> bool:
    """Tell data, and code of the notebook that is not sent anyway."""
    if isinstance(value, types.ModuleType):
        return False
    if inspect.isroutine(value) or isinstance(value, type):
        code = getattr(value, "__code__", None)
        own = getattr(value, "__module__", "") == "__main__"
        return own and getattr(code, "co_filename", "") not in sent
    return True


def _chain(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """Give the exception and those before it, each with what joins it to the one after it."""
    joint, seen = "", {id(error)}
    for _ in range(_MOST_ERRORS):
        yield error, joint
        joint = _CAUSE if error.__cause__ is not None else _CONTEXT
        hidden = None if error.__suppress_context__ else error.__context__
        before = error.__cause__ or hidden
        if before is None or id(before) in seen:
            return
        seen.add(id(before))
        error = before


def _frames(error: BaseException) -> list[tuple[types.FrameType, int]]:
    chain = reversed([one for one, _ in _chain(error)])
    return [each for one in chain for each in traceback.walk_tb(one.__traceback__)]


def _stack(error: BaseException, cells: Mapping[str, Cell]) -> list[str]:
    frames = list(traceback.walk_tb(error.__traceback__))
    own = [n for n, (frame, _) in enumerate(frames) if frame.f_code.co_filename in cells]
    if not frames or (isinstance(error, SyntaxError) and not own):
        return []
    shown = sorted({*own, len(frames) - 1})
    if len(shown) > _MOST_FRAMES:
        shown = shown[: _MOST_FRAMES // 2] + shown[-_MOST_FRAMES // 2 :]
    lines = ["Traceback (most recent call last):"]
    for before, number in zip([shown[0] - 1, *shown], shown, strict=False):
        if left_out := number - before - 1:
            lines.append(f"  [{left_out:,} {'frame' if left_out == 1 else 'frames'} left out]")
        lines += _frame_lines(*frames[number], cells)
    return lines


def _frame_lines(frame: types.FrameType, line: int, cells: Mapping[str, Cell]) -> list[str]:
    file, name = frame.f_code.co_filename, frame.f_code.co_name
    # a library by its module's name: a path would tell whose computer this is
    place = cells[file].label if file in cells else frame.f_globals.get("__name__", "?")
    where = "" if name == "<module>" else f", in {name}"
    text = linecache.getline(file, line, frame.f_globals).strip()
    return [f"  {place}, line {line}{where}", *([f"    {text}"] if text else [])]


def _message(error: BaseException, cells: Mapping[str, Cell]) -> str:
    text = "".join(traceback.format_exception_only(error)).rstrip("\n")
    if isinstance(error, SyntaxError) and error.filename and error.filename in cells:
        text = text.replace(f'File "{error.filename}"', cells[error.filename].label)
    cut = len(text) - _LONGEST_MESSAGE
    return text if cut <= 0 else f"{text[:_LONGEST_MESSAGE]}… [left out: {cut:,} characters]"

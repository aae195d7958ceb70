"""Describe code, modules, estimators, containers and text files."""

from __future__ import annotations

import inspect
import types
from typing import TYPE_CHECKING, Any

from hermes_magic.errors import AttachmentError
from hermes_magic.prompt.docstrings import summary
from hermes_magic.prompt.frames import frame_of
from hermes_magic.prompt.summary import brief, cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hermes_magic.prompt.page import Page

_LANGUAGES = types.MappingProxyType(
    {".py": "python", ".md": "markdown", ".rs": "rust", ".js": "javascript", ".sh": "bash"}
)
_SMALL = 20


def write_source(page: Page, value: Any) -> str:
    """Write a function's or class's source, or what is known of it; give its kind."""
    value = inspect.unwrap(value)
    kind = "class" if isinstance(value, type) else "function"
    try:
        source = inspect.getsource(value)
    except (OSError, TypeError):
        source = _outline(value)
        kind = f"{kind}, without source"
    lines = source.rstrip("\n").split("\n")
    page.write_lines(lines, len(lines), "line")
    return kind


def _outline(value: Any) -> str:
    """Give signature and docstring; of a class, its methods' sources where they are known."""
    doc = inspect.getdoc(value) or ""
    if not isinstance(value, type):
        return f"def {value.__name__}{_signature(value)}\n{doc}".rstrip()
    head = f"class {value.__name__}({', '.join(base.__name__ for base in value.__bases__)}):"
    members = [member for member in vars(value).values() if inspect.isroutine(member)]
    return "\n".join([head, *_indented(doc), *(_member(member) for member in members)])


def _member(member: Any) -> str:
    function = getattr(member, "__func__", member)
    try:
        return inspect.getsource(function).rstrip("\n")
    except (OSError, TypeError):
        return f"    def {function.__name__}{_signature(function)}"


def _indented(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in text.split("\n")] if text else []


def _signature(value: Any) -> str:
    try:
        return str(inspect.signature(value))
    except (TypeError, ValueError):
        return "(…)"


def write_module(page: Page, module: types.ModuleType) -> str:
    """Write a module's docstring and its public names, no variable's value; give its kind."""
    doc = (inspect.getdoc(module) or "").split("\n\n")[0]
    if doc:
        page.write(doc[:1000])
    names = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
    page.write_lines(_members(module, names), len(names), "name")
    version = getattr(module, "__version__", None)
    return f"module{f', version {version}' if isinstance(version, str) else ''}"


def _members(module: types.ModuleType, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        value = vars(module).get(name)  # not getattr: a lazy module would import
        if not callable(value):
            yield f"{name}: {type(value).__name__}" if name in vars(module) else name
            continue
        line = summary(inspect.getdoc(value) or "").split("\n")[0]
        keyword = "class " if isinstance(value, type) else ""
        yield f"{keyword}{name}{_signature(value)}{f': {cell(line, 100)}' if line else ''}"


def is_estimator(value: object) -> bool:
    """Tell an estimator of scikit-learn's kind: it has parameters and can be fitted."""
    kind = type(value)
    return callable(getattr(kind, "get_params", None)) and callable(getattr(kind, "fit", None))


def write_estimator(page: Page, estimator: Any) -> str:
    """Write parameters and what was learned, never training data; give its kind."""
    page.write(cell(repr(estimator), 700))
    lines = list(_learned(estimator))
    page.write_lines(lines, len(lines), "attribute")
    return f"{type(estimator).__name__}, {'fitted' if lines else 'not fitted'}"


def _learned(estimator: Any, prefix: str = "") -> Iterator[str]:
    for name, value in vars(estimator).items():
        if name.endswith("_") and not name.startswith("_"):
            yield f"{prefix}{name}: {_attribute(value)}"
    for step in getattr(estimator, "steps", None) or ():
        if is_estimator(step[1]):
            yield from _learned(step[1], f"{prefix}{step[0]}.")


def _attribute(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is None:
        return cell(value, 300)
    if value.size <= _SMALL:
        return cell(_rounded(value.tolist()), 300)
    return f"array of shape {shape}, dtype {value.dtype}"


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def write_container(page: Page, value: Any) -> str:
    """Write a dict, list, tuple or set, an item a line; give its kind."""
    kind = f"{type(value).__name__} of {len(value):,} item{'' if len(value) == 1 else 's'}"
    page.write_lines(_items(value), len(value), "item")
    return kind


def _items(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{brief(key)}: {_item(held)}" for key, held in value.items())
    else:
        yield from map(_item, value)


def _item(value: Any) -> str:
    frame = frame_of(value)
    return f"{frame.kind}, {frame.size}" if frame else " ".join(brief(value).splitlines())


def write_file(page: Page, path: Path) -> tuple[str, str]:
    """Write a text file's beginning, reading no more than fits; give kind and language."""
    try:
        size = path.stat().st_size
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(page.room + 1)
    except OSError as error:
        message = f"--with {path}: the file cannot be read ({error.strerror or error})."
        raise AttachmentError(message) from error
    except UnicodeDecodeError as error:
        raise AttachmentError(f"--with {path}: not a text file in UTF-8.") from error
    if "\0" in text:
        raise AttachmentError(f"--with {path}: not a text file.")
    _write_beginning(page, text, size)
    return f"file, {size:,} bytes", _LANGUAGES.get(path.suffix, "")


def _write_beginning(page: Page, text: str, size: int) -> None:
    if page.write(text.removesuffix("\n")):
        return
    room = page.room - 1
    cut = text.rfind("\n", 0, room)
    kept = text[: cut if cut > room // 2 else room]
    page.write(kept)
    page.leave_out(f"{size - len(kept.encode()):,} of {size:,} bytes")

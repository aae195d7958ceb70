"""Things of the notebook described for the model, the way a person would: `--with`.

Only what was named is read, and only as much as the allowance shows: a frame of ten million rows
is neither copied nor formatted. What is left out is said in the text itself.
"""

from __future__ import annotations

import inspect
import re
import types
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.errors import AttachmentError
from hermes_magic.prompt import objects, tables
from hermes_magic.prompt.frames import frame_of
from hermes_magic.prompt.history import CHARS_PER_TOKEN, estimate
from hermes_magic.prompt.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MIN_ALLOWANCE = 64
"""Tokens: less than this cannot say anything, so it counts as this."""

_FENCE = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A thing as the model will read it.

    Attributes:
        name: the word after --with.
        kind: what it is, in a few words.
        text: its description.
        language: what its code block is called, or "".
        omitted: what was left out, a phrase each; () if all of it is there.
    """

    name: str
    kind: str
    text: str
    language: str = ""
    omitted: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """About how many tokens it takes: show it with a ~."""
        return estimate(self.block)

    @property
    def block(self) -> str:
        """The text in a code block under a line with name and kind."""
        runs = [len(run) for run in _FENCE.findall(self.text)]
        fence = "`" * max([3, *(size + 1 for size in runs)])
        return f"`{self.name}` ({self.kind}):\n{fence}{self.language}\n{self.text}\n{fence}"


def combine(question: str, attachments: Iterable[Attachment]) -> str:
    """Give the user's message: the attachments, then the question as it stands."""
    return "\n\n".join([*(attachment.block for attachment in attachments), question])


def describe(name: str, value: Any, *, allowance: int) -> Attachment:
    """Describe a value to the model.

    `_repr_llm_()` decides if the value's class has it; then frames, arrays, code, files and the
    like have descriptions of their own; then `_repr_markdown_()`, then `repr`.

    Args:
        name: the word it was asked for by.
        value: the thing itself; a path is read as a text file, a str is text.
        allowance: about how many tokens its text may have.

    Raises:
        AttachmentError: it cannot be described, or a file cannot be read as text.
    """
    page = Page(max(allowance, MIN_ALLOWANCE) * CHARS_PER_TOKEN)
    try:
        kind, language = _write(page, value)
    except AttachmentError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        message = f"--with {name}: it cannot be described ({type(error).__name__}: {reason:.200})."
        raise AttachmentError(message) from error
    return Attachment(name, kind, page.text, language, tuple(page.omitted))


def _write(page: Page, value: Any) -> tuple[str, str]:
    """Write the description; give the kind and the language of the block."""
    if (text := _own_words(value, "_repr_llm_")) is not None:
        return _whole(page, type(value).__name__, text, "")
    if (frame := frame_of(value)) is not None:
        return tables.write_frame(page, frame), ""
    for applies, write, language in _DESCRIBED:
        if applies(value):
            return write(page, value), language
    if isinstance(value, PurePath):
        return objects.write_file(page, Path(value))
    if (text := _own_words(value, "_repr_markdown_")) is not None:
        return _whole(page, type(value).__name__, text, "markdown")
    return _whole(page, type(value).__name__, repr(value), "")


def _is_code(value: object) -> bool:
    return inspect.isroutine(value) or isinstance(value, type)


def _is_module(value: object) -> bool:
    return isinstance(value, types.ModuleType)


def _is_container(value: object) -> bool:
    return isinstance(value, (dict, list, tuple, set, frozenset))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _write_text(page: Page, value: str) -> str:
    return _whole(page, "text", value, "")[0]


_DESCRIBED: Final[tuple[tuple[Callable[[object], bool], Callable[[Page, Any], str], str], ...]] = (
    (tables.is_array, tables.write_array, ""),
    (_is_text, _write_text, ""),
    (_is_module, objects.write_module, ""),
    (_is_code, objects.write_source, "python"),
    (objects.is_estimator, objects.write_estimator, ""),
    (_is_container, objects.write_container, ""),
)


def _own_words(value: Any, method: str) -> str | None:
    """Give what a value's class says about it, or None if it says nothing.

    Looked up on the class: an object that answers to any name says nothing by that.
    """
    if getattr(type(value), method, None) is None:
        return None
    said = getattr(value, method)()
    said = said[0] if isinstance(said, tuple) else said  # (data, metadata), as IPython has it
    return said if isinstance(said, str) else None


def _whole(page: Page, kind: str, text: str, language: str) -> tuple[str, str]:
    lines = text.split("\n")
    page.write_lines(lines, len(lines), "line")
    return kind, language

"""The code of an answer: its fenced blocks, whole or as far as they came.

CommonMark's rules, but for three things that models do: a fence may stand at any depth (in lists
and quotes), a ```` ```markdown ```` block may hold fences of its own, and a block without an end
is a block.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FENCE = re.compile(
    r"(?P<lead>(?:[ \t]*>)*(?:[ \t]*(?:[-*+]|\d{1,9}[.)])(?=[ \t]))*[ \t]*)"
    r"(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\r\n]*)\r?\n?\Z"
)
_LANGUAGE = re.compile(r"\{?\.?(?P<name>[^\s{},:=]++)(?!=)")
_QUOTE = re.compile(r"(?:[ \t]{0,3}> ?)*")
_NESTING = frozenset({"markdown", "md", "mdx"})


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One fenced block: its language in lower case (or "") and its source without fences."""

    language: str
    source: str

    def __str__(self) -> str:
        """Give the source."""
        return self.source


@dataclass(frozen=True, slots=True)
class Fenced:
    """A fenced block in its place: `text[start:end]` is all of it, fences included."""

    block: CodeBlock
    start: int
    end: int


def code_blocks(text: str) -> list[CodeBlock]:
    """Give the fenced code blocks of a Markdown text, in order."""
    return [fenced.block for fenced in fenced_blocks(text)]


def fenced_blocks(text: str) -> Iterator[Fenced]:
    """Give the fenced code blocks of a Markdown text and where they stand."""
    lines = list(_LINE.finditer(text))
    balanced = True  # one look to the far end is enough: the work stays linear
    number = 0
    while number < len(lines):
        opening = _opening(lines[number].group())
        if opening is None:
            number += 1
            continue
        last = len(lines)
        if balanced and opening.language in _NESTING:
            last = _closing(lines, number, opening, nesting=True)
            balanced = last < len(lines)
        if last == len(lines):
            last = _closing(lines, number, opening, nesting=False)
        closed = last < len(lines)
        inside = [line.group() for line in lines[number + 1 : last]]
        end = lines[last].end() if closed else len(text)
        block = CodeBlock(opening.language, _source(inside, opening))
        yield Fenced(block, lines[number].start(), end)
        number = last + 1


@dataclass(frozen=True, slots=True)
class _Opening:
    mark: str
    size: int
    language: str
    indent: int
    quoted: bool

    def ends_with(self, line: _Opening | None, info: str) -> bool:
        """Tell whether a fence line is this one's end."""
        return line is not None and not info and line.mark == self.mark and line.size >= self.size


def _opening(line: str) -> _Opening | None:
    found = _FENCE.match(line)
    if found is None or (found["fence"][0] == "`" and "`" in found["info"]):
        return None
    named = _LANGUAGE.match(found["info"])
    lead = found["lead"]
    return _Opening(
        mark=found["fence"][0],
        size=len(found["fence"]),
        language=named["name"].lower() if named else "",
        indent=len(_QUOTE.sub("", lead, count=1).expandtabs(4)),
        quoted=">" in lead,
    )


def _closing(
    lines: Sequence[re.Match[str]], first: int, opening: _Opening, *, nesting: bool
) -> int:
    depth = 1
    for number in range(first + 1, len(lines)):
        text = lines[number].group()
        if "`" not in text and "~" not in text:
            continue
        line = _opening(text)
        if line is None or _bulleted(text):
            continue
        info = text.strip("> \t\r\n").strip(line.mark)
        if opening.ends_with(line, info):
            depth -= 1
        elif nesting and info and line.mark == opening.mark and line.size >= opening.size:
            depth += 1
        if depth == 0:
            return number
    return len(lines)


def _bulleted(line: str) -> bool:
    """Tell whether a list item begins before the fence: such a line opens, it does not close."""
    return line.lstrip("> \t")[0] not in "`~"


def _source(lines: Sequence[str], opening: _Opening) -> str:
    stripped = [_outdent(line, opening) for line in lines]
    return "".join(stripped).replace("\r\n", "\n").removesuffix("\n")


def _outdent(line: str, opening: _Opening) -> str:
    if opening.quoted:
        line = _QUOTE.sub("", line, count=1)
    body = line.lstrip(" \t")
    lead = line[: len(line) - len(body)].expandtabs(4) if opening.indent else ""
    return lead[opening.indent :] + body if opening.indent else line

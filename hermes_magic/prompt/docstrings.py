"""What a docstring says about a function and its arguments (Google, NumPy or Sphinx style)."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(r"^(?:Arg(?:ument)?s|Param(?:eter)?s)\s*:?\s*$\n(?:^-+\s*$\n)?", re.MULTILINE)
_NEXT_SECTION = re.compile(r"^\S.*(?:\n-+\s*$|:\s*$)", re.MULTILINE)
_UNDERLINED = re.compile(r"^\w+\n-+", re.MULTILINE)
_GOOGLE = re.compile(
    r"^ +\*{0,2}(\w+)\s*(?:\([^)\n]*\))?:\s*(.*(?:\n {5,}\S.*|\n\t+ {2,}\S.*)*)", re.MULTILINE
)
_NUMPY = re.compile(r"^(\w+)\s*:?[^\n]*\n((?:[ \t]+\S.*(?:\n|\Z))+)", re.MULTILINE)
_SPHINX = re.compile(r"^:param (?:[\w.\[\]]+ )?(\w+):\s*(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)
_ANY_SECTION = re.compile(
    r"^(?::\w|(?:Args|Arguments|Parameters|Params|Returns?|Yields?|Raises|Examples?|Notes?)\s*:?\s*$)",
    re.MULTILINE,
)


def summary(doc: str) -> str:
    """Give what stands before the sections, on one line a paragraph."""
    text = inspect.cleandoc(doc)
    found = _ANY_SECTION.search(text)
    paragraphs = text[: found.start() if found else None].strip().split("\n\n")
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def arguments(doc: str) -> dict[str, str]:
    """Give the description of each argument that has one."""
    text = inspect.cleandoc(doc)
    found = _SPHINX.findall(text)
    if section := _SECTION.search(text):
        rest = text[section.end() :]
        end = (_NEXT_SECTION if rest[:1].isspace() else _UNDERLINED).search(rest)
        body = rest[: end.start() if end else None]
        found += (_GOOGLE if body[:1].isspace() else _NUMPY).findall(body)
    return {name: " ".join(about.split()) for name, about in found if about.strip()}

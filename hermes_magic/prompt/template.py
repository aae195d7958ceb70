r"""Put values of the notebook into a cell's text: `{{expr}}`.

What stands between double braces is replaced if all of this holds; else it stays byte for byte:

* it is a Python expression, with a conversion and a format spec if you like, as in an f-string:
  `{{mean:.2f}}`, `{{name!r}}`, `{{day:%d %B}}`, `{{df.head()}}`, `{{ {"a": 1}["a"] }}`;
* it is more than a literal or a bare tuple (`{{1, 2}}` is C++) and not in a template language's
  own words: `{{ name | upper }}` (`{{(a | b)}}` is a union), `{{ n is odd }}`, `{{ with .x }}`;
* it stands in prose: not in a code block, `inline code`, $math$, the arguments of a TeX command or
  a string literal with a prefix, and not in a cell with template tags (`{% … %}`, `{{#if}}`);
* no third brace opens it (`{{{x}}}`), it is not `${{ x }}`, and no backslash stands before it:
  `\{{x}}` sends `{{x}}`.

A replaced expression must have a value: a name that is not defined is an error, nothing is sent.
Values are text and nothing else: their braces are not looked at again.
"""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hermes_magic.errors import TemplateError
from hermes_magic.prompt.prose import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType

_TOKEN = re.compile(
    r"(?P<triple>\"\"\"|''')|(?P<quote>[\"'])|(?P<open>[(\[{])|(?P<close>[)\]}])"
    r"|(?P<mark>,|:(?!=)|!(?=[rsa]\s*(?::|\}\}))|(?<!\|)\|(?!\|))"
)
_STRING = {quote: re.compile(rf"(?:[^{quote}\\\n]|\\.)*{quote}") for quote in "\"'"}
_PAIRS = {")": "(", "]": "[", "}": "{"}
_SPEC = re.compile(r"(?:.?[<>=^])?[-+ ]?z?#?0?\d*[_,]?(?:\.\d+)?[bcdeEfFgGnosxX%]?\Z")
_GO = re.compile(r"\w[ \t]+\.[A-Za-z]")
_DATE = re.compile(r"%-?[A-Za-z]")
_QUOTED = re.compile(r"[\"']")
_BEGIN = re.compile(r"\{\{[ \t]*([^\W\d]\w*)")
_CONVERSIONS: MappingProxyType[str, Callable[[object], str]] = MappingProxyType(
    {"r": repr, "s": str, "a": ascii}
)
_LISTED = 3
_LONG = 60


@dataclass(frozen=True, slots=True)
class _Slot:
    """A pair of double braces with something between that can be read as an expression."""

    start: int
    end: int
    expression: str
    conversion: str
    spec: str
    code: CodeType
    names: frozenset[str]


def render(text: str, namespace: dict[str, Any]) -> str:
    """Give the text with the values of its expressions in their place, each evaluated once.

    Args:
        text: the cell's text.
        namespace: the notebook's variables; expressions see them as their globals.

    Raises:
        TemplateError: an expression has no value; the message names it and says why.
    """
    return Template(text).render(namespace)


class Template:
    """A text whose expressions are found once and evaluated as often as it is rendered."""

    def __init__(self, text: str) -> None:
        self._pieces: list[str | _Slot] = [text] if "{{" not in text else _pieces(text)

    @property
    def names(self) -> frozenset[str]:
        """The names that its expressions use."""
        return frozenset().union(
            *(piece.names for piece in self._pieces if not isinstance(piece, str))
        )

    def render(self, namespace: dict[str, Any]) -> str:
        """Give the text with the values of its expressions in their place.

        Raises:
            TemplateError: an expression has no value; the message names it and says why.
        """
        return "".join(
            piece if isinstance(piece, str) else _value(piece, namespace) for piece in self._pieces
        )


def _pieces(text: str) -> list[str | _Slot]:
    places = Places(text)
    pieces: list[str | _Slot] = []
    last = 0
    for slot in _slots(text):
        if not places.is_prose(slot.start):
            continue
        escaped = _is_escaped(text, slot.start)
        pieces.append(text[last : slot.start - escaped])
        pieces.append(text[slot.start : slot.end] if escaped else slot)
        last = slot.end
    return [*pieces, text[last:]]


def notices(text: str, namespace: dict[str, Any]) -> list[str]:
    """Say, in one line or none, which braces stay as they are though they begin with a variable.

    A person who wrote `{{df}}` in a code block, or `{{df.head(}}`, may have wanted its value.
    Nothing is evaluated.
    """
    if "{{" not in text:
        return []
    places = Places(text)
    replaced = {slot.start for slot in _slots(text) if places.is_prose(slot.start)}
    kept = [
        _short(text[found.start() : _line_end(text, found.end())])
        for found in _BEGIN.finditer(text)
        if found[1] in namespace and found.start() not in replaced
    ]
    if not kept:
        return []
    more = f" and {len(kept) - _LISTED} more" if len(kept) > _LISTED else ""
    listed = ", ".join(kept[:_LISTED])
    return [f"Sent as it stands (in code or math, or not an expression): {listed}{more}."]


def _line_end(text: str, place: int) -> int:
    """Give where the braces end, or the line does."""
    ends = (text.find(mark, place, place + _LONG) for mark in ("}}", "\n"))
    return min((end + 2 * (text[end] == "}") for end in ends if end >= 0), default=place + _LONG)


def _slots(text: str) -> Iterator[_Slot]:
    place = text.find("{{")
    while place >= 0:
        if text.startswith("{", place + 2):
            place = _after_run(text, place)
        elif (slot := _slot(text, place)) is None:
            place += 2
        else:
            yield slot
            place = slot.end
        place = text.find("{{", place)


def _after_run(text: str, place: int) -> int:
    """Pass three braces or more: no expression begins with one without a space."""
    while text.startswith("{", place):
        place += 1
    return place


def _slot(text: str, start: int) -> _Slot | None:
    marks, end = _scan(text, start + 2)
    if end < 0 or (text.startswith("$", start - 1) and start and text[start + 2].isspace()):
        return None
    parts = _split(text[start + 2 : end - 2], [mark - start - 2 for mark in marks])
    if parts is None:
        return None
    expression, conversion, spec = parts
    compiled = _compile(expression.strip())
    if compiled is None:
        return None
    return _Slot(start, end, expression.strip(), conversion, spec, *compiled)


def _split(inside: str, marks: list[int]) -> tuple[str, str, str] | None:
    """Give expression, conversion and format spec, or None if this is another language."""
    end, conversion, spec = len(inside), "", ""
    for mark in marks:
        if inside[mark] in "|,":
            return None
        end = min(end, mark)
        if inside[mark] == ":":
            spec = inside[mark + 1 :].rstrip()
            break
        conversion = inside[mark + 1]
    is_spec = _SPEC.match(spec) or (_DATE.search(spec) and not _QUOTED.search(spec))
    return (inside[:end], conversion, spec) if is_spec else None


def _scan(text: str, place: int) -> tuple[list[int], int]:
    """Give the top-level marks (`:`, `!`, `|`) and the end of the braces, or -1."""
    open_brackets: list[str] = []
    marks: list[int] = []
    while token := _TOKEN.search(text, place):
        place, found = token.end(), token.group()
        if token["triple"] or token["quote"]:
            place = _string_end(text, place, found)
            if place < 0:
                break
        elif token["open"]:
            if text.startswith("{{", token.start()):
                break  # never Python: a set or dict cannot be hashed
            open_brackets.append(found)
        elif token["close"]:
            if not open_brackets:
                closed = text.startswith("}}", token.start())
                return marks, token.start() + 2 if closed else -1
            if open_brackets.pop() != _PAIRS[found]:
                break
        elif not open_brackets and token["mark"]:
            marks.append(token.start())
    return marks, -1


def _string_end(text: str, place: int, quote: str) -> int:
    if quote in _STRING:
        closed = _STRING[quote].match(text, place)
        return closed.end() if closed else -1
    end = text.find(quote, place)
    return end + len(quote) if end >= 0 else -1


def _compile(expression: str) -> tuple[CodeType, frozenset[str]] | None:
    """Compile a Python expression and give it with the names it uses, or None if it is text."""
    source = f"({expression}\n)" if "\n" in expression else expression
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of text is no one's business
            tree = ast.parse(source, "{{…}}", "eval")
            code = compile(tree, "{{…}}", "eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    foreign = _is_test(tree.body) or _GO.search(expression)
    if foreign or _is_literal(tree.body) or code.co_flags & _SUSPENDED:
        return None
    names = (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return code, frozenset(names)


_SUSPENDED = 0x20 | 0x80 | 0x200  # a generator or coroutine: `yield` and `await` are prose here


def _is_test(node: ast.expr) -> bool:
    """Tell Jinja's `x is odd`: Python's `is` compares with None."""
    if not isinstance(node, ast.Compare):
        return False
    pairs = zip(node.ops, node.comparators, strict=True)
    return any(isinstance(op, (ast.Is, ast.IsNot)) and isinstance(to, ast.Name) for op, to in pairs)


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, (ast.List, ast.Set, ast.Tuple)):
        return all(map(_is_literal, node.elts))
    if isinstance(node, ast.Dict):
        return all(map(_is_literal, filter(None, [*node.keys, *node.values])))
    return isinstance(node, ast.Constant) or (
        isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
    )


def _is_escaped(text: str, place: int) -> bool:
    before = text[max(0, place - _LONG) : place]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _value(slot: _Slot, namespace: dict[str, Any]) -> str:
    try:
        value = eval(slot.code, namespace)  # noqa: S307 - the person's own expression
        if slot.conversion:
            value = _CONVERSIONS[slot.conversion](value)
        return format(value, slot.spec) if slot.spec else str(value)
    except Exception as error:
        reason = " ".join(str(error).split()) or "no reason given"
        suggestion = _suggestion(error, namespace)
        shown = _short(f"{{{{{slot.expression}}}}}")
        message = f"{shown}: {type(error).__name__}: {_short(reason, 200)}.{suggestion}"
        raise TemplateError(message, expression=slot.expression) from error


def _suggestion(error: Exception, namespace: dict[str, Any]) -> str:
    if not isinstance(error, NameError) or not error.name:
        return ""
    known = [name for name in namespace if not name.startswith("_")]
    near = difflib.get_close_matches(error.name, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _short(text: str, size: int = _LONG) -> str:
    line = " ".join(text.split())
    return line if len(line) <= size else line[: size - 1] + "…"

r"""Markdown for other programs: the `text/markdown` of a saved notebook.

Who renders it is not known (JupyterLab, GitHub, nbconvert), so the text itself must be harmless:
HTML is escaped, images are links, only http, https, mailto and relative addresses are linked.
Math has the notation that they share, `$…$` and `$$…$$`, and other dollars are escaped.
"""

import html
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt

from hermes_magic.view.math import Formula, find_environment, find_formula, is_dangerous
from hermes_magic.view.rules import BoundedMarkdown, install
from hermes_magic.view.sanitize import URL_SCHEMES, normalize, spell_out

if TYPE_CHECKING:
    from markdown_it.token import Token

_SPECIAL = re.compile(r"[`\\$<]|!(?=\[)|\](?=[(:])")
_TICKS = re.compile(r"`+")
_TYPESET = re.compile(r"\\(?=(?:begin|end|ref|eqref)\b)")
_IMAGE = re.compile(r"!\[([^\[\]\n]{0,1000})\]\([ \t]*([\w:/.?=&%#~+,;@-]{0,2000})")
_ADDRESS = re.compile(r"\][(:][\s>]*([^\s)]{0,2000})")
_SCHEME = re.compile(r"([^/?#]*?):")
_INVISIBLE = re.compile(r"[\s\0-\x20\x7f-\xa0\ufffd]|\\(?=[!-/:-@\[-`{-~])")
_CODE: Final = frozenset({"fence", "code_block"})
_LEAVES: Final = _CODE | {"inline", "math_block"}
_LINKS: Final = frozenset({"link_open"})
_LIVE: Final = frozenset({"html_block", "html_inline", "image"})


def plain_markdown(text: str) -> str:
    r"""Return Markdown that other programs may render.

    Line ends become `\n`, control characters U+FFFD; all else that is harmless stays as it is.
    """
    source = normalize(text)
    for code_spans in (True, False):
        result = "".join(_rewritten(source, code_spans=code_spans))
        if _is_harmless(result):
            return result
    return re.sub(r"[<\[\]]", lambda found: f"&#{ord(found[0])};", spell_out(source, code=True))


@cache
def _parser() -> MarkdownIt:
    md = BoundedMarkdown("commonmark")
    install(md)
    return md


class _Lax(MarkdownIt):
    """A renderer as careless as any that the text may meet."""

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 (markdown-it's)
        return True


@cache
def _careless() -> MarkdownIt:
    md = _Lax("commonmark", {"maxNesting": 24})
    return md.enable(["table", "strikethrough"])


def _is_harmless(markdown: str) -> bool:
    """Tell whether even a careless program would find no HTML, image or odd link in it."""
    for token in _careless().parse(markdown):
        for each in (token, *(token.children or ())):
            if each.type in _LIVE:
                return False
            if each.type in _LINKS and not _is_safe(str(each.attrGet("href"))):
                return False
    return True


def _is_safe(address: str) -> bool:
    plain = _INVISIBLE.sub("", html.unescape(address))
    scheme = _SCHEME.match(plain)
    return scheme is None or scheme[1].lower() in URL_SCHEMES


def _rewritten(source: str, *, code_spans: bool) -> Iterator[str]:
    lines = source.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for first, last, kind in _regions(source, len(lines)):
        start, end = starts[first], min(starts[last], len(source))
        if kind in _CODE:
            opening = min(starts[first + (kind == "fence")], end)
            yield source[start:opening].replace("<", "&lt;")
            yield spell_out(source[opening:end], code=True)
        else:
            yield from _Prose(source, start, end, code_spans=code_spans)


def _regions(source: str, count: int) -> Iterator[tuple[int, int, str]]:
    """Yield the lines' ranges in order: a leaf block each, or a line that belongs to none."""
    tokens: list[Token] = []
    _parser().block.parse(source, _parser(), {}, tokens)
    line = 0
    for token in tokens:
        if token.type not in _LEAVES or not token.map:
            continue
        first, last = token.map
        if first < line:  # The cells of a row share their line.
            continue
        yield from ((n, n + 1, "") for n in range(line, first))
        yield first, last, token.type
        line = last
    yield from ((n, n + 1, "") for n in range(line, count))


class _Prose:
    """Rewrites the running text between two offsets."""

    def __init__(self, source: str, start: int, end: int, *, code_spans: bool) -> None:
        self._source, self._start, self._end = source, start, end
        self._code_spans = code_spans
        runs = _TICKS.finditer(source, start, end)
        self._last_run = {len(run[0]): run.start() for run in runs}

    def __iter__(self) -> Iterator[str]:
        here = self._start
        while special := _SPECIAL.search(self._source, here, self._end):
            yield spell_out(self._source[here : special.start()], code=False)
            written, here = self._at(special.start())
            yield written
        yield spell_out(self._source[here : self._end], code=False)

    def _at(self, here: int) -> tuple[str, int]:
        """Return how the special character at `here` is written, and where to go on."""
        match self._source[here]:
            case "`":
                return self._ticks(here)
            case "<":
                return "&lt;", here + 1
            case "!":
                return self._image(here)
            case "]":
                return self._link(here)
            case char:
                formula = self._formula(here)
                if formula:
                    return _portable_math(formula), formula.end
                return ("\\$", here + 1) if char == "$" else self._backslash(here)

    def _ticks(self, here: int) -> tuple[str, int]:
        run = _TICKS.match(self._source, here, self._end)
        end = run.end() if run else here + 1
        size = end - here
        if not self._code_spans or self._last_run.get(size, here) <= here:
            return self._source[here:end], end
        closers = _TICKS.finditer(self._source, end, self._end)
        closer = next((c for c in closers if len(c[0]) == size), None)
        if closer is None or self._crosses_cells(end, closer.start()):
            return self._source[here:end], end
        return spell_out(self._source[here : closer.end()], code=True), closer.end()

    def _crosses_cells(self, start: int, end: int) -> bool:
        """Tell whether a code span might be two cells of a table: cells are cut out first."""
        span = self._source[start:end]
        return "<" in span and re.search(r"(?<!\\)\|", span) is not None

    def _formula(self, here: int) -> Formula | None:
        formula = find_formula(self._source, here)
        if formula is None and self._source.startswith("\\begin", here):
            found = find_environment(self._source[here : self._end])
            formula = found and Formula(
                found.tex, display=True, source=found.source, end=here + found.end
            )
        return formula if formula and formula.end <= self._end else None

    def _backslash(self, here: int) -> tuple[str, int]:
        follows = self._source[here + 1 : here + 2]
        if follows == "<":
            return "&lt;", here + 2
        if follows == "\\" and self._source[here + 2 : here + 3] in ("(", "["):
            # JupyterLab and nbconvert take two backslashes and a bracket for math.
            return f"\\\\&#{ord(self._source[here + 2])};", here + 3
        if _TYPESET.match(self._source, here):
            return "&#92;", here + 1
        if follows and follows in "`$!]\\":
            return self._source[here : here + 2], here + 2
        return "\\", here + 1

    def _image(self, here: int) -> tuple[str, int]:
        image = _IMAGE.match(self._source, here, self._end)
        if image is None:
            return "\\!", here + 1
        if image[1].strip():
            return "", here + 1
        return f"[{_label(image[2])}", here + image[0].index("]")

    def _link(self, here: int) -> tuple[str, int]:
        address = _ADDRESS.match(self._source, here)
        if address is None or _is_safe(address[1]):
            return "]", here + 1
        return f"]\\{self._source[here + 1]}", here + 2


def _label(address: str) -> str:
    return re.sub(r"([_~])", r"\\\1", address) or "image"


def _portable_math(formula: Formula) -> str:
    if is_dangerous(formula.tex) or "](" in formula.source or "![" in formula.source:
        return _code_span(formula.source)
    if formula.source.startswith("\\b"):
        return formula.source.replace("<", "\\lt ")
    body = formula.source[2:-2] if formula.source[0] == "\\" else formula.source.strip("$")
    written = body.replace("<", "\\lt ")
    return f"$${written}$$" if formula.display else f"${written.strip()}$"


def _code_span(source: str) -> str:
    longest = max((len(run) for run in _TICKS.findall(source)), default=0)
    fence = "`" * (longest + 1)
    code = re.sub(r"\s*\n\s*", " ", spell_out(source, code=True))
    return f"{fence} {code} {fence}"

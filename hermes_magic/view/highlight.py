"""Code as HTML, with Pygments' class names, which JupyterLab and nbconvert both style."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from hermes_magic.view.sanitize import code_html, show_disguises

LIMIT: Final = 20_000
"""Characters of code above which it is shown without colours."""

_CHUNK = 2_000
_GROUP = 20
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")
_SEAM = re.compile(r"\n\n(?=\S)")


def code_block_html(code: str, info: str, *, plain: bool = False, more: bool = False) -> str:
    """Return a block of code.

    `info` is what stands behind the fence, chosen by the model: only a language that Pygments
    knows leaves a trace. `plain` leaves out colours; `more` marks a piece that continues the
    one before.
    """
    lexer = _lexer(_language(info))
    name = f' class="language-{lexer.aliases[0]}"' if lexer and lexer.aliases else ""
    if lexer is None or plain or len(code) > LIMIT:
        body = code_html(code)
    else:
        body = _grouped("".join(_highlighted(chunk, lexer.aliases[0]) for chunk in _chunks(code)))
    outer = "highlight hm-more" if more else "highlight"
    return f'<div class="{outer}"><pre class="highlight"><code{name}>{body}</code></pre></div>\n'


def is_coloured(info: str) -> bool:
    """Tell whether code with this info string is highlighted at all."""
    return _lexer(_language(info)) is not None


def _language(info: str) -> str:
    found = _LANGUAGE.match(info.strip())
    return found[0].lower() if found else ""


@lru_cache(maxsize=128)
def _lexer(name: str) -> Lexer | None:
    try:
        return get_lexer_by_name(name, stripnl=False, ensurenl=False) if name else None
    except ClassNotFound:
        return None


def _chunks(code: str) -> Iterator[str]:
    """Cut code at blank lines before unindented ones.

    Where a cut falls depends only on what stands before it, so the chunks of a growing block
    stay the same and come out of the cache.
    """
    start = 0
    while seam := _SEAM.search(code, start + _CHUNK):
        yield code[start : seam.end()]
        start = seam.end()
    yield code[start:]


def _grouped(html: str) -> str:
    """Put lines into spans by twenties.

    A page that compares and replaces parts of a growing block is told apart a few big ones fast,
    ten thousand small ones slowly. Pygments leaves no span open at the end of a line.
    """
    lines = html.split("\n")
    groups = ("\n".join(lines[n : n + _GROUP]) for n in range(0, len(lines), _GROUP))
    start, end = '<span class="hm-lines">', "</span>"
    return start + f"\n{end}{start}".join(groups) + end


@lru_cache(maxsize=64)
def _highlighted(code: str, alias: str) -> str:
    lexer = _lexer(alias)
    if lexer is None:
        return code_html(code)
    parts: list[str] = []
    formatter: HtmlFormatter[str] = HtmlFormatter(nowrap=True)
    formatter.format(lexer.get_tokens(code), _Sink(parts))
    return show_disguises("".join(parts))


class _Sink:
    """A file that is a list."""

    def __init__(self, parts: list[str]) -> None:
        self._parts = parts

    def write(self, part: str) -> int:
        self._parts.append(part)
        return len(part)

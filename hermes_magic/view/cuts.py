"""Where Markdown that is still being written can be cut, and how to read on after the cut."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from hermes_magic.view.highlight import LIMIT as COLOUR_LIMIT
from hermes_magic.view.highlight import is_coloured
from hermes_magic.view.rules import PIECE, SENTINEL, piece_end

if TYPE_CHECKING:
    from markdown_it.utils import EnvType

LONG: Final = 4_096
"""Characters after which an open block is cut inside."""

_ITEM_LEVEL = 2
_LISTS = ("bullet_list_open", "ordered_list_open")


@dataclass(frozen=True, slots=True)
class Seam:
    """How a text is read that may continue a `kind` of block (a token's name; "": none does).

    The text stands behind `prefix`, which makes it the same kind of block again; `number` is the
    first item's, `loose` a list's spacing, `plain` code without colours.
    """

    kind: str = ""
    prefix: str = ""
    number: int = 1
    loose: bool = False
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """An offset in the text, prefix included, and how to read what is before and after it."""

    offset: int
    before: Seam
    after: Seam


def find_cut(md: MarkdownIt, text: str, seam: Seam) -> Cut | None:
    """Return the last cut that nothing coming after `text`, whole lines, can make wrong.

    That is where the last block begins; or, if there is only one and it is long, in it.
    """
    env: EnvType = {}
    tokens: list[Token] = []
    md.block.parse(text, md, env, tokens)
    tops = [token for token in tokens if token.level == 0 and token.nesting >= 0 and token.map]
    limit = env.get("open_math", len(text))  # Its end may still come, and then it is one block.
    starts = [_first(token) for token in tops[1:] if _first(token) <= limit]
    if starts:
        return Cut(_offset(text, starts[-1]), seam, Seam())
    if len(tops) != 1 or limit < len(text) or len(text) < LONG:
        return None
    return _cut_inside(text, tokens[tokens.index(tops[0]) :], seam)


def resume(tokens: list[Token], seam: Seam) -> None:
    """Make the first of the parsed blocks the continuation that `seam` says it is."""
    first = tokens[0] if tokens else None
    if first is None:
        return
    if seam.loose and first.type in _LISTS:
        _loosen(tokens)
    if seam.plain and first.type == "fence":
        first.meta["plain"] = True
    if first.type != seam.kind:
        return
    first.attrSet("class", "hm-more")
    if first.type == "ordered_list_open":
        first.attrSet("start", seam.number)
    if first.type == "table_open":
        head_end = next(i for i, token in enumerate(tokens) if token.type == "thead_close")
        del tokens[1 : head_end + 1]


def _cut_inside(text: str, tokens: list[Token], seam: Seam) -> Cut | None:
    kind = tokens[0].type
    if kind == "paragraph_open":
        return _cut_paragraph(text, tokens[1].content, seam)
    if kind == "fence":
        return _cut_fence(text, tokens[0], seam)
    if kind == "table_open":
        return _cut_table(text, tokens[0], seam)
    if kind in _LISTS:
        return _cut_list(text, tokens, seam)
    if kind == "blockquote_open":
        return _cut_quote(text, tokens, seam)
    return None


def _cut_paragraph(text: str, content: str, seam: Seam) -> Cut | None:
    body = content.removeprefix(seam.prefix)
    origin = text.index(content) + len(content) - len(body)
    end = 0
    while len(body) - end > PIECE:
        end = piece_end(body, end)
    if not end:
        return None
    return Cut(origin + end, seam, Seam("paragraph_open", SENTINEL))


def _cut_fence(text: str, fence: Token, seam: Seam) -> Cut | None:
    """Cut before the last line, which may be the fence's end; never inside coloured code."""
    if is_coloured(fence.info) and len(fence.content) <= COLOUR_LIMIT:
        return None
    first, last = _first(fence), _last(fence)
    if last <= first + 1:
        return None
    opening = text[_offset(text, first) : _offset(text, first + 1)]
    before = replace(seam, plain=True)
    return Cut(_offset(text, last), before, Seam("fence", opening, plain=True))


def _cut_table(text: str, table: Token, seam: Seam) -> Cut | None:
    first, last = _first(table), _last(table)
    if last <= first + 2:
        return None
    head = text[_offset(text, first) : _offset(text, first + 2)]
    return Cut(_offset(text, last), seam, Seam("table_open", head))


def _cut_list(text: str, tokens: list[Token], seam: Seam) -> Cut | None:
    """Cut before the last item, which may go on."""
    kind = tokens[0].type
    items = [t for t in tokens if t.type == "list_item_open" and t.level == 1]
    if not items[1:]:
        return None
    loose = seam.loose or any(
        t.type == "paragraph_open" and t.level == _ITEM_LEVEL and not t.hidden for t in tokens
    )
    start = seam.number if seam.kind == kind else int(tokens[0].attrGet("start") or 1)
    after = Seam(kind, number=start + len(items) - 1, loose=loose)
    return Cut(_offset(text, _first(items[-1])), replace(seam, loose=loose), after)


def _cut_quote(text: str, tokens: list[Token], seam: Seam) -> Cut | None:
    """Cut before the last block of a quotation, which may go on."""
    blocks = [t for t in tokens if t.level == 1 and t.nesting >= 0 and t.map]
    if not blocks[1:]:
        return None
    return Cut(_offset(text, _first(blocks[-1])), seam, Seam("blockquote_open"))


def _loosen(tokens: list[Token]) -> None:
    for token in tokens:
        if token.level == 0 and token.nesting < 0:
            return
        if token.level == _ITEM_LEVEL and token.type.startswith("paragraph_"):
            token.hidden = False


def _first(token: Token) -> int:
    return token.map[0] if token.map else 0


def _last(token: Token) -> int:
    return token.map[1] - 1 if token.map else 0


def _offset(text: str, line: int) -> int:
    """Return where a line begins; lines are counted from 0."""
    return sum(len(each) + 1 for each in text.split("\n", line)[:line])

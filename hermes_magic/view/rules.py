"""Rules for markdown-it: math, footnotes, task lists, images as links, and bounds on all of it."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from hermes_magic.view.math import Formula, block_closer, find_environment, find_formula

if TYPE_CHECKING:
    from markdown_it.ruler import RuleOptionsType

PIECE: Final = 8_192
"""Characters of running text that are parsed at once; constructs do not reach across pieces."""

SENTINEL: Final = "\ue000"
"""Stands before text that continues a paragraph, so that it cannot begin anything else."""

_MAX_NESTING = 24
_MATH_LINES = 200
_FOOTNOTE = re.compile(r"\[\^([\w-]{1,32})\]:[ \t]*")
_FOOTNOTE_REF = re.compile(r"\[\^([\w-]{1,32})\]")
_TASK = re.compile(r"\[([ xX])\][ \t]+")
_URL = re.compile(r"(?:https?://|mailto:)\S", re.IGNORECASE)


class BoundedMarkdown(MarkdownIt):
    """CommonMark with tables and the rules of this module; HTML is text, nesting is bounded."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 (markdown-it's name)
        """Allow http, https and mailto; the source of any other link is shown as it is."""
        return _URL.match(url) is not None


def install(md: MarkdownIt) -> None:
    """Add the rules to a parser made with the `commonmark` preset."""
    md.options["html"] = False
    md.options["maxNesting"] = _MAX_NESTING
    md.enable(["table", "strikethrough"])
    md.block.ruler.before("table", "depth", _depth)
    interrupting: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    md.block.ruler.before("fence", "math", _math_block, interrupting)
    md.block.ruler.before("reference", "footnote", _footnote, {"alt": ["paragraph", "reference"]})
    md.inline.ruler.before("escape", "math", _math_inline)
    md.inline.ruler.before("link", "footnote", _footnote_ref)
    md.core.ruler.at("inline", _inline_in_pieces)
    md.core.ruler.after("inline", "footnotes", _footnote_list)
    md.core.ruler.after("text_join", "finish", _finish)


def pieces(text: str) -> Iterator[str]:
    """Cut very long running text, at white space if there is any.

    Where a cut falls depends only on what stands before it, so that a growing paragraph's
    pieces stay the same.
    """
    start = 0
    while len(text) - start > PIECE:
        yield text[start : (start := piece_end(text, start))]
    yield text[start:]


def piece_end(text: str, start: int) -> int:
    """Return where the piece that begins at `start` ends, in text that goes on behind it."""
    end = start + PIECE
    half = start + PIECE // 2
    space = max(text.rfind(" ", half, end), text.rfind("\n", half, end))
    cut = start + len(text[start : max(space, start)].rstrip())
    return cut if cut > start else end


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _depth(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001
    """Take what is nested too deeply as text; markdown-it would drop it."""
    if silent or state.level < _MAX_NESTING - 4:
        return False
    line = start + 1
    while line < end and not state.isEmpty(line) and state.sCount[line] >= state.blkIndent:
        line += 1
    state.push("paragraph_open", "p", 1).map = [start, line]
    inline = state.push("inline", "", 0)
    inline.content = state.getLines(start, line, state.blkIndent, keepLastLF=False).strip()
    inline.children = []
    state.push("paragraph_close", "p", -1)
    state.line = line
    return True


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001
    if state.is_code_block(start):
        return False
    closer = block_closer(_line(state, start))
    lines = None if closer is None else _math_lines(state, start, end, closer)
    formula = None if lines is None else _whole(lines)
    if formula is None or lines is None:
        return False
    if not silent:
        state.line = start + lines.count("\n") + 1
        token = state.push("math_block", "div", 0)
        token.content, token.markup = formula.tex, formula.source
        token.map = [start, state.line]
    return True


def _math_lines(state: StateBlock, start: int, end: int, closer: str) -> str | None:
    """Return the lines up to the one with `closer`; note in `env` if the text ends before it."""
    lines = [_line(state, start)]
    opener = closer.replace("end", "begin").replace("]", "[")
    found = closer in lines[0][2:]
    for number in range(start + 1, min(end, start + _MATH_LINES)):
        if found:
            break
        line = _line(state, number)
        if not line.strip() or state.sCount[number] < state.blkIndent or line.startswith("```"):
            return None
        lines.append(line)
        found = closer in line
        if line.startswith(opener) and not found:
            return None
    if found:
        return "\n".join(lines)
    if start + len(lines) >= len(state.bMarks) - 1:
        state.env.setdefault("open_math", start)
    return None


def _whole(lines: str) -> Formula | None:
    text = lines.rstrip()
    formula = find_environment(text) if text.startswith("\\b") else find_formula(text, 0)
    return formula if formula and formula.display and formula.end == len(text) else None


def _math_inline(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
    if state.src[state.pos] not in "$\\":
        return False
    formula = find_formula(state.src, state.pos)
    if formula is None or formula.end > state.posMax:
        return False
    if not silent:
        token = state.push("math_display" if formula.display else "math_inline", "span", 0)
        token.content, token.markup = formula.tex, formula.source
    state.pos = formula.end
    return True


def _footnote(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001
    found = _FOOTNOTE.match(_line(state, start))
    if found is None or state.is_code_block(start):
        return False
    if silent:
        return True
    interrupting = state.md.block.ruler.getRules("reference")
    line = start + 1
    while line < end and not state.isEmpty(line):
        if any(rule(state, line, end, True) for rule in interrupting):  # noqa: FBT003
            break
        line += 1
    text = state.getLines(start, line, state.blkIndent, keepLastLF=False).strip()
    state.env.setdefault("footnotes", {}).setdefault(found[1], text[found.end() :])
    state.line = line
    return True


def _footnote_ref(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
    if not state.src.startswith("[^", state.pos):
        return False
    found = _FOOTNOTE_REF.match(state.src, state.pos)
    if found is None or found[1] not in state.env.get("footnotes", ()):
        return False
    if not silent:
        numbers = state.env.setdefault("footnote_numbers", {})
        token = state.push("footnote_ref", "sup", 0)
        token.content = str(numbers.setdefault(found[1], len(numbers) + 1))
    state.pos = found.end()
    return True


def _parse_inline(state: StateCore, text: str) -> list[Token]:
    children: list[Token] = []
    for piece in pieces(text):
        tokens: list[Token] = []
        state.md.inline.parse(piece, state.md, state.env, tokens)
        children += tokens
    return children


def _inline_in_pieces(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline":
            if state.env.pop("continued", False):
                token.content = token.content.removeprefix(SENTINEL)
            token.children = _parse_inline(state, token.content)


def _footnote_list(state: StateCore) -> None:
    """Write the footnotes that the text refers to at its end, unless it is only a part."""
    numbers: dict[str, int] = state.env.get("footnote_numbers", {})
    if not numbers or state.env.get("part"):
        return
    state.tokens.append(Token("ordered_list_open", "ol", 1, {"class": "hm-footnotes"}))
    seen = 0
    while seen < len(numbers):  # A footnote may refer to another one.
        text = state.env["footnotes"][list(numbers)[seen]]
        inline = Token("inline", "", 0, content=text, children=_parse_inline(state, text))
        state.tokens += [
            Token("list_item_open", "li", 1),
            inline,
            Token("list_item_close", "li", -1),
        ]
        seen += 1
    state.tokens.append(Token("ordered_list_close", "ol", -1))


def _finish(state: StateCore) -> None:
    previous: list[Token] = []
    for token in state.tokens:
        if token.type == "inline" and token.children:
            if [t.type for t in previous] == ["list_item_open", "paragraph_open"]:
                _task(previous[0], token.children)
            _mark_linked(token.children)
        previous = [*previous[-1:], token]


def _task(item: Token, children: list[Token]) -> None:
    found = _TASK.match(children[0].content) if children[0].type == "text" else None
    if found:
        item.attrJoin("class", "hm-task-item")
        children[0].content = children[0].content[found.end() :]
        box = "\N{BALLOT BOX}" if found[1] == " " else "\N{BALLOT BOX WITH CHECK}"
        children.insert(0, Token("task", "span", 0, content=box))


def _mark_linked(children: list[Token]) -> None:
    """Mark images inside a link: one link cannot stand in another."""
    depth = 0
    for token in children:
        depth += (token.type == "link_open") - (token.type == "link_close")
        if token.type == "image":
            token.meta["linked"] = depth > 0

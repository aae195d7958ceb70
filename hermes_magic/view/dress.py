"""Styles for the HTML of a saved answer, put on after it was sanitized.

Hosts differ in what they do with tables and code in an output, and none keeps a style sheet of
ours in a notebook that it does not trust; inline styles of these few kinds they all keep or drop
whole. What is put on are constants of this module; where a tag begins and ends is certain, since
the sanitizer writes every attribute in double quotes and `<` elsewhere as an entity.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final, Literal

Side = Literal["left", "right"]

_TAG = re.compile(r'<([a-z][a-z0-9]*)((?: [a-z-]+="[^"]*")*)>')
_CODE = (
    "margin:0 0 14px 0;padding:10px 12px;border-radius:4px;"
    "background-color:rgba(128,128,128,0.1);text-align:left;"
    "white-space:pre-wrap;word-break:normal;overflow-wrap:break-word;"
)
_CLEAR = "background-color:transparent;"
_WIDE = "display:block;overflow-x:auto;overflow-y:hidden;"
_LIFTED = _WIDE + "margin-top:-1em;"  # its own margin no longer joins that of what is above
_BLOCKS: Final[Mapping[str, str]] = {"pre": _CODE, "table": "margin-left:0;margin-right:0;"}
_STRONG: Final[Mapping[str, Side]] = {"L": "left", "R": "right", "AL": "right"}


def dress(markup: str, side: Side = "left") -> str:
    """Return sanitized HTML with inline styles; `side` is where its tables' cells begin."""
    after_pre = False

    def dressed(tag: re.Match[str]) -> str:
        nonlocal after_pre
        name, attributes = tag[1], tag[2]
        in_pre, after_pre = after_pre, name == "pre"
        style = _style(name, attributes, side, in_pre=in_pre)
        ltr = ' dir="ltr"' if name == "pre" else ""
        return f'<{name}{attributes}{ltr} style="{style}">' if style else tag[0]

    return _TAG.sub(dressed, markup)


def start_side(text: str) -> Side:
    """Return the side on which text begins: its first letter with a direction decides."""
    for char in text:
        side = _STRONG.get(unicodedata.bidirectional(char))
        if side:
            return side
    return "left"


def _style(name: str, attributes: str, side: Side, *, in_pre: bool) -> str:
    if "hm-math-display" in attributes:
        return _LIFTED if name == "div" else _WIDE
    if name in {"td", "th"}:
        return _cell(attributes, side)
    if name == "p":
        return "text-align:right;" if side == "right" else ""
    if (name == "code" and in_pre) or (name == "div" and 'class="highlight' in attributes):
        return _CLEAR
    return _BLOCKS.get(name, "")


def _cell(attributes: str, side: Side) -> str:
    """Return nothing for what is aligned to the right: JupyterLab's cells are so by default."""
    _, _, found = attributes.partition('align="')
    alignment = found.partition('"')[0]
    return "" if alignment == "right" else f"text-align:{alignment or side};"

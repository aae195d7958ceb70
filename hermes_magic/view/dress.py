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
_TABLE = "margin-left:0;margin-right:0;"
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
    match name:
        case "pre":
            return _CODE
        case "code" if in_pre:
            return _CLEAR
        case "div" if 'class="highlight"' in attributes:
            return _CLEAR
        case "div" | "span" if "hm-math-display" in attributes:
            return _WIDE
        case "p" if side == "right":
            return "text-align:right;"
        case "table":
            return _TABLE
        case "td" | "th":
            return f"text-align:{_alignment(attributes) or side};"
    return ""


def _alignment(attributes: str) -> str:
    _, _, found = attributes.partition('align="')
    return found.partition('"')[0]

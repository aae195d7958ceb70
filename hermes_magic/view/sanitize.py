"""What HTML may leave this package, and how text is written into it.

Nothing of a model's answer reaches a notebook but through `clean`. The lists below are the whole
of what it lets through; a fuzz test compares them with what comes out.
"""

import html
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import chain
from typing import Final

import nh3
from pygments.lexers import get_all_lexers
from pygments.token import STANDARD_TYPES

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
URL_SCHEMES: Final = frozenset({"http", "https", "mailto"})
TAGS: Final = frozenset(
    {"a", "blockquote", "br", "code", "div", "em", "hr", "li", "ol", "p", "pre", "s", "span"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "strong", "sup", "ul"}
    | {"table", "tbody", "td", "th", "thead", "tr"}
)

_OVERRIDES = "\u202a-\u202e\u2066-\u2069"
_DISGUISES = _OVERRIDES + (
    "\u00ad\u061c\u180e\u200b-\u200f\u2060-\u2064\ufeff\U000e0001\U000e0020-\U000e007f"
)
_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n?")
_PROSE = re.compile(f'[&<>"$\\\\{_OVERRIDES}]')
_CODE = re.compile(f'[&<>"{_DISGUISES}]')
_OVERRIDE = re.compile(f"[{_OVERRIDES}]")
_DISGUISE = re.compile(f"[{_DISGUISES}]")


def _bidi_title(char: str) -> str:
    return f"U+{ord(char):04X} {unicodedata.name(char, 'CONTROL')}"


def _languages() -> Iterable[str]:
    return (f"language-{alias}" for _, aliases, _, _ in get_all_lexers() for alias in aliases)


@cache
def attribute_values() -> dict[str, dict[str, set[str]]]:
    """Return the attributes that may have one of a few values only, by tag."""
    aligned = {"align": {"left", "center", "right"}}
    disguises = filter(_DISGUISE.match, map(chr, chain(range(0x10000), range(0xE0000, 0xE0080))))
    return {
        "a": {"target": {"_blank"}},
        "th": aligned,
        "td": aligned,
        "span": {"title": {_bidi_title(char) for char in disguises}},
    }


@cache
def classes() -> dict[str, set[str]]:
    """Return the class names that may stand on each tag: ours and Pygments', no others."""
    own = {"hm-math", "hm-math-display", "hm-literal", "hm-bidi", "hm-task", "hm-image", "hm-lines"}
    return {
        "a": {"hm-image"},
        "blockquote": {"hm-more"},
        "code": set(_languages()),
        "div": {"highlight", "hm-math", "hm-math-display", "hm-more"},
        "li": {"hm-task-item"},
        "ol": {"hm-footnotes", "hm-more"},
        "p": {"hm-more"},
        "pre": {"highlight"},
        "span": own | {name for name in STANDARD_TYPES.values() if name},
        "sup": {"hm-footnote"},
        "table": {"hm-more"},
        "ul": {"hm-more"},
    }


ATTRIBUTES: Final = {"a": frozenset({"href"}), "ol": frozenset({"start"})}
LINK_REL: Final = "noopener noreferrer nofollow"


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        tag_attribute_values=attribute_values(),
        allowed_classes=classes(),
        url_schemes=set(URL_SCHEMES),
        url_relative="deny",
        link_rel=LINK_REL,
    )


def clean(markup: str) -> str:
    """Return `markup` with nothing in it but the tags, attributes and classes listed here."""
    return _cleaner().clean(markup)


def normalize(text: str) -> str:
    r"""Return `text` with `\n` line ends and U+FFFD for controls and lone surrogates."""
    return _CONTROLS.sub(REPLACEMENT, _LINE_ENDS.sub("\n", text))


def prose_html(text: str) -> str:
    r"""Return `text` as HTML of running text.

    A `$` or `\` that is not math stands in a span of its own: the host's MathJax looks for
    delimiters in runs of text, and an element ends the run. Overrides of the text direction,
    which make text read otherwise than it is, are shown by their number.
    """
    return _PROSE.sub(_written, text)


def code_html(text: str) -> str:
    """Return `text` as HTML of code, where every invisible character is shown by its number."""
    return _CODE.sub(_written, text)


def show_disguises(markup: str) -> str:
    """Show the invisible characters in HTML of code that is already escaped."""
    return _DISGUISE.sub(_written, markup)


def spell_out(text: str, *, code: bool) -> str:
    """Return plain text with the misleading characters spelled `U+202E`, as HTML shows them."""
    return (_DISGUISE if code else _OVERRIDE).sub(lambda m: f"U+{ord(m[0]):04X}", text)


def is_disguised(text: str) -> bool:
    """Tell whether code would read otherwise than it is."""
    return _DISGUISE.search(text) is not None


def _written(match: re.Match[str]) -> str:
    char = match[0]
    if char in "$\\":
        return f'<span class="hm-literal">{char}</span>'
    if char in '&<>"':
        return html.escape(char)
    return f'<span class="hm-bidi" title="{_bidi_title(char)}">U+{ord(char):04X}</span>'

r"""Find TeX in text, and decide whether the host may typeset it.

Four notations: `$a$`, `$$a$$`, `\(a\)`, `\[a\]`, and the environments that models leave bare,
`\begin{align}…\end{align}`. What is not surely a formula (prices, shell variables, an end that
never comes) stays text; a formula that could do more than typeset itself is shown as code.
"""

import re
from dataclasses import dataclass
from typing import Final

from hermes_magic.view.sanitize import code_html, is_disguised

LIMIT: Final = 8_000
"""Characters a formula may have."""

# Bodies end at the first delimiter of any kind: possessive, so a failure costs one pass.
_SINGLE = re.compile(r"\$((?:[^\\$`]|\\.)*+)(\$+)", re.DOTALL)
_DOUBLE = re.compile(r"\$\$((?:[^\\$`]|\\.)*+)(\$+)", re.DOTALL)
_ROUND = re.compile(r"\\\(((?:[^\\]|\\[^()\[\]])*+)\\\)", re.DOTALL)
_SQUARE = re.compile(r"\\\[((?:[^\\]|\\[^()\[\]])*+)\\\]", re.DOTALL)
_ENVIRONMENTS = (
    "equation|align|alignat|alignedat|aligned|flalign|gather|gathered|multline|eqnarray|split"
    "|cases|array|matrix|[bpvBV]matrix|CD"
)
_BEGIN = re.compile(rf"\\begin\{{((?:{_ENVIRONMENTS})\*?)\}}")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_DIGIT_OR_LETTER = re.compile(r"(?!(?:th|st|nd|rd|s)\b)[^\W_]")
_SYMBOL = re.compile(r"[\\^_={}<>+]")
_WORDS = re.compile(r"[^\W\d_]{2,}\s|\s[^\W\d_]{2,}")
# Whatever defines, loads, links, styles or runs: in MathJax (autoloaded extensions included),
# in KaTeX, and in LaTeX, to which nbconvert may hand the formula. A backslash counts even behind
# another one, so that it does not matter where a program begins to read.
_DANGEROUS = re.compile(
    r"\\(?:"
    r"(?:href|url|unicode|style|class|cssId|data|action|toggle|mathtip|texttip|tooltip|error"
    r"|bbox|def|[gex]def|let|futurelet|global|long|outer|csname|endcsname|catcode|char|chardef"
    r"|mathchardef|read|write|openin|openout|immediate|special|input|include"
    r"|begingroupReset|begingroupSandbox|usetagform|mathtoolsset|setOptions|shorthandoff"
    r"|afterassignment|aftergroup|everymath|everydisplay|verb|lstinline|lstinputlisting"
    r"|verbatiminput|usepackage|documentclass|directlua|pdf\w*|jobname|scantokens|expandafter)"
    r"(?![A-Za-z])"
    r"|(?:require|html|include|mmlToken|new(?!line)|renew|provide|Declare|New|Renew|Provide"
    r"|Define|define|[Xx]def|tex4ht|immediate|write18|ExplSyntax)\w*"
    r"|(?:begin|end)\s*\{\s*(?:filecontents|verbatim|lstlisting|document|html|minted)"
    r")|\^\^|://|(?<![A-Za-z])url\s*\(|(?:java|vb)script\s*:|data:\s*[a-z]+/",
)


@dataclass(frozen=True, slots=True)
class Formula:
    """TeX without its delimiters, the text it was found as, and where that ends."""

    tex: str
    display: bool
    source: str
    end: int


def find_formula(text: str, start: int) -> Formula | None:
    r"""Return the formula whose opening delimiter, `$` or `\`, stands at `start`, if one does."""
    if text[start] == "$":
        return _dollars(text, start)
    for pattern, display in ((_ROUND, False), (_SQUARE, True)):
        found = pattern.match(text, start, start + LIMIT)
        if found:
            return _formula(found, display=display)
    return None


def find_environment(text: str) -> Formula | None:
    r"""Return the `\begin{align}…\end{align}` (or the like) with which `text` starts."""
    begin = _BEGIN.match(text)
    if begin is None:
        return None
    closer = rf"\end{{{begin[1]}}}"
    end = text.find(closer, begin.end(), LIMIT) + len(closer)
    if end < begin.end() or not _is_sound(text[:end]):
        return None
    return Formula(text[:end], display=True, source=text[:end], end=end)


def block_closer(line: str) -> str | None:
    """Return what ends the display that `line` opens; None if it opens none."""
    if line.startswith("$$"):
        return None if line.startswith("$$$") else "$$"
    if line.startswith("\\["):
        return "\\]"
    begin = _BEGIN.match(line)
    return rf"\end{{{begin[1]}}}" if begin else None


def is_dangerous(tex: str) -> bool:
    """Tell whether a formula could do more than typeset itself, or hides what it is."""
    return _DANGEROUS.search(tex) is not None or is_disguised(tex)


def formula_html(tex: str, source: str, *, display: bool, block: bool = False) -> str:
    r"""Return a formula between `\(…\)` or `\[…\]`, for the host's MathJax to typeset.

    A dangerous one comes out as code, which MathJax passes over. `block` gives a `<div>`, which
    must not stand inside a paragraph.
    """
    if is_dangerous(tex):
        code = f"<code>{code_html(source)}</code>"
        return f"<p>{code}</p>\n" if block else code
    written = code_html(tex)
    if not display:
        return f'<span class="hm-math">\\({written}\\)</span>'
    tag, end = ("div", "\n") if block else ("span", "")
    return f'<{tag} class="hm-math hm-math-display">\\[{written}\\]</{tag}>{end}'


def _dollars(text: str, start: int) -> Formula | None:
    if start and (text[start - 1] == "$" or text[start - 1].isalnum()):
        return None
    display = text.startswith("$$", start)
    found = (_DOUBLE if display else _SINGLE).match(text, start, start + LIMIT)
    if found is None or len(found[2]) != 1 + display or _is_prose(found[1]):
        return None
    if not display and not _is_tight(found[1], text[found.end() : found.end() + 4]):
        return None
    return _formula(found, display=display)


def _formula(found: re.Match[str], *, display: bool) -> Formula | None:
    tex = found[1].strip()
    if not _is_sound(found[1]):
        return None
    return Formula(tex, display, found[0], found.end())


def _is_sound(tex: str) -> bool:
    """Tell whether there is a formula at all: not empty, no blank line, braces in pairs."""
    if not tex.strip() or _BLANK_LINE.search(tex):
        return False
    depth = 0
    for brace in _BRACE.findall(tex):
        depth += (brace == "{") - (brace == "}")
        if depth < 0:
            return False
    return depth == 0


def _is_tight(body: str, after: str) -> bool:
    """Tell whether `$body$` has math's spacing: `$x$`, `$n$th`, but not `$5 to $10`."""
    return not (body[:1].isspace() or body[-1:].isspace() or _DIGIT_OR_LETTER.match(after))


def _is_prose(body: str) -> bool:
    """Tell words between two dollars from a formula."""
    return _WORDS.search(body) is not None and _SYMBOL.search(body) is None

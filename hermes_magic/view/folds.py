"""A function call of the model and its result as a line that folds open, in HTML and Markdown.

Arguments come from the model and results from wherever the function has them: both are text here,
and escaped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hermes_magic.view.calls import line, whole
from hermes_magic.view.portable import plain_markdown
from hermes_magic.view.sanitize import code_html, normalize, spell_out

if TYPE_CHECKING:
    from hermes_magic.reply import ToolStep

_FOLD = "margin:4px 0 10px 0;"
_SUMMARY = "font-size:85%;opacity:0.75;cursor:pointer;"
_CODE = "background-color:transparent;overflow-wrap:anywhere;"
_PRE = (
    "margin:4px 0 0 4px;padding:0 0 0 12px;border-left:2px solid rgba(128,128,128,0.4);"
    "background-color:transparent;font-size:85%;opacity:0.75;text-align:left;"
    "white-space:pre-wrap;overflow-wrap:anywhere;"
)
_SPECIAL = re.compile(r"[^\w\s]")


def fold_html(step: ToolStep) -> str:
    """Write a call and its result as HTML."""
    failed = "" if step.error is None else " hermes-tool-failed"
    return (
        f'<details class="hermes-tool{failed}" style="{_FOLD}"><summary style="{_SUMMARY}">'
        f'<code style="{_CODE}">{code_html(normalize(line(step)))}</code></summary>'
        f'<pre style="{_PRE}" dir="ltr">{code_html(normalize(whole(step)))}</pre></details>'
    )


def fold_markdown(step: ToolStep) -> str:
    """Write a call and its result as Markdown, in HTML elements that hosts keep."""
    shown = spell_out(normalize(line(step)), code=True)
    heading = _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", shown)
    text = normalize(whole(step))
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(len("```"), longest + 1)
    body = plain_markdown(f"{fence}text\n{text}\n{fence}")
    return f"<details><summary><code>{heading}</code></summary>\n\n{body}\n\n</details>"

"""What stays in the notebook: a MIME bundle that needs no kernel, widget or package of ours.

All text of the model goes through `markdown.render` or `markdown.plain_markdown`; all else is
escaped. Styles stand inline, and only such as JupyterLab keeps in a notebook it does not trust.
"""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

from IPython.display import display

from hermes_magic.view import readout
from hermes_magic.view.dress import dress, start_side
from hermes_magic.view.folds import fold_html, fold_markdown
from hermes_magic.view.markdown import plain_markdown, render
from hermes_magic.view.text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermes_magic.options import Thoughts
    from hermes_magic.reply import Event, Progress, Reply

_QUIET = "font-size:85%;opacity:0.75;"
_SUMMARY = _QUIET + "cursor:pointer;"
_FOLD = "margin:0 0 10px 0;"
_THOUGHT = "margin:4px 0 0 4px;padding-left:12px;border-left:2px solid rgba(128,128,128,0.4);"
_ANSWER = "overflow-wrap:break-word;"
_CELL = "text-align:left;"


def bundle(reply: Reply, *, timed: bool = True, thoughts: Thoughts = "folded") -> dict[str, str]:
    """Give the reply as `text/html`, `text/markdown` and `text/plain`.

    Args:
        reply: whole or partial.
        timed: with what a clock measured; without it, equal replies give equal bundles.
        thoughts: how its thought is shown; "hidden" leaves it out.
    """
    if thoughts == "hidden":
        reply = replace(reply, thinking="")
    unfolded = thoughts == "open"
    return {
        "text/html": html(reply, timed=timed, unfolded=unfolded),
        "text/markdown": markdown(reply, timed=timed, unfolded=unfolded),
        "text/plain": plain(reply, timed=timed),
    }


def noted(data: Mapping[str, str], note: str) -> dict[str, str]:
    """Give a bundle with a note above it."""
    above = {
        "text/html": _note(note),
        "text/markdown": f"*{plain_markdown(note)}*\n",
        "text/plain": f"{note}\n",
    }
    return {kind: f"{above[kind]}\n{text}" for kind, text in data.items()}


def is_blank(reply: Reply) -> bool:
    """Tell whether there is nothing to show, not even that the reply was stopped."""
    return reply.state == "failed" and not (reply.text or reply.thinking or reply.steps)


class StaticView:
    """Shows nothing while the reply comes, and its bundle once: nobody is watching."""

    watched = False

    def __init__(self, thoughts: Thoughts = "folded") -> None:
        self._thoughts = thoughts

    def show(self, events: list[Event], progress: Progress, elapsed: float) -> None:
        """Do nothing."""

    def close(self, reply: Reply) -> None:
        """Show the bundle, unless nothing has come."""
        if not is_blank(reply):
            # The times of a whole replay are the tape's: they do not differ from run to run.
            stable = reply.replayed is not None and reply.state == "complete"
            shown = bundle(reply, timed=stable, thoughts=self._thoughts)
            display(shown, raw=True)


def html(reply: Reply, *, timed: bool, unfolded: bool = False) -> str:
    """Write the reply as HTML: folded thought, answer, notes, cost line with its details."""
    parts = ['<div class="hermes">']
    if reply.thinking.strip():
        thought = render(reply.thinking.strip(), breaks=True)
        parts.append(
            f'<details class="hermes-thought" style="{_FOLD}"{" open" if unfolded else ""}>'
            f'<summary style="{_SUMMARY}">'
            f"{_text(readout.thought_heading(reply, timed=timed))}</summary>"
            f'<div style="{_THOUGHT}{_QUIET}{_ANSWER}" dir="auto">'
            f"{dress(thought, start_side(reply.thinking))}</div></details>"
        )
    said = [part for step in reply.steps for part in (_said(step.said), fold_html(step))]
    answer = "\n".join(filter(None, [*said, _said(reply.text)]))
    parts.append(f'<div class="hermes-answer" style="{_ANSWER}" dir="auto">{answer}</div>')
    parts += [_note(note) for note in readout.notes(reply)]
    parts.append(_cost(reply, timed=timed))
    parts.append("</div>")
    return "\n".join(parts)


def _said(text: str) -> str:
    return dress(render(text.strip()), start_side(text))


def _note(note: str) -> str:
    return f'<p class="hermes-note"><em>{_text(note)}</em></p>'


def _cost(reply: Reply, *, timed: bool) -> str:
    rows = "".join(
        f'<tr><td style="{_CELL}">{_text(label)}</td><td style="{_CELL}">{_text(value)}</td></tr>'
        for label, value in readout.details(reply)
    )
    return (
        f'<details class="hermes-cost" style="margin-top:8px;"><summary style="{_SUMMARY}">'
        f"{_text(readout.cost_line(reply, timed=timed))}</summary>"
        f'<table style="margin-left:0;{_QUIET}"><tbody>{rows}</tbody></table></details>'
    )


def _text(text: str) -> str:
    """Escape; keep a dollar from opening a formula in the host's typesetter."""
    return escape(text).replace("$", "<span>$</span>")


def markdown(reply: Reply, *, timed: bool, unfolded: bool = False) -> str:
    """Write the reply as Markdown, the thought folded by an HTML element that hosts keep."""
    parts = []
    if reply.thinking.strip():
        heading = escape(readout.thought_heading(reply, timed=timed))
        thought = plain_markdown(reply.thinking.strip())
        fold = "details open" if unfolded else "details"
        parts.append(f"<{fold}><summary>{heading}</summary>\n\n{thought}\n\n</details>")
    for step in reply.steps:
        parts += [plain_markdown(step.said.strip()), fold_markdown(step)]
    parts.append(plain_markdown(reply.text.strip()))
    lines = [*readout.notes(reply), readout.cost_line(reply, timed=timed)]
    parts += [f"*{plain_markdown(line)}*" for line in lines]
    return "\n\n".join(part for part in parts if part)

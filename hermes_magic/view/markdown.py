r"""Markdown to HTML that is safe to put into a trusted page.

HTML in the text is shown as text, images become links and nothing is fetched, math is left
between `\(…\)` for the host's MathJax. What Markdown makes of it passes `sanitize.clean`.
"""

from collections.abc import Sequence
from functools import cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from hermes_magic.view.highlight import code_block_html
from hermes_magic.view.math import formula_html
from hermes_magic.view.portable import plain_markdown
from hermes_magic.view.rules import BoundedMarkdown, install
from hermes_magic.view.sanitize import clean, code_html, normalize, prose_html

__all__ = ["parser", "plain_markdown", "render"]


def render(text: str, *, breaks: bool = False) -> str:
    """Return the HTML of a whole Markdown text.

    `breaks` keeps single newlines, as suits a trace of thoughts. Any text gives HTML, never an
    error, in time linear in its length.
    """
    return clean(parser(breaks=breaks).render(normalize(text)))


@cache
def parser(*, breaks: bool = False) -> MarkdownIt:
    """Return the parser, whose HTML is still to be cleaned; what it learns goes into `env`."""
    md = BoundedMarkdown("commonmark", {"breaks": breaks}, renderer_cls=_Renderer)
    install(md)
    return md


class _Renderer(RendererHTML):
    """Writes what markdown-it found; the methods are named after its tokens."""

    def text(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return prose_html(tokens[idx].content)

    def code_inline(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return f"<code>{code_html(tokens[idx].content)}</code>"

    def fence(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        token = tokens[idx]
        plain, more = "plain" in token.meta, token.attrGet("class") is not None
        return code_block_html(token.content, token.info, plain=plain, more=more)

    def code_block(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return code_block_html(tokens[idx].content, "")

    def link_open(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return _link_open(tokens[idx].attrGet("href"))

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        source = token.attrGet("src")
        label = prose_html(self.renderInlineAsText(token.children, options, env) or str(source))
        if token.meta.get("linked"):
            return f'<span class="hm-image">{label}</span>'
        return f"{_link_open(source, 'hm-image')}{label}</a>"

    def math_inline(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return formula_html(tokens[idx].content, tokens[idx].markup, display=False)

    def math_display(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return formula_html(tokens[idx].content, tokens[idx].markup, display=True)

    def math_block(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return formula_html(tokens[idx].content, tokens[idx].markup, display=True, block=True)

    def footnote_ref(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return f'<sup class="hm-footnote">{tokens[idx].content}</sup>'

    def task(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return f'<span class="hm-task">{tokens[idx].content}</span> '

    def th_open(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return _cell_open(tokens[idx])

    def td_open(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return _cell_open(tokens[idx])


def _link_open(url: str | float | None, name: str = "") -> str:
    named = f' class="{name}"' if name else ""
    return f'<a{named} href="{escape(str(url))}" target="_blank">'


def _cell_open(token: Token) -> str:
    side = str(token.attrGet("style") or "").removeprefix("text-align:")
    return f'<{token.tag} align="{side}">' if side else f"<{token.tag}>"

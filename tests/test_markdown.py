import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hermes_magic.view.highlight import LIMIT
from hermes_magic.view.markdown import plain_markdown, render
from hermes_magic.view.rules import PIECE


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*a* **b** ~~c~~ `d`", "<em>a</em> <strong>b</strong> <s>c</s> <code>d</code>"),
        ("a & b < c", "a &amp; b &lt; c"),
        ("costs $5", 'costs <span class="hm-literal">$</span>5'),
        (r"\\(x\\)", '<span class="hm-literal">\\</span>(x<span class="hm-literal">\\</span>)'),
        (r"\begin{x}", '<span class="hm-literal">\\</span>begin{x}'),
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("[x](javascript:y)", "[x](javascript:y)"),
        ("[x](page.html)", "[x](page.html)"),
        ("a\u202eb", 'a<span class="hm-bidi" title="U+202E RIGHT-TO-LEFT OVERRIDE">U+202E</span>b'),
        ("\u2067x", '<span class="hm-bidi" title="U+2067 RIGHT-TO-LEFT ISOLATE">U+2067</span>x'),
        ("\u0645\u06cc\u200c\u062e \U0001f468\u200d\U0001f469", None),
        ("a\0b\x1bc", "a\ufffdb\ufffdc"),
        ("a\ud800b", "a\ufffdb"),
    ],
)
def test_running_text(text: str, html: str | None) -> None:
    assert render(text) == f"<p>{text if html is None else html}</p>\n"


def test_a_link_opens_elsewhere_and_tells_nothing() -> None:
    assert render("[x](https://y.z/)") == (
        '<p><a href="https://y.z/" target="_blank" rel="noopener noreferrer nofollow">x</a></p>\n'
    )


def test_an_image_is_a_link() -> None:
    html = render("![alt *x*](http://y/z.png) ![](http://y/z.png)")

    assert "<img" not in html
    assert html.count('class="hm-image" href="http://y/z.png"') == 2
    assert ">alt x</a>" in html
    assert ">http://y/z.png</a>" in html


def test_an_image_in_a_link_is_its_text() -> None:
    html = render("[![alt](http://i)](http://l)")

    assert html.count("<a ") == 1
    assert '<span class="hm-image">alt</span></a>' in html


def test_code_is_coloured() -> None:
    html = render("```Python title=x\nimport os\n```")

    assert html.startswith('<div class="highlight"><pre class="highlight"><code class="language-p')
    assert '<span class="kn">import</span>' in html


@pytest.mark.parametrize("info", ["", "nosuch", '"><script>', "x" * 100, "\u202e"])
def test_unknown_code_is_plain(info: str) -> None:
    assert render(f"```{info}\na < b\n```") == (
        '<div class="highlight"><pre class="highlight"><code>a &lt; b\n</code></pre></div>\n'
    )


def test_very_long_code_is_plain() -> None:
    assert "<span" not in render("```python\n" + "x = 1\n" * (LIMIT // 6 + 1) + "```")


@pytest.mark.parametrize("char", ["\u202e", "\u2066", "\u200e", "\u200b", "\u200d", "\ufeff"])
@pytest.mark.parametrize("text", ["`a{}b`", "```\na{}b\n```", '```python\n"a{}b"\n```'])
def test_disguises_show_in_code(text: str, char: str) -> None:
    html = render(text.format(char))

    assert char not in html
    assert f"U+{ord(char):04X}</span>" in html


def test_tasks_are_glyphs() -> None:
    html = render("- [ ] a\n- [x] **b**\n- [ ](http://c)\n- [y] d")

    assert '<li class="hm-task-item"><span class="hm-task">\u2610</span> a</li>' in html
    assert '<span class="hm-task">\u2611</span> <strong>b</strong>' in html
    assert html.count("hm-task-item") == 2


def test_a_table_has_its_alignment() -> None:
    html = render("| a | b |\n|:-:|--:|\n| $x$ | `y` |")

    assert '<th align="center">a</th>' in html
    assert '<td align="right"><code>y</code></td>' in html


def test_footnotes_are_numbered_as_they_are_used() -> None:
    html = render("b[^b] a[^a] b[^b] c[^c] [^a-z]\n\n[^a]: A\n[^b]: *B*[^d]\n[^d]: D")

    assert 'b<sup class="hm-footnote">1</sup> a<sup class="hm-footnote">2</sup>' in html
    assert "[^c] [^a-z]" in html
    assert html.endswith(
        '<ol class="hm-footnotes"><li><em>B</em><sup class="hm-footnote">3</sup></li>'
        "<li>A</li><li>D</li></ol>"
    )


def test_breaks_keep_single_newlines() -> None:
    assert render("a\nb", breaks=True) == "<p>a<br>\nb</p>\n"
    assert render("a\nb") == "<p>a\nb</p>\n"


def test_what_is_nested_too_deeply_is_still_shown() -> None:
    assert "the end" in render(">" * 200 + " the end")
    assert "the end" in render("- " * 200 + "the end")


@given(st.text(alphabet="ab \n", min_size=1, max_size=30))
@settings(deadline=None)
def test_a_very_long_paragraph_loses_nothing(text: str) -> None:
    words = " ".join((text * (2 * PIECE // len(text) + 2)).split())

    assert render(words) == (f"<p>{words}</p>\n" if words else "")


def test_the_package_alone_loads_no_renderer() -> None:
    code = (
        "import sys, hermes_magic.view;"
        "sys.exit(any(m in sys.modules for m in ('markdown_it', 'nh3', 'pygments')))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"\(x\) and \( y \)", "$x$ and $y$"),
        (r"\[x\]", "$$x$$"),
        ("\\[\nx\n\\]", "$$\nx\n$$"),
        ("$x$ $$y$$", "$x$ $$y$$"),
        ("costs $5 to $10", r"costs \$5 to \$10"),
        (r"\$5", r"\$5"),
        ("`$5 <b>` $5", r"`$5 <b>` \$5"),
        ("```\n$5 <b>\n```", "```\n$5 <b>\n```"),
        ("$a<b$", r"$a\lt b$"),
        ("a <b> c", "a &lt;b> c"),
        (r"a \<b> c", "a &lt;b> c"),
        ("![a](http://b)", "[a](http://b)"),
        ("![](http://b)", "[http://b](http://b)"),
        ("![a][b]", r"\![a][b]"),
        ("wow![1]", r"wow\![1]"),
        ("[a](javascript:b)", r"[a]\(javascript:b)"),
        ("[a](JaVa&#115;cript:b)", r"[a]\(JaVa&#115;cript:b)"),
        ("[a](data:text/html,x)", r"[a]\(data:text/html,x)"),
        ("[a]: javascript:b", r"[a]\: javascript:b"),
        ("[a](http://b) [c](d.md#e)", "[a](http://b) [c](d.md#e)"),
        (r"$\href{javascript:x}{y}$", r"` $\href{javascript:x}{y}$ `"),
        (r"\\(\href{javascript:x}{y}\\)", r"\\&#40;\href{javascript:x}{y}\\)"),
        (r"\begin{itemize}", "&#92;begin{itemize}"),
        ("a\u202eb `c\u200bd`", "aU+202Eb `cU+200Bd`"),
        # The address takes the first backtick, so that no code span begins there.
        ("[a](http://x`) <b> `", "[a](http://x`) &lt;b> `"),
        ("| a | b |\n|---|---|\n| ` | <b> ` |", "| a | b |\n|---|---|\n| ` | &lt;b> ` |"),
    ],
)
def test_portable_markdown(text: str, plain: str) -> None:
    assert plain_markdown(text) == plain


def test_harmless_markdown_stays_byte_for_byte() -> None:
    text = (
        "# A *b* `c`\n\n1. x\n   - y\n\n> q & r > s\n\n| a | b |\n|--|:-:|\n| 1 | $x^2$ |\n\n"
        "```py\na < b $c$ \\(d\\)\n```\n\n[l](https://m) \\* &amp; [^1]\n\n[^1]: *n*\n"
        "\n    <code> $x\n\n\\begin{align}\na &= b \\\\\n\\end{align}\n"
    )

    assert plain_markdown(text) == text


@given(st.text(alphabet="ab \n<>/!-`$|[](){}\\~*:#=&\t", max_size=80))
@settings(deadline=None, max_examples=500)
def test_no_html_survives_in_portable_markdown(text: str) -> None:
    careless = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found = {
        each.type
        for token in careless.parse(plain_markdown(text))
        for each in (token, *(token.children or ()))
    }

    assert not found & {"html_inline", "html_block", "image"}

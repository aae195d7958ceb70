import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_magic.view.markdown import render
from hermes_magic.view.math import LIMIT, find_environment, find_formula, is_dangerous


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("$x$", "x"),
        ("$n$th", "n"),
        ("$n$-th", "n"),
        (r"$\alpha$.", r"\alpha"),
        ("$a b$", "a b"),
        (r"$5 \text{ if } x$", r"5 \text{ if } x"),
        (r"$\$5$", r"\$5"),
        ("$$x$$", "x"),
        ("$$\nx = 1\n$$", "x = 1"),
        (r"\(x\)", "x"),
        (r"\( x \)", "x"),
        (r"\[x\]", "x"),
        (r"\[a \\[2pt] b\]", r"a \\[2pt] b"),
        (r"\[x \text{ for $x>0$}\]", r"x \text{ for $x>0$}"),
    ],
)
def test_a_formula_is_found(text: str, tex: str) -> None:
    formula = find_formula(text, 0)

    assert formula is not None
    assert formula.tex == tex


@pytest.mark.parametrize(
    "text",
    [
        "costs $5 to $10",
        "$5-$10",
        "$5 and 10$ more",
        "US$ 5 or US$ 6",
        "US$5 and 6$",
        "$x alone",
        "$HOME and $PATH",
        "$HOME/bin:$PATH",
        "$ x$",
        "$x $",
        "$x$1",
        "$$",
        "$$$",
        "$$ vs $$",
        "$$$x$$$",
        "$x\n\ny$",
        "$x `$` y",
        "$a$$b$$$",
        r"\(x",
        r"\(a \(b",
        r"\[x",
        r"\({x\)",
        r"\(x}\)",
        r"\(\)",
        "\\[a\n\nb\\]",
        r"$x\$",
    ],
)
def test_what_is_no_formula_stays_text(text: str) -> None:
    assert not any(find_formula(text, at) for at, char in enumerate(text) if char in "$\\")


def test_a_formula_has_a_limit() -> None:
    assert find_formula(f"${'x' * LIMIT}$", 0) is None


@pytest.mark.parametrize("name", ["align", "align*", "equation", "bmatrix", "cases"])
def test_a_bare_environment_is_a_display(name: str) -> None:
    text = rf"\begin{{{name}}} a &= b \end{{{name}}}"

    found = find_environment(text)

    assert found is not None
    assert found.source == text


@pytest.mark.parametrize("name", ["itemize", "document", "filecontents", "verbatim"])
def test_other_environments_are_text(name: str) -> None:
    assert find_environment(rf"\begin{{{name}}} a \end{{{name}}}") is None


@pytest.mark.parametrize(
    "tex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\url{http://x}",
        r"\unicode{x41}",
        r"\require{html}",
        r"\style{color:red}{x}",
        r"\class{a}{x}",
        r"\cssId{a}{x}",
        r"\htmlId{a}{x}",
        r"\htmlData{a=b}{x}",
        r"\data{a=b}{x}",
        r"\includegraphics{http://x/a.png}",
        r"\def\x{y}",
        r"\gdef\x{y}",
        r"\edef\x{y}",
        r"\xdef\x{y}",
        r"\newcommand{\x}{y}",
        r"\renewcommand{\x}{y}",
        r"\providecommand{\x}{y}",
        r"\let\x=y",
        r"\newenvironment{x}{}{}",
        r"\DeclareMathOperator{\x}{y}",
        r"\DeclarePairedDelimiter{\x}{a}{b}",
        r"\mmlToken{mi}[href='javascript:x']{x}",
        r"\bbox[url(http://x)]{y}",
        r"\toggle{a}{b}\endtoggle",
        r"\mathtip{a}{b}",
        r"\input{/etc/passwd}",
        r"\write18{id}",
        r"\csname href\endcsname",
        r"\\href{x}{y}",
        r"\color{red;background:url(//x)}",
        r"^^68ref",
        "\\text{\u202ex}",
        "x\u200by",
    ],
)
def test_a_dangerous_formula_is_code(tex: str) -> None:
    assert is_dangerous(tex)
    assert "hm-math" not in render(f"a ${tex}$ b\n\n\\[{tex}\\]")


@pytest.mark.parametrize(
    "tex",
    [
        r"\leq \left( \newline \right)",
        r"\operatorname{curl} F",
        r"\text{data: } x",
        r"\begin{cases} a & b \\ c & d \end{cases}",
        r"\color{red}{x} \boxed{y} \tag{1} \label{eq}",
        r"\definition",
        r"\mathcal{L} \underbrace{x}_{y} \ce{H2O}",
    ],
)
def test_an_ordinary_formula_is_typeset(tex: str) -> None:
    assert not is_dangerous(tex)


def test_a_display_may_look_like_blocks() -> None:
    for text in ("$$\na\n- b\n# c\n> d\n$$", "\\[\na\n- b\n# c\n> d\n\\]"):
        assert render(text) == (
            '<div class="hm-math hm-math-display">\\[a\n- b\n# c\n&gt; d\\]</div>\n'
        )


def test_math_in_code_is_code() -> None:
    html = render("`$x$ \\(y\\)`\n\n```\n$x$\n\\[y\\]\n```\n\n    $z$")

    assert "hm-math" not in html
    assert "$x$" in html


def test_tex_is_escaped() -> None:
    assert render("$a<b>c&d$") == '<p><span class="hm-math">\\(a&lt;b&gt;c&amp;d\\)</span></p>\n'


@settings(deadline=None)
@given(st.text(alphabet="ab5 $\\()[]{}\n`", max_size=60))
def test_no_delimiter_is_left_outside_of_math(text: str) -> None:
    html = render(text)
    for element in ("hm-math", "hm-literal"):
        pieces = html.split(f'<span class="{element}')
        html = pieces[0] + "".join(piece.split("</span>", 1)[1] for piece in pieces[1:])
    for tag in ("code", "div"):
        pieces = html.split(f"<{tag}")
        html = pieces[0] + "".join(piece.split(f"</{tag}>", 1)[-1] for piece in pieces[1:])

    assert "$" not in html
    assert "\\" not in html

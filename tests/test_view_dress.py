"""Inline styles for saved answers: constants only, on whole tags only."""

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.view.dress import dress, start_side
from hermes_magic.view.markdown import render
from hermes_magic.view.sanitize import clean

STYLE = re.compile(r' style="[a-z0-9:;,. ()-]*"| dir="ltr"')


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def styles(markdown: str, side: str = "left") -> dict[str, str | None]:
    dressed = dress(render(markdown), "right" if side == "right" else "left")
    return {tag: given.get("style") for tag, given in Tags(dressed).found}


def test_columns_keep_their_alignment_and_others_begin_where_the_text_does() -> None:
    table = "| a | b | c |\n|---|:-:|--:|\n| 1 | 2 | 3 |"
    cells = [given for tag, given in Tags(dress(render(table))).found if tag == "td"]
    assert [cell.get("style") for cell in cells] == ["text-align:left;", "text-align:center;", None]
    assert [cell.get("align") for cell in cells] == [None, "center", "right"]
    right = Tags(dress(render(table), "right")).found
    assert next(given for tag, given in right if tag == "td")["style"] == "text-align:right;"


def test_code_has_a_background_of_its_own_and_reads_from_left_to_right() -> None:
    dressed = dress(render("```python\nx = 1\n```"))
    (pre,) = [given for tag, given in Tags(dressed).found if tag == "pre"]
    assert "background-color:rgba(" in str(pre["style"])
    assert pre["dir"] == "ltr"
    assert '<code class="language-python" style="background-color:transparent;">' in dressed


def test_inline_code_is_left_to_the_host() -> None:
    assert styles("`x`")["code"] is None


def test_a_wide_formula_scrolls_by_itself() -> None:
    assert "overflow-x:auto" in str(styles("$$\nx\n$$")["div"])


def test_running_text_is_styled_only_where_it_runs_from_the_right() -> None:
    assert styles("x")["p"] is None
    assert styles("x", "right")["p"] == "text-align:right;"


def test_the_first_letter_decides_the_side() -> None:
    assert start_side("1. שלום hello") == "right"
    assert start_side("**hello** שלום") == "left"
    assert start_side("123 …") == "left"


markup = st.text(alphabet='ab<>"= /&;:()[]|-`$\\\n', max_size=200)


@given(markup)
def test_nothing_but_constant_styles_is_added(text: str) -> None:
    html = render(text)
    assert STYLE.sub("", dress(html)) == html


@given(markup)
def test_an_attribute_that_looks_like_a_tag_is_left_alone(text: str) -> None:
    html = clean(f'<p><a href="http://x/{text}<td><pre>">y</a></p>')
    before, after = Tags(html), Tags(dress(html))
    assert [tag for tag, _ in before.found] == [tag for tag, _ in after.found]
    assert before.words == after.words

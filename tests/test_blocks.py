import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_magic.view.blocks import BlockStream, Drawn
from hermes_magic.view.markdown import render
from tests.markdown_texts import BLOCKS, GAPS, LONG

documents = st.lists(
    st.tuples(st.sampled_from(BLOCKS), st.sampled_from(GAPS)), min_size=1, max_size=6
).map(lambda parts: "".join(block + gap for block, gap in parts))
noise = st.text(alphabet="ab \n-*#>`$|[]()\\1.~=+\t", max_size=60)
# Where a long block is cut, in the order in which elements end and begin.
SEAM = re.compile(
    r"</code></pre></div>\n<div class=\"highlight hm-more\"><pre class=\"highlight\"><code[^>]*>"
    r"|</tbody>\n</table>\n<table class=\"hm-more\">\n*<tbody>\n"
    r"|</([uo]l|blockquote)>\n<\1 (?:start=\"\d+\" )?class=\"hm-more\"(?: start=\"\d+\")?>\n"
    r"|</p>\n<p class=\"hm-more\">"
)


def drawn(parts: Iterable[str]) -> str:
    stream, closed = BlockStream(), ""
    for part in parts:
        stream.feed(part)
        closed += "".join(stream.draw().closed)
    last = stream.draw(final=True)
    return closed + "".join(last.closed) + last.open


def cut(text: str, places: Sequence[int]) -> list[str]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in pairwise(edges)]


@settings(deadline=None)
@given(documents, st.lists(st.integers(0, 10_000), max_size=12))
def test_blocks_joined_are_the_whole(text: str, places: list[int]) -> None:
    assert drawn(cut(text, places)) == render(text)


@settings(deadline=None)
@given(noise, st.lists(st.integers(0, 10_000), max_size=12))
def test_noise_joined_is_the_whole(text: str, places: list[int]) -> None:
    assert drawn(cut(text, places)) == render(text)


@settings(deadline=None)
@given(documents)
def test_every_prefix_is_right(text: str) -> None:
    stream, closed, fed = BlockStream(), "", ""
    for char in text.replace("\r", "\n"):
        fed += char
        stream.feed(char)
        now = stream.draw()
        closed += "".join(now.closed)
        assert closed + now.open == render(fed)


def test_a_finished_block_is_drawn_once() -> None:
    stream = BlockStream()
    stream.feed("one\n\ntwo\n\nthr")

    assert stream.draw() == Drawn(("<p>one</p>\n",), "<p>two</p>\n<p>thr</p>\n")

    stream.feed("ee\n")

    assert stream.draw() == Drawn(("<p>two</p>\n",), "<p>three</p>\n")


def test_nothing_new_gives_the_same_open_block() -> None:
    stream = BlockStream()
    stream.feed("one")
    first = stream.draw()

    assert stream.draw() is not first
    assert stream.draw() == first


def test_a_split_line_end_is_one() -> None:
    assert drawn(["a\r", "\nb"]) == render("a\nb")


def test_breaks_are_kept() -> None:
    stream = BlockStream(breaks=True)
    stream.feed("a\nb")

    assert stream.draw().open == "<p>a<br>\nb</p>\n"


def test_a_link_defined_before_is_known_after() -> None:
    text = "[a]: http://b\n\none\n\ntwo\n\n[a] three"

    assert drawn(text) == render(text)


def test_footnotes_defined_before_keep_their_numbers() -> None:
    text = "[^x]: X\n[^y]: Y\n\none[^y]\n\ntwo\n\nthree[^x]\n"

    assert drawn(text) == render(text)


@pytest.mark.parametrize("kind", LONG)
def test_a_long_block_is_cut_and_still_the_whole(kind: str) -> None:
    text = LONG[kind]
    joined = drawn(text[i : i + 501] for i in range(0, len(text), 501))

    assert SEAM.sub("", joined) == render(text)


@pytest.mark.parametrize("kind", LONG)
def test_a_long_block_is_not_parsed_again_and_again(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, parsed, stream = LONG[kind], 0, BlockStream()
    parse = stream._parser.parse

    def counted(source: str, env: dict[str, object]) -> object:
        nonlocal parsed
        parsed += len(source)
        return parse(source, env)

    monkeypatch.setattr(stream._parser, "parse", counted)
    step = 251
    for start in range(0, len(text), step):
        stream.feed(text[start : start + step])
        stream.draw()

    # A cut block costs at most its open part for each draw; coloured code up to its limit.
    assert parsed < len(text) / step * (10_000 if kind == "code" else 9_000)


def test_a_list_goes_on_with_its_numbers() -> None:
    stream = BlockStream()
    stream.feed("".join(f"1. {'x' * 500}\n" for _ in range(20)))

    assert '<ol class="hm-more" start="20">' in stream.draw().open


def test_a_long_fence_keeps_its_language() -> None:
    stream = BlockStream()
    stream.feed("```python\n" + "x = 1\n" * 5_000)

    assert 'hm-more"><pre class="highlight"><code class="language-python">' in stream.draw().open

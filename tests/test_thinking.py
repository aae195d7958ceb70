"""Inline thought is split from the answer the same way, wherever the stream is cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.reply import Event, Notice, Reply, ReplyBuilder, Text
from hermes_magic.wire.thinking import UNTERMINATED, ThinkSplitter

CASES = {
    "": ("", ""),
    "Plain.": ("", "Plain."),
    " \n": ("", " \n"),
    "<think>Hm.</think>Yes.": ("Hm.", "Yes."),
    "<think>\nHm.\n</think>\n\nYes.\n": ("\nHm.\n", "\n\nYes.\n"),
    " \n<think>Hm.</think>Yes.": ("Hm.", "Yes."),
    "&lt;think&gt;Hm.&lt;/think&gt;Yes.": ("Hm.", "Yes."),
    "<think></think>Yes.": ("", "Yes."),
    "<think>a < b </thin </think>Yes </think>.": ("a < b </thin ", "Yes </think>."),
    "<think>a<think>b</think>Yes.": ("a<think>b", "Yes."),
    "Hm.</think>Yes.": ("Hm.", "Yes."),
    "Hm.\n&lt;/think&gt;\nYes. </think>": ("Hm.\n", "\nYes. </think>"),
    "</think>Yes.": ("", "Yes."),
    "Hm, `x`.\n```\ncode\n```\nSo.</think>Yes.": ("Hm, `x`.\n```\ncode\n```\nSo.", "Yes."),
    "<thinking>Yes.": ("", "<thinking>Yes."),
    "<thi": ("", "<thi"),
    "Yes </thi": ("", "Yes </thi"),
    "Yes &lt;/thin": ("", "Yes &lt;/thin"),
    "1 < 2 & 2 > 1": ("", "1 < 2 & 2 > 1"),
}
EXPLAINED = [
    "Hermes writes `<think>` first and `</think>` last.",
    "It writes <think> first and </think> last.",
    "It closes with `</think>`, always.",
    "It closes with ``</think>``, always.",
    "Both `a` and ``</think>`` are code.",
    "```\n</think>\n```\nThat closes it.",
    "Like so:\n\n~~~html\nHm.</think>\n~~~\n",
    "A list\n  ```text\n  x\n  </think> y",
    "```xml\n<think>a</think>\n```\nAnd then </think> again.",
    "The escaped `&lt;/think&gt;` too.",
]


def split(*pieces: str) -> Reply:
    splitter, builder = ThinkSplitter(), ReplyBuilder()
    for piece in pieces:
        builder.feed(splitter.feed(piece), 0.0)
    builder.feed(splitter.flush(), 0.0)
    return builder.reply()


def shown(reply: Reply) -> tuple[str, str]:
    return reply.thinking, reply.text


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_thought_and_answer_at_every_two_cuts(text: str, expected: tuple[str, str]) -> None:
    assert shown(split(text)) == expected
    assert shown(split(*text)) == expected
    for start, end in itertools.combinations_with_replacement(range(len(text) + 1), 2):
        assert shown(split(text[:start], text[start:end], text[end:])) == expected


@pytest.mark.parametrize("text", EXPLAINED)
def test_an_answer_may_explain_the_tags(text: str) -> None:
    assert shown(split(text)) == ("", text)
    for cut in range(len(text) + 1):
        assert shown(split(text[:cut], text[cut:])) == ("", text)
    assert shown(split(*text)) == ("", text)


@pytest.mark.parametrize("text", ["<think>Hm", "<think>", " <think>Hm.</thin"])
def test_an_unterminated_thought_is_all_thought_and_said_so(text: str) -> None:
    for cut in range(len(text) + 1):
        reply = split(text[:cut], text[cut:])
        assert shown(reply) == (text.partition("<think>")[2], "")
        assert reply.notices == (UNTERMINATED,)


def test_a_terminated_thought_gets_no_notice() -> None:
    assert split("<think>Hm.</think>").notices == ()


def test_text_is_given_at_once_but_for_a_piece_of_a_tag() -> None:
    splitter = ThinkSplitter()
    assert splitter.feed("Yes") == [Text("Yes")]
    assert splitter.feed(" </thin") == [Text(" ")]
    assert splitter.feed("gs>") == [Text("</things>")]


def test_a_thought_field_of_its_own_makes_tags_text() -> None:
    splitter = ThinkSplitter()
    events: list[Event] = [*splitter.feed("<thi"), *splitter.pass_through()]
    events += [*splitter.feed("nk>x</think>"), *splitter.flush()]
    assert events == [Text("<thi"), Text("nk>x</think>")]


def test_a_thought_begun_inline_ends_inline() -> None:
    splitter = ThinkSplitter()
    splitter.feed("<think>a")
    assert splitter.pass_through() == []
    assert splitter.feed("</think>b")[-1] == Text("b")


PIECES = st.lists(
    st.sampled_from(
        [
            "<think>",
            "</think>",
            "&lt;think&gt;",
            "&lt;/think&gt;",
            "<",
            "</",
            "think>",
            "`",
            "```",
            "~~~",
            "\n",
            " ",
            "a",
            "&",
            "<thi",
            "nk>",
        ]
    ),
    max_size=14,
)


@given(PIECES, st.integers(1, 7))
def test_no_cut_changes_anything(pieces: list[str], size: int) -> None:
    text = "".join(pieces)
    whole = split(text)
    cut = [text[start : start + size] for start in range(0, len(text), size)]
    for other in (split(*pieces), split(*cut)):
        assert (shown(other), other.notices) == (shown(whole), whole.notices)


@given(PIECES)
def test_nothing_but_the_tags_and_leading_space_is_lost(pieces: list[str]) -> None:
    text = "".join(pieces)
    thinking, answer = shown(split(text))
    opening, closing = ("", "<think>", "&lt;think&gt;"), ("", "</think>", "&lt;/think&gt;")
    made = {one + thinking + two + answer for one in opening for two in closing}
    assert made & {text, text.lstrip()}


def test_a_very_long_line_is_split_piece_by_piece() -> None:
    splitter = ThinkSplitter()
    for _ in range(100_000):
        splitter.feed("word ")
    assert len(splitter._guard._tail) + len(splitter._held) < 50
    assert not any(isinstance(event, Notice) for event in splitter.flush())

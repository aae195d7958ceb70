"""A reply as plain text: readable, and nothing in it that a terminal would obey."""

from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.reply import Reply
from hermes_magic.view.text import plain, printable

HOSTILE = "a\x1b[2Jb\x07c\x00d\x9be\x7ff\u202eg\u2066h\rc"


def test_thought_answer_notes_and_cost_in_their_order() -> None:
    reply = Reply(
        text="\n\nYes.\n\n  - b\n",
        thinking="\nHm.\n\n  So.\n",
        notices=("mind",),
        model="m",
        deltas=(2, 3),
    )
    assert plain(reply, timed=True) == (
        "[Thought · ~2 tokens]\n  Hm.\n\n    So.\n\n"
        "Yes.\n\n  - b\n\n[mind]\n\n[cost not reported · m]"
    )


def test_without_thought_or_text_only_the_figures_stay() -> None:
    assert plain(Reply(thinking=" \n"), timed=True) == "[cost not reported]"


def test_what_a_terminal_would_obey_is_replaced_wherever_it_stands() -> None:
    for reply in (Reply(HOSTILE), Reply(thinking=HOSTILE), Reply(model=HOSTILE)):
        shown = plain(reply, timed=False)
        assert shown == printable(shown)
        assert shown.count("\ufffd") == 8


def test_printable_keeps_words_tabs_and_lines() -> None:
    assert printable("é\t한\r\n😀\u2028\n") == "é\t한\n😀\u2028\n"


@given(st.text())
def test_printable_leaves_no_control_character(text: str) -> None:
    shown = printable(text)
    assert not any(ord(char) < 32 and char not in "\t\n" for char in shown)
    assert not set(shown) & set("\x1b\x7f\x9b\u202e\u2066")
    assert printable(shown) == shown

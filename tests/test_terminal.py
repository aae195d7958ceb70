"""The reply streams into a terminal: thought, answer, figures; ANSI only where one is there."""

import io
import re

import pytest

from hermes_magic.reply import (
    Done,
    Event,
    Notice,
    Replayed,
    ReplyBuilder,
    Rethought,
    Retrying,
    Started,
    Text,
    Thought,
    Timing,
)
from hermes_magic.reply.reply import State
from hermes_magic.view.terminal import TerminalView


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(*batches: list[Event], out: io.StringIO | None = None, state: State = "complete") -> str:
    out = out or io.StringIO()
    view, builder = TerminalView(out), ReplyBuilder()
    for at, batch in enumerate(batches, start=1):
        builder.feed(batch, float(at))
        view.show(batch, builder.progress, float(at))
    view.close(builder.reply(state))
    return out.getvalue()


BATCHES: tuple[list[Event], ...] = (
    [Started("gen-1", "m", "p")],
    [Thought("\nHm"), Thought(". ")],
    [],
    [Thought("So.\n")],
    [Text("\n\nYes"), Text(".")],
)


def test_thought_answer_and_figures() -> None:
    assert shown(*BATCHES) == (
        "Thinking…\n\nHm. So.\n\nThought for 3.0 s · ~3 tokens\n\nYes.\n\n"
        "cost not reported · 2.0 s to first token · 5.0 s in all · m via p\n"
    )


def test_a_terminal_sees_thought_and_figures_dimmed() -> None:
    seen = shown(*BATCHES, out=Terminal())
    assert re.sub(r"\x1b\[[02]m", "", seen) == shown(*BATCHES)
    assert "\x1b[2mHm\x1b[0m" in seen
    assert "Yes." in seen
    assert seen.count("\x1b[2m") == seen.count("\x1b[0m")


def test_text_is_there_as_soon_as_it_comes() -> None:
    out = io.StringIO()
    view, builder = TerminalView(out), ReplyBuilder()
    for piece in ("Yes", " and", " no"):
        builder.feed([Text(piece)], 0.0)
        view.show([Text(piece)], builder.progress, 0.0)
        assert out.getvalue().endswith(piece)


def test_an_answer_without_thought_has_no_heading() -> None:
    assert shown([Text("Yes.")]).startswith("Yes.\n\ncost not reported")


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_nothing_is_written_where_nothing_came(state: State) -> None:
    assert shown([Started()], state=state) == ""


def test_a_partial_answer_says_so() -> None:
    assert "Incomplete" in shown([Text("par")], state="failed")
    assert "Stopped" in shown([Text("par")], state="stopped")


def test_a_notice_is_written_once_on_a_line_of_its_own() -> None:
    seen = shown([Text("a"), Notice("mind"), Text("b")])
    assert seen.startswith("a\nmind\nb\n")
    assert seen.count("mind") == 1


def test_a_retry_says_why_and_when() -> None:
    seen = shown([Retrying("Nebius is busy", 4.0, 2, 3)], [Text("a")])
    assert seen.startswith("Nebius is busy; retrying in 4 s, 2 of 3\na")


def test_answer_that_was_thought_is_said() -> None:
    seen = shown([Text("Hm."), Rethought(), Text("Yes.")])
    assert seen.index("Hm.") < seen.index("All that was thought") < seen.index("Yes.")


def test_nothing_from_outside_moves_the_cursor() -> None:
    hostile = "\x1b[2J\x9b\u202e"
    seen = shown(
        [Started("i", hostile, hostile), Thought("a" + hostile), Text("b" + hostile)],
        [Notice(hostile), Retrying(hostile, 1.0, 2, 3)],
    )
    assert not set(seen) & set("\x1b\x9b\u202e")


def test_a_replay_says_so_below() -> None:
    replayed = Replayed("2026-11-22", by_hand=True, timing=Timing())
    written = shown([replayed, Text("Yes.")], [Done()])
    assert written.endswith("replayed, written by hand 2026-11-22: no model was asked\n")

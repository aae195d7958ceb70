"""A function call in every view: one line in its place, folded, and nothing of it runs."""

from __future__ import annotations

import html
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.reply import (
    Event,
    Reply,
    ReplyBuilder,
    Rethought,
    Text,
    ToolCall,
    ToolCalled,
    ToolRan,
    ToolStep,
)
from hermes_magic.view.calls import line, whole
from hermes_magic.view.folds import fold_html, fold_markdown
from hermes_magic.view.markdown import render
from hermes_magic.view.static import bundle, is_blank
from hermes_magic.view.terminal import TerminalView
from tests.test_live import _fakes, shown
from tests.test_markdown_hostile import PAYLOADS
from tests.test_static import Page

__all__ = ["_fakes"]  # a fixture: the widget is another in these tests

STEP = ToolStep(ToolCall("1", "warm", '{"city": "Oslo", "days": 2}'), "7")
BROKEN = ToolStep(ToolCall("2", "warm", "{}"), "Error: LookupError: no", "LookupError: no")
UNREAD = ToolStep(ToolCall("", "", "<tool_call>{'x'"), "Error: not valid JSON", "not valid JSON")


def hostile(text: str) -> ToolStep:
    return ToolStep(ToolCall("1", text, json.dumps({text: text})), text, text)


class TestLine:
    def test_a_call_and_its_result(self) -> None:
        assert line(STEP) == "warm(city='Oslo', days=2) → 7"

    def test_what_went_wrong_is_said_in_words(self) -> None:
        assert line(BROKEN) == "warm() failed: LookupError: no"
        assert line(UNREAD) == "<tool_call>{'x' failed: not valid JSON"

    @pytest.mark.parametrize("arguments", ["[1]", "{'a'", "", "9"])
    def test_any_arguments(self, arguments: str) -> None:
        shown = line(ToolStep(ToolCall("1", "f", arguments), ""))
        assert shown == f"f({arguments}) → nothing"

    def test_it_is_one_line_however_long_the_rest(self) -> None:
        arguments = json.dumps({"text": "a\n" * 9000})
        step = ToolStep(ToolCall("1", "f", arguments), "b\n" * 9000)
        assert len(line(step)) < 140
        assert "\n" not in line(step)
        assert "more characters in reply.steps" in whole(step)
        assert len(whole(step)) < 9000


class TestFold:
    def test_it_is_folded_and_holds_all(self) -> None:
        page = Page(fold_html(STEP))
        assert page.words == "warm(city='Oslo', days=2) → 7warm(city='Oslo', days=2)\n\n7"
        (details,) = [given for tag, given in page.tags if tag == "details"]
        assert details["class"] == "hermes-tool"
        assert "open" not in details
        assert "hermes-tool-failed" in fold_html(BROKEN)

    @pytest.mark.parametrize("payload", [*PAYLOADS, "</code></summary><script>x</script>", "```"])
    def test_nothing_of_it_runs(self, payload: str) -> None:
        step = hostile(payload)
        page = Page(fold_html(step))
        assert {tag for tag, _ in page.tags} <= {"details", "summary", "code", "pre", "span"}
        heading = re.findall(r"<summary><code>(.*)</code></summary>", fold_markdown(step))[0]
        assert re.fullmatch(r"(?:&#\d+;|[\w\s])*", heading)
        assert html.unescape(heading)
        dressed = Page(render(fold_markdown(step).split("\n\n", 1)[1].rsplit("\n\n", 1)[0]))
        assert {tag for tag, _ in dressed.tags} <= {"div", "pre", "code", "span"}

    @given(st.text(max_size=80))
    def test_any_text_is_well_formed(self, text: str) -> None:
        Page(fold_html(hostile(text)))
        fold_markdown(hostile(text))


class TestStays:
    REPLY = Reply(
        text="It is **7**.",
        steps=(
            ToolStep(STEP.call, "7", said="Let me *look*."),
            ToolStep(BROKEN.call, BROKEN.result, BROKEN.error),
        ),
    )

    @pytest.mark.parametrize("form", ["text/html", "text/markdown", "text/plain"])
    def test_all_stands_in_order(self, form: str) -> None:
        shown = bundle(self.REPLY)[form]
        shown = Page(shown).words if form == "text/html" else html.unescape(shown)
        wanted = ["Let me", "warm(city='Oslo', days=2) → 7", "failed: LookupError", "It is"]
        places = [shown.index(part) for part in wanted]
        assert places == sorted(places)

    def test_a_reply_that_only_called_is_shown(self) -> None:
        assert not is_blank(Reply(steps=(STEP,), state="failed"))
        assert is_blank(Reply(state="failed"))


def written(*events: Event) -> str:
    out = io.StringIO()
    view, builder = TerminalView(out), ReplyBuilder()
    for event in events:
        builder.feed([event], 0.0)
        view.show([event], builder.progress, 0.0)
    view.close(builder.reply())
    return out.getvalue()


class TestTerminal:
    def test_a_call_is_a_line_between_what_is_said(self) -> None:
        seen = written(
            Text("Let me look.\n"),
            ToolCalled(STEP.call),
            ToolRan(STEP),
            ToolRan(BROKEN),
            Text("7."),
        )
        assert seen.startswith(
            "Let me look.\n\n"
            "warm(city='Oslo', days=2) → 7\nwarm() failed: LookupError: no\n\n"
            "7.\n\n"
        )

    def test_nothing_of_it_moves_the_cursor(self) -> None:
        assert not set(written(ToolRan(hostile("\x1b[2J\x9b\u202e")))) & set("\x1b\x9b\u202e")


class TestLive:
    def test_all_stands_in_order_and_is_what_stays(self) -> None:
        seen = shown()
        seen.show(Text("Let me "), Text("*look*."))
        seen.show(ToolCalled(STEP.call))
        assert "warm(city='Oslo', days=2) runs" in seen.widget.frames[-1]["line"]
        seen.show(ToolRan(STEP))
        assert "runs" not in seen.widget.frames[-1]["line"]
        seen.show(ToolRan(BROKEN), Text("\nIt is "))
        seen.show(Text("**7**."))
        assert seen.widget.html("answer") == "".join(
            [
                render("Let me *look*."),
                fold_html(STEP),
                fold_html(BROKEN),
                render("It is **7**."),
            ]
        )

    def test_what_is_copied_is_what_was_said(self) -> None:
        seen = shown()
        seen.show(Text("Let me look."), ToolRan(STEP))
        seen.show(Text("It is 7."))
        assert seen.widget.source == "Let me look.\n\nIt is 7."

    def test_an_answer_that_was_thought_leaves_what_is_before_the_call(self) -> None:
        seen = shown()
        seen.show(Text("Let me look."), ToolRan(STEP), Text("Hm."))
        seen.show(Rethought(), Text("7."))
        seen.show(Text(" Yes."))
        answer = render("Let me look.") + fold_html(STEP) + render("7. Yes.")
        assert seen.widget.html("answer") == answer
        assert seen.widget.html("thought") == render("Hm.", breaks=True)
        assert seen.widget.source == "Let me look.\n\n7. Yes."

    def test_a_long_answer_before_a_call(self) -> None:
        seen = shown()
        text = "\n\n".join(f"Paragraph {number} of *many*." for number in range(300))
        for start in range(0, len(text), 999):
            seen.show(Text(text[start : start + 999]))
        seen.show(ToolRan(STEP))
        assert seen.widget.html("answer") == render(text) + fold_html(STEP)

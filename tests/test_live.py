"""The live view's frames put together again are the answer; at its end plain HTML is left."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.errors import BudgetError
from hermes_magic.reply import (
    Failed,
    Notice,
    Progress,
    Reply,
    ReplyBuilder,
    Rethought,
    Retrying,
    Text,
    Thought,
)
from hermes_magic.view import live, pane
from hermes_magic.view.live import LiveView
from hermes_magic.view.markdown import render
from hermes_magic.view.static import bundle

if TYPE_CHECKING:
    from hermes_magic.reply.events import Event


class FakeWidget:
    """Takes the place of the widget, and puts the frames together as live.js does."""

    def __init__(self) -> None:
        self.model_id = "id"
        self.frames: list[dict[str, Any]] = []
        self.heard: Any = None
        self.closed = False

    def send(self, frame: dict[str, Any]) -> None:
        assert not self.closed
        self.frames.append(frame)

    def on_msg(self, heard: Any) -> None:
        self.heard = heard

    def close(self) -> None:
        self.closed = True

    @property
    def facts(self) -> dict[str, Any]:
        return {name: value for frame in self.frames for name, value in frame.items()}

    def html(self, name: str) -> str:
        closed, text = "", b""
        for change in (frame[name] for frame in self.frames if name in frame):
            if change["reset"]:
                closed, text = "", b""
            text = text[: 2 * change["keep"]] + change["add"].encode("utf-16-le")
            closed += text[: 2 * change["close"]].decode("utf-16-le")
            text = text[2 * change["close"] :]
        return closed + text.decode("utf-16-le")

    @property
    def source(self) -> str:
        text = ""
        for frame in self.frames:
            text = "" if frame.get("answer", {}).get("reset") else text
            text += frame.get("source", "")
        return text


class FakeDisplay:
    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(data)


class Shown:
    """A live view and what it shows."""

    def __init__(self, **options: Any) -> None:
        self.ended: list[tuple[object, ...]] = []
        self.view = LiveView(**options, place=("cell", 3), unseen=cast("Any", self))
        self.widget, self.display = FakeWidget(), FakeDisplay()
        self.builder = ReplyBuilder()

    def end(self, *what: object) -> None:
        self.ended.append(what)

    def show(self, *events: Event, at: float = 1.0) -> None:
        self.builder.feed(events, at)
        self.view.show(list(events), self.builder.progress, at)


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(view: LiveView) -> None:
        view._widget = view.fakes.widget  # type: ignore[attr-defined]
        view._widget.on_msg(view._heard)
        view._display = view.fakes.display  # type: ignore[attr-defined]

    monkeypatch.setattr(LiveView, "_open", opened)


def shown(**options: Any) -> Shown:
    made = Shown(**options)
    made.view.fakes = made  # type: ignore[attr-defined]
    return made


words = st.text(alphabet="ab 😀\n-*#>`$|[]()\\1.é", max_size=30)


def test_frames_put_together_are_the_text_so_far_whatever_it_is() -> None:
    @given(st.lists(words, min_size=1, max_size=8))
    def check(parts: list[str]) -> None:
        seen, text = shown(), ""
        for part in parts:
            seen.show(Text(part))
            text += part
            assert seen.widget.html("answer") == render(text.lstrip("\n"))
        assert seen.widget.source == text.lstrip("\n")

    check()


def test_only_what_has_changed_is_sent() -> None:
    seen = shown()
    seen.show(Text("One paragraph that is long enough.\n\nAnd"))
    seen.show(Text(" more"))
    first, second = seen.widget.frames
    assert {"id", "thoughts", "line"} <= set(first)
    assert set(second) == {"number", "answer", "source", "line"}
    assert second["answer"]["add"] == " more</p>\n"
    assert second["source"] == " more"


def test_silence_ticks_twice_a_second() -> None:
    seen = shown()
    for tenth in range(20):
        seen.view.show([], seen.builder.progress, tenth / 10)
    assert len(seen.widget.frames) == 4
    assert seen.widget.facts["line"] == "1.5 s"


def test_what_was_taken_for_the_answer_becomes_thought() -> None:
    seen = shown()
    seen.show(Text("Hm, so"))
    seen.show(Rethought(), Text("Yes."))
    assert seen.widget.html("thought") == "<p>Hm, so</p>\n"
    assert seen.widget.html("answer") == "<p>Yes.</p>\n"
    assert seen.widget.source == "Yes."


def test_a_hidden_thought_is_not_sent() -> None:
    seen = shown(thoughts="hidden")
    seen.show(Thought("Secret."), Text("Yes."))
    seen.view.close(Reply("Yes.", "Secret."))
    assert "Secret" not in repr(seen.widget.frames) + repr(seen.display.shown)
    assert "~1 token" in seen.widget.facts["heading"]


def test_notes_and_retries_stand_below() -> None:
    seen = shown()
    seen.show(Notice("A note."), Retrying("Server busy", 2.0, 2, 3))
    assert seen.widget.facts["notes"] == "A note.\nServer busy; retrying in 2 s, 2 of 3"


def test_an_estimate_ticks_where_the_price_is_known() -> None:
    seen = shown(rate=Decimal("0.000003"))
    seen.show(*[Text("a ")] * 400)
    assert "~$0.0012" in seen.widget.facts["line"]


def test_the_end_is_the_static_bundle_and_the_widget_goes_to_what_closes_it() -> None:
    seen = shown()
    seen.show(Text("Yes."))
    reply = Reply("Yes.")
    seen.view.close(reply)
    assert seen.display.shown == [bundle(reply)]
    assert seen.ended == [(seen.widget, ("cell", 3), bundle(reply))]
    assert not seen.widget.closed


def test_what_is_refused_at_once_leaves_nothing_but_the_error() -> None:
    seen = shown()
    seen.show(Failed(BudgetError("Too dear.")))
    seen.view.close(seen.builder.reply("failed"))
    assert (seen.widget.frames, seen.display.shown, seen.ended) == ([], [], [])


def test_where_nothing_came_nothing_stays() -> None:
    seen = shown()
    seen.view.show([], Progress(), 0.1)
    seen.view.close(Reply(state="failed"))
    assert seen.display.shown == [{"text/plain": ""}]
    assert seen.ended == [(seen.widget, ("cell", 3), {"text/plain": ""})]


def test_a_view_that_was_never_shown_closes() -> None:
    seen = shown()
    seen.view.close(Reply())
    assert (seen.display.shown, seen.ended) == ([], [])


def test_only_the_stop_message_stops() -> None:
    stops: list[bool] = []
    seen = shown(request_stop=lambda: stops.append(True))
    seen.show(Text("a"))
    for content in ({"hello": True}, {"stop": "yes"}, "stop", None, {}):
        seen.widget.heard(None, content, [])
    assert stops == []
    seen.widget.heard(None, {"stop": True}, [])
    seen.show(Text("b"))
    assert stops == [True]
    assert seen.widget.facts["hears"] is True


@pytest.mark.parametrize(
    ("one", "other", "length"),
    [("", "", 0), ("a", "", 0), ("abc", "abd", 2), ("abc", "abc", 3), ("xbc", "abc", 0)],
)
def test_the_common_prefix(one: str, other: str, length: int) -> None:
    assert pane._common_prefix(one, other) == length


def test_the_front_end_is_one_module_of_three_files() -> None:
    assert live._Widget._esm.count("export default") == 1
    assert "class Afterwards" in live._Widget._esm
    assert "class Book" in live._Widget._esm


def test_a_page_that_comes_later_is_told_of_the_end_and_no_other() -> None:
    widget = live._Widget()
    assert "kept" not in widget.get_state()
    widget.is_shown = True
    assert widget.get_state()["kept"] is None
    widget.kept = {"id": "x"}
    assert widget.get_state()["kept"] == {"id": "x"}
    assert "kept" not in widget.get_state(key="_view_name")
    widget.close()

"""Ended answers wait for a page that confirms them: in order, once, and never for ever."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from IPython.core.events import EventManager, available_events

from hermes_magic.view import unseen
from hermes_magic.view.unseen import Unseen

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = {"text/html": "<p>Yes.</p>", "text/markdown": "Yes.", "text/plain": "Yes."}


class FakeWidget:
    """A widget of which a test is the page."""

    def __init__(self, name: str) -> None:
        self.model_id = name
        self.kept: dict[str, Any] | None = None
        self.sent: list[Any] = []
        self.closed = threading.Event()

    def send(self, content: object) -> None:
        self.sent.append(content)

    def on_msg(self, callback: Callable[[object, object, object], None]) -> None:
        self._callback = callback

    def close(self) -> None:
        self.closed.set()

    def hear(self, content: object) -> None:
        self._callback(self, content, [])


class Kernel:
    """A shell with cells to run, and what the cells show."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events = EventManager(cast("Any", self), available_events)
        self.unseen = Unseen(self)
        self.shown: list[dict[str, str]] = []
        monkeypatch.setattr(unseen, "_LINGER", 0.0)
        monkeypatch.setattr("IPython.display.display", self._display)

    def end(self, name: str, cell: str = "a") -> FakeWidget:
        widget = FakeWidget(name)
        self.unseen.end(widget, (cell, 7), DATA)
        return widget

    def run(self, cell: str) -> None:
        self.events.trigger("pre_run_cell", SimpleNamespace(cell_id=cell))

    def _display(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(data)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


def kept(name: str, cell: str = "a") -> dict[str, Any]:
    return {"id": name, "cell": cell, "count": 7, "data": DATA}


def test_a_page_is_told_of_the_end_and_its_word_closes_the_widget(kernel: Kernel) -> None:
    widget = kernel.end("one")
    assert widget.sent == [{"done": True}]
    assert widget.kept == kept("one")
    for content in ("seen", None, {"seen": "yes"}, {"hello": True}):
        widget.hear(content)
    assert widget.kept is not None
    widget.hear({"seen": True})
    assert widget.kept is None
    assert widget.closed.wait(10)


def test_a_widget_stays_open_a_moment_for_a_page_that_is_just_asking(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unseen, "_LINGER", 3600.0)
    before = set(threading.enumerate())
    widget = kernel.end("one")
    widget.hear({"seen": True})
    widget.hear({"seen": True})
    (waiting,) = set(threading.enumerate()) - before
    assert waiting.daemon
    assert not widget.closed.is_set()
    assert isinstance(waiting, threading.Timer)
    waiting.cancel()


def test_where_the_cell_is_not_known_the_widget_is_closed_at_once(kernel: Kernel) -> None:
    widget = kernel.end("one", cell="")
    assert widget.closed.is_set()
    assert widget.sent == []


def test_a_page_that_came_in_mid_answer_asks_for_what_it_missed(kernel: Kernel) -> None:
    widget = kernel.end("one")
    widget.hear({"missed": True})
    assert widget.sent == [{"done": True}, {"kept": kept("one")}]
    widget.hear({"seen": True})
    widget.hear({"missed": True})
    assert len(widget.sent) == 2


def test_answers_of_one_cell_are_offered_one_after_the_other(kernel: Kernel) -> None:
    first, second, other = kernel.end("first"), kernel.end("second"), kernel.end("other", "b")
    assert (second.kept, other.kept) == (None, kept("other", "b"))
    first.hear({"seen": True})
    assert second.kept == kept("second")
    assert second.sent == [{"done": True}, {"kept": kept("second")}]
    assert other.sent == [{"done": True}]


def test_a_cell_that_runs_again_forgets_what_it_answered_before(kernel: Kernel) -> None:
    first, second, other = kernel.end("first"), kernel.end("second"), kernel.end("other", "b")
    kernel.run("a")
    assert first.closed.wait(10)
    assert second.closed.wait(10)
    assert second.sent == [{"done": True}]
    assert other.kept is not None
    assert kernel.shown == []


def test_what_no_cell_can_take_is_shown_by_the_next_that_runs_and_only_once(kernel: Kernel) -> None:
    first, second = kernel.end("first"), kernel.end("second")
    first.hear({"homeless": True})
    second.hear({"homeless": True})
    kernel.run("b")
    note = "The answer of cell [7], which ended while no page was open."
    assert [one["text/plain"] for one in kernel.shown] == [f"{note}\n\nYes."] * 2
    assert kernel.shown[0]["text/html"].startswith('<p class="hermes-note">')
    assert first.closed.wait(10)
    assert second.closed.wait(10)
    kernel.run("b")
    assert len(kernel.shown) == 2


def test_what_nobody_confirms_is_not_kept_without_end(kernel: Kernel) -> None:
    widgets = [kernel.end(str(n), cell=str(n)) for n in range(120)]
    assert [widget.kept is None for widget in widgets] == [True] * 20 + [False] * 100
    assert all(widget.closed.wait(10) for widget in widgets[:20])


def test_closing_closes_every_widget_and_leaves_the_shell(kernel: Kernel) -> None:
    widget = kernel.end("one")
    widget.hear({"homeless": True})
    kernel.unseen.close()
    assert widget.closed.is_set()
    kernel.run("b")
    assert kernel.shown == []

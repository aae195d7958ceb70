"""A batch on one line: in a terminal it is written over, elsewhere a script stays silent."""

from __future__ import annotations

import io
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

from hermes_magic.view.progress import (
    Figures,
    SilentProgress,
    TerminalProgress,
    open_progress,
)

if TYPE_CHECKING:
    import pytest

HALF = Figures(
    rows=1200,
    done=600,
    failed=3,
    in_flight=16,
    cost=Decimal("0.1234567"),
    projected=Decimal("0.25"),
    elapsed=30.0,
    left=29.5,
)
OVER = Figures(rows=1200, done=1190, failed=3, cost=Decimal("0.5"), elapsed=61.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_line_has_all_that_a_person_wants_to_know() -> None:
    assert HALF.line() == (
        "600 of 1,200 done · 3 failed · 16 in flight · $0.1235 of ~$0.25 · 29.5 s left"
    )
    assert HALF.percent == 50
    assert Figures(rows=10, rest=4.0, left=3.0).line() == (
        "0 of 10 done · the server wants rest: 4.0 s"
    )
    assert Figures(rows=0).percent == 100


def test_what_stays_says_what_is_missing() -> None:
    assert OVER.summary(timed=True) == (
        "1,190 of 1,200 done · 3 failed · 7 not sent · $0.50 · 1 min 01 s"
    )
    assert "min" not in OVER.summary(timed=False)


def test_a_terminals_line_is_written_over_four_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, out = Clock(), Terminal()
    monkeypatch.setattr(sys, "stderr", out)
    view = TerminalProgress(clock)
    for _ in range(100):
        view.show(HALF)
        clock.now += 0.01
    assert out.getvalue().count("\r") == 4
    assert "\n" not in out.getvalue()


def test_a_shorter_line_leaves_nothing_of_the_longer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stderr", out)
    view = TerminalProgress()
    view.say("a long line")
    view.say("short")
    assert out.getvalue() == "\ra long line\rshort      "


def test_the_end_is_a_line_of_its_own_with_what_there_is_to_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stderr", out)
    view = TerminalProgress()
    view.close(Figures(rows=2, done=1, news=("The budget is\x1b[2J used up.",)))
    assert out.getvalue().endswith("1 not sent · 0.0 s\nThe budget is\ufffd[2J used up.\n")


def test_a_line_is_never_wider_than_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stderr", out)
    TerminalProgress().say("x" * 500)
    assert len(out.getvalue()) < 80


def test_a_script_without_a_terminal_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    view = open_progress()
    assert isinstance(view, SilentProgress)
    view.show(HALF)
    view.close(OVER)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(open_progress(), TerminalProgress)

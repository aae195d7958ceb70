"""Once, new, replay, off: what is asked, what is played, and what a refusal shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hermes_magic import prompt
from hermes_magic.errors import OptionError, TapeError
from hermes_magic.options import parse
from hermes_magic.reply import Done, Event, Text
from hermes_magic.tape import request
from hermes_magic.tape.choice import Choice, Mode, choose
from hermes_magic.tape.differing import difference, nearest
from hermes_magic.tape.player import Player
from hermes_magic.tape.recorder import Recorder
from hermes_magic.tape.tapes import Tapes

WHY = "Why does the median resist outliers?"


def body(text: str = WHY, line: str = "") -> dict[str, Any]:
    options, _ = parse(line)
    return prompt.request_body(options, prompt.messages(options, text))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tape.json"


def ask(tapes: Tapes, choice: Choice, text: str = WHY, *, fresh: bool = False) -> str:
    """Ask as a cell does; give `played` or `recorded`."""
    taken = tapes.take(choice, body(text), fresh=fresh)
    if isinstance(taken, Player):
        return "played"
    assert isinstance(taken, Recorder)
    reply: list[list[Event]] = [[Text("Yes.")], [Done()]]
    list(taken.record(batch for batch in reply))
    return "recorded"


class TestModes:
    def test_new_records_what_is_not_there_yet(self, path: Path) -> None:
        tapes, new = Tapes(), Choice(path, "new")
        asked = [ask(tapes, new, text) for text in ("One?", "One?", "Two?", "One?")]
        assert asked == ["recorded", "played", "recorded", "played"]
        assert ask(Tapes(), new, "Three?") == "recorded"

    def test_once_records_until_the_kernel_ends_and_then_no_more(self, path: Path) -> None:
        tapes, once = Tapes(), Choice(path, "once")
        assert [ask(tapes, once, text) for text in ("One?", "Two?", "One?")] == [
            "recorded",
            "recorded",
            "played",
        ]
        assert ask(Tapes(), once, "Two?") == "played"
        with pytest.raises(TapeError, match="replayed only"):
            ask(Tapes(), once, "Three?")

    def test_replay_asks_nobody(self, path: Path) -> None:
        replay = Choice(path, "replay")
        with pytest.raises(TapeError, match="There is no tape"):
            ask(Tapes(), replay)
        assert not path.exists()
        ask(Tapes(), Choice(path, "new"))
        assert ask(Tapes(), replay) == "played"
        with pytest.raises(TapeError, match="replayed only"):
            ask(Tapes(), replay, "Why not?")

    def test_an_empty_tape_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(TapeError, match="is empty"):
            ask(Tapes(), Choice(tmp_path, "replay"))

    @pytest.mark.parametrize("mode", ["once", "new"])
    def test_fresh_asks_again_and_takes_the_episodes_place(self, path: Path, mode: Mode) -> None:
        ask(Tapes(), Choice(path, "new"))
        assert ask(Tapes(), Choice(path, mode), fresh=True) == "recorded"
        assert len(Tapes().open(Choice(path, "replay")).episodes()) == 1

    def test_fresh_does_not_ask_where_nobody_is_to_be_asked(self, path: Path) -> None:
        ask(Tapes(), Choice(path, "new"))
        with pytest.raises(TapeError, match="--fresh asks again"):
            ask(Tapes(), Choice(path, "replay"), fresh=True)

    def test_nothing_is_asked_for_a_tape_that_cannot_take_it(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(TapeError, match="cannot be written"):
            ask(Tapes(), Choice(tmp_path / "file" / "tape", "new"))


class TestChoice:
    @pytest.mark.parametrize(
        ("path", "mode", "environment", "chosen"),
        [
            ("", "", {}, None),
            ("a", "", {}, ("a", "new")),
            ("a", "once", {}, ("a", "once")),
            ("a", "off", {}, None),
            ("", "new", {}, None),
            ("", "", {"HERMES_TAPE": "ci"}, ("ci", "replay")),
            ("", "new", {"HERMES_TAPE": "ci"}, ("ci", "new")),
            ("a", "", {"HERMES_TAPE": "ci"}, ("a", "new")),
            ("", "off", {"HERMES_TAPE": "ci"}, None),
            ("a", "new", {"HERMES_TAPE_MODE": "replay"}, ("a", "replay")),
            ("a", "off", {"HERMES_TAPE_MODE": "replay"}, ("a", "replay")),
            ("a", "new", {"HERMES_TAPE_MODE": "off"}, None),
            ("", "", {"HERMES_TAPE": "ci", "HERMES_TAPE_MODE": "new"}, ("ci", "new")),
        ],
    )
    def test_the_cell_the_notebook_and_the_machine(
        self, path: str, mode: str, environment: dict[str, str], chosen: tuple[str, Mode] | None
    ) -> None:
        expected = None if chosen is None else Choice(Path(chosen[0]), chosen[1])
        assert choose(path, mode, environment) == expected

    @pytest.mark.parametrize(
        ("mode", "environment"), [("replay", {}), ("new", {"HERMES_TAPE_MODE": "replay"})]
    )
    def test_replay_without_a_tape_asks_nobody_either(
        self, mode: str, environment: dict[str, str]
    ) -> None:
        with pytest.raises(TapeError, match="no tape is named"):
            choose("", mode, environment)

    def test_a_mode_that_is_none(self) -> None:
        with pytest.raises(OptionError, match="HERMES_TAPE_MODE takes once, new, replay, draft"):
            choose("a", "", {"HERMES_TAPE_MODE": "rec"})


class TestDifference:
    def test_one_word_of_one_prompt(self, path: Path) -> None:
        for text in ("What is a p-value?", WHY, "Write a haiku."):
            ask(Tapes(), Choice(path, "new"), text)
        with pytest.raises(TapeError, match=r"not on the tape .* \(3 episodes\)") as caught:
            ask(Tapes(), Choice(path, "replay"), WHY.replace("median", "mean"))
        assert caught.value._render_traceback_() == [
            f"TapeError: {caught.value}",
            "--- on the tape",
            "+++ asked",
            "@@ -7,2 +7,2 @@",
            " [user]",
            "-Why does the median resist outliers?",
            "+Why does the mean resist outliers?",
        ]

    def test_one_word_of_a_long_paragraph(self) -> None:
        long = " ".join(f"word{number}" for number in range(400))
        lines = _difference(long, long.replace("word200 ", "WORD200 "))
        removed, added = (line for line in lines if line[0] in "+-" and line[:3] not in SIDES)
        assert "word200 " in removed
        assert "WORD200 " in added
        assert max(map(len, lines)) < 110

    def test_an_option(self) -> None:
        one, other = (request.asked(body(line=line)) for line in ("", "-t 0.7 --seed 3"))
        lines = difference(one, other)
        assert {"-temperature: 0.6", "+temperature: 0.7", "+seed: 3"} <= set(lines)

    def test_a_turn_of_a_conversation(self) -> None:
        before = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Ho."}]
        one = {**body(), "messages": [*before, *body()["messages"]]}
        lines = difference(request.asked(body()), request.asked(one))
        assert {"+Hi.", "+[assistant]", "+Ho."} <= set(lines)
        assert not [line for line in lines if line.startswith("-") and line[:3] not in SIDES]

    def test_it_is_short_and_nothing_in_it_is_obeyed(self) -> None:
        lines = _difference("Why?", "\n".join(f"\x1b[31m{n}\u202e" for n in range(200)))
        assert len(lines) < 30
        assert lines[-1].endswith(" more lines")
        assert all(line.isprintable() for line in lines)

    def test_the_nearest_is_that_with_most_words_in_common(self) -> None:
        asked = [request.asked(body(text)) for text in ("What is a mean?", WHY, "Why?")]
        assert nearest(request.asked(body("Why does the mode resist outliers?")), asked) == asked[1]
        assert nearest(asked[0], []) is None


SIDES = ("---", "+++")


def _difference(one: str, other: str) -> tuple[str, ...]:
    return difference(request.asked(body(one)), request.asked(body(other)))

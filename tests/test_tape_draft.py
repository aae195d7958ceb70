"""A tape written by hand: questions are put on it without an answer, and a person answers them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hermes_magic import prompt
from hermes_magic.errors import TapeError
from hermes_magic.offline import Response, Server
from hermes_magic.options import parse
from hermes_magic.reply import Done, Event, Replayed, Text
from hermes_magic.tape.choice import Choice
from hermes_magic.tape.player import Player
from hermes_magic.tape.recorder import Recorder
from hermes_magic.tape.tapes import Tapes
from tests.kernel import running_kernel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WHY = "Why does the median resist outliers?"


def body(line: str = "") -> Mapping[str, object]:
    options, _ = parse(line)
    return prompt.request_body(options, prompt.messages(options, WHY))


@pytest.fixture(params=["tape.json", "tape"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def drafted(path: Path, line: str = "") -> TapeError:
    with pytest.raises(TapeError) as caught:
        Tapes().take(Choice(path, "draft"), body(line))
    return caught.value


def fill(path: Path, answer: str) -> None:
    """Write the answer as a person does: into the file, where the empty one stands."""
    (file,) = [path] if path.is_file() else path.glob("*.json")
    text = file.read_text("utf-8")
    assert '"answer": ""' in text
    file.write_text(text.replace('"answer": ""', f'"answer": {json.dumps(answer)}'), "utf-8")


def test_a_question_is_put_there_once_and_says_what_to_do(path: Path) -> None:
    first, again = drafted(path), drafted(path)
    assert "its answer is still to be written" in first.message == again.message
    assert "Nothing was sent" in first.hint
    (episode,) = Tapes().open(Choice(path, "draft")).episodes()
    assert episode.by_hand
    assert episode.is_draft
    assert set(episode.written["reply"]) == {"thought", "answer"}


def test_what_does_not_think_gets_no_place_for_a_thought(path: Path) -> None:
    drafted(path, "--no-think")
    (episode,) = Tapes().open(Choice(path, "draft")).episodes()
    assert episode.written["reply"] == {"answer": ""}


def test_the_answer_plays_when_it_is_written(path: Path) -> None:
    drafted(path)
    fill(path, "It counts.")
    for mode in ("draft", "replay"):
        player = Tapes().take(Choice(path, mode, 0), body())
        assert isinstance(player, Player)
        events = [event for batch in player.chat() for event in batch]
        assert "".join(one.text for one in events if isinstance(one, Text)) == "It counts."
        assert isinstance(events[0], Replayed)
        assert events[0].by_hand


def test_a_draft_is_no_answer_to_replay_and_is_recorded_over(path: Path) -> None:
    drafted(path)
    with pytest.raises(TapeError, match="still to be written"):
        Tapes().take(Choice(path, "replay"), body())
    recorder = Tapes().take(Choice(path, "new"), body())
    assert isinstance(recorder, Recorder)
    reply: list[list[Event]] = [[Text("Yes.")], [Done()]]
    list(recorder.record(batch for batch in reply))
    (episode,) = Tapes().open(Choice(path, "replay")).episodes()
    assert not episode.by_hand


def test_fresh_asks_nobody_either(path: Path) -> None:
    with pytest.raises(TapeError, match="--fresh asks again"):
        Tapes().take(Choice(path, "draft"), body(), fresh=True)
    assert not path.exists()


def test_in_a_kernel_without_key_or_server(path: Path) -> None:
    with Server(lambda _: Response.json({})) as gone:
        address = gone.base_url
    with running_kernel({"OPENROUTER_BASE_URL": address}) as kernel:
        told = kernel.run(f"%load_ext hermes_magic\n%hermes draft {path}").stdout
        assert "what is not is put there without an answer" in told
        failed = kernel.run(f"%%hermes\n{WHY}")
        assert failed.error["ename"] == "TapeError"
        fill(path, "It counts.")
        done = kernel.run(f"%%hermes\n{WHY}")
        assert done.ok
        assert "written by hand" in done.text()
        assert kernel.value("_.text") == "It counts."

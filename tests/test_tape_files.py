"""A tape on disk: readable, kept in order, safe among kernels, and clear about what is wrong."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hermes_magic.tape
from hermes_magic.errors import TapeError
from hermes_magic.tape import files, request
from hermes_magic.tape.episode import Episode, Recorded, recorded_now
from hermes_magic.tape.files import Tape
from hermes_magic.tape.layout import compact, layout
from hermes_magic.tape.pieces import Piece

NOW = datetime(2026, 11, 22, 17, 35, 14, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("stream"), inner),
)


def episode(question: str, answer: str = "Yes.", now: datetime = NOW) -> Episode:
    asked = request.asked({"messages": [{"role": "user", "content": question}]})
    pieces = (Piece("thought", "Hm.", 0.81, 1.22, 3), Piece("answer", answer, 1.3, 1.3))
    reply = Recorded(pieces, 1.35, model="hermes", provider="Nebius", finish_reason="stop")
    return recorded_now(asked, reply, now)


def write(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document), "utf-8")
    return path


def document(**fields: Any) -> dict[str, Any]:
    return {"format": files.FORMAT, "version": 1, "episodes": [], **fields}


@pytest.fixture(params=["tape.json", "tapes/lesson"])
def tape(request: pytest.FixtureRequest, tmp_path: Path) -> Tape:
    return Tape(tmp_path / str(request.param))


def texts(path: Path) -> dict[str, str]:
    """Give all files at a path, lock and half-written ones included."""
    found = [path] if path.is_file() else sorted(path.rglob("*"))
    return {one.name: one.read_text("utf-8") for one in found if one.is_file()}


class TestEpisodes:
    def test_what_is_put_on_it_is_found(self, tape: Tape) -> None:
        assert not tape.exists
        assert tape.episodes() == []
        for question in ("Why?", "Why not?"):
            tape.put(episode(question))
        assert tape.exists
        found = Tape(tape.path).find(episode("Why not?").key)
        assert found is not None
        assert (found.asked, found.reply) == (
            episode("Why not?").asked,
            episode("Why not?").reply,
        )
        assert (found.recorded, found.by_hand) == ("2026-11-22T17:35:14Z", False)
        assert tape.find(episode("When?").key) is None

    def test_a_second_take_has_the_place_of_the_first(self, tape: Tape) -> None:
        for question in ("One?", "Two?", "Three?"):
            tape.put(episode(question))
        before = texts(tape.path)
        tape.put(episode("Two?", "No."))
        after = texts(tape.path)
        assert len(tape.episodes()) == 3
        assert before.keys() == after.keys()
        changed = [
            (old, new)
            for name in before
            for old, new in zip(before[name].split("\n"), after[name].split("\n"), strict=True)
            if old != new
        ]
        assert changed == [
            (
                '          {"at": 1.3, "answer": "Yes."}',
                '          {"at": 1.3, "answer": "No."}',
            )
        ]

    def test_the_same_once_more_changes_no_byte(self, tape: Tape) -> None:
        tape.put(episode("Why?"))
        before = texts(tape.path)
        tape.put(episode("Why?"))
        assert texts(tape.path) == before

    def test_a_question_that_two_people_have_recorded_is_there_once_after_the_next_take(
        self, tmp_path: Path
    ) -> None:
        for name, answer, day in (("a", "Old.", 1), ("b", "New.", 2)):
            now = datetime(2026, 11, day, tzinfo=UTC)
            one = episode("Why?", answer, now)
            write(tmp_path / f"{name}.json", document(episodes=[dict(one.written)]))
        tape = Tape(tmp_path)
        found = tape.find(episode("Why?").key)
        assert found is not None
        assert found.reply.pieces[-1].text == "New."
        tape.put(episode("Why?", "Newest."))
        assert [one.reply.pieces[-1].text for one in tape.episodes()] == ["Newest."]

    def test_what_another_kernel_writes_is_seen_and_kept(self, tape: Tape) -> None:
        tape.put(episode("One?"))
        other = Tape(tape.path)
        assert len(other.episodes()) == 1
        tape.put(episode("Two?"))
        assert len(other.episodes()) == 2
        other.put(episode("Three?"))
        assert len(tape.episodes()) == 3

    def test_a_folder_has_a_file_for_each_named_by_its_question(self, tmp_path: Path) -> None:
        tape = Tape(tmp_path / "tapes")
        long = episode("Why does the median resist outliers, in a few words of yours?")
        tape.put(long)
        tape.put(episode("¿…?"))
        assert sorted(texts(tape.path)) == [
            f"episode-{episode('¿…?').key[:8]}.json",
            f"why-does-the-median-resist-outliers-in-a-{long.key[:8]}.json",
        ]


class TestText:
    def test_it_is_what_the_package_documents(self, tmp_path: Path) -> None:
        tape = Tape(tmp_path / "tape.json")
        tape.put(episode("Why does the median\nresist outliers?", "It is **so**.\n"))
        assert tape.path.read_text("utf-8").splitlines() == [
            "{",
            '  "format": "hermes-magic tape",',
            '  "version": 1,',
            '  "episodes": [',
            "    {",
            '      "recorded": "2026-11-22T17:35:14Z",',
            f'      "with": "{episode("").written["with"]}",',
            '      "request": {',
            '        "model": "nousresearch/hermes-4-405b",',
            '        "messages": [',
            "          {",
            '            "role": "user",',
            '            "content": [',
            '              "Why does the median",',
            '              "resist outliers?"',
            "            ]",
            "          }",
            "        ]",
            "      },",
            '      "reply": {',
            '        "model": "hermes",',
            '        "provider": "Nebius",',
            '        "stream": [',
            '          {"at": 0.81, "to": 1.22, "pieces": 3, "thought": "Hm."},',
            '          {"at": 1.3, "answer": "It is **so**.\\n"}',
            "        ],",
            '        "end": 1.35,',
            '        "finish_reason": "stop"',
            "      }",
            "    }",
            "  ]",
            "}",
        ]

    def test_the_documented_examples_are_tapes(self, tmp_path: Path) -> None:
        readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
        (by_hand,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
        recorded, short = re.findall(r"(?ms)^    \{$.*?^    \}$", str(hermes_magic.tape.__doc__))
        tapes = [json.loads(by_hand), json.loads(recorded), document(episodes=[json.loads(short)])]
        read = [Tape(write(tmp_path / "x.json", one)).episodes()[0] for one in tapes]
        assert [one.by_hand for one in read] == [True, False, True]
        assert read[0].asked == read[1].asked

    @given(JSON)
    def test_any_document_is_json_and_comes_back(self, value: Any) -> None:
        for text in (compact(value), layout(value)):
            assert json.loads(text) == value
            text.encode()

    def test_nothing_hides_in_a_line(self) -> None:
        hidden = "\u202e\u2028\u2029\u200b\ufeff\x1b\x9b\x00"
        assert layout([hidden]).strip().isascii()
        assert layout([hidden]).strip().isprintable()
        assert "é🎈" in layout(["é🎈"])

    @pytest.mark.skipif(os.name != "posix", reason="umask is POSIX's")
    def test_others_may_read_it_as_far_as_the_umask_lets_them(
        self, tape: Tape, tmp_path: Path
    ) -> None:
        old = os.umask(0o027)
        try:
            tape.put(episode("Why?"))
        finally:
            os.umask(old)
        (path,) = tmp_path.rglob("*.json")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def test_nothing_is_left_beside_it(self, tape: Tape, tmp_path: Path) -> None:
        tape.put(episode("Why?"))
        names = {one.name for one in tmp_path.rglob("*") if one.is_file()}
        assert all(name.endswith(".json") for name in names)


class TestUnknownFields:
    def test_are_kept(self, tmp_path: Path) -> None:
        held = {**episode("Why?").written, "comment": ["for", "week 3"]}
        more = document(episodes=[held], course={"name": "Statistics", "week": 3})
        tape = Tape(write(tmp_path / "tape.json", more))
        tape.put(episode("Another?"))
        tape.put(episode("Why?", "No."))
        written = json.loads(tape.path.read_text("utf-8"))
        assert written["course"] == {"name": "Statistics", "week": 3}
        assert written["episodes"][0]["comment"] == ["for", "week 3"]
        assert len(written["episodes"]) == 2

    def test_what_was_by_hand_is_no_more_when_it_is_recorded(self, tmp_path: Path) -> None:
        held = {**episode("Why?").written, "by_hand": True}
        tape = Tape(write(tmp_path / "tape.json", document(episodes=[held])))
        tape.put(episode("Why?", "No."))
        (found,) = Tape(tape.path).episodes()
        assert not found.by_hand


class TestRefuses:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "is no tape: line 1"),
            ("{\n  3\n}", "is no tape: line 2"),
            ("[1]", 'does not say "format"'),
            ('{"a": NaN}', "is not JSON"),
            ('{"cells": []}', 'does not say "format"'),
            (json.dumps(document(version=2)), "version 2; this hermes-magic knows 1. Use a newer"),
            (json.dumps(document(version="x")), "version x"),
            (json.dumps(document(episodes={})), "no list of `episodes`"),
            (
                "{\n<<<<<<< HEAD\n" + json.dumps(document()),
                "unresolved merge conflict in line 2",
            ),
        ],
    )
    def test_a_file_that_is_no_tape(self, tmp_path: Path, text: str, says: str) -> None:
        path = tmp_path / "tape.json"
        path.write_text(text, "utf-8")
        with pytest.raises(TapeError) as caught:
            Tape(path).episodes()
        assert says in str(caught.value)
        with pytest.raises(TapeError):
            Tape(path).put(episode("Why?"))
        assert path.read_text("utf-8") == text

    def test_a_file_that_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_bytes(b"\xff\xfe{}")
        with pytest.raises(TapeError, match="not UTF-8"):
            Tape(tmp_path).episodes()

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"request": 3}, "its request is no object"),
            ({"request": {"messages": []}}, "no messages"),
            ({"request": {"messages": ["Why?"]}}, "a message is no object"),
            ({"recorded": "yesterday"}, "`recorded` is no date"),
            ({"by_hand": "no"}, "`by_hand`"),
            ({"reply": {}}, "neither `stream` nor `answer`"),
            ({"reply": {"stream": [{"at": 1}]}}, "neither `thought`, `answer` nor"),
            ({"reply": {"answer": 3}}, "neither a text nor"),
            ({"reply": {"stream": [{"at": -1, "answer": "x"}]}}, "`at` is no number"),
            ({"reply": {"stream": [{"at": 2, "to": 1, "answer": "x"}]}}, "before"),
            ({"reply": {"stream": [{"at": 1e9, "answer": "x"}]}}, "`at` is no number"),
            ({"reply": {"answer": "x", "estimate": "much"}}, "`estimate`"),
            ({"reply": {"answer": "x", "model": 3}}, "`model`"),
            ({"reply": {"answer": "x", "usage": []}}, "`usage` is no object"),
            ({"reply": {"stream": [{"answer": "x", "pieces": 0}]}}, "`pieces`"),
        ],
    )
    def test_an_episode_that_is_none_and_says_which(
        self, tmp_path: Path, change: dict[str, Any], says: str
    ) -> None:
        held = [episode("Why?").written, {**episode("Why not?").written, **change}]
        path = write(tmp_path / "tape.json", document(episodes=held))
        with pytest.raises(TapeError) as caught:
            Tape(path).episodes()
        assert str(caught.value).startswith(f"{path}, episode 2: ")
        assert says in str(caught.value)

    def test_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("", "utf-8")
        tape = Tape(tmp_path / "file" / "tape.json")
        for attempt in (tape.check_writable, lambda: tape.put(episode("Why?"))):
            with pytest.raises(TapeError, match="cannot be written"):
                attempt()


def record_some(path: str, kernel: int) -> None:
    for number in range(12):
        Tape(Path(path)).put(episode(f"Question {number} of {kernel}?"))


def test_kernels_that_record_at_once_lose_nothing(tape: Tape) -> None:
    context = multiprocessing.get_context("spawn")
    kernels = [context.Process(target=record_some, args=(str(tape.path), n)) for n in range(3)]
    for kernel in kernels:
        kernel.start()
    while any(kernel.is_alive() for kernel in kernels):
        tape.episodes()  # never half a file
    for kernel in kernels:
        kernel.join()
        assert kernel.exitcode == 0
    assert len({one.key for one in tape.episodes()}) == 36


def test_a_lock_that_a_killed_kernel_has_left_is_taken_over(
    tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_LOCK_SECONDS", 0.1)
    tape.put(episode("One?"))
    folder = tape.path if tape.path.is_dir() else tape.path.parent
    (folder / f".{tape.path.name}.lock").touch()
    tape.put(episode("Two?"))
    assert len(tape.episodes()) == 2
    assert not list(folder.glob(".*"))

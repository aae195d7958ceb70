"""Tapes in a real kernel: recorded from a server, replayed when it is gone, without a key."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

from hermes_magic.offline import Pause, Request, Response, Server
from hermes_magic.options import HERMES_4_405B
from tests.kernel import Kernel, Ran, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hermes_magic.offline.messages import Event

KEY = "sk-or-v1-not-a-real-key"
WHO = {"id": "gen-1", "model": HERMES_4_405B, "provider": "Nebius"}
WHY = "Why does the median resist outliers?"
SLOWLY = "Count to a thousand."
DOUBLE = "What is twice 21?"
CALL = '<tool_call>{"name": "double", "arguments": {"x": 21}}</tool_call>'


def chunk(finish: str | None = None, **delta: object) -> dict[str, object]:
    return {**WHO, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


class Scripted:
    """A server that thinks for a moment, and says what it was asked, and for the how-manieth time.

    A system prompt that asks for JSON gets none at first, and then some.
    """

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.server = Server(self._respond)

    def _respond(self, request: Request) -> Response:
        if request.method == "GET":
            if "generation" not in request.path:  # of a stopped answer, whenever its books close
                self.asked.append(request.path)
            return Response.json({"error": {"code": 404, "message": "Not found"}}, status=404)
        body: Any = request.json
        self.asked.append(body)
        if body["messages"][-1]["content"] == SLOWLY:
            return Response.sse([chunk(content="Well"), Pause(30), chunk("stop")])
        said = f"Answer {len(self.asked)} to: {body['messages'][-1]['content']}"
        if body["messages"][-1]["content"] == DOUBLE:
            said = CALL
        if "not valid" in said or "JSON" in said:
            said = '{"answer": 42}'
        usage = {"prompt_tokens": 12, "completion_tokens": 5, "cost": Decimal("0.0021")}
        parts: list[Event] = [chunk(reasoning="Let me "), Pause(0.05), chunk(reasoning="think.")]
        parts += [chunk(content=said), chunk("stop"), {**WHO, "choices": [], "usage": usage}]
        return Response.sse(parts)


@pytest.fixture(scope="module")
def scripted() -> Iterator[Scripted]:
    script = Scripted()
    with script.server:
        yield script


@pytest.fixture(scope="module")
def recording(scripted: Scripted) -> Iterator[Kernel]:
    """A kernel with a server and a key."""
    environment = {"OPENROUTER_BASE_URL": scripted.server.base_url, "OPENROUTER_API_KEY": KEY}
    with running_kernel(environment) as kernel:
        assert kernel.run("%load_ext hermes_magic").ok
        yield kernel


@pytest.fixture(scope="module")
def cut_off() -> Iterator[Kernel]:
    """A kernel without a key, whose server is gone."""
    with Server(lambda _: Response.json({})) as gone:
        address = gone.base_url
    with running_kernel({"OPENROUTER_BASE_URL": address}) as kernel:
        assert kernel.run("%load_ext hermes_magic").ok
        kernel.run("%config HermesMagics.budget = 0\n%config HermesMagics.daily_budget = 0")
        yield kernel


@pytest.fixture(params=["lesson.json", "lesson"])
def tape(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def ran(kernel: Kernel, source: str, **how: Any) -> Ran:
    done = kernel.run(source, **how)
    assert done.ok, done.error
    return done


def html(done: Ran) -> str:
    (bundle,) = done.bundles()
    return str(bundle["text/html"])


def plain(done: Ran) -> str:
    return str(done.bundles()[-1]["text/plain"])


def has_begun(so_far: Ran) -> bool:
    return "Well" in so_far.text()


def everything(path: Path) -> str:
    files = [path] if path.is_file() else path.iterdir()
    return "".join(one.read_text("utf-8") for one in files)


class TestReplays:
    def test_a_lesson_without_server_key_network_or_budget(
        self, recording: Kernel, cut_off: Kernel, tape: Path
    ) -> None:
        cells = [f"%%hermes -t 0.2\n{WHY}", "%%hermes --no-think -s Briefly.\nAnd the mean?"]
        ran(recording, f"%hermes record {tape}")
        recorded = []
        for cell in cells:
            ran(recording, cell)
            recorded.append(ran(recording, "print([_.text, _.thinking, _.model])").stdout)
        assert KEY not in everything(tape)
        assert "gen-1" not in everything(tape)
        assert "2 answers, replayed only" in ran(cut_off, f"%hermes replay {tape}").stdout
        for cell, before in zip(cells, recorded, strict=True):
            done = ran(cut_off, cell)
            assert ran(cut_off, "print([_.text, _.thinking, _.model])").stdout == before
            assert "cost then $0.0021, now $0.00" in plain(done)
            assert "replayed, recorded 20" in plain(done)
            assert "Thought for 0." in plain(done) or "--no-think" in cell
        assert cut_off.value("_.cost") == "0"
        assert cut_off.value("_.usage.cost") == "0.0021"
        spent = ran(cut_off, "spent = %hermes cost\nprint(spent.rows()[1].calls)").stdout
        assert spent.split() == ["0"]

    def test_nothing_goes_out_though_the_server_is_there(
        self, recording: Kernel, scripted: Scripted, tape: Path
    ) -> None:
        cell = f"%%hermes -m some/model --param min_p=0.05 --tape {tape}\n{WHY}"
        ran(recording, cell)
        before = len(scripted.asked)
        first, again = ran(recording, cell), ran(recording, cell)
        assert len(scripted.asked) == before
        assert html(first) == html(again)

    def test_a_person_sees_it_stream_and_the_same_is_saved(
        self, recording: Kernel, cut_off: Kernel, tape: Path
    ) -> None:
        cell = f"%%hermes --tape {tape}\n{WHY}"
        ran(recording, cell)
        watched, alone = ran(cut_off, cell, watched=True), ran(cut_off, cell)
        sent = [kind for kind, _ in watched.contents()]
        assert "comm_open" in sent
        assert "update_display_data" in sent
        assert watched.bundles() == alone.bundles()
        assert "to first token" in plain(alone)

    def test_an_answer_that_must_be_data_with_its_second_try(
        self, recording: Kernel, cut_off: Kernel, scripted: Scripted, tape: Path
    ) -> None:
        cell = f"%%hermes --json --tape {tape}\nWhat is six times seven?"
        before = len(scripted.asked)
        ran(recording, cell)
        assert len(scripted.asked) == before + 2
        assert recording.value("_.data") == "{'answer': 42}"
        ran(cut_off, cell)
        assert cut_off.value("_.data") == "{'answer': 42}"

    def test_a_conversation(self, recording: Kernel, cut_off: Kernel, tape: Path) -> None:
        cells = ["%%hermes --chat --new\nOne?", "%%hermes --chat\nTwo?", "%%hermes --chat\nThree?"]
        told: dict[Kernel, list[str]] = {recording: [], cut_off: []}
        for kernel, texts in told.items():
            ran(kernel, f"%hermes record {tape}")
            for number, cell in enumerate(cells):
                ran(kernel, cell, cell=f"cell-{number}")
                texts.append(kernel.value("_.text"))
            ran(kernel, "%hermes forget")
        assert told[recording] == told[cut_off]
        assert everything(tape).count('"recorded": ') == 3

    def test_an_answer_that_we_ended_ourselves(
        self, recording: Kernel, cut_off: Kernel, tape: Path
    ) -> None:
        cell = f"%%hermes --stop ' to:' --tape {tape}\n{WHY}"
        assert "the host may bill" in plain(ran(recording, cell))
        assert "the host may bill" not in plain(ran(cut_off, cell))
        text = cut_off.value("_.text")
        assert text == recording.value("_.text")
        assert text.startswith("Answer ")
        assert " to:" not in text

    def test_the_offline_demo(self, cut_off: Kernel, tape: Path) -> None:
        ran(cut_off, "%hermes offline")
        ran(cut_off, f"%%hermes --tape {tape}\n{WHY}")
        ran(cut_off, "%hermes online")
        done = ran(cut_off, f"%%hermes --tape {tape}\n{WHY}")
        assert "from the offline demo: no model was asked" in plain(done)


class TestTools:
    CELL = f"%%hermes --tools double --tape {{}}\n{DOUBLE}"
    FUNCTION = (
        "def double(x: int) -> int:\n    'Give twice x.'\n    called.append(x)\n    return 2 * x"
    )

    def test_each_request_is_an_episode_and_functions_run_again(
        self, recording: Kernel, cut_off: Kernel, tape: Path
    ) -> None:
        cell, seen = self.CELL.format(tape), []
        for kernel in (recording, cut_off):
            ran(kernel, f"called = []\n{self.FUNCTION}")
            ran(kernel, cell)
            told = "(_.text, [(step.call, step.result) for step in _.steps], _.usage.cost, called)"
            seen.append(kernel.value(told))
        assert seen[0] == seen[1]
        assert "[21]" in seen[0]
        assert everything(tape).count('"recorded": ') == 2
        assert cut_off.value("(_.cost, _.usage.cost, _.state)") == (
            "(Decimal('0'), Decimal('0.0042'), 'complete')"
        )
        done = ran(cut_off, cell)
        assert "cost then $0.0042, now $0.00" in plain(done)
        assert plain(ran(cut_off, cell)) == plain(done)
        assert plain(ran(cut_off, cell, watched=True)) == plain(done)

    def test_what_is_asked_behind_what_is_replayed_is_paid_alone(
        self, recording: Kernel, tmp_path: Path
    ) -> None:
        tape = tmp_path / "tape"
        ran(recording, f"called = []\n{self.FUNCTION}")
        ran(recording, self.CELL.format(tape))
        for episode in tape.iterdir():
            if "<tool_call>" not in episode.read_text("utf-8").partition('"reply"')[2]:
                episode.unlink()
        assert len(list(tape.iterdir())) == 1
        done = ran(recording, self.CELL.format(tape))
        assert recording.value("(_.cost, _.replayed)") == "(Decimal('0.0021'), None)"
        assert "replayed" not in plain(done)
        assert len(list(tape.iterdir())) == 2


class TestByHand:
    @pytest.fixture
    def written(self, tmp_path: Path) -> Path:
        episode = {
            "by_hand": True,
            "recorded": "2026-11-22",
            "request": {"messages": [{"role": "user", "content": WHY}]},
            "reply": {"thought": "Hm.", "answer": ["It **counts**,", "it does not weigh."]},
        }
        tape = {"format": "hermes-magic tape", "version": 1, "episodes": [episode]}
        path = tmp_path / "by-hand.json"
        path.write_text(json.dumps(tape), "utf-8")
        return path

    def test_it_says_so_wherever_it_is_shown(self, cut_off: Kernel, written: Path) -> None:
        told = ran(cut_off, f"%hermes replay {written}").stdout
        assert "1 answer (all written by hand: no model was asked)" in told
        says = "replayed, written by hand 2026-11-22: no model was asked"
        for watched in (False, True):
            (bundle,) = ran(cut_off, f"%%hermes\n{WHY}", watched=watched).bundles()
            assert all(says in text for text in bundle.values())
            assert all("hermes-4" not in text for text in bundle.values())
        assert cut_off.value("_.model") == "written by hand"
        assert cut_off.value("_.text") == "It **counts**,\nit does not weigh."


class TestRefuses:
    def test_one_word_of_one_prompt(self, recording: Kernel, cut_off: Kernel, tape: Path) -> None:
        ran(recording, f"%%hermes --tape {tape}\nWhat is a p-value?")
        ran(recording, f"%%hermes --tape {tape}\n{WHY}")
        ran(cut_off, f"%hermes replay {tape}")
        failed = cut_off.run(f"%%hermes\n{WHY.replace('median', 'mean')}")
        assert not failed.ok
        assert failed.error["ename"] == "TapeError"
        assert f"-{WHY}" in failed.error["traceback"]
        assert f"+{WHY.replace('median', 'mean')}" in failed.error["traceback"]
        assert "replayed only" in failed.error["evalue"]

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            ("%hermes replay nowhere", "There is no tape nowhere"),
            ("%hermes replay", "Which tape?"),
            ("%hermes tape of", "takes off"),
        ],
    )
    def test_what_cannot_be_used(self, cut_off: Kernel, line: str, says: str) -> None:
        ran(cut_off, "%hermes tape off")
        failed = cut_off.run(line)
        assert says in failed.error["evalue"]
        assert "No tape" in ran(cut_off, "%hermes tape").stdout

    @pytest.mark.parametrize(
        ("setting", "wrong", "says"),
        [
            ("tape_mode", "'rec'", "tape_mode takes once, new, replay, draft or off, not"),
            ("tape_speed", "-1", "tape_speed takes a number from 0"),
        ],
    )
    def test_settings_that_are_none(
        self, recording: Kernel, setting: str, wrong: str, says: str
    ) -> None:
        ran(recording, "%hermes tape off")
        name = f"HermesMagics.{setting}"
        before = ran(recording, f"%config {name}").bundles()
        complained = recording.run(f"%config {name} = {wrong}")
        (line,) = [said["text"] for kind, said in complained.contents() if kind == "stream"]
        assert says in line
        assert line.count("\n") == 1
        assert ran(recording, f"%config {name}").bundles() == before

    def test_a_key_in_the_question_before_the_tape_is_looked_at(
        self, cut_off: Kernel, tape: Path
    ) -> None:
        failed = cut_off.run(
            f"key = 'sk-or-v1-{'0' * 64}'\n%hermes --tape {tape} Is {{{{key}}}} safe"
        )
        assert failed.error["ename"] == "PastedKeyError"
        assert not tape.exists()


class TestFresh:
    def test_asks_again_for_one_cell(
        self, recording: Kernel, scripted: Scripted, tape: Path
    ) -> None:
        ran(recording, f"%hermes record {tape}")
        ran(recording, f"%%hermes\n{WHY}")
        first = recording.value("_.text")
        before = len(scripted.asked)
        ran(recording, f"%%hermes --fresh\n{WHY}")
        second = recording.value("_.text")
        assert len(scripted.asked) == before + 1
        assert first != second
        ran(recording, f"%%hermes\n{WHY}")
        assert recording.value("_.text") == second
        assert recording.value("_.replayed is None") == "False"
        ran(recording, "%hermes tape off")
        ran(recording, f"%%hermes\n{WHY}")
        assert recording.value("_.replayed") == "None"


def test_what_is_stopped_is_not_on_the_tape(recording: Kernel, tape: Path) -> None:
    cell = f"%%hermes --tape {tape}\n{SLOWLY}"
    stopped = recording.run(cell, watched=True, interrupt_when=has_begun)
    assert stopped.error["ename"] == "Stopped"
    assert not tape.exists()


def test_with_nobody_to_watch_a_replay_takes_no_time_and_else_it_can_be_stopped(
    cut_off: Kernel, tmp_path: Path
) -> None:
    line = {"at": 30, "answer": " and so on"}
    request = {"messages": [{"role": "user", "content": WHY}]}
    reply = {"model": "m", "stream": [{"at": 0, "answer": "Well"}, line], "end": 31}
    episode = {"recorded": "2026-11-22", "with": "x", "request": request, "reply": reply}
    tape = {"format": "hermes-magic tape", "version": 1, "episodes": [episode]}
    (tmp_path / "slow.json").write_text(json.dumps(tape), "utf-8")

    cell = f"%%hermes --tape {tmp_path / 'slow.json'}\n{WHY}"
    at_once = ran(cut_off, cell)
    assert "31.0 s in all" in plain(at_once)
    stopped = cut_off.run(cell, watched=True, interrupt_when=has_begun)
    assert stopped.error["ename"] == "Stopped"
    assert "bill" not in stopped.text()
    assert cut_off.value("(_.text, _.state)") == "('Well', 'stopped')"
    assert cut_off.value("_.replayed.recorded") == "2026-11-22"


def test_a_whole_notebook_gives_the_same_bytes_at_each_run(
    recording: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = tmp_path / "lesson"
    cells = [
        "%load_ext hermes_magic",
        f"%hermes replay {tape}",
        f"%%hermes -o answer\n{WHY}",
        "answer",
        "%hermes And the mean of {1, 2}?",
        "%%hermes --chat\nGo on.",
        "%hermes tape",
    ]
    ran(recording, f"%hermes record {tape}")
    for cell in cells[2:-1]:
        ran(recording, cell)
    ran(recording, "%hermes tape off\n%hermes forget")
    for name in ("OPENROUTER_BASE_URL", "OPENROUTER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    outputs = []
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    for _ in range(2):
        NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
        outputs.append([cell.outputs for cell in notebook.cells])
    assert json.dumps(outputs[0]) == json.dumps(outputs[1])
    assert [len(cell) for cell in outputs[0]] == [0, 1, 1, 1, 1, 1, 1]
    nbformat.write(notebook, tmp_path / "lesson.ipynb")
    nbval = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env"]
    done = subprocess.run(
        [*nbval, "-q", "-p", "no:cacheprovider", str(tmp_path / "lesson.ipynb")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_environment_replays_a_notebook_that_names_no_tape(
    recording: Kernel, scripted: Scripted, tmp_path: Path
) -> None:
    tape = tmp_path / "ci.json"
    ran(recording, f"%%hermes --tape {tape}\n{WHY}")
    before = len(scripted.asked)
    environment = {
        "HERMES_TAPE": str(tape),
        "OPENROUTER_BASE_URL": scripted.server.base_url,
        "OPENROUTER_API_KEY": KEY,
    }
    with running_kernel(environment) as kernel:
        ran(kernel, "%load_ext hermes_magic")
        assert "1 answer, replayed only" in ran(kernel, "%hermes tape").stdout
        assert f"tape {tape} (replay)" in ran(kernel, "%hermes").stdout
        ran(kernel, f"%%hermes\n{WHY}")
        assert kernel.value("_.replayed is None") == "False"
        assert kernel.run("%%hermes\nSomething else?").error["ename"] == "TapeError"
    assert len(scripted.asked) == before


def test_two_kernels_record_into_one_folder(recording: Kernel, tmp_path: Path) -> None:
    with running_kernel(
        {
            "OPENROUTER_BASE_URL": recording.value(
                "__import__('os').environ['OPENROUTER_BASE_URL']"
            ),
            "OPENROUTER_API_KEY": KEY,
        }
    ) as other:
        ran(other, "%load_ext hermes_magic")
        for kernel in (recording, other):
            ran(kernel, f"%hermes record {tmp_path / 'shared'}")
        for number in range(3):
            ran(recording, f"%%hermes\nQuestion {number} of one?")
            ran(other, f"%%hermes\nQuestion {number} of the other?")
            ran(other, f"%%hermes\nQuestion {number} of one?")
            assert other.value("_.replayed is None") == "False"
    assert len(list((tmp_path / "shared").iterdir())) == 6
    ran(recording, "%hermes tape off")

"""Tab on a `%hermes` line: in a kernel as front ends ask for it, and in terminal IPython."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from IPython.terminal.ptutils import IPythonPTCompleter
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from hermes_magic import load_ipython_extension, unload_ipython_extension
from hermes_magic.magic.commands import COMMANDS
from hermes_magic.offline import Request, Response, Server
from hermes_magic.options import TABLE
from tests.kernel import Kernel, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = """
import dataclasses, pandas as pd
from typing import TypedDict
df = pd.DataFrame({'city': ['Ulm'], 'people': [1]})
draft = 'text'
_hidden = 1
@dataclasses.dataclass
class Place:
    name: str
class Plain: pass
class Pair(TypedDict):
    a: int
places_schema = {'type': 'array'}
plain_dict = {'a': 1}
def probe(x): return x
class Watched:
    reads = 0
    @property
    def prop(self):
        Watched.reads += 1
watched = Watched()
"""
OWN = {"team": {"like": "vllm", "base_url": "http://127.0.0.1:9/v1", "model": "team/hermes"}}


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with running_kernel({}) as kernel:
        assert kernel.run("%load_ext hermes_magic").ok
        assert kernel.run(NAMES).ok
        assert kernel.run(f"%config HermesMagics.servers = {OWN!r}").ok
        yield kernel


def words(kernel: Kernel, code: str) -> list[str]:
    """Give what can follow the code, without the code's own words before it."""
    return [taken[len(code.rpartition(" ")[0]) + 1 :] for taken in kernel.complete(code)]


class TestOptions:
    def test_each_option_can_be_found(self, kernel: Kernel) -> None:
        offered = set(words(kernel, "%%hermes --"))
        assert offered >= {row.spec.flags[-1] for row in TABLE}
        assert {"--no-think", "--no-vars"} <= offered
        assert "--no-zdr" not in offered
        assert {"-m", "-t", "-o"} <= set(words(kernel, "%%hermes -"))

    def test_what_was_begun_is_finished(self, kernel: Kernel) -> None:
        assert words(kernel, "%%hermes --tho") == ["--thoughts"]
        assert words(kernel, "%%hermes -o x --max-c") == ["--max-cost"]
        assert "--no-zdr" in words(kernel, "%%hermes --no-")

    def test_what_is_given_is_not_offered_again_unless_it_may_be(self, kernel: Kernel) -> None:
        assert words(kernel, "%%hermes --json --js") == []
        assert words(kernel, "%%hermes --stop END --sto") == ["--stop"]

    @pytest.mark.parametrize(
        "code",
        [
            "%hermes --tho",
            "answer = %hermes --tho",
            "x = 1\nanswer = %hermes --tho",
            "%%hermes -s 'Be brief.' --tho",
            "\n%%hermes --tho",
            "%%time\n%hermes --tho",
        ],
    )
    def test_wherever_the_line_is(self, kernel: Kernel, code: str) -> None:
        assert kernel.complete(code) == [code + "ughts"]

    def test_in_the_first_line_of_a_cell_with_a_question(self, kernel: Kernel) -> None:
        code = "%%hermes --tho\nWhy {x} --th?\n"
        (taken,) = kernel.complete(code, len("%%hermes --tho"))
        assert taken == "%%hermes --thoughts\nWhy {x} --th?\n"

    @pytest.mark.parametrize(
        "code",
        ["%%hermes\nWhy --tho", "%hermes Why --tho", "%%hermes\n%hermes --tho", "hermes --tho"],
    )
    def test_but_not_in_a_question_or_elsewhere(self, kernel: Kernel, code: str) -> None:
        assert not any("--thoughts" in each for each in kernel.complete(code))

    def test_python_is_completed_as_ever(self, kernel: Kernel) -> None:
        assert "df.city" in kernel.complete("df.ci")
        assert "%%hermes\nimport os" in kernel.complete("%%hermes\nimport o")


class TestValues:
    @pytest.mark.parametrize(
        ("code", "offered"),
        [
            ("%%hermes --thoughts ", ["open", "folded", "hidden"]),
            ("%%hermes --thoughts=h", ["--thoughts=hidden"]),
            ("%%hermes --server v", ["vllm"]),
            ("%%hermes --server te", ["team"]),
            ("%%hermes -m 4", ["405b"]),
            ("%%hermes -m team", ["team/hermes"]),
            ("%%hermes --fallback 70b,3-7", ["70b,3-70b"]),
            ("%%hermes --with dr", ["draft"]),
            ("%%hermes --with df,dr", ["df,draft"]),
            ("%%hermes --with df.ci", ["df.city"]),
            ("%%hermes --with watched.pr", ["watched.prop"]),
            ("%%hermes --schema ", ["Place", "Pair", "places_schema"]),
            ("%%hermes --schema list[Pl", ["list[Place"]),
            ("%%hermes -o dr", ["draft"]),
            ("%%hermes --each df", ["df"]),
            ("%%hermes -o pro", []),
            ("%hermes -m=3-4", ["-m=3-405b"]),
        ],
    )
    def test_are_what_the_option_takes(self, kernel: Kernel, code: str, offered: list[str]) -> None:
        assert [word for word in words(kernel, code) if not word.startswith("%")] == offered

    def test_nothing_of_the_notebook_is_run(self, kernel: Kernel) -> None:
        words(kernel, "%%hermes --with watched.pr")
        assert kernel.value("Watched.reads") == "0"

    def test_what_is_ipython_s_or_private_is_not_the_notebook_s(self, kernel: Kernel) -> None:
        offered = set(words(kernel, "%%hermes --with "))
        assert {"df", "draft", "probe", "pd"} <= offered
        assert {"In", "Out", "exit", "get_ipython", "_hidden"}.isdisjoint(offered)

    def test_a_file_can_be_attached_too(self, kernel: Kernel, tmp_path: Path) -> None:
        (tmp_path / "draft.txt").touch()
        kernel.run(f"import os; os.chdir({str(tmp_path)!r})")
        assert set(words(kernel, "%%hermes --with dra")) == {"draft", "draft.txt"}

    def test_so_can_a_tape(self, kernel: Kernel, tmp_path: Path) -> None:
        (tmp_path / "lesson.json").touch()
        kernel.run(f"import os; os.chdir({str(tmp_path)!r})")
        for typed in ("%hermes record lesso", "%hermes replay lesso", "%%hermes --tape lesso"):
            assert words(kernel, typed) == ["lesson.json"]

    def test_conversations_by_name(self, kernel: Kernel) -> None:
        kernel.run("%hermes offline")
        kernel.run("%%hermes --chat plan\nWhat is a p-value?")
        assert words(kernel, "%%hermes --chat p") == ["plan"]
        assert words(kernel, "%hermes history ") == ["plan"]
        assert words(kernel, "%hermes forget p") == ["plan"]
        assert "--new" in words(kernel, "%%hermes --chat ")
        assert "--new" in words(kernel, "%hermes --chat ")
        kernel.run("%hermes online")

    def test_models_that_were_listed(self, kernel: Kernel) -> None:
        def models(_request: Request) -> Response:
            return Response.json({"data": [{"id": "acme/odd-model"}]})

        with Server(models) as server:
            own = {"acme": {"like": "vllm", "base_url": server.base_url}}
            kernel.run(f"%config HermesMagics.servers = {OWN | own!r}")
            assert words(kernel, "%%hermes -m acme") == []
            assert kernel.run("%hermes models --server acme").ok
            asked = len(server.exchanges)
            assert words(kernel, "%%hermes -m acme") == ["acme/odd-model"]
            assert len(server.exchanges) == asked


class TestCommands:
    def test_each_can_be_found(self, kernel: Kernel) -> None:
        offered = words(kernel, "%hermes ")
        assert {one.name for one in COMMANDS if one.name} <= set(offered)
        assert words(kernel, "%hermes hist") == ["history"]

    @pytest.mark.parametrize(
        ("code", "offered"),
        [
            ("%hermes status --", ["--server"]),
            ("%hermes status --server v", ["vllm"]),
            ("%hermes login --server=v", ["--server=vllm"]),
            ("%hermes cost --", ["--csv"]),
            ("%hermes explain dr", ["draft"]),
            ("%hermes explain df.ci", ["df.city"]),
            ("%hermes explain df --tho", ["--thoughts"]),
            ("%hermes fix --tho", ["--thoughts"]),
            ("%hermes fi", ["fix"]),
            ("%hermes tape ", ["off"]),
            ("%hermes rep", ["replay"]),
        ],
    )
    def test_and_what_it_takes(self, kernel: Kernel, code: str, offered: list[str]) -> None:
        assert words(kernel, code) == offered

    def test_they_are_no_options_of_a_cell(self, kernel: Kernel) -> None:
        assert "history" not in words(kernel, "%%hermes hist")


def test_front_ends_are_told_what_a_word_is(kernel: Kernel) -> None:
    asked = kernel.client.complete("%%hermes --tho")
    (told,) = kernel.reply(asked)["metadata"]["_jupyter_types_experimental"]
    assert (told["text"], told["type"]) == ("--thoughts", "option")


def test_it_sends_nothing(monkeypatch: pytest.MonkeyPatch, terminal: Tabs) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("Tab asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for code in ("%%hermes -m ", "%%hermes --server ", "%%hermes --", "%hermes models "):
        terminal(code)


class Tabs:
    """Presses Tab in terminal IPython: each word and the line beside it."""

    def __init__(self, shell: TerminalInteractiveShell) -> None:
        self.shell = shell
        self._completer = IPythonPTCompleter(shell=shell)

    def __call__(self, code: str) -> dict[str, str]:
        found = self._completer.get_completions(Document(code), CompleteEvent())
        return {each.text: each.display_meta_text for each in found}


@pytest.fixture
def terminal() -> Iterator[Tabs]:
    shell: Any = TerminalInteractiveShell()
    load_ipython_extension(shell)
    yield Tabs(shell)
    unload_ipython_extension(shell)
    shell.history_manager.end_session()


def test_a_wrong_setting_is_not_tab_s_to_tell(
    monkeypatch: pytest.MonkeyPatch, terminal: Tabs, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENROUTER_BASE_URL", "no address")
    terminal("%%hermes -m ")
    assert "--thoughts" in terminal("%%hermes --tho")
    assert capsys.readouterr() == ("", "")


class TestTerminal:
    def test_each_option_has_its_help_beside_it(self, terminal: Tabs) -> None:
        offered = terminal("%%hermes --")
        for row in TABLE:
            assert offered[row.spec.flags[-1]] == row.spec.help

    def test_names_and_commands(self, terminal: Tabs) -> None:
        terminal.shell.run_cell("amounts = [1, 2]")
        assert terminal("%hermes --with am") == {"amounts": "list"}
        assert terminal("%hermes off")["offline"].startswith("use the built-in demo")

    def test_unloading_takes_it_away(self, terminal: Tabs) -> None:
        completer: Any = terminal.shell.Completer
        assert len(completer.custom_matchers) == 1
        load_ipython_extension(terminal.shell)
        assert len(completer.custom_matchers) == 1
        unload_ipython_extension(terminal.shell)
        assert completer.custom_matchers == []
        assert "--thoughts" not in terminal("%%hermes --tho")

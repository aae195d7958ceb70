"""Each part of a notebook's life, in each front end that can be driven without a browser.

A bare kernel client stands for VS Code and Colab: it tells no cell's id, and `allow_stdin` may be
off. `tests/browser/test_at_home.py` is JupyterLab's and Notebook 7's side of this.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.terminal.interactiveshell import TerminalInteractiveShell

from hermes_magic.offline import Request, Response, Server
from hermes_magic.options import HERMES_4_405B
from tests.hostile import HOSTILE, LONG, SURROGATES
from tests.kernel import Kernel, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-test"
WHO = {"id": "gen-1", "model": HERMES_4_405B, "provider": "Nebius"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "cost": 0.001}


class Model:
    """A server that answers by the texts laid down, then "So."; it keeps what it was sent."""

    def __init__(self) -> None:
        self.next: list[str] = []
        self.sent: list[list[str]] = []
        self.server = Server(self._respond)

    def _respond(self, request: Request) -> Response:
        if request.method == "GET":
            return Response.json({"error": {"code": 404, "message": "Not found"}}, status=404)
        body: Any = request.json
        self.sent.append([message["content"] for message in body["messages"]])
        text = self.next.pop(0) if self.next else "So."
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop"}
        return Response.sse([{**WHO, "choices": [choice]}, {**WHO, "choices": [], "usage": USAGE}])


@dataclass(frozen=True)
class Ended:
    """How a cell ended: whether Run All goes on, and all that is to be seen."""

    ok: bool
    shown: str


class FrontEnd(Protocol):
    """What a person does in a notebook."""

    def run(self, cell: str) -> Ended:
        """Run a cell to its end."""

    def value(self, expression: str) -> str:
        """Give `str()` of an expression."""

    def tab(self, code: str) -> list[str]:
        """Press Tab at the end; give the words offered."""

    def offered_cell(self, cell: str) -> str:
        """Run a cell; give the source of the new cell that it asks for."""


class BareClient:
    """A kernel's client that tells no cell's id."""

    def __init__(self, kernel: Kernel, *, watched: bool) -> None:
        self.kernel = kernel
        self.watched = watched

    def run(self, cell: str) -> Ended:
        ran = self.kernel.run(cell, watched=self.watched)
        pages = [each["data"]["text/plain"] for each in self._payload(ran.reply, "page")]
        bundles = [str(each.get("text/plain", "")) for each in ran.bundles()]
        errors = [each["evalue"] for kind, each in ran.contents() if kind == "error"]
        return Ended(ran.ok, "\n".join([ran.stdout, *bundles, *pages, *errors]))

    def value(self, expression: str) -> str:
        return self.kernel.value(expression)

    def tab(self, code: str) -> list[str]:
        start = len(code.rpartition(" ")[0]) + 1
        return [taken[start:] for taken in self.kernel.complete(code)]

    def offered_cell(self, cell: str) -> str:
        ran = self.kernel.run(cell, watched=self.watched)
        (asked,) = self._payload(ran.reply, "set_next_input")
        assert asked["replace"] is False
        return str(asked["text"])

    def _payload(self, reply: dict[str, Any], source: str) -> list[Any]:
        return [each for each in reply.get("payload", []) if each["source"] == source]


class Terminal:
    """Terminal IPython, without the keyboard."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    def run(self, cell: str) -> Ended:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
            result = self.shell.run_cell(cell, store_history=True)
        return Ended(bool(result.success), shown.getvalue())

    def value(self, expression: str) -> str:
        return str(eval(expression, self.shell.user_ns))  # noqa: S307 - a test's own

    def tab(self, code: str) -> list[str]:
        with provisionalcompleter():
            return [each.text for each in self.shell.Completer.completions(code, len(code))]

    def offered_cell(self, cell: str) -> str:
        assert self.run(cell).ok
        offered, self.shell.rl_next_input = str(self.shell.rl_next_input), None
        return offered


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    made = Model()
    with made.server:
        yield made


@pytest.fixture(scope="module")
def kernel(model: Model) -> Iterator[Kernel]:
    environment = {"OPENROUTER_BASE_URL": model.server.base_url, "OPENROUTER_API_KEY": KEY}
    with running_kernel(environment) as kernel:
        assert kernel.run("%load_ext hermes_magic").ok
        yield kernel


@pytest.fixture(scope="module")
def terminal(model: Model) -> Iterator[Terminal]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENROUTER_BASE_URL", model.server.base_url)
        patch.setenv("OPENROUTER_API_KEY", KEY)
        shell: Any = TerminalInteractiveShell()
        terminal = Terminal(shell)
        assert terminal.run("%load_ext hermes_magic").ok
        yield terminal
        terminal.run("%unload_ext hermes_magic")
        shell.history_manager.end_session()


@pytest.fixture(params=["a client that can ask", "a client that cannot ask", "a terminal"])
def front_end(request: pytest.FixtureRequest, model: Model) -> FrontEnd:
    model.next, model.sent = [], []
    chosen: FrontEnd
    if request.param == "a terminal":
        chosen = request.getfixturevalue("terminal")
    else:
        kernel = request.getfixturevalue("kernel")
        chosen = BareClient(kernel, watched=request.param == "a client that can ask")
    chosen.run("%hermes forget")
    return chosen


@dataclass(frozen=True)
class Case:
    """Cells, and what must come of them.

    Attributes:
        about: the part of the notebook's life.
        cells: to be run in turn; all but the last must end well.
        answers: the model's, in turn.
        sent: the texts of the last request's messages, or ANY; () if nothing must be sent.
        holds: an expression that must be true afterwards.
        shows: what must be seen of the last cell.
        fails: whether the last cell must fail.
    """

    about: str
    cells: tuple[str, ...]
    answers: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    holds: str = "True"
    shows: str = ""
    fails: bool = False


ANY = "*"
CITY = "from dataclasses import dataclass\n@dataclass\nclass City:\n    name: str\n    people: int"
ULM = '{"name": "Ulm", "people": 128000}'
CALL = '<tool_call>{"name": "area", "arguments": {"r": 2}}</tool_call>'
RESPONSE = '<tool_response>\n{"name": "area", "content": 6}\n</tool_response>'
BLOCKS = "So:\n```python\nran = 1\n```\nand\n```py\nran = 2\n```"

CASES = [
    Case(
        "1: an expression",
        ("mean = 2 / 3", "%%hermes\nIs {{mean:.2f}} {much}?"),
        sent=("Is 0.67 {much}?",),
    ),
    Case(
        "1: its escape",
        ("mean = 2 / 3", "%%hermes\n\\{{mean}}"),
        sent=("{{mean}}",),
    ),
    Case(
        "1: switched off",
        ("mean = 2 / 3", "%%hermes --no-vars\n{{mean}}"),
        sent=("{{mean}}",),
    ),
    Case(
        "1: a wrong one",
        ("total = 1", "%%hermes\n{{totl}}"),
        shows="Did you mean total?",
        fails=True,
    ),
    Case(
        "2: something attached",
        ("def area(r):\n    return 3 * r", "%%hermes --with area\nRight?"),
        sent=("`area` (function):\n```python\ndef area(r):\n    return 3 * r\n```\n\nRight?",),
    ),
    Case(
        "2: the prompt shown",
        ("limits = {'low': 1}", "%%hermes --show-prompt --with limits\nWhy?"),
        shows="tokens in",
    ),
    Case(
        "3: a follow-up",
        ("%%hermes --chat\nOne?", "%%hermes --chat\nTwo?"),
        answers=("1",),
        sent=("One?", "1", "Two?"),
    ),
    Case(
        "3: a new start",
        ("%%hermes --chat\nOne?", "%%hermes --chat --new\nTwo?"),
        sent=("Two?",),
    ),
    Case(
        "3: a cell alone",
        ("%%hermes --chat\nOne?", "%%hermes\nTwo?"),
        sent=("Two?",),
    ),
    Case(
        "3: the history",
        ("%%hermes --chat\nOne?", "%hermes history"),
        sent=("One?",),
        shows="main · 1 turn",
    ),
    Case(
        "4: data in a class",
        (CITY, "%%hermes --schema City -o reply\nA city?"),
        answers=(f"```json\n{ULM}\n```",),
        sent=(ANY, "A city?"),
        holds="reply.data == City('Ulm', 128000)",
    ),
    Case(
        "4: wrong data twice",
        (CITY, "%%hermes --schema City -o reply\nA city?"),
        answers=("none", "none at all"),
        sent=(ANY, "A city?", "none", ANY),
        shows="holds no JSON",
        holds="reply.text == 'none at all'",
        fails=True,
    ),
    Case(
        "5: a function called",
        ("def area(r: int) -> int:\n    return 3 * r", "%%hermes --tools area -o reply\nHow big?"),
        answers=(CALL,),
        sent=(ANY, "How big?", ANY, RESPONSE),
        shows="area(r=2)",
        holds="(reply.text, reply.steps[0].result) == ('So.', '6')",
    ),
    Case(
        "5: a function that fails",
        ("def area(r: int) -> int:\n    return 3 / 0", "%%hermes --tools area -o reply\nHow big?"),
        answers=(CALL,),
        sent=(ANY, "How big?", ANY, ANY),
        shows="ZeroDivisionError",
        holds="'ZeroDivisionError' in str(reply.steps[0].error)",
    ),
    Case(
        "5: a function that is not there",
        ("def area(r: int) -> int:\n    return 3 * r", "%%hermes --tools aria\nHow big?"),
        shows="Did you mean area?",
        fails=True,
    ),
    Case(
        "6: the blocks of code",
        ("ran = 0", "%%hermes -o reply\nHow?"),
        answers=(BLOCKS,),
        sent=("How?",),
        holds="ran == 0 and [str(block) for block in reply.code] == ['ran = 1', 'ran = 2']",
    ),
    Case(
        "7: a variable explained",
        ("limits = {'low': 1}", "%hermes explain limits"),
        sent=(ANY,),
        shows="So.",
    ),
    Case(
        "8: asked from Python",
        ("from hermes_magic import ask", "reply = ask('Why?')"),
        sent=("Why?",),
        holds="reply.text == 'So.'",
    ),
    Case(
        "9: where you are",
        ("%hermes",),
        shows="key from OPENROUTER_API_KEY\nspent in this notebook $",
    ),
    Case("9: a page worth reading", ("%%hermes?",), shows="%%hermes --chat"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_a_part_of_life(front_end: FrontEnd, model: Model, case: Case) -> None:
    model.next = list(case.answers)
    *before, last = case.cells
    for cell in before:
        assert front_end.run(cell).ok
    ended = front_end.run(last)
    assert ended.ok is not case.fails, ended.shown
    assert case.shows in ended.shown
    assert "Traceback" not in ended.shown
    sent = model.sent[-1] if model.sent else []
    told = zip(sent, case.sent, strict=True)
    assert all(expected in (ANY, text) for text, expected in told), sent
    assert front_end.value(case.holds) == "True"


def test_6_code_goes_into_one_new_cell_and_nothing_runs(front_end: FrontEnd, model: Model) -> None:
    front_end.run("ran = 0")
    model.next = [BLOCKS]
    assert front_end.offered_cell("%%hermes --code\nHow?") == "ran = 1\n\nran = 2"
    assert front_end.value("ran") == "0"


def test_7_fix_offers_the_corrected_cell_and_nothing_runs(
    front_end: FrontEnd, model: Model
) -> None:
    front_end.run("ran = 0")
    assert not front_end.run("ran = 1 / 0").ok
    model.next = ["Not by zero:\n```python\nran = 1 / 1\n```"]
    assert front_end.offered_cell("%hermes fix") == "ran = 1 / 1"
    assert "ZeroDivisionError" in model.sent[-1][-1]
    assert front_end.value("ran") == "0"


def test_9_tab_completes(front_end: FrontEnd) -> None:
    front_end.run("amounts = [1]")
    assert front_end.tab("%%hermes --tho") == ["--thoughts"]
    assert front_end.tab("%%hermes --with amo") == ["amounts"]
    assert front_end.tab("%%hermes --server vl") == ["vllm"]
    front_end.run("def area(r):\n    return 3 * r")
    assert front_end.tab("%%hermes --tools are") == ["area"]


@pytest.mark.parametrize(
    ("line", "texts"),
    [("--no-vars", HOSTILE), ("", [text for text in HOSTILE if "{{" not in text])],
    ids=["without expressions", "as it comes"],
)
def test_hostile_prompts_are_sent_byte_for_byte(
    front_end: FrontEnd, model: Model, line: str, texts: list[str]
) -> None:
    asked = [text for text in [*texts, LONG] if text.strip()]
    for text in asked:
        assert front_end.run(f"%%hermes {line}\n{text}").ok, text[:80]
    # The last end of line is the cell's, not the question's.
    assert [sent for (sent,) in model.sent] == [text.removesuffix("\n") for text in asked]


@pytest.mark.parametrize(
    "cell", ["%%hermes", "%%hermes\nWhy", "%%hermes\n>>> f(1)", "%%hermes\na\n"]
)
def test_a_terminal_waits_for_the_empty_line_below_a_question(
    terminal: Terminal, cell: str
) -> None:
    assert terminal.shell.check_complete(cell)[0] == "incomplete"
    assert terminal.shell.check_complete(f"{cell.rstrip()}\n\n")[0] == "complete"


def test_lone_surrogates_too_where_a_front_end_can_type_them(
    terminal: Terminal, model: Model
) -> None:
    model.sent = []
    for text in SURROGATES:
        assert terminal.shell.run_cell(f"%%hermes\n{text}", store_history=False).success
    assert model.sent == [[text] for text in SURROGATES]

"""`%hermes fix` and `%hermes explain NAME` in a real kernel: what is sent, and what is offered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic.offline import Request, Response, Server
from hermes_magic.options import HERMES_4_405B
from tests.kernel import Kernel, Ran, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-or-v1-" + "0123456789abcdef" * 4
WHO = {"id": "gen-1", "model": HERMES_4_405B, "provider": "Nebius"}
TOTAL = "def total(rows):\n    return sum(row['amount'] for row in rows)"
FIXED = "The key is wrong.\n```python\ntotal(rows)\n```"


def chunk(finish: str | None = None, **delta: object) -> dict[str, object]:
    return {**WHO, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


class Scripted:
    """A server that always says the same, or refuses; it keeps what it was sent."""

    def __init__(self) -> None:
        self.refuses = False
        self.sent: list[Any] = []
        self.server = Server(self._respond)

    def _respond(self, request: Request) -> Response:
        if request.method == "GET" or self.refuses:
            return Response.json({"error": {"code": 404, "message": "Not found"}}, status=404)
        self.sent.append(request.json)
        end = {**WHO, "choices": [], "usage": {"prompt_tokens": 9, "cost": 0.001}}
        return Response.sse([chunk(content=FIXED), chunk("stop", content=""), end])

    @property
    def question(self) -> str:
        """The last message of the last request."""
        return str(self.sent[-1]["messages"][-1]["content"])


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    script = Scripted()
    with script.server:
        yield script


@pytest.fixture(scope="module")
def kernel(server: Scripted) -> Iterator[Kernel]:
    environment = {"OPENROUTER_BASE_URL": server.server.base_url, "OPENROUTER_API_KEY": "sk-test"}
    with running_kernel(environment) as kernel:
        assert kernel.run("%load_ext hermes_magic").ok
        yield kernel


@pytest.fixture
def scripted(server: Scripted) -> Scripted:
    server.sent, server.refuses = [], False
    return server


def fails(kernel: Kernel, source: str) -> None:
    assert not kernel.run(source).ok


def offered(ran: Ran) -> list[str]:
    return [each["text"] for each in ran.reply.get("payload", [])]


class TestFix:
    def test_without_an_exception_it_is_a_line(self, server: Scripted) -> None:
        environment = {"OPENROUTER_BASE_URL": server.server.base_url}
        with running_kernel(environment) as kernel:
            ran = kernel.run("%load_ext hermes_magic\n%hermes fix")
            (line,) = ran.error["traceback"]
            assert "OptionError: There is no exception" in line
            (again,) = kernel.run("%hermes fix").error["traceback"]
            assert again == line

    def test_cells_traceback_and_values_are_sent_and_the_cell_offered(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run(TOTAL)
        fails(kernel, "rows = [{'amount': 1}, {'amuont': 2}]  # %typed\ntotal(rows)")
        ran = kernel.run("%hermes fix")
        assert ran.ok
        sent = scripted.question
        cell, _, rest = sent.partition("Traceback (most recent call last):")
        assert "(the cell that failed):\n```python\nrows = [{'amount': 1}" in cell
        assert "# %typed" in cell
        assert f"(a cell whose code it calls):\n```python\n{TOTAL}" in cell
        assert ", line 2, in total\n    return sum(" in rest
        assert "KeyError: 'amount'" in rest
        assert "ipykernel" not in rest
        assert "`row in <genexpr>` (dict of 1 item):\n```\n'amuont': 2" in rest
        assert "whole corrected cell" in rest.rpartition("```")[2]
        assert offered(ran) == ["total(rows)"]

    def test_options_and_words_stand_behind_it(self, kernel: Kernel, scripted: Scripted) -> None:
        fails(kernel, "width = 3\n1 / 0")
        assert kernel.run("answer = %hermes fix -t 0.1 --no-think I want {{width}}.").ok
        assert scripted.sent[-1]["temperature"] == 0.1
        assert scripted.question.endswith("no other code block.\n\nI want 3.")
        assert kernel.value("answer.code[0]") == "total(rows)"
        assert kernel.run("%hermes fix: keep it short").ok
        assert scripted.question.endswith("no other code block.\n\nkeep it short")

    def test_a_dry_run_shows_it(self, kernel: Kernel, scripted: Scripted) -> None:
        fails(kernel, "width = 3\nwidth.x")
        ran = kernel.run("%hermes fix --show-prompt")
        assert scripted.sent == []
        body, _ = json.JSONDecoder().raw_decode(ran.stdout.partition("\n")[2])
        assert "`width` (int):\n```\n3\n```" in body["messages"][-1]["content"]
        kernel.run("%hermes fix")
        assert body == scripted.sent[-1]

    @pytest.mark.parametrize(
        ("source", "told"),
        [
            ("x = 1\ny = (2\nz = 3", "SyntaxError: '(' was never closed"),
            ("if True:\nx = 1", "IndentationError: expected an indented block"),
            ("%%time\nundefined_thing", "NameError: name 'undefined_thing'"),
            ("import asyncio\nawait asyncio.sleep(undefined_thing)", "NameError: name 'undef"),
            ("undefined_thing()\n%hermes offline", "NameError: name 'undefined_thing'"),
        ],
    )
    def test_the_cell_is_sent_as_it_was_typed(
        self, kernel: Kernel, scripted: Scripted, source: str, told: str
    ) -> None:
        fails(kernel, source)
        assert kernel.run("%hermes fix").ok
        assert f"(the cell that failed):\n```python\n{source}\n```" in scripted.question
        assert told in scripted.question
        assert "IPython" not in scripted.question

    def test_a_value_without_a_repr_is_named_only(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("class Odd:\n    def __repr__(self):\n        return self.missing")
        fails(kernel, "odd = Odd()\nodd + 1")
        assert kernel.run("%hermes fix").ok
        assert "`odd` (Odd):\n```\n[--with odd: it cannot be described" in scripted.question

    def test_secrets_are_not_sent(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run(f"held = {{'k': {KEY[:20]!r} + {KEY[20:]!r}}}")
        kernel.run('import json\npassword = json.loads(\'"hunter" "2"\'[:8])')
        fails(kernel, "held['x'] + password")
        assert kernel.run("%hermes fix").ok
        assert KEY not in json.dumps(scripted.sent)
        assert "hunter" not in scripted.question
        assert "[it holds an API key]" in scripted.question
        assert "[its name says that it may be a secret]" in scripted.question

    def test_a_key_in_the_message_is_refused(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run(f"shown = {KEY[:20]!r} + {KEY[20:]!r}")
        fails(kernel, "raise ValueError(f'bad {shown}')")
        assert "PastedKeyError" in kernel.run("%hermes fix").error["traceback"][0]
        assert scripted.sent == []

    def test_what_is_cut_is_told(self, kernel: Kernel, scripted: Scripted) -> None:
        fails(kernel, "many = list(range(9999))\nmany.x")
        kernel.run("answer = %hermes fix")
        assert "[left out:" in scripted.question
        assert "many was cut" in kernel.value("answer.notices")

    def test_ours_says_what_to_do_and_nothing_is_asked(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        fails(kernel, "%%hermes --with nowhere_at_all\nWhy?")
        ran = kernel.run("%hermes fix")
        assert ran.ok
        assert "AttachmentError: --with nowhere_at_all" in ran.stdout
        assert "Name a variable or a text file" in ran.stdout
        assert scripted.sent == []

    def test_its_own_failure_does_not_take_the_place_of_the_exception(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        fails(kernel, "1 / 0")
        scripted.refuses = True
        for line in ("%hermes fix", "%hermes fix --temprature 1", "%hermes fix"):
            assert "ZeroDivision" not in kernel.run(line).error["traceback"][0]
        scripted.refuses = False
        assert kernel.run("%hermes fix").ok
        assert "ZeroDivisionError" in scripted.question

    @pytest.mark.parametrize("question", ["fix my code please", "fix this for me", "fix?"])
    def test_a_question_stays_one(self, kernel: Kernel, scripted: Scripted, question: str) -> None:
        fails(kernel, "1 / 0")
        assert offered(kernel.run(f"%hermes {question}")) == []
        assert scripted.question == question


class TestExplain:
    def test_a_thing_is_described_and_explained(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run(TOTAL)
        ran = kernel.run("answer = %hermes explain total --no-think")
        assert ran.ok
        described, _, asked = scripted.question.rpartition("\n\n")
        assert described == f"`total` (function):\n```python\n{TOTAL}\n```"
        assert asked.startswith("Explain `total`: what it is")
        assert scripted.sent[-1]["reasoning"] == {"enabled": False}
        assert offered(ran) == []
        assert kernel.value("answer") == FIXED

    @pytest.mark.parametrize("line", ["explain total: why so short?", "explain total -- why?"])
    def test_the_question_may_be_the_person_s(
        self, kernel: Kernel, scripted: Scripted, line: str
    ) -> None:
        kernel.run(TOTAL)
        assert kernel.run(f"%hermes {line}").ok
        assert scripted.question.startswith("`total` (function):")
        assert scripted.question.endswith("```\n\n" + line[line.index("why") :])

    def test_a_question_mark_behind_a_variable(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run(TOTAL)
        assert kernel.run("%hermes explain total?").ok
        assert scripted.question.startswith("`total` (function):")

    def test_dots_lead_to_what_belongs_to_it(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("import json")
        assert kernel.run("%hermes explain json.dumps").ok
        assert scripted.question.startswith("`json.dumps` (function):\n```python\ndef dumps(")
        assert kernel.run("%hermes explain sorted").ok
        assert scripted.question.startswith("`sorted` (function")

    def test_more_may_be_attached(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run(f"{TOTAL}\nrows = [1]")
        assert kernel.run("%hermes explain total --with rows --with-tokens 100").ok
        assert "`total` (function)" in scripted.question
        assert "`rows` (list of 1 item)" in scripted.question

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("explain totl", "explain totl: no variable has that name. Did you mean total?"),
            ("explain entropy", "To ask about the word: %hermes What is entropy?"),
            ("explain total.nothing", "explain total.nothing: AttributeError: "),
            ("explain", "explain needs the name of a variable"),
        ],
    )
    def test_an_unknown_name_is_a_line_and_nothing_is_sent(
        self, kernel: Kernel, scripted: Scripted, line: str, told: str
    ) -> None:
        kernel.run(TOTAL)
        (shown,) = kernel.run(f"%hermes {line}").error["traceback"]
        assert told in shown
        assert scripted.sent == []

    @pytest.mark.parametrize(
        "question", ["explain the median", "explain total cost to me", "explain entropy?"]
    )
    def test_a_question_stays_one(self, kernel: Kernel, scripted: Scripted, question: str) -> None:
        kernel.run(f"{TOTAL}\nthe = 1")
        assert kernel.run(f"%hermes {question}").ok
        assert scripted.question == question


def test_the_demo_has_an_honest_answer_for_both(kernel: Kernel, scripted: Scripted) -> None:
    kernel.run(f"{TOTAL}\n%hermes offline")
    try:
        fails(kernel, "total([{}])")
        fixed = kernel.run("answer = %hermes fix")
        assert "was written beforehand" in kernel.value("answer")
        assert len(offered(fixed)) == 1
        kernel.run("answer = %hermes explain total")
        assert "was written beforehand, for `total`" in kernel.value("answer")
    finally:
        kernel.run("%hermes online")
    assert scripted.sent == []


def test_help_lists_them(kernel: Kernel) -> None:
    for line in ("%hermes -h", "%hermes fix -h"):
        assert "%hermes explain NAME" in kernel.run(line).stdout

"""At home in a real notebook: its values and things in the question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic.offline import Request, Response, Server
from hermes_magic.options import HERMES_4_405B
from tests.kernel import Kernel, Ran, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

WHO = {"id": "gen-1", "model": HERMES_4_405B, "provider": "Nebius"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "cost": 0.001}


def chunk(finish: str | None = None, **delta: object) -> dict[str, object]:
    return {**WHO, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


class Scripted:
    """A server that gives the texts laid down, then "So."; it keeps what it was sent."""

    def __init__(self) -> None:
        self.next: list[str] = []
        self.finish = "stop"
        self.sent: list[Any] = []
        self.server = Server(self._respond)

    def _respond(self, request: Request) -> Response:
        if request.method == "GET":
            return Response.json({"error": {"code": 404, "message": "Not found"}}, status=404)
        self.sent.append(request.json)
        text = self.next.pop(0) if self.next else "So."
        end = {**WHO, "choices": [], "usage": USAGE}
        parts = [chunk(reasoning="Hm."), chunk(content=text), chunk(self.finish, content="")]
        return Response.sse([*parts, end])

    @property
    def question(self) -> str:
        """The last message of the last request."""
        return str(self.sent[-1]["messages"][-1]["content"])


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    script = Scripted()
    with script.server:
        yield script


@pytest.fixture
def scripted(server: Scripted) -> Scripted:
    server.next, server.sent, server.finish = [], [], "stop"
    return server


@pytest.fixture(scope="module")
def kernel(server: Scripted) -> Iterator[Kernel]:
    environment = {"OPENROUTER_BASE_URL": server.server.base_url, "OPENROUTER_API_KEY": "sk-test"}
    with running_kernel(environment) as kernel:
        assert kernel.run("%load_ext hermes_magic").ok
        yield kernel


def shown(ran: Ran) -> str:
    """Give the HTML of all that a cell shows."""
    return "\n".join(str(bundle["text/html"]) for bundle in ran.bundles())


class TestVariables:
    def test_expressions_become_their_values(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("mean, names = 2 / 3, ['a', 'b']")
        assert kernel.run("%%hermes\n{{mean:.2f}} of {{names[0].upper()}}, {{names!r}}").ok
        assert scripted.question == "0.67 of A, ['a', 'b']"

    def test_expressions_on_the_line_too(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("mean = 2 / 3")
        assert kernel.run("%hermes Is {{mean:.1f}} much?").ok
        assert scripted.question == "Is 0.7 much?"

    def test_each_is_evaluated_once_and_its_braces_are_text(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run(
            "calls, secret = [], 'x'\ndef tell():\n    calls.append(1)\n    return '{{secret}}'"
        )
        assert kernel.run("%%hermes\n{{tell()}}").ok
        assert scripted.question == "{{secret}}"
        assert kernel.value("len(calls)") == "1"

    def test_a_failing_one_is_a_line_and_nothing_is_sent(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run("total = 3")
        ran = kernel.run("%%hermes\nWhat is {{totl}}?")
        assert not ran.ok
        (line,) = ran.error["traceback"]
        assert "TemplateError: {{totl}}: NameError" in line
        assert "Did you mean total?" in line
        assert scripted.sent == []

    @pytest.mark.parametrize(
        ("line", "text", "sent"),
        [("--no-vars", "{{total}}", "{{total}}"), ("", r"\{{total}}", "{{total}}")],
    )
    def test_both_ways_out_send_the_braces(
        self, kernel: Kernel, scripted: Scripted, line: str, text: str, sent: str
    ) -> None:
        kernel.run("total = 3")
        assert kernel.run(f"%%hermes {line}\n{text}").ok
        assert scripted.question == sent

    def test_a_notebook_can_switch_it_off(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("total = 3\n%config HermesMagics.vars = False")
        try:
            kernel.run("%%hermes\n{{total}}")
            assert scripted.question == "{{total}}"
            kernel.run("%%hermes --vars\n{{total}}")
            assert scripted.question == "3"
        finally:
            kernel.run("%config HermesMagics.vars = True")

    def test_braces_left_alone_that_name_a_variable_are_told(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run("total = 3")
        ran = kernel.run("%%hermes -o answer\nWhat does `{{total}}` mean?")
        assert scripted.question == "What does `{{total}}` mean?"
        assert "Sent as it stands" in shown(ran)
        assert "{{total}}" in kernel.value("answer.notices")

    def test_a_dry_run_shows_the_values(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("total = 3")
        ran = kernel.run("%%hermes --dry-run\nIs {{total}} many, or `{{total}}`?")
        assert "Is 3 many, or `{{total}}`?" in ran.stdout
        assert "Sent as it stands" in ran.stdout
        assert scripted.sent == []

    def test_a_key_in_a_value_is_refused(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("pasted = 'sk-or-v1-' + '0123456789abcdef' * 4")
        ran = kernel.run("%%hermes\nIs {{pasted}} secret?")
        assert "PastedKeyError" in ran.error["traceback"][0]
        assert scripted.sent == []

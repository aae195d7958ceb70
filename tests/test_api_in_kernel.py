"""`ask` in a real kernel: the notebook's own session, defaults, limits and conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic.offline import Pause, Request, Response, Server
from hermes_magic.options import HERMES_4_405B
from tests.kernel import Kernel, Ran, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermes_magic.offline import Exchange
    from hermes_magic.offline.messages import Event

KEY = "sk-or-v1-" + "0123456789abcdef" * 4
LONG = 60.0
WHO = {"id": "gen-1", "model": HERMES_4_405B, "provider": "Nebius"}


def chunk(finish: str | None = None, **delta: object) -> dict[str, object]:
    return {**WHO, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


class Scripted:
    """A server that answers each question with itself, or hangs behind a first word."""

    def __init__(self) -> None:
        self.hangs = False
        self.sent: list[Any] = []
        self.server = Server(self._respond)

    def _respond(self, request: Request) -> Response:
        if request.method == "GET":
            return Response.json({"error": {"code": 404, "message": "Not found"}}, status=404)
        body: Any = request.json
        self.sent.append(body)
        end = {**WHO, "choices": [], "usage": {"prompt_tokens": 9, "cost": 0.001}}
        events: list[Event] = [chunk(content=f"So: {body['messages'][-1]['content']}")]
        events += [Pause(LONG)] if self.hangs else [chunk("stop", content=""), end]
        return Response.sse(events)

    def said(self) -> list[str]:
        """Give what stands in the messages of the last request."""
        return [message["content"] for message in self.sent[-1]["messages"]]


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    script = Scripted()
    with script.server:
        yield script


@pytest.fixture(scope="module")
def kernel(server: Scripted) -> Iterator[Kernel]:
    environment = {"OPENROUTER_BASE_URL": server.server.base_url, "OPENROUTER_API_KEY": "sk-test"}
    with running_kernel(environment) as kernel:
        yield kernel


@pytest.fixture
def scripted(server: Scripted, kernel: Kernel) -> Scripted:
    assert kernel.run("from hermes_magic import aask, ask\n%reload_ext hermes_magic").ok
    server.sent, server.hangs = [], False
    return server


def shown(ran: Ran) -> list[str]:
    return [str(bundle.get("text/html", bundle)) for bundle in ran.bundles()]


def test_without_the_extension_the_environment_counts(server: Scripted, kernel: Kernel) -> None:
    ran = kernel.run("from hermes_magic import ask\nask('Why?').text")
    assert shown(ran) == ["{'text/plain': \"'So: Why?'\"}"]
    assert server.sent[-1]["temperature"] == 0.6
    ran = kernel.run("reply = ask('Why?', show=True)")
    assert "So: Why?" in shown(ran)[0]


def test_the_notebook_s_defaults_count_and_nothing_is_shown(
    kernel: Kernel, scripted: Scripted
) -> None:
    ran = kernel.run("%config HermesMagics.temperature = 0.3\nreply = ask('Why?', top_k=7)")
    assert ran.ok
    assert (ran.bundles(), ran.stdout) == ([], "")
    assert (scripted.sent[-1]["temperature"], scripted.sent[-1]["top_k"]) == (0.3, 7)
    assert kernel.value("reply") == "So: Why?"


def test_in_a_function_and_a_loop(kernel: Kernel, scripted: Scripted) -> None:
    ran = kernel.run(
        "def short(name):\n    return ask(f'Is {name} {{big}}?').text\n"
        "answers = [short(name) for name in ('Ulm', 'Bonn')]"
    )
    assert ran.ok
    assert kernel.value("answers") == "['So: Is Ulm {big}?', 'So: Is Bonn {big}?']"
    assert len(scripted.sent) == 2


def test_the_offline_demo_answers_where_it_is_in_use(kernel: Kernel, scripted: Scripted) -> None:
    assert kernel.run("%hermes offline\nreply = ask('What is a p-value?')").ok
    assert kernel.value("reply.model") == "offline demo"
    assert scripted.sent == []


def test_a_budget_of_the_notebook_holds(kernel: Kernel, scripted: Scripted) -> None:
    ran = kernel.run("%config HermesMagics.budget = 0.0001\nask('Why?', model='405b')")
    kernel.run("%config HermesMagics.budget = None")
    (line,) = ran.error["traceback"]
    assert "BudgetError" in line
    assert scripted.sent == []


def test_its_calls_are_the_notebook_s(kernel: Kernel, scripted: Scripted) -> None:
    kernel.run("spending = %hermes cost")
    before = int(
        kernel.value("sum(row.calls for row in spending.rows() if 'notebook' in row.label)")
    )
    kernel.run("ask('Why?')\nspending = %hermes cost")
    after = kernel.value("sum(row.calls for row in spending.rows() if 'notebook' in row.label)")
    assert int(after) == before + 1
    assert len(scripted.sent) == 1


def test_a_conversation_is_the_cells_too_and_a_cell_run_again_replaces_its_turn(
    kernel: Kernel, scripted: Scripted
) -> None:
    kernel.run("%%hermes --chat\nA city?", cell="a")
    loop = "for text in ('Big?', 'Old?'):\n    ask(text, chat=True)"
    kernel.run(loop, cell="b")
    assert scripted.said() == ["A city?", "So: A city?", "Big?", "So: Big?", "Old?"]
    kernel.run(loop, cell="b")
    assert scripted.said() == ["A city?", "So: A city?", "Big?", "So: Big?", "Old?"]


def test_a_cell_without_an_id_is_known_by_its_text(kernel: Kernel, scripted: Scripted) -> None:
    for _ in range(2):
        kernel.run("reply = ask('A city?', chat=True)")
    assert scripted.said() == ["A city?"]
    kernel.run("reply = ask('Big?', chat=True)")
    assert scripted.said() == ["A city?", "So: A city?", "Big?"]


def test_what_is_shown_is_shown_once(kernel: Kernel, scripted: Scripted) -> None:
    (html,) = shown(kernel.run("ask('Why?', show=True)"))
    assert "So: Why?" in html
    (html,) = shown(kernel.run("ask('How?')"))
    assert "So: How?" in html
    assert len(scripted.sent) == 2


@pytest.mark.parametrize("watched", [False, True])
def test_many_are_awaited_in_a_cell_and_shown_there(
    kernel: Kernel, scripted: Scripted, *, watched: bool
) -> None:
    ran = kernel.run(
        "import asyncio\n"
        "asked = (aask(str(n), show=n > 6) for n in range(9))\n"
        "replies = await asyncio.gather(*asked)",
        watched=watched,
    )
    assert ran.ok
    assert kernel.value("[reply.text for reply in replies[:3]]") == "['So: 0', 'So: 1', 'So: 2']"
    assert len(scripted.sent) == 9
    seven, eight = sorted(shown(ran))
    assert "So: 7" in seven
    assert "So: 8" in eight


def left(server: Scripted, before: int) -> bool:
    """Wait for the next question's end; tell whether the client hung up."""
    ended: list[Exchange] = []
    while not (posts := [one for one in ended if one.request.method == "POST"]):
        ended = list(server.server.wait_for_exchanges(before + len(ended) + 1)[before:])
    return posts[0].client_left


@pytest.mark.parametrize("call", ["ask('Why?')", "await aask('Why?')", "await gather()"])
def test_an_interrupt_closes_the_connection(kernel: Kernel, scripted: Scripted, call: str) -> None:
    kernel.run("def gather():\n    return __import__('asyncio').gather(aask('Why?'), aask('How?'))")
    scripted.hangs = True
    before = len(scripted.server.exchanges)
    ran = kernel.run(call, interrupt_when=lambda _: bool(scripted.sent))
    assert not ran.ok
    assert left(scripted, before)
    scripted.hangs = False
    assert kernel.run("ask('Still here?')").ok


def test_a_key_is_refused_and_erased(kernel: Kernel, scripted: Scripted) -> None:
    ran = kernel.run(f"ask('Is {KEY} good?')")
    assert "PastedKeyError" in ran.error["traceback"][0]
    assert scripted.sent == []
    kernel.run("1")
    assert KEY not in kernel.value("In")

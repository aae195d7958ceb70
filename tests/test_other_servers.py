"""Servers of every kind behind a real kernel: what each is sent, and what comes back."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic.offline import Pause, Request, Response, Server
from hermes_magic.options import HERMES_4_405B
from hermes_magic.wire.dialects import THINKING_PROMPT
from tests.kernel import Kernel, Message, Ran, running_kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KEY = "sk-or-v1-not-a-real-key"
TEAM_KEY = "team-not-a-real-key"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
MODELS = [
    {
        "id": HERMES_4_405B,
        "context_length": 131072,
        "pricing": {"prompt": "0.000001", "completion": "0.000003"},
    },
    {"id": "<b>evil/model</b>", "context_length": 1},
]


def chunk(finish: str | None = None, **delta: object) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "model": "hermes-4", "choices": [choice]}


END: list[Mapping[str, object]] = [chunk("stop"), {"choices": [], "usage": USAGE}]
SHAPES: dict[str, list[Mapping[str, object]]] = {
    "reasoning": [chunk(reasoning="Let me "), chunk(reasoning="think."), chunk(content="Yes.")],
    "reasoning_content": [
        chunk(role="assistant", content=None),
        chunk(reasoning_content="Let me think."),
        chunk(content="Yes."),
    ],
    "inline": [chunk(content="<th"), chunk(content="ink>Let me think.</think>Yes.")],
}
HOW_THOUGHT_COMES = {
    "nous": "inline",
    "vllm": "reasoning",
    "sglang": "reasoning_content",
    "llama.cpp": "reasoning_content",
    "ollama": "reasoning",
    "lmstudio": "inline",
}


class Loopback:
    """A server that answers like any kind; `chat` answers a question."""

    def __init__(self) -> None:
        self.chat: Callable[[], Response] = lambda: answer("reasoning")
        self.server = Server(self._respond)

    def _respond(self, request: Request) -> Response:
        path = request.path.removeprefix("/api/v1")
        if request.method == "POST":
            return self.chat()
        if path == "/models":
            return Response.json({"data": MODELS})
        if path == "/key":
            figures = {"label": "team <i>", "limit": 10, "limit_remaining": Decimal("7.5")}
            return Response.json({"data": figures})
        return Response.json({"error": {"code": 404, "message": "none"}}, status=404)

    @property
    def posts(self) -> list[Request]:
        requests = [exchange.request for exchange in self.server.exchanges]
        return [request for request in requests if request.method == "POST"]

    @property
    def sent(self) -> Any:
        return self.posts[-1].json


def answer(shape: str) -> Response:
    return Response.sse([*SHAPES[shape], *END])


@pytest.fixture(scope="module")
def main() -> Iterator[Loopback]:
    loopback = Loopback()
    with loopback.server:
        yield loopback


@pytest.fixture(scope="module")
def other() -> Iterator[Loopback]:
    loopback = Loopback()
    with loopback.server:
        yield loopback


@pytest.fixture(scope="module")
def kernel(main: Loopback, other: Loopback) -> Iterator[Kernel]:
    environment = {
        "OPENROUTER_BASE_URL": main.server.base_url,
        "OPENROUTER_API_KEY": KEY,
        "TEAM_KEY": TEAM_KEY,
        "NOUS_API_KEY": "nous-not-a-real-key",
    }
    at = other.server.base_url
    servers: dict[str, dict[str, object]] = {kind: {"base_url": at} for kind in HOW_THOUGHT_COMES}
    servers["team"] = {
        "like": "vllm",
        "base_url": at,
        "key_variable": "TEAM_KEY",
        "model": "team/hermes",
        "price": [0.5, 1.5],
    }
    servers["gone"] = {"like": "vllm", "base_url": "http://127.0.0.1:9/v1"}
    with running_kernel(environment) as kernel:
        assert kernel.run("%load_ext hermes_magic").ok
        assert kernel.run(f"%config HermesMagics.servers = {servers!r}").ok
        yield kernel


@contextmanager
def setting(kernel: Kernel, name: str, value: object, *, back: object) -> Iterator[None]:
    assert kernel.run(f"%config HermesMagics.{name} = {value!r}").stdout == ""
    try:
        yield
    finally:
        kernel.run(f"%config HermesMagics.{name} = {back!r}")


def assert_one_line(error: Message) -> None:
    assert "\n" not in error["evalue"]
    assert len(error["traceback"]) == 1
    assert "Traceback" not in error["traceback"][0]


def shown(ran: Ran) -> str:
    (bundle,) = ran.bundles()
    assert set(bundle) == {"text/plain", "text/html"}
    return str(bundle["text/plain"])


class TestEachKind:
    @pytest.mark.parametrize(("kind", "shape"), HOW_THOUGHT_COMES.items())
    def test_thinks_and_answers(
        self, kernel: Kernel, other: Loopback, kind: str, shape: str
    ) -> None:
        other.chat = lambda: answer(shape)
        ran = kernel.run(f"%%hermes --server {kind} -o told\nWhy?")
        assert ran.ok, ran.text()
        assert kernel.value("(told.text, told.thinking)") == "('Yes.', 'Let me think.')"
        assert kernel.value("(told.finish_reason, told.cost, told.estimate)") == (
            "('stop', None, None)"
        )
        assert kernel.value("told.usage.prompt_tokens") == "1000"
        assert not {"reasoning", "provider"} & other.sent.keys()
        assert not other.posts[-1].carries_key(KEY)

    def test_is_asked_for_its_own_model(self, kernel: Kernel, other: Loopback) -> None:
        other.chat = lambda: answer("reasoning")
        kernel.run("%%hermes --server vllm\nWhy?")
        assert other.sent["model"] == "NousResearch/Hermes-4-405B"
        kernel.run("%%hermes --server team\nWhy?")
        assert other.sent["model"] == "team/hermes"
        kernel.run("%%hermes --server team -m my/own\nWhy?")
        assert other.sent["model"] == "my/own"
        with setting(kernel, "model", "set/model", back=HERMES_4_405B):
            kernel.run("%%hermes --server team\nWhy?")
            assert other.sent["model"] == "set/model"

    def test_is_told_how_to_think(self, kernel: Kernel, other: Loopback) -> None:
        kernel.run("%%hermes --server vllm --no-think\nWhy?")
        assert other.sent["chat_template_kwargs"] == {"thinking": False}
        kernel.run("%%hermes --server lmstudio -s 'Be brief.'\nWhy?")
        assert other.sent["messages"][0]["content"] == f"{THINKING_PROMPT}\n\nBe brief."


class TestOneOfOnesOwn:
    def test_gets_its_own_key_and_is_estimated(self, kernel: Kernel, other: Loopback) -> None:
        other.chat = lambda: answer("reasoning")
        ran = kernel.run("%%hermes --server team -o told\nWhy?")
        assert other.posts[-1].carries_key(TEAM_KEY)
        assert kernel.value("(told.cost, told.estimate)") == "(None, Decimal('0.00125'))"
        (bundle,) = ran.bundles()
        assert "~$0.00125" in bundle["text/plain"]
        assert TEAM_KEY not in ran.text()

    def test_can_be_the_notebook_s(self, kernel: Kernel, main: Loopback, other: Loopback) -> None:
        before = len(main.posts), len(other.posts)
        with setting(kernel, "server", "team", back="openrouter"):
            assert "team/hermes · key from TEAM_KEY" in kernel.run("%hermes").stdout
            assert kernel.run("%hermes Why?").ok
            assert (len(main.posts), len(other.posts)) == (before[0], before[1] + 1)
            assert kernel.run("%hermes --server openrouter Why?").ok
        assert main.posts[-1].carries_key(KEY)

    def test_without_its_key_is_one_line(self, kernel: Kernel, other: Loopback) -> None:
        before = len(other.posts)
        kernel.run("import os; kept_key = os.environ.pop('TEAM_KEY')")
        ran = kernel.run("%%hermes --server team\nWhy?")
        kernel.run("os.environ['TEAM_KEY'] = kept_key")
        assert ran.error["ename"] == "AuthenticationError"
        assert "TEAM_KEY is not set. Set TEAM_KEY" in ran.error["evalue"]
        assert_one_line(ran.error)
        assert len(other.posts) == before

    @pytest.mark.parametrize(
        ("server", "says"),
        [
            ("team", "Set TEAM_KEY to a valid key"),
            ("vllm", "key_variable in HermesMagics.servers"),
            ("openrouter", "Set OPENROUTER_API_KEY to a valid key"),
        ],
    )
    def test_that_refuses_the_key_names_its_variable(
        self, kernel: Kernel, main: Loopback, other: Loopback, server: str, says: str
    ) -> None:
        refusal = {"error": {"code": 401, "message": f"bad key {TEAM_KEY}"}}
        main.chat = other.chat = lambda: Response.json(refusal, status=401)
        ran = kernel.run(f"%%hermes --server {server}\nWhy?")
        main.chat = other.chat = lambda: answer("reasoning")
        assert ran.error["ename"] == "AuthenticationError"
        assert says in ran.error["evalue"]
        assert_one_line(ran.error)

    @pytest.mark.parametrize(
        ("line", "name", "says"),
        [
            ("--server temp", "OptionError", "did you mean team?"),
            ("--server gone", "NetworkError", "No connection to 127.0.0.1"),
            ("--server nous --zdr", "OptionError", "nous cannot promise --zdr"),
        ],
    )
    def test_that_cannot_answer_is_one_line(
        self, kernel: Kernel, line: str, name: str, says: str
    ) -> None:
        ran = kernel.run(f"%%hermes {line}\nWhy?")
        assert ran.error["ename"] == name
        assert says in ran.error["evalue"]
        assert_one_line(ran.error)

    def test_that_is_defined_wrongly_changes_nothing(self, kernel: Kernel) -> None:
        ran = kernel.run(f"%config HermesMagics.servers = {{'x': {{'key': {KEY!r}}}}}")
        (complaint,) = [content["text"] for kind, content in ran.contents() if kind == "stream"]
        assert "servers: x takes no key" in complaint
        assert complaint.count("\n") == 1
        assert KEY not in complaint
        assert kernel.run("%%hermes --server team\nWhy?").ok


class TestOffline:
    def test_asks_nobody_else(self, kernel: Kernel, other: Loopback) -> None:
        before = len(other.server.exchanges)
        kernel.run("%hermes offline")
        asked = kernel.run("%%hermes -o told\nWhy?")
        refused = kernel.run("%%hermes --server team\nWhy?")
        kernel.run("%hermes online")
        assert asked.ok
        assert kernel.value("told.is_demo") == "True"
        assert refused.error["ename"] == "OptionError"
        assert "%hermes online" in refused.error["evalue"]
        assert len(other.server.exchanges) == before


class TestCommands:
    def test_servers_lists_all_and_says_which_answer(
        self, kernel: Kernel, main: Loopback, other: Loopback
    ) -> None:
        before = len(main.server.exchanges), len(other.server.exchanges)
        text = shown(ran := kernel.run("%hermes servers"))
        lines = {line.split()[0]: line for line in text.splitlines()}
        assert lines["openrouter"].startswith("openrouter (in use)")
        assert "answers · 2 models" in lines["openrouter"]
        assert "TEAM_KEY" in lines["team"]
        assert lines["team"].endswith("answers · 2 models")
        assert lines["gone"].endswith("no answer")
        assert KEY not in ran.text()
        asked = main.server.exchanges[before[0] :]
        assert all(exchange.request.carries_key(KEY) for exchange in asked)
        others = [exchange.request for exchange in other.server.exchanges[before[1] :]]
        assert not any(request.carries_key(KEY) for request in others)
        assert sum(request.carries_key(TEAM_KEY) for request in others) == 1
        assert sum(request.has_key for request in others) == 1

    def test_models_have_price_and_context(self, kernel: Kernel) -> None:
        ran = kernel.run("%hermes models")
        assert f"{HERMES_4_405B}  131,072  $1.00  $3.00" in shown(ran)
        (bundle,) = ran.bundles()
        assert "<b>evil" not in bundle["text/html"]

    def test_models_are_narrowed_by_a_word(self, kernel: Kernel) -> None:
        text = shown(kernel.run("%hermes models HERMES --server team"))
        assert "evil" not in text
        assert "1 of 2 models of team" in text

    def test_a_question_that_begins_like_a_command_is_asked(
        self, kernel: Kernel, main: Loopback
    ) -> None:
        assert kernel.run("%hermes models of the atom?").ok
        assert main.sent["messages"][-1]["content"] == "models of the atom?"

    def test_status_tells_what_the_key_may_still_spend(self, kernel: Kernel) -> None:
        ran = kernel.run("%hermes status")
        text = shown(ran)
        assert "key from OPENROUTER_API_KEY" in text
        assert HERMES_4_405B in text
        assert "team <i>" in text
        assert "$7.50 of $10.00" in text
        assert "<i>" not in ran.bundles()[0]["text/html"]
        assert KEY not in ran.text()

    def test_status_of_another_server(self, kernel: Kernel) -> None:
        text = shown(kernel.run("%hermes status --server team"))
        assert "key from TEAM_KEY" in text
        assert "answers · 2 models" in text
        assert "no answer" in shown(kernel.run("%hermes status --server gone"))

    @pytest.mark.parametrize(
        ("cell", "name"),
        [
            ("%hermes models --server gone", "NetworkError"),
            ("%hermes status --server nope", "OptionError"),
        ],
    )
    def test_a_fault_is_one_typed_line(self, kernel: Kernel, cell: str, name: str) -> None:
        ran = kernel.run(cell)
        assert ran.error["ename"] == name
        assert_one_line(ran.error)

    def test_the_help_lists_them(self, kernel: Kernel) -> None:
        assert "%hermes models [WORD] [--server NAME]" in kernel.run("%hermes -h").stdout


class TestOptions:
    def test_are_sent_as_openrouter_names_them(self, kernel: Kernel, main: Loopback) -> None:
        line = "--provider Nebius --zdr --max-price 1,3 --fallback 70b --param min_p=0.05"
        assert kernel.run(f"%%hermes {line}\nWhy?").ok
        assert main.sent["provider"] == {
            "order": ["Nebius"],
            "allow_fallbacks": False,
            "zdr": True,
            "max_price": {"prompt": 1, "completion": 3},
        }
        assert main.sent["models"] == ["nousresearch/hermes-4-70b"]
        assert main.sent["min_p"] == 0.05

    def test_can_be_defaults(self, kernel: Kernel, main: Loopback) -> None:
        with (
            setting(kernel, "provider", ["Nebius"], back=[]),
            setting(kernel, "seed", 7, back=None),
        ):
            kernel.run("%%hermes\nWhy?")
            assert (main.sent["provider"]["order"], main.sent["seed"]) == (["Nebius"], 7)
        kernel.run("%%hermes\nWhy?")
        assert not {"provider", "seed"} & main.sent.keys()

    def test_that_the_model_does_not_list_get_a_note(self, kernel: Kernel) -> None:
        ran = kernel.run("%%hermes --seed 3 -o told\nWhy?")
        note = f"{HERMES_4_405B} does not list --seed"
        assert note in kernel.value("told.notices")
        assert all(note in form for form in ran.bundles()[0].values())

    def test_a_stop_text_ends_the_answer_on_our_side(self, kernel: Kernel, main: Loopback) -> None:
        main.chat = lambda: Response.sse(
            [chunk(content="one EN"), chunk(content="D two"), Pause(60), *END]
        )
        before = len(main.server.exchanges)
        ran = kernel.run("%%hermes --stop END -o told\nWhy?")
        main.chat = lambda: answer("reasoning")
        assert ran.ok, ran.text()
        assert kernel.value("(told.text, told.finish_reason, told.state)") == (
            "('one ', 'stop', 'complete')"
        )
        assert "may bill" in kernel.value("told.notices")
        assert main.server.wait_for_exchanges(before + 1)[-1].client_left
        assert "stop" not in main.sent
        assert kernel.run("%%hermes\nWhy?").ok

    def test_a_timeout_ends_a_wait_that_comments_keep_open(
        self, kernel: Kernel, main: Loopback
    ) -> None:
        def waiting() -> Iterator[Any]:
            yield chunk(content="It is")
            while True:
                yield "OPENROUTER PROCESSING"
                yield Pause(0.05)

        main.chat = lambda: Response.sse(waiting())
        ran = kernel.run("%%hermes --timeout 0.5 -o part\nWhy?")
        main.chat = lambda: answer("reasoning")
        assert ran.error["ename"] == "ServerTimeoutError"
        assert "Nothing came for 0.5 s" in ran.error["evalue"]
        assert_one_line(ran.error)
        assert kernel.value("(part.text, part.state)") == "('It is', 'failed')"
        assert kernel.run("%%hermes\nWhy?").ok

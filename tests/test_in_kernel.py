"""The magic in a real kernel and against a real server: sends, shows, keeps, and fails."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic.offline import DemoServer, Exchange, Pause, Request, Response, Server
from hermes_magic.options import HERMES_4_405B
from tests.kernel import Kernel, Message, Ran, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEY = "sk-or-v1-not-a-real-key"
QUESTION = "Why does the median resist outliers?"
USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 5,
    "total_tokens": 17,
    "cost": Decimal("0.000027"),
}
DEFAULTS = {"temperature": 0.6, "max_tokens": 8192, "think": True}
WHO = {"id": "gen-1", "model": HERMES_4_405B, "provider": "Nebius"}


def chunk(finish: str | None = None, **delta: object) -> dict[str, object]:
    return {**WHO, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


ANSWER: list[Mapping[str, object]] = [
    chunk(reasoning="Let me think."),
    chunk(content="It is **"),
    chunk(content="forty-two**."),
    chunk("stop", content=""),
    {**WHO, "choices": [], "usage": USAGE},
]


class Scripted:
    """A server whose next answers a test lays down; by default the same short answer."""

    def __init__(self) -> None:
        self.next: list[Response] = []
        self.looked_up: set[str] = set()
        self.server = Server(self._respond)

    def _respond(self, request: Request) -> Response:
        if request.method == "GET":
            return self._generation(request)
        return self.next.pop(0) if self.next else Response.sse(ANSWER)

    @property
    def sent(self) -> Any:
        """The body of the last question."""
        return self.asked[-1].request.json

    @property
    def asked(self) -> list[Exchange]:
        """The exchanges that were questions, in the order of their ends."""
        return [each for each in self.server.exchanges if each.request.method == "POST"]

    def wait_for(self, count: int) -> Exchange:
        """Wait until that many questions have been answered; give the last one."""
        exchanges = 0
        while len(self.asked) < count:
            exchanges = len(self.server.wait_for_exchanges(exchanges + 1, timeout=30))
        return self.asked[count - 1]

    def _generation(self, request: Request) -> Response:
        """Keep books as OpenRouter does: nothing yet at the first time of asking."""
        known = request.path in self.looked_up
        self.looked_up.add(request.path)
        if not known:
            return Response.json({"error": {"code": 404, "message": "Not found"}}, status=404)
        return Response.json({"data": {"id": "gen-1", "total_cost": Decimal("0.0123")}})


@pytest.fixture(scope="module")
def scripted() -> Iterator[Scripted]:
    script = Scripted()
    with script.server:
        yield script


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=400, first_token_seconds=0.05) as server:
        yield server


@pytest.fixture(scope="module")
def kernel(scripted: Scripted) -> Iterator[Kernel]:
    environment = {"OPENROUTER_BASE_URL": scripted.server.base_url, "OPENROUTER_API_KEY": KEY}
    with running_kernel(environment) as kernel:
        assert kernel.run("%load_ext hermes_magic").ok
        yield kernel


@pytest.fixture
def asks_demo(kernel: Kernel, demo: DemoServer, scripted: Scripted) -> Iterator[Kernel]:
    kernel.run(f"%config HermesMagics.base_url = {demo.base_url!r}")
    yield kernel
    kernel.run(f"%config HermesMagics.base_url = {scripted.server.base_url!r}")


def html(ran: Ran) -> str:
    (bundle,) = ran.bundles()
    return str(bundle["text/html"])


class TestSends:
    def test_what_the_model_card_wants_by_default(self, kernel: Kernel, scripted: Scripted) -> None:
        assert kernel.run(f"%%hermes\n{QUESTION}").ok
        assert scripted.sent == {
            "model": HERMES_4_405B,
            "messages": [{"role": "user", "content": QUESTION}],
            "stream": True,
            "reasoning": {"enabled": True},
            "max_tokens": 8192,
            "temperature": 0.6,
            "top_p": 0.95,
            "top_k": 20,
        }
        request = scripted.asked[-1].request
        assert request.method == "POST"
        assert request.path == "/api/v1/chat/completions"
        assert request.carries_key(KEY)

    def test_exactly_what_the_options_say(self, kernel: Kernel, scripted: Scripted) -> None:
        line = '-m 70b --no-think -s "Be brief." -t 0 --top-p 1 --top-k=0 --max-tokens 16 -o x'
        assert kernel.run(f"%%hermes {line}\n{QUESTION}").ok
        assert scripted.sent == {
            "model": "nousresearch/hermes-4-70b",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": QUESTION},
            ],
            "stream": True,
            "reasoning": {"enabled": False},
            "max_tokens": 16,
            "temperature": 0,
            "top_p": 1,
            "top_k": 0,
        }

    @pytest.mark.parametrize(
        "text",
        [
            r"\frac{1}{2} $x$ {1+1} $HOME {undefined!r} %d %(a)s",
            '{"json": [1, 2]}\n\n  indented\n\ttabbed  ',
            "an 'apostrophe and a \"quote\\ and 🎈 עברית \u2028 end",
            "!ls\n%time\n?help\n%%html",
        ],
    )
    def test_the_cells_text_as_it_stands(
        self, kernel: Kernel, scripted: Scripted, text: str
    ) -> None:
        assert kernel.run(f"%%hermes\n{text}").ok
        assert scripted.sent["messages"][-1]["content"] == text

    def test_a_question_on_the_line_as_it_stands(self, kernel: Kernel, scripted: Scripted) -> None:
        assert kernel.run('x = 5\n%hermes -t 0.1 What\'s {x} or $x, "quoted"?').ok
        assert scripted.sent["messages"][-1]["content"] == 'What\'s {x} or $x, "quoted"?'
        assert scripted.sent["temperature"] == 0.1

    def test_defaults_that_were_configured(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("%config HermesMagics.temperature = 0.2\n%config HermesMagics.model = '70b'")
        kernel.run(f"%%hermes\n{QUESTION}")
        configured = scripted.sent
        kernel.run(f"%%hermes -t 1\n{QUESTION}")
        overridden = scripted.sent
        kernel.run(
            "%config HermesMagics.temperature = 0.6\n"
            f"%config HermesMagics.model = {HERMES_4_405B!r}"
        )
        assert (configured["temperature"], configured["model"]) == (
            0.2,
            "nousresearch/hermes-4-70b",
        )
        assert overridden["temperature"] == 1

    @pytest.mark.parametrize(
        ("cell", "says"),
        [
            ("%%hermes --temprature 0.2\nhi", "did you mean --temperature?"),
            ("%%hermes -t hot\nhi", "-t takes a number from 0 to 2"),
            ("%%hermes --max-tokens\nhi", "--max-tokens needs a value"),
            ("%%hermes -o 2x\nhi", "-o takes a name"),
            ("%%hermes -s 'open\nhi", "A quote is not closed"),
            ("%%hermes hello\nhi", "Unexpected text"),
            ("%%hermes\n  \n", "There is no question"),
        ],
    )
    def test_nothing_when_the_line_is_wrong(
        self, kernel: Kernel, scripted: Scripted, cell: str, says: str
    ) -> None:
        before = len(scripted.asked)
        ran = kernel.run(cell)
        assert len(scripted.asked) == before
        assert not ran.ok
        assert ran.error["ename"] == "OptionError"
        assert says in ran.error["evalue"]
        assert_one_line(ran.error)

    def test_nothing_for_help(self, kernel: Kernel, scripted: Scripted) -> None:
        before = len(scripted.asked)
        assert "--max-tokens" in kernel.run("%hermes -h").stdout
        assert "--max-tokens" in kernel.run("%%hermes --help\nhi").stdout
        assert len(scripted.asked) == before


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("temperature = 7", "temperature takes a number from 0 to 2, not '7'."),
        ("temperature = 'hot'", "temperature takes a number from 0 to 2, not 'hot'."),
        ("max_tokens = 0.5", "max_tokens takes a whole number, 1 or more, not '0.5'."),
        ("think = 'no'", "think takes True or False, not 'no'."),
    ],
)
def test_a_wrong_setting_is_one_line_and_changes_nothing(
    kernel: Kernel, scripted: Scripted, setting: str, says: str
) -> None:
    ran = kernel.run(f"%config HermesMagics.{setting}")
    kernel.run(f"%%hermes\n{QUESTION}")
    (complaint,) = [content["text"] for kind, content in ran.contents() if kind == "stream"]
    assert says in complaint
    assert complaint.count("\n") == 1
    assert (scripted.sent["temperature"], scripted.sent["max_tokens"]) == (0.6, 8192)
    assert scripted.sent["reasoning"] == {"enabled": True}
    name = setting.partition(" ")[0]
    kernel.run(f"%config HermesMagics.{name} = {DEFAULTS[name]}")


class TestKeeps:
    def test_a_reply_in_underscore_and_in_the_named_variable(self, kernel: Kernel) -> None:
        assert kernel.run(f"%%hermes -o answer\n{QUESTION}").ok
        assert kernel.value("answer is _") == "True"
        assert kernel.value("answer") == "It is **forty-two**."
        assert kernel.value("answer.thinking") == "Let me think."
        assert kernel.value("repr(answer.cost)") == "Decimal('0.000027')"
        assert kernel.value("answer.usage.prompt_tokens") == "12"
        assert kernel.value("(answer.model, answer.provider)") == str((HERMES_4_405B, "Nebius"))
        assert kernel.value("(answer.finish_reason, answer.id)") == "('stop', 'gen-1')"

    def test_a_line_magics_value(self, kernel: Kernel) -> None:
        ran = kernel.run("told = %hermes What is it?")
        assert kernel.value("told") == "It is **forty-two**."
        assert len(ran.bundles()) == 1

    def test_one_output_and_shows_it_again_where_it_is_evaluated(self, kernel: Kernel) -> None:
        first = html(kernel.run(f"%%hermes -o answer\n{QUESTION}"))
        assert "<strong>forty-two</strong>" in first
        again = html(kernel.run("answer"))
        assert "<strong>forty-two</strong>" in again
        assert len(kernel.run("%hermes What is it?").bundles()) == 1

    def test_the_same_output_each_time_where_nobody_watches(self, kernel: Kernel) -> None:
        assert (
            kernel.run(f"%%hermes\n{QUESTION}").bundles()
            == kernel.run(f"%%hermes\n{QUESTION}").bundles()
        )

    def test_thought_answer_and_cost_in_every_form(self, kernel: Kernel) -> None:
        (bundle,) = kernel.run(f"%%hermes\n{QUESTION}").bundles()
        assert set(bundle) == {"text/html", "text/markdown", "text/plain"}
        for form in bundle.values():
            for part in ("Let me think.", "forty-two", "0.000027", "12 in", "Nebius"):
                assert part in form
        assert "<details" in bundle["text/html"]
        assert "<details>" in bundle["text/markdown"]

    def test_no_widget_behind_a_live_view(self, kernel: Kernel) -> None:
        ran = kernel.run(f"%%hermes\n{QUESTION}", watched=True)
        kinds = [kind for kind, _ in ran.contents()]
        assert kinds.count("comm_open") == kinds.count("comm_close") > 0
        (bundle,) = ran.bundles()
        assert set(bundle) == {"text/html", "text/markdown", "text/plain"}
        assert "to first token" in bundle["text/html"]


@pytest.mark.parametrize("watched", [False, True], ids=["headless", "watched"])
class TestStop:
    def test_keeps_what_came_and_closes_the_connection(
        self, kernel: Kernel, scripted: Scripted, *, watched: bool
    ) -> None:
        ran, exchange = stopped(kernel, scripted, ANSWER[:2], watched=watched)
        assert not ran.ok
        assert ran.error["ename"] == "Stopped"
        assert "may still bill" in ran.error["evalue"]
        assert_one_line(ran.error)
        assert kernel.value("(part.text, part.state, _ == part)") == "('It is **', 'stopped', True)"
        assert "Stopped: this answer is not whole" in html(ran)
        assert exchange.client_left
        assert kernel.run(f"%%hermes\n{QUESTION}").ok

    def test_of_a_silent_server(self, kernel: Kernel, scripted: Scripted, *, watched: bool) -> None:
        ran, exchange = stopped(kernel, scripted, [], watched=watched)
        assert ran.error["ename"] == "Stopped"
        assert_one_line(ran.error)
        assert kernel.value("(part.text, part.state)") == "('', 'stopped')"
        assert exchange.client_left


def stopped(
    kernel: Kernel, scripted: Scripted, events: list[Mapping[str, object]], *, watched: bool
) -> tuple[Ran, Exchange]:
    """Interrupt a cell when its server has sent these events and fallen silent."""

    def silent() -> Iterator[Any]:
        yield from events
        yield "that was all"
        sent.set()
        yield Pause(60)

    sent = threading.Event()
    scripted.next = [Response.sse(silent())]
    before = len(scripted.asked)
    ran = kernel.run(
        "%%hermes -o part\nGo on.", watched=watched, interrupt_when=lambda _: sent.is_set()
    )
    return ran, scripted.wait_for(before + 1)


FAULTS = [
    ("error 401", "AuthenticationError", "OPENROUTER_API_KEY", ""),
    ("error 402", "CreditsError", "Add credits", ""),
    ("error 403", "PermissionDeniedError|ModerationError|KeyLimitError", "", ""),
    ("error 404", "NotFoundError", "-m", ""),
    ("error 408", "ServerTimeoutError", "again", ""),
    ("error 429", "RateLimitError", "Wait a little", ""),
    ("error 500", "ProviderError", "on their side", ""),
    ("error 502", "ProviderError", "on their side", ""),
    ("error 503", "ProviderError", "on their side", ""),
    ("error 529", "ProviderError", "on their side", ""),
    ("error midstream", "ProviderError", "on their side", "Because"),
    ("cut", "NetworkError", "was cut", "Because"),
    ("truncated", "TruncatedError", "before its end", "Because"),
    ("empty", "EmptyReplyError", "again", ""),
]


@pytest.mark.parametrize("watched", [False, True], ids=["headless", "watched"])
@pytest.mark.parametrize(("fault", "name", "says", "keeps"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_fault_is_one_typed_line_in_a_failed_cell(  # noqa: PLR0913 - a row of the table
    asks_demo: Kernel, fault: str, name: str, says: str, keeps: str, *, watched: bool
) -> None:
    asks_demo.run("kept = None")
    ran = asks_demo.run(f"%%hermes --retries 0 -o kept\ndemo: {fault}", watched=watched)
    assert not ran.ok
    assert ran.error["ename"] in name.split("|")
    assert says in ran.error["evalue"]
    assert_one_line(ran.error)
    assert KEY not in ran.text()
    if keeps:
        assert keeps in asks_demo.value("kept.text")
        assert asks_demo.value("(kept.state, _ is kept)") == "('failed', True)"
        assert keeps in html(ran)
        assert "Incomplete" in html(ran)
    else:
        assert asks_demo.value("kept") == "None"


class TestAsksAgain:
    def test_when_the_provider_is_busy_and_says_so(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        busy = {"error": {"code": 429, "message": "Slow", "metadata": {"provider_name": "Nebius"}}}
        scripted.next = [Response.json(busy, status=429, headers={"Retry-After": "1"})]
        before = len(scripted.asked)
        ran = kernel.run(f"%%hermes -o told\n{QUESTION}", watched=True)
        assert ran.ok
        assert len(scripted.asked) == before + 2
        assert kernel.value("told") == "It is **forty-two**."
        assert "Nebius is rate-limited; retrying in 1 s, 2 of 3" in ran.text()

    def test_until_interrupted(self, kernel: Kernel, scripted: Scripted) -> None:
        scripted.next = [Response.json({}, status=503, headers={"Retry-After": "60"})]
        before = len(scripted.asked)
        ran = kernel.run(
            "%%hermes\nGo on.",
            watched=True,
            interrupt_when=lambda ran: "retrying in 60 s" in ran.text(),
        )
        assert ran.error["ename"] == "Stopped"
        assert len(scripted.asked) == before + 1

    def test_for_less_when_the_balance_says_how_much(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        poor = "You requested up to 8192 tokens, but can only afford 779."
        scripted.next = [Response.json({"error": {"code": 402, "message": poor}}, status=402)]
        ran = kernel.run(f"%%hermes\n{QUESTION}")
        assert ran.ok
        assert scripted.sent["max_tokens"] == 701
        assert "asked again with 701" in html(ran)

    def test_but_not_after_the_first_word(self, kernel: Kernel, scripted: Scripted) -> None:
        scripted.next = [Response.sse([ANSWER[1], {"error": {"code": 502, "message": "Gone"}}])]
        before = len(scripted.asked)
        assert not kernel.run(f"%%hermes\n{QUESTION}").ok
        assert len(scripted.asked) == before + 1


def test_a_stopped_answer_learns_its_cost_later(kernel: Kernel, scripted: Scripted) -> None:
    stopped(kernel, scripted, ANSWER[:2], watched=False)
    kernel.run(
        "import time\n"
        "deadline = time.monotonic() + 30\n"
        "while not part.settlement.settled and time.monotonic() < deadline: time.sleep(0.05)"
    )
    assert kernel.value("repr(part.cost)") == "Decimal('0.0123')"


class TestWithoutSending:
    @pytest.mark.parametrize("key", [None, "", "  ", "two words", "umläut"])
    def test_no_usable_key(self, kernel: Kernel, scripted: Scripted, key: str | None) -> None:
        change = (
            f"os.environ['OPENROUTER_API_KEY'] = {key!r}"
            if key is not None
            else ("del os.environ['OPENROUTER_API_KEY']")
        )
        kernel.run(f"import os\n{change}")
        before = len(scripted.asked)
        ran = kernel.run("%%hermes\nhi")
        kernel.run(f"os.environ['OPENROUTER_API_KEY'] = {KEY!r}")
        assert ran.error["ename"] == "AuthenticationError"
        assert "OPENROUTER_API_KEY" in ran.error["evalue"]
        assert "%hermes offline" in ran.error["evalue"]
        assert_one_line(ran.error)
        assert len(scripted.asked) == before

    @pytest.mark.parametrize(
        ("address", "name", "says"),
        [
            ("http://127.0.0.1:9/api/v1", "NetworkError", "No connection to 127.0.0.1"),
            ("openrouter.ai/api/v1", "OptionError", "is not an http(s):// address"),
            ("http://127.0.0.1:port/v1", "OptionError", "is not an http(s):// address"),
        ],
    )
    def test_no_server(
        self, kernel: Kernel, scripted: Scripted, address: str, name: str, says: str
    ) -> None:
        kernel.run(f"%config HermesMagics.base_url = {address!r}")
        ran = kernel.run("%%hermes --retries 0\nhi")
        kernel.run(f"%config HermesMagics.base_url = {scripted.server.base_url!r}")
        assert ran.error["ename"] == name
        assert says in ran.error["evalue"]
        assert_one_line(ran.error)
        assert KEY not in ran.text()


def test_the_key_is_nowhere_to_be_seen(kernel: Kernel) -> None:
    for cell in ("%config HermesMagics", "%hermes", "%hermes -h", "get_ipython().magics_manager"):
        ran = kernel.run(cell)
        assert ran.ok, ran.text()
        assert KEY not in ran.text()


def test_run_all_stops_at_a_failed_cell(asks_demo: Kernel) -> None:
    asks_demo.run("reached = False")
    cells = ["%%hermes --retries 0\ndemo: error 429", "reached = True"]
    asked = [asks_demo.client.execute(cell) for cell in cells]
    assert [asks_demo.reply(each)["status"] for each in asked] == ["error", "aborted"]
    assert asks_demo.value("reached") == "False"


class TestOffline:
    def test_answers_without_a_key_and_says_who_it_is(self, kernel: Kernel) -> None:
        kernel.run("import os; kept_key = os.environ.pop('OPENROUTER_API_KEY')")
        said = kernel.run("%hermes offline").stdout
        ran = kernel.run(f"%%hermes -o told\n{QUESTION}")
        back = kernel.run("%hermes online").stdout
        kernel.run("os.environ['OPENROUTER_API_KEY'] = kept_key")
        assert "Offline demo" in said
        assert ran.ok, ran.text()
        for form in ran.bundles()[0].values():
            assert "offline demo" in form
            assert "if it were real" in form
        assert kernel.value("(told.model, told.provider)") == "('offline demo', 'offline demo')"
        assert kernel.value("told.is_demo") == "True"
        assert "OPENROUTER_API_KEY is not set" in back


class TestLoading:
    def test_again_replaces_the_first(self, kernel: Kernel) -> None:
        ran = kernel.run("%reload_ext hermes_magic")
        assert ran.ok, ran.text()
        assert ran.stdout == ""
        assert kernel.run(f"%%hermes\n{QUESTION}").ok

    def test_unloading_takes_the_magic_away(self, kernel: Kernel) -> None:
        kernel.run("%unload_ext hermes_magic")
        gone = kernel.run(f"%%hermes\n{QUESTION}")
        back = kernel.run("%load_ext hermes_magic")
        assert "not found" in gone.text()
        assert back.ok

    def test_says_whose_magic_it_replaces(self, kernel: Kernel) -> None:
        kernel.run("%unload_ext hermes_magic")
        kernel.run(
            "def hermes(line, cell=None): pass\n"
            "hermes.__module__ = 'jupyter_ai_hermes_magics.magics'\n"
            "get_ipython().register_magic_function(hermes, 'line_cell')"
        )
        said = kernel.run("%load_ext hermes_magic").stdout
        assert said.count("\n") == 1
        assert "jupyter_ai_hermes_magics" in said
        assert kernel.run(f"%%hermes\n{QUESTION}").ok


def assert_one_line(error: Message) -> None:
    assert "\n" not in error["evalue"]
    assert len(error["traceback"]) == 1
    assert "\n" not in error["traceback"][0]
    assert "Traceback" not in error["traceback"][0]

"""A question's calls in the ledger: each try once, at the right price, whatever becomes of it."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic.errors import (
    BudgetError,
    HermesError,
    NetworkError,
    PastedKeyError,
    RateLimitError,
    Stopped,
    TruncatedError,
)
from hermes_magic.money.account import LEDGER_FILE, Account
from hermes_magic.money.budget import Limits
from hermes_magic.money.ledger import Ledger
from hermes_magic.money.place import FOLDER_VARIABLE
from hermes_magic.money.store import Store
from hermes_magic.offline import Cut, DemoServer, Pause, Request, Response, Server
from hermes_magic.options import HERMES_4_405B, Options
from hermes_magic.session import Session
from hermes_magic.wire.client import Client
from hermes_magic.wire.retry import Policy
from hermes_magic.wire.servers import PROFILES, openrouter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from hermes_magic.money.calls import Call
    from hermes_magic.reply import Reply

COST = Decimal("0.0012300000000000001")
KEY = "sk-or-v1-not-a-real-key"
WHO = {"id": "gen-1", "model": HERMES_4_405B, "provider": "Nebius"}
PRICES = {"data": {"pricing": {"prompt": "0.000002", "completion": "0.000004"}}}


def chunk(finish: str | None = None, **delta: object) -> Mapping[str, object]:
    return {**WHO, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def usage(**fields: object) -> Mapping[str, object]:
    tokens = {"prompt_tokens": 9, "completion_tokens": 2}
    return {**WHO, "choices": [], "usage": {**tokens, **fields}}


THOUGHT, ANSWER, STOP = chunk(reasoning="Hm."), chunk(content="So."), chunk("stop", content="")
WHOLE = [THOUGHT, ANSWER, STOP, usage(cost=COST)]


class Desk:
    """A session, the server it asks, and the ledger it books in."""

    def __init__(self, folder: Path) -> None:
        self.answers: list[Response] = []
        self.generations: dict[str, Decimal] = {}
        self.server = Server(self._respond)
        self.session = Session(lambda: "paper.ipynb")
        self.folder = folder

    def _respond(self, request: Request) -> Response:
        if request.method == "POST":
            return self.answers.pop(0) if self.answers else sse(WHOLE)
        if "/model/" in request.path:
            return Response.json(PRICES)
        cost = self.generations.get(request.path.partition("?id=")[2])
        if cost is None:
            return Response.json({"error": {"code": 404, "message": "no"}}, status=404)
        return Response.json({"data": {"total_cost": cost}})

    @property
    def questions(self) -> list[Any]:
        """The bodies that were sent, as far as their exchanges have ended."""
        return [
            each.request.json for each in self.server.exchanges if each.request.method == "POST"
        ]

    @property
    def calls(self) -> list[Call]:
        return self.session.account.ledger.calls()

    def ask(
        self,
        limits: Limits | None = None,
        *,
        stop_at: Callable[[], bool] | None = None,
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> Reply:
        answering = self.session.ask(
            openrouter(self.server.base_url),
            KEY,
            Options(**{"retries": 0, **options}),
            "Why?",
            Limits() if limits is None else limits,
        )
        with answering:
            for _ in answering:
                if stop_at is not None and answering.progress.begun:
                    answering.request_stop()
        return answering.reply


def sse(events: Iterable[Any], *, done: bool = True, number: str = "gen-1") -> Response:
    return Response.sse(events, headers={"X-Generation-Id": number}, done=done)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(Policy, "delay", _at_once(Policy.delay))
    desk = Desk(tmp_path)
    with desk.server:
        yield desk
        desk.session.close()


def _at_once(delay: Callable[..., float | None]) -> Callable[..., float | None]:
    return lambda *arguments: None if delay(*arguments) is None else 0.0


def test_a_whole_answer_is_one_call_at_the_servers_cost(desk: Desk) -> None:
    reply = desk.ask()
    (call,) = desk.calls
    assert (call.cost, call.state, call.generation) == (COST, "settled", "gen-1")
    assert (call.notebook, call.model, call.finish_reason) == ("paper.ipynb", HERMES_4_405B, "stop")
    assert call.server == desk.server.base_url
    assert reply.booked is not None
    assert (reply.booked.notebook, reply.booked.estimated) == (COST, 0)


def test_the_notebooks_total_grows_call_by_call(desk: Desk) -> None:
    desk.ask()
    booked = desk.ask().booked
    assert booked is not None
    assert booked.notebook == 2 * COST


def test_no_word_of_question_or_answer_is_in_the_ledger(desk: Desk) -> None:
    desk.ask(options={"system": "Be secretive."})
    desk.session.close()
    content = b"".join(each.read_bytes() for each in desk.folder.iterdir())
    for word in (b"Why?", b"secretive", b"So.", b"Hm.", KEY.encode()):
        assert word not in content


REFUSALS = [
    Response.json({"error": {"code": 429, "message": "Slow"}}, status=429),
    Response.json({"error": {"code": 401, "message": "No"}}, status=401),
]


@pytest.mark.parametrize("answer", REFUSALS)
def test_a_refused_call_costs_nothing(desk: Desk, answer: Response) -> None:
    desk.answers = [answer]
    with pytest.raises(HermesError):
        desk.ask()
    (call,) = desk.calls
    assert (call.state, call.amount) == ("refused", Decimal(0))


def test_each_try_is_a_call_of_its_own(desk: Desk) -> None:
    """The first may be billed as well: it had headers, and broke before a word."""
    desk.answers = [REFUSALS[0], sse([Cut()], number="gen-0"), sse(WHOLE)]
    desk.ask(options={"retries": 2})
    refused, broken, whole = desk.calls
    assert (refused.state, refused.cell) == ("refused", whole.cell)
    assert (broken.state, broken.generation, broken.is_estimated) == ("sent", "gen-0", True)
    assert (whole.state, whole.cost) == ("settled", COST)


@pytest.mark.parametrize("is_open", [False, True])
def test_what_was_never_sent_is_not_a_call(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, is_open: bool
) -> None:
    monkeypatch.setattr(Client, "is_open", is_open)  # as far as the client knows
    desk.server.close()
    with pytest.raises(NetworkError):
        desk.ask()
    assert desk.calls == []


def test_a_question_on_an_open_connection_is_written_down_as_sent_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked: list[str] = []
    mark_sent = Ledger.mark_sent

    def marking(ledger: Ledger, call: str) -> bool:
        marked.append(call)
        return mark_sent(ledger, call)

    monkeypatch.setattr(Ledger, "mark_sent", marking)
    for _ in range(3):
        desk.ask()
    first, *later = desk.calls
    assert marked == [first.id]
    assert [call.cost for call in later] == [COST, COST]


def test_an_id_that_nobody_can_settle_is_written_with_the_end_only(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Ledger, "identify")
    chunks = [{**each, "id": "chatcmpl-1"} for each in WHOLE]
    desk.answers = [sse(chunks, number="chatcmpl-1")]
    desk.ask()
    (call,) = desk.calls
    assert (call.generation, call.cost) == ("chatcmpl-1", COST)


def test_a_broken_answer_stays_open_with_an_estimate(desk: Desk) -> None:
    desk.answers = [sse([THOUGHT, ANSWER], done=False)]
    with pytest.raises(TruncatedError) as raised:
        desk.ask(Limits(day=Decimal(1)))
    (call,) = desk.calls
    assert (call.state, call.cost, call.is_estimated) == ("sent", None, True)
    reply = raised.value.reply
    assert reply is not None
    assert reply.booked is not None
    assert (reply.booked.estimated, reply.booked.estimate) == (1, call.estimate)
    assert Decimal("0.000008") < call.amount < Decimal("0.0001")  # two pieces, and the question
    assert desk.session.account.ledger.spent(_entry(desk)).day > Decimal("0.03")  # the worst case


def test_a_stopped_answer_learns_its_cost_into_the_ledger(desk: Desk) -> None:
    desk.answers = [sse([THOUGHT, ANSWER, Pause(60)])]
    desk.generations["gen-1"] = COST
    with pytest.raises(Stopped) as raised:
        desk.ask(stop_at=lambda: True)
    reply = raised.value.reply
    assert reply is not None
    deadline = time.monotonic() + 30
    while not reply.settlement.settled and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (reply.cost, [call.cost for call in desk.calls]) == (COST, [COST])


def test_a_server_that_never_tells_a_cost_is_booked_by_its_price(desk: Desk) -> None:
    events = [{**event, "id": "chatcmpl-1"} for event in [ANSWER, STOP, usage()]]
    desk.answers = [sse(events, number="")]
    desk.ask(Limits(day=Decimal(1)))
    (call,) = desk.calls
    assert (call.state, call.cost) == ("settled", None)
    assert call.estimate == Decimal("0.000026")  # 9 in at 2, 2 out at 4


def test_a_limit_lowers_max_tokens_and_says_so(desk: Desk) -> None:
    reply = desk.ask(Limits(cell=Decimal("0.01")))
    (sent,) = desk.questions
    assert 2000 < sent["max_tokens"] < 2500  # at $4 a million
    assert reply.notices[0].startswith(f"max_tokens lowered to {sent['max_tokens']:,}, ")
    assert len(reply.notices) == 1


def test_a_limit_that_leaves_no_room_keeps_the_question_here(desk: Desk) -> None:
    with pytest.raises(BudgetError, match=r"more than budget \(\$0.0009 of \$0.0009 left"):
        desk.ask(Limits(notebook=Decimal("0.0009")))
    assert desk.questions == []
    assert desk.calls == []


def test_a_cells_limit_holds_for_all_its_tries_together(desk: Desk) -> None:
    desk.answers = [sse([Cut()], number="gen-0")]
    with pytest.raises(BudgetError, match=r"of \$0.035 left for this cell"):
        desk.ask(Limits(cell=Decimal("0.035")), options={"retries": 2})
    assert len(desk.calls) == 1


def test_without_a_limit_nobody_waits_for_a_price(desk: Desk) -> None:
    desk.ask()
    assert [each.request.method for each in desk.server.exchanges] == ["POST"]


def test_the_offline_demo_books_nothing(desk: Desk) -> None:
    with DemoServer(tokens_per_second=None, first_token_seconds=0) as demo:
        answering = desk.session.ask(openrouter(demo.base_url), KEY, Options(), "Hi", Limits())
        with answering:
            assert list(answering)
    assert desk.calls == []
    assert answering.reply.booked is None


def test_an_unbooked_question_never_opens_the_ledger(desk: Desk) -> None:
    answering = desk.session.ask(openrouter(desk.server.base_url), KEY, Options(), "Hi")
    with answering:
        assert list(answering)
    assert list(desk.folder.iterdir()) == []


def test_an_unusable_ledger_is_told_once_and_stops_nothing(desk: Desk) -> None:
    (desk.folder / LEDGER_FILE).mkdir()
    first, second = desk.ask(), desk.ask()
    assert (first.text, second.text) == ("So.", "So.")
    assert [len(reply.notices) for reply in (first, second)] == [1, 0]
    assert "cannot be used" in first.notices[0]
    assert second.booked is not None
    assert second.booked.notebook == 2 * COST


def test_a_ledger_lost_in_mid_answer_loses_no_call(desk: Desk) -> None:
    def events() -> Iterator[Mapping[str, object]]:
        yield THOUGHT
        for each in desk.folder.iterdir():
            each.unlink()
        yield from WHOLE[1:]

    desk.answers = [sse(events())]
    desk.ask()
    assert [call.cost for call in desk.calls] == [COST]


@pytest.mark.parametrize("where", ["system", "stop"])
def test_a_key_in_what_would_be_sent_is_refused(desk: Desk, where: str) -> None:
    value = {"system": f"My key is {KEY}.", "stop": (KEY,)}[where]
    with pytest.raises(PastedKeyError) as raised:
        desk.ask(options={where: value})
    assert KEY not in str(raised.value)
    assert desk.questions == []


def test_a_dry_run_shows_the_request_and_sends_nothing(desk: Desk) -> None:
    limits = Limits(cell=Decimal("0.01"), day=Decimal(1))
    server = openrouter(desk.server.base_url)
    shown = desk.session.dry_run(server, KEY, Options(), "Why?", limits)
    desk.ask(limits)
    (sent,) = desk.questions
    address, _, rest = shown.partition("\n")
    assert address == f"POST {desk.server.base_url}/chat/completions"
    assert json.loads(rest.partition("\n\n")[0]) == sent
    assert "$2.00 in, $4.00 out per million tokens (the server's, fetched just now)" in shown
    assert "daily_budget: $0.00 of $1.00 used." in shown
    assert KEY not in shown
    assert shown.endswith("Nothing was sent.")
    assert len(desk.calls) == 1


def test_the_rate_is_that_of_the_answer_and_nothing_where_nothing_is_billed(desk: Desk) -> None:
    account = desk.session.account
    assert account.rate(openrouter(""), KEY, HERMES_4_405B) == Decimal("0.000003")
    assert account.rate(openrouter(""), KEY, "x/y") is None
    assert account.rate(PROFILES["ollama"], "", HERMES_4_405B) is None


def test_retry_after_a_rate_limit_keeps_the_error(desk: Desk) -> None:
    desk.answers = [*REFUSALS[:1]] * 3
    with pytest.raises(RateLimitError, match="Tried 3 times"):
        desk.ask(options={"retries": 2})
    assert [call.state for call in desk.calls] == ["refused"] * 3


def test_a_lowered_max_tokens_is_told_once_for_all_tries(desk: Desk) -> None:
    desk.answers = [REFUSALS[0]]
    reply = desk.ask(Limits(cell=Decimal("0.01")), options={"retries": 1})
    assert len([note for note in reply.notices if "lowered" in note]) == 1


@contextmanager
def another(folder: Path) -> Iterator[Account]:
    account = Account("", Ledger(Store(folder / LEDGER_FILE)))
    yield account
    account.close()


def test_another_kernel_sees_what_this_one_has_reserved(desk: Desk) -> None:
    seen: list[Decimal] = []

    def events() -> Iterator[Mapping[str, object]]:
        with another(desk.folder) as account:
            seen.append(account.ledger.spent(_entry(desk)).day)
        yield from WHOLE

    desk.answers = [sse(events())]
    desk.ask()
    (reserved,) = seen
    assert reserved > Decimal("0.024")


def _entry(desk: Desk) -> Any:
    return desk.session.account.entry(openrouter(desk.server.base_url))

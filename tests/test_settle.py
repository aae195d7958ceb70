"""The true cost of a reply that ended without one, fetched when the server's books have it."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest

from hermes_magic.errors import HermesError, NotFoundError
from hermes_magic.offline import Request, Response, Server
from hermes_magic.reply import Reply, Settlement, Usage
from hermes_magic.wire.catalog import Catalog
from hermes_magic.wire.servers import openrouter
from hermes_magic.wire.settle import can_settle, poll, settle

BOOKED = {"data": {"id": "gen-1", "total_cost": Decimal("0.00042"), "native_tokens_prompt": 7}}

BOOKED_USAGE = Usage.from_generation(BOOKED["data"])


class Books:
    """Answers with what a test laid down, and notes the waits."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.waits: list[float] = []

    def fetch(self) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, HermesError):
            raise answer
        return answer

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return False


def test_asks_until_the_books_have_it() -> None:
    books = Books(NotFoundError("not yet"), Usage(), BOOKED_USAGE)
    usage = poll(books.fetch, books.wait)
    assert usage is not None
    assert usage is BOOKED_USAGE
    assert books.waits == [0, 0.25, 0.5]


def test_gives_up_in_the_end() -> None:
    books = Books(*[NotFoundError("not yet")] * 8)
    assert poll(books.fetch, books.wait) is None
    assert books.answers == []


@pytest.mark.parametrize("nonsense", [[], "x", {}, {"data": []}, {"data": {"total_cost": "1"}}])
def test_nonsense_in_the_books_is_no_cost(nonsense: Any) -> None:
    with Server(lambda _: Response.json(nonsense)) as server:
        catalog = Catalog(openrouter(server.base_url), "sk-1")
        leave = [False, True]
        assert poll(lambda: catalog.generation("gen-1"), lambda _: leave.pop(0)) is None


def test_leaves_when_the_session_closes() -> None:
    books = Books(BOOKED_USAGE)
    assert poll(books.fetch, lambda _: True) is None
    assert books.answers == [BOOKED_USAGE]


@pytest.mark.parametrize(
    ("generation", "can"), [("gen-1-a", True), ("chatcmpl-1", False), ("", False)]
)
def test_asks_only_for_ids_that_openrouter_keeps(generation: str, *, can: bool) -> None:
    assert can_settle(generation) == can


def test_fetches_from_the_servers_books_with_the_key() -> None:
    def respond(request: Request) -> Response:
        right = request.path == "/api/v1/generation?id=gen-a%2Fb" and request.carries_key("sk-1")
        return Response.json(BOOKED if right else {"error": "no"}, status=200 if right else 404)

    settlement = Settlement()
    reply = Reply(settlement=settlement)
    before = reply.cost
    with Server(respond) as server:
        settle(openrouter(server.base_url), "sk-1", "gen-a/b", settlement, threading.Event()).join(
            10
        )
    assert settlement.settled
    assert (before, reply.cost) == (None, Decimal("0.00042"))


def test_a_cost_that_came_with_the_reply_stays() -> None:
    reply = Reply(usage=Usage(cost=Decimal(1)))
    reply.settlement.settle(Usage(cost=Decimal(2)))
    assert reply.cost == Decimal(1)

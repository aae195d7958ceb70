"""A server that answers each question by what it says, and counts the answers it is paid for."""

from __future__ import annotations

import threading
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hermes_magic.offline import Pause, Request, Response, Server

if TYPE_CHECKING:
    from collections.abc import Callable

COST = Decimal("0.0001000000000000001")
PRICES = {"data": {"pricing": {"prompt": "0.000001", "completion": "0.000003"}}}
HEADERS = {"Content-Type": "application/json", "X-Generation-Id": "gen-1"}


def answer(text: str, cost: Decimal = COST, **more: Any) -> dict[str, Any]:
    """Give the body of a whole reply."""
    usage = {"prompt_tokens": 5, "completion_tokens": 3, "cost": cost}
    choice = {"index": 0, "message": {"content": text}, "finish_reason": "stop"}
    who = {"id": "gen-1", "model": "hermes", "provider": "Nebius"}
    return {**who, "choices": [choice | more], "usage": usage}


def refusal(status: int, **headers: str) -> Response:
    """Give a response that says no."""
    error = {"error": {"code": status, "message": f"no {status}"}}
    return Response.json(error, status=status, headers=headers)


class Till(Server):
    """A server at which `respond` may answer a question in its own way.

    Attributes:
        asked: how often each question has come.
        most: how many were under way at once, at most.
        latency: seconds until an answer comes.
    """

    def __init__(
        self,
        respond: Callable[[str, int], Response | None] = lambda _text, _time: None,
        *,
        latency: float = 0.0,
        prices: dict[str, Any] | None = PRICES,
    ) -> None:
        super().__init__(self._respond)
        self._own = respond
        self._lock = threading.Lock()
        self._under_way = 0
        self._requests = 0
        self._prices = prices
        self.most = 0
        self.latency = latency
        self.asked: Counter[str] = Counter()

    def paid(self) -> Counter[str]:
        """Give how often each question was answered and the answer was taken.

        Waits for what is under way: a client has its answer a moment before the server knows.
        """
        ended = self.wait_for_exchanges(self._requests, timeout=30)
        taken = (each for each in ended if each.finished and each.status == 200)
        return Counter(question(each.request) for each in taken if each.request.method == "POST")

    def _respond(self, request: Request) -> Response:
        with self._lock:
            self._requests += 1
        if request.method == "GET":
            return refusal(404) if self._prices is None else Response.json(self._prices)
        text = question(request)
        with self._lock:
            self.asked[text] += 1
            time = self.asked[text]
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        own = self._own(text, time) or Response.json(answer(f"On {text}"))
        return Response(own.status, own.headers, self._steps(own))

    def _steps(self, response: Response) -> Any:
        """Wait, then answer; a client that has the answer has this request no more under way."""
        try:
            yield Pause(self.latency)
        finally:
            with self._lock:
                self._under_way -= 1
        yield from response.steps


def question(request: Request) -> str:
    """Give the user's message."""
    body: Any = request.json
    return str(body["messages"][-1]["content"])

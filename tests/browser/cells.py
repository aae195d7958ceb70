"""What goes into the notebooks of these tests, and a server that answers as a test wants."""

from __future__ import annotations

import re
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hermes_magic.offline.messages import Pause, Response
from hermes_magic.offline.script import Script
from hermes_magic.offline.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermes_magic.offline.messages import Event, Request

MEDIAN = "%%hermes -o answer\nWhy does the median resist outliers?"
WHO = {"id": "gen-1", "model": "nousresearch/hermes-4-405b", "provider": "Nebius"}
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 643,
    "completion_tokens_details": {"reasoning_tokens": 267},
    "cost": Decimal("0.001938"),
}


def setup(server: Server) -> str:
    """Return a cell that makes the magic ask this server."""
    return (
        "%load_ext hermes_magic\n"
        f"%config HermesMagics.base_url = {server.base_url!r}\n"
        "import os; os.environ['OPENROUTER_API_KEY'] = 'sk-made-up'"
    )


class Scripted(Server):
    """Answers every question with `thought` and `text`, and keeps the end back if `held`.

    `pause` seconds lie between two tokens. A question "say X" is answered by X.
    """

    def __init__(self, text: str = "", thought: str = "", *, pause: float = 0.002) -> None:
        super().__init__(self._respond)
        self.text, self.thought, self.pause = text, thought, pause
        self._free = threading.Event()
        self._free.set()

    def hold(self) -> None:
        """Keep the ends of all answers back from now on."""
        self._free.clear()

    def release(self) -> None:
        """Let the answers end."""
        self._free.set()

    def _respond(self, request: Request) -> Response:
        body: Any = request.json
        asked = str(body["messages"][-1]["content"]).strip()
        text = asked.removeprefix("say ") if asked.startswith("say ") else self.text
        return Response.sse(self._events(text))

    def _events(self, text: str) -> Iterator[Event]:
        for name, words in (("reasoning", self.thought), ("content", text)):
            for token in re.findall(r"\s*\S+|\s+$", words):
                yield _chunk({name: token})
                yield Pause(self.pause)
        while not self._free.wait(0.05):
            yield "held"
        yield _chunk({"content": ""}, finish="stop")
        yield {**WHO, "choices": [], "usage": USAGE}


def median() -> Scripted:
    """Return a server with the demo's answer on the median."""
    answer = Script.load().named("median")
    return Scripted("".join(answer.text), "".join(answer.thought))


def _chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, object]:
    return {**WHO, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

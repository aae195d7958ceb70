"""Play one fault through the real magic, in a real kernel, against a server on the loopback."""

from __future__ import annotations

import ast
import re
import socket
import threading
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from hermes_magic.offline import Request, Response, Server
from tests.faults.row import KEY, Kept, Outcome, Place, stream
from tests.kernel import Kernel, Ran, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hermes_magic.offline.messages import Step
    from tests.faults.row import Fault

TWICE = stream({"choices": [{"delta": {"content": "SENT TWICE"}, "finish_reason": "stop"}]})
_DELTA = re.compile(rb'"(content|reasoning)":\s*"[^"]')
_CLOCK = re.compile(r"\d+\.\d s;")
_QUESTION = "%%hermes -o kept\nWhat is it?"
_KEPT = "(kept.text, kept.thinking, kept.state, kept is _) if kept is not None else ()"
# The luckiest draw of the full jitter, so that no test waits for a retry.
_SETUP = """
import dataclasses, socket
import hermes_magic.asking.desk as desk
from hermes_magic.wire import retry
retry.Policy.__init__.__defaults__ = (2, lambda most: 0.0)
resolve, openrouter = socket.getaddrinfo, desk.openrouter
def impatient(address):
    return dataclasses.replace(openrouter(address), silence=0.2)
def no_such_name(*_args, **_options):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
"""
_BEFORE = {
    Place.NO_NAME: "socket.getaddrinfo = no_such_name",
    Place.IMPATIENT: "desk.openrouter = impatient",
}
_AFTER = "socket.getaddrinfo = resolve; desk.openrouter = openrouter"


class Scripted:
    """A server that gives the answers laid down for it, and notes what it is asked."""

    def __init__(self) -> None:
        self.posts = 0
        self.asked_behind_a_delta = False
        self.server = Server(self._respond)
        self._answers: list[Response] = []
        self._delta_sent = False

    def prepare(self, answers: Sequence[Response]) -> None:
        """Lay down the answers of the next fault."""
        self.posts, self.asked_behind_a_delta, self._delta_sent = 0, False, False
        self._answers = list(answers)

    def _respond(self, request: Request) -> Response:
        if request.method == "GET":
            return Response.json({"data": {"id": "gen-1", "total_cost": 0.0123}})
        self.posts += 1
        self.asked_behind_a_delta |= self._delta_sent
        answer = self._answers.pop(0) if self._answers else TWICE
        return replace(answer, steps=self._watched(answer.steps))

    def _watched(self, steps: Iterable[Step]) -> Iterator[Step]:
        for step in steps:
            self._delta_sent |= isinstance(step, bytes) and _DELTA.search(step) is not None
            yield step


class Rude:
    """A server that reads a request and then says this, or nothing, and is gone."""

    def __init__(self, says: bytes = b"", *, reset: bool = False) -> None:
        self.posts = 0
        self._says = says
        self._reset = reset
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def close(self) -> None:
        """Stop listening; without the shutdown a waiting accept() would take one more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.posts += connection.recv(65536).startswith(b"POST ")
                connection.sendall(self._says)
                if self._reset:
                    linger = socket.SO_LINGER
                    connection.setsockopt(socket.SOL_SOCKET, linger, b"\1\0\0\0\0\0\0\0")


class Seen:
    """What a fault came to, as a row of the table and for the test."""

    def __init__(self, ran: Ran, outcome: Outcome, *, twice: bool) -> None:
        self.ran = ran
        self.outcome = outcome
        self.twice = twice

    @property
    def kept(self) -> str:
        """Write what is kept in a few words."""
        kept = self.outcome.kept
        if kept is None:
            return "nothing"
        parts = {"thought": kept.thinking, "answer": kept.text}
        held = [_short(f"{name} {text!r}") for name, text in parts.items() if text]
        return f"{kept.state}: {', '.join(held) or 'no words'}"


class Stage:
    """A kernel with the magic loaded, and the servers that it may ask."""

    def __init__(self, kernel: Kernel, scripted: Scripted) -> None:
        self._kernel = kernel
        self._scripted = scripted
        kernel.run(_SETUP)

    def play(self, fault: Fault) -> Seen:
        """Let the fault happen to one cell."""
        self._scripted.prepare(fault.answers)
        with _at(fault.place, self._scripted) as (address, counter):
            change = f"%config HermesMagics.base_url = {address!r}\n"
            self._kernel.run(change + f"kept = None\n{_BEFORE.get(fault.place, '')}")
            ran = self._ask(fault)
            self._kernel.run(_AFTER)
            outcome = Outcome(self._line(ran), self._kept(), counter.posts)
        return Seen(ran, outcome, twice=self._scripted.asked_behind_a_delta)

    def _ask(self, fault: Fault) -> Ran:
        stop_at = fault.stop_at
        if stop_at is None:
            return self._kernel.run(_QUESTION, watched=True)
        return self._kernel.run(
            _QUESTION,
            watched=True,
            interrupt_when=lambda ran: self._scripted.posts > 0 and stop_at in ran.text(),
        )

    def _line(self, ran: Ran) -> str:
        if ran.ok:
            return ""
        (line,) = ran.error["traceback"]
        return _CLOCK.sub("… s;", line)

    def _kept(self) -> Kept | None:
        found = ast.literal_eval(self._kernel.value(_KEPT))
        if not found:
            return None
        text, thinking, state, same = found
        assert same, "`_` is not the reply that -o keeps"
        return Kept(text, thinking, state)


@contextmanager
def _at(place: Place, scripted: Scripted) -> Iterator[tuple[str, Scripted | Rude]]:
    """Give the address to ask, and who counts what arrives there."""
    with ExitStack() as stack:
        rude = stack.enter_context(
            closing(
                Rude(
                    b"\x16\x03\x01" if place is Place.NO_HTTP else b"", reset=place is Place.RESETS
                )
            )
        )
        match place:
            case Place.SCRIPTED:
                yield scripted.server.base_url, scripted
            case Place.IMPATIENT:  # another name, and so a connection with another patience
                yield scripted.server.base_url.replace("127.0.0.1", "localhost"), scripted
            case Place.HANGS_UP | Place.RESETS | Place.NO_HTTP:
                yield rude.base_url, rude
            case Place.NOBODY:
                address = rude.base_url
                rude.close()
                yield address, rude
            case Place.NO_NAME:
                yield "http://hermes.invalid/v1", rude
            case Place.NO_PORT:
                yield "http://127.0.0.1:99999/v1", rude


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Start the server and the kernel."""
    scripted = Scripted()
    with scripted.server, running_kernel({"OPENROUTER_API_KEY": KEY}) as kernel:
        assert kernel.run("%load_ext hermes_magic").ok
        yield Stage(kernel, scripted)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:36] + " …'"

"""The client against a scripted server on the loopback: whatever happens, one typed end."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from hermes_magic import __version__, errors
from hermes_magic.offline import Cut, Pause, Request, Response
from hermes_magic.offline import Server as Loopback
from hermes_magic.offline.messages import Step
from hermes_magic.reply import Done, Event, Failed, Reply, ReplyBuilder, Started, Text
from hermes_magic.wire.client import Client
from hermes_magic.wire.servers import Server

KEY = "sk-or-v1-made-up-for-the-tests-alone"
LONG = 60.0
SOON = 5.0
BODY: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "Why? \u2028 \ud800"}],
}


def delta(text: str, finish: str | None = None) -> dict[str, Any]:
    return {"id": "gen-2", "choices": [{"delta": {"content": text}, "finish_reason": finish}]}


def data(text: str, finish: str | None = None) -> bytes:
    return b"data: " + json.dumps(delta(text, finish)).encode() + b"\n\n"


WHOLE = [delta("Yes"), delta(".", "stop")]
DONE = b"data: [DONE]\n\n"


@contextmanager
def client_of(base_url: str, key: str = KEY) -> Iterator[Client]:
    with closing(Client(Server("test", base_url), key)) as client:
        yield client


@contextmanager
def answering(*steps: Step, status: int = 200, **headers: str) -> Iterator[tuple[Client, Loopback]]:
    """Give a client of a server that answers each request with these steps."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    server = Loopback(lambda _: Response(status, named, steps))
    with server, client_of(server.base_url) as client:
        yield client, server


def outcome(client: Client) -> tuple[Reply, Event]:
    builder, events = ReplyBuilder(), [one for many in client.chat(BODY) for one in many]
    assert [isinstance(event, Done | Failed) for event in events].count(True) == 1
    builder.feed(events, 0.0)
    assert not client.busy
    return builder.reply(), events[-1]


def failure(client: Client) -> tuple[errors.HermesError, Reply]:
    reply, last = outcome(client)
    assert isinstance(last, Failed)
    shown = "".join([str(last.error), repr(last.error), *last.error._render_traceback_()])
    assert KEY not in shown + last.error.code + last.error.provider
    assert "\n" not in shown
    return last.error, reply


def test_the_request_is_what_was_asked_for() -> None:
    with Loopback(lambda _: Response.sse(WHOLE)) as server, client_of(server.base_url) as client:
        reply, last = outcome(client)
        (exchange,) = server.wait_for_exchanges()
    assert (reply.text, last) == ("Yes.", Done())
    request = exchange.request
    assert (request.method, request.path) == ("POST", "/api/v1/chat/completions")
    assert request.json == BODY
    assert request.carries_key(KEY)
    assert request.headers["content-type"] == "application/json"
    assert "text/event-stream" in request.headers["accept"]
    assert request.headers["user-agent"] == f"hermes-magic/{__version__}"
    assert exchange.finished


def test_without_a_key_none_is_sent() -> None:
    with (
        Loopback(lambda _: Response.sse(WHOLE)) as server,
        client_of(server.base_url, "") as client,
    ):
        outcome(client)
        (exchange,) = server.wait_for_exchanges()
    assert "authorization" not in exchange.request.headers


def test_the_generation_s_id_is_known_before_the_first_delta() -> None:
    with answering(data("Yes.", "stop"), DONE, X_Generation_Id="gen-1") as (client, _):
        events = list(client.chat(BODY))
    assert events[0] == [Started(id="gen-1")]


STATUSES = {
    400: errors.BadRequestError, 401: errors.AuthenticationError, 402: errors.CreditsError,
    403: errors.PermissionDeniedError, 404: errors.NotFoundError, 408: errors.ServerTimeoutError,
    413: errors.ContextLengthError, 422: errors.BadRequestError, 429: errors.RateLimitError,
    500: errors.ProviderError, 502: errors.ProviderError, 503: errors.ProviderError,
    504: errors.ServerTimeoutError, 524: errors.ServerTimeoutError, 529: errors.ProviderError,
}  # fmt: skip
BODIES: dict[str, tuple[Step, ...]] = {
    "object": (b'{"error":{"message":"Sorry","code":1}}',),
    "padded": (b"\n   \n", b'{"error":{"message":"Sorry"}}'),
    "page": (b"<html><body>Sorry</body></html>",),
    "nothing": (),
    "garbage": (b"\x00\xff{[",),
    "cut": (b'{"error":', Cut()),
    "reset": (b'{"error":', Cut(reset=True)),
    "echo": (f'{{"error":{{"message":"Key {KEY} is bad"}}}}'.encode(),),
    "endless": (b"x" * 1_100_000,),
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", BODIES)
def test_each_status_with_each_body_is_its_typed_error(status: int, body: str) -> None:
    with answering(*BODIES[body], status=status, Retry_After="7") as (client, server):
        error, reply = failure(client)
        server.wait_for_exchanges()
        assert len(server.exchanges) == 1
    assert type(error) is STATUSES[status]
    assert (error.status, error.retry_after) == (status, 7.0)
    assert str(status) in error.message
    assert reply.text == ""


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    target = f"http://127.0.0.1:1/elsewhere?key={KEY}"
    with answering(status=status, Location=target) as (client, _):
        error, _ = failure(client)
    assert type(error) is errors.ProtocolError
    assert error.message.startswith("The server redirects to http://127.0.0.1:1/elsewhere")


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    ("steps", "text"),
    [((), ""), ((data("par"),), "par"), ((data("par"), data("t"), b"data: {"), "part")],
)
def test_a_cut_connection_keeps_what_came(
    steps: tuple[Step, ...], text: str, *, reset: bool
) -> None:
    with answering(*steps, Cut(reset)) as (client, _):
        error, reply = failure(client)
    assert type(error) is errors.NetworkError
    assert text.startswith(reply.text)  # a RST may overtake what was sent before it
    assert reset or reply.text == text
    assert reply.notices == ()


@pytest.mark.parametrize("last", [(DONE,), ()])
def test_a_cut_behind_the_end_is_no_failure(last: tuple[Step, ...]) -> None:
    with answering(data("Yes.", "stop"), *last, Cut()) as (client, _):
        assert outcome(client)[1] == Done()


def test_a_stream_that_just_ends_is_truncated() -> None:
    with answering(data("par"), data("t")) as (client, _):
        error, reply = failure(client)
    assert (type(error), reply.text) == (errors.TruncatedError, "part")


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"hello", b"", b"[1]"])
def test_what_is_no_answer_is_a_protocol_error(body: bytes) -> None:
    with answering(body) as (client, _):
        assert type(failure(client)[0]) is errors.ProtocolError


@pytest.mark.parametrize("greeting", [b"garbage\r\n\r\n", b"\x16\x03\x01", b""])
def test_a_server_that_speaks_no_http_is_a_network_error(greeting: bytes) -> None:
    def greet(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(greeting)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener,))
        thread.start()
        with client_of(f"http://127.0.0.1:{listener.getsockname()[1]}/v1") as client:
            assert type(failure(client)[0]) is errors.NetworkError
        thread.join(SOON)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nobody_at_the_address_is_a_network_error(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with client_of(f"{scheme}://127.0.0.1:{port}/v1") as client:
        error, _ = failure(client)
    assert type(error) is errors.NetworkError
    assert error.message.startswith("No connection to 127.0.0.1: ")


def test_tls_with_a_server_that_has_none_is_a_network_error() -> None:
    server = Loopback(lambda _: Response.sse(WHOLE))
    with server, client_of(server.base_url.replace("http:", "https:")) as client:
        assert type(failure(client)[0]) is errors.NetworkError


@pytest.mark.parametrize("steps", [(Pause(LONG),), (data("part"), Pause(LONG))])
def test_a_silent_server_is_a_timeout(steps: tuple[Step, ...]) -> None:
    response = Response(200, {"Content-Type": "text/event-stream"}, steps)
    with Loopback(lambda _: response) as server:
        impatient = replace(Server("test", server.base_url), silence=0.05)
        with closing(Client(impatient, KEY)) as client:
            error, reply = failure(client)
            (exchange,) = server.wait_for_exchanges()
    assert type(error) is errors.ServerTimeoutError
    assert error.message == "127.0.0.1 sent nothing for 0.05 s."
    assert (reply.text, exchange.client_left) == ("part" if len(steps) > 1 else "", True)


def test_a_compressed_body_is_read() -> None:
    body = gzip.compress(b"".join([data("Yes"), data(".", "stop"), DONE]))
    with answering(body[:20], body[20:], Content_Encoding="gzip") as (client, _):
        reply, last = outcome(client)
    assert (reply.text, last) == ("Yes.", Done())


def test_a_body_that_cannot_be_decompressed_is_a_protocol_error() -> None:
    with answering(data("Yes.", "stop"), Content_Encoding="gzip") as (client, _):
        assert type(failure(client)[0]) is errors.ProtocolError


def test_one_json_body_with_padding_is_an_answer() -> None:
    message = {"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}
    padding: list[Step] = [b"\n         \n"] * 5
    with answering(*padding, json.dumps(message).encode()) as (client, _):
        reply, last = outcome(client)
    assert (reply.text, last) == ("Yes.", Done())


def test_the_end_is_told_though_the_connection_stays_open() -> None:
    with answering(data("Yes.", "stop"), DONE, Pause(LONG)) as (client, server):
        with closing(client.chat(BODY)) as events:
            seen = [next(events)]
            while not isinstance(seen[-1][-1], Done):
                seen.append(next(events))
            assert client.busy
        (exchange,) = server.wait_for_exchanges()
        assert exchange.client_left
        assert not client.busy


ECHOES: list[bytes] = [
    f'data: {{"error":{{"message":"bad {KEY}"}}}}\n\n'.encode(),
    f'data: {{"error":{{"message":"{"é " * 70}{KEY}{" é" * 300}"}}}}\n\n'.encode(),
    f'data: {{"error":{{"message":"x","code":"{KEY}"}}}}\n\n'.encode(),
    f'data: {{"provider":"{KEY}","error":{{"message":"x"}}}}\n\n'.encode(),
    f'{{"error":{{"message":"x","metadata":{{"raw":"{{\\"error\\":\\"{KEY}\\"}}"}}}}}}'.encode(),
    f"event: error\ndata: Bearer {KEY}\n\n".encode(),
]


@pytest.mark.parametrize("echo", ECHOES, ids=range(len(ECHOES)))
def test_an_echoed_key_is_taken_out(echo: bytes) -> None:
    assert KEY.encode() in echo
    with answering(echo) as (client, _):
        error, _ = failure(client)
    assert isinstance(error, errors.ProviderError)
    assert KEY[:20] not in str(error)


@pytest.mark.parametrize("key", [KEY + "\nX: y", KEY + "\r", KEY + "\x00"])
def test_a_key_that_no_header_can_hold_is_an_option_error(key: str) -> None:
    with (
        Loopback(lambda _: Response.sse(WHOLE)) as server,
        client_of(server.base_url, key) as client,
    ):
        assert type(failure(client)[0]) is errors.OptionError
        assert server.exchanges == ()


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:1/\x00", "http://", "ftp://127.0.0.1"])
def test_an_address_that_cannot_be_asked_is_an_option_error(base_url: str) -> None:
    with client_of(base_url) as client:
        assert type(failure(client)[0]) is errors.OptionError


def test_a_connection_is_used_again_also_after_a_refusal() -> None:
    answers = iter([Response.sse(WHOLE), Response.json({"error": "no"}, status=429)])

    def respond(_: Request) -> Response:
        return next(answers, Response.sse(WHOLE))

    with Loopback(respond) as server, client_of(server.base_url) as client:
        used = []
        for _ in range(3):
            outcome(client)
            used.append(client._network.get_extra_info("client_addr"))
        assert len(server.wait_for_exchanges(3)) == 3
    assert len(set(used)) == 1


def test_a_connection_outlives_a_short_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(*(data("Yes", "stop"), DONE)) as (client, _):
        assert not client.is_open
        outcome(client)
        used = client._network.get_extra_info("client_addr")
        rest(30, monkeypatch)
        assert (client.is_open, client.is_stale) == (True, False)
        outcome(client)
        assert client._network.get_extra_info("client_addr") == used


@pytest.mark.parametrize("rested", [90, -5])
def test_a_connection_is_stale_when_the_clock_on_the_wall_says_so(
    rested: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(*(data("Yes", "stop"), DONE)) as (client, _):
        outcome(client)
        rest(rested, monkeypatch, asleep=True)
        assert (client.is_open, client.is_stale) == (False, True)


def rest(seconds: float, monkeypatch: pytest.MonkeyPatch, *, asleep: bool = False) -> None:
    """Let time go by; of a computer's sleep only the clock on the wall knows."""
    for name in ("time",) if asleep else ("time", "monotonic"):
        clock = getattr(time, name)
        monkeypatch.setattr(time, name, lambda clock=clock: clock() + seconds)


def test_a_connection_is_not_open_that_the_server_has_closed() -> None:
    with answering(data("Yes", "stop"), DONE, connection="close") as (client, _):
        assert not client.is_open
        outcome(client)
        assert not client.is_open


def test_a_connection_is_not_open_behind_a_broken_answer() -> None:
    with answering(data("Yes"), Cut()) as (client, _):
        outcome(client)
        assert not client.is_open


class Reader(threading.Thread):
    """Reads a reply on a thread of its own."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.client = client
        self.events: list[Event] = []
        self.got_text = threading.Event()

    def run(self) -> None:
        for events in self.client.chat(BODY):
            self.events += events
            if any(isinstance(event, Text) for event in events):
                self.got_text.set()


@contextmanager
def reading(client: Client) -> Iterator[Reader]:
    """Give a reader that must have ended, soon after the context's block."""
    reader = Reader(client)
    reader.start()
    yield reader
    reader.join(SOON)
    assert not reader.is_alive()
    assert (client.aborted, client.busy) == (True, False)
    assert isinstance(reader.events[-1], Failed)


def test_an_abort_while_headers_are_awaited_ends_the_request() -> None:
    arrived, release = threading.Event(), threading.Event()

    def respond(_: Request) -> Response:
        arrived.set()
        release.wait(SOON)
        return Response.sse(WHOLE)

    with Loopback(respond) as server, client_of(server.base_url) as client:
        with reading(client):
            assert arrived.wait(SOON)
            client.abort()
        release.set()
        (exchange,) = server.wait_for_exchanges()
    assert exchange.client_left


def test_an_abort_in_a_silent_stream_is_seen_by_the_server() -> None:
    with answering(data("part"), Pause(LONG)) as (client, server):
        with reading(client) as seen:
            assert seen.got_text.wait(SOON)
            client.abort()
        (exchange,) = server.wait_for_exchanges()
    assert exchange.client_left
    assert Text("part") in seen.events


def test_an_aborted_client_sends_nothing_more() -> None:
    with Loopback(lambda _: Response.sse(WHOLE)) as server, client_of(server.base_url) as client:
        outcome(client)
        server.wait_for_exchanges()
        client.abort()
        assert type(failure(client)[0]) is errors.NetworkError
        assert len(server.exchanges) == 1


def test_an_abort_before_the_first_request_sends_nothing() -> None:
    with Loopback(lambda _: Response.sse(WHOLE)) as server, client_of(server.base_url) as client:
        client.abort()
        assert type(failure(client)[0]) is errors.NetworkError
        assert server.exchanges == ()

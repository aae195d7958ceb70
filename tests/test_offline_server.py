"""The scriptable loopback server: exact bytes, pauses, cuts, and a record of how it all ended."""

import ast
import itertools
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hermes_magic.offline
from hermes_magic.offline import Cut, Exchange, Pause, Request, Response, Server
from hermes_magic.offline.messages import Event, Step, encode_json

KEY = "sk-or-v1-not-a-real-key"
LONG = 60.0
GET = b"GET /api/v1/x HTTP/1.1\r\nHost: loopback\r\n\r\n"


def scripted(*steps: Step, headers: dict[str, str] | None = None) -> Server:
    """Return a server that answers every request with these steps."""
    return Server(lambda _: Response(200, headers or {}, steps))


def get(server: Server) -> httpx.Response:
    return httpx.get(f"{server.base_url}/x", trust_env=False)


def connect(server: Server) -> socket.socket:
    url = urlsplit(server.base_url)
    return socket.create_connection((url.hostname, url.port), timeout=10)


def received(connection: socket.socket, until: bytes) -> bytes:
    """Read until the bytes seen end with `until`, or the peer closes."""
    seen = b""
    while not seen.endswith(until):
        piece = connection.recv(65536)
        if not piece:
            break
        seen += piece
    return seen


def offline_threads() -> set[threading.Thread]:
    return {one for one in threading.enumerate() if one.name.startswith("offline-")}


def test_each_step_is_one_chunk_of_exactly_its_bytes() -> None:
    with scripted(b"one\n", b"\xff\x00", b"", b"three") as server, connect(server) as connection:
        connection.sendall(GET)
        head, _, body = received(connection, b"0\r\n\r\n").partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked"]
    assert body == b"4\r\none\n\r\n2\r\n\xff\x00\r\n5\r\nthree\r\n0\r\n\r\n"


def test_a_connection_serves_many_requests() -> None:
    with scripted(b"again") as server, connect(server) as connection:
        for _ in range(3):
            connection.sendall(GET)
            assert b"again" in received(connection, b"0\r\n\r\n")


def test_pipelined_requests_are_answered_in_turn() -> None:
    with scripted(b"first", Pause(0.01), b"last") as server, connect(server) as connection:
        connection.sendall(GET + GET)
        server.wait_for_exchanges(2)
        answer = received(connection, b"0\r\n\r\n")
        if answer.count(b"last") < 2:
            answer += received(connection, b"0\r\n\r\n")
    assert answer.count(b"last") == 2


def test_a_request_arrives_whole() -> None:
    seen: list[Request] = []

    def respond(request: Request) -> Response:
        seen.append(request)
        return Response.json({"ok": True}, status=201, headers={"X-Extra": "yes"})

    with Server(respond) as server:
        url = f"{server.base_url}/chat?id=1"
        reply = httpx.post(url, json={"a": "ü"}, headers={"X-Mixed-Case": "v"}, trust_env=False)
    assert (reply.status_code, reply.json(), reply.headers["x-extra"]) == (201, {"ok": True}, "yes")
    (request,) = seen
    assert (request.method, request.path) == ("POST", "/api/v1/chat?id=1")
    assert request.headers["x-mixed-case"] == "v"
    assert request.json == {"a": "ü"}


def test_a_key_is_recognised_and_never_shown() -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    with scripted(b"") as server:
        httpx.get(server.base_url, headers=headers, trust_env=False)
        (exchange,) = server.wait_for_exchanges()
    assert exchange.request.has_key
    assert exchange.request.carries_key(KEY)
    assert not exchange.request.carries_key(f"{KEY}x")
    assert KEY not in repr(exchange)
    assert KEY not in str(dict(exchange.request.headers))


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "}])
def test_an_empty_key_is_no_key(headers: dict[str, str]) -> None:
    request = Request.received("GET", "/", headers, b"")
    assert not request.has_key
    assert not request.carries_key(KEY)


def test_sse_frames_mappings_comments_and_raw_bytes() -> None:
    events: list[Event] = [{"é": [1, None]}, "KEEP ALIVE", b"data: raw\r\n\r\n"]
    with Server(lambda _: Response.sse(events, headers={"X-A": "b"})) as server:
        reply = get(server)
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.headers["x-a"] == "b"
    expected = 'data: {"é":[1,null]}\n\n: KEEP ALIVE\n\ndata: raw\r\n\r\ndata: [DONE]\n\n'
    assert reply.content == expected.encode()


def test_sse_can_end_without_done() -> None:
    with Server(lambda _: Response.sse([{}], done=False)) as server:
        assert get(server).content == b"data: {}\n\n"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_json_is_encoded_as_json_does(value: object) -> None:
    assert json.loads(encode_json(value)) == value


@given(st.decimals(min_value=0, max_value=1000, places=9))
def test_a_decimal_is_a_plain_number(value: Decimal) -> None:
    encoded = encode_json(value)
    assert json.loads(encoded, parse_float=Decimal, parse_int=Decimal) == value
    assert set(encoded) <= set("0123456789.")


def test_a_client_that_leaves_ends_a_pause() -> None:
    with scripted(b"begun", Pause(LONG), b"never") as server:
        with httpx.stream("GET", server.base_url, trust_env=False) as reply:
            pieces = reply.iter_raw()  # httpx closes the response when this generator goes
            assert next(pieces) == b"begun"
            assert server.exchanges == ()
        (exchange,) = server.wait_for_exchanges()
    assert (exchange.finished, exchange.client_left) == (False, True)


def test_a_client_that_leaves_ends_an_endless_flood() -> None:
    with scripted_forever(b"x" * 1000) as server:
        with httpx.stream("GET", server.base_url, trust_env=False) as reply:
            next(reply.iter_raw())
        (exchange,) = server.wait_for_exchanges()
    assert (exchange.finished, exchange.client_left) == (False, True)


def scripted_forever(step: bytes) -> Server:
    return Server(lambda _: Response(200, {}, itertools.repeat(step)))


def test_a_finished_exchange_says_so() -> None:
    with scripted(b"all") as server:
        get(server)
        (exchange,) = server.wait_for_exchanges()
    assert exchange == Exchange(exchange.request, 200, finished=True, client_left=False)


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "100"}])
def test_a_cut_breaks_off_within_the_body(headers: dict[str, str]) -> None:
    with scripted(b"part", Cut(), b"never", headers=headers) as server:
        with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending"):
            get(server)
        (exchange,) = server.wait_for_exchanges()
    assert (exchange.finished, exchange.client_left) == (False, False)


def test_bytes_before_a_cut_arrive_and_none_after() -> None:
    got: list[bytes] = []
    with (
        scripted(b"part", Cut(), b"never") as server,
        httpx.stream("GET", server.base_url, trust_env=False) as reply,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        got.extend(reply.iter_raw())
    assert b"".join(got) == b"part"


def test_a_cut_can_reset_the_connection() -> None:
    with scripted(b"part", Cut(reset=True)) as server, connect(server) as connection:
        connection.sendall(GET)
        with pytest.raises(ConnectionResetError):
            received(connection, b"no such end")


def test_a_failing_responder_is_http_500_and_silent(capfd: pytest.CaptureFixture[str]) -> None:
    def respond(_: Request) -> Response:
        raise LookupError("no such tape")

    with Server(respond) as server:
        reply = get(server)
    assert reply.status_code == 500
    assert reply.json() == {"error": {"message": "LookupError: no such tape", "code": 500}}
    assert capfd.readouterr() == ("", "")


def test_a_script_that_fails_half_way_cuts_the_connection(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def steps() -> Iterator[Step]:
        yield b"part"
        raise LookupError("the tape ends here")

    with Server(lambda _: Response(200, {}, steps())) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            get(server)
        (exchange,) = server.wait_for_exchanges()
    assert not exchange.finished
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "framing", [b"Content-Length: x", b"Content-Length: -1", b"Transfer-Encoding: chunked"]
)
def test_a_body_of_unknown_length_is_refused(
    framing: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with scripted(b"no") as server, connect(server) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: loopback\r\n" + framing + b"\r\n\r\n")
        assert received(connection, b"no such end").startswith(b"HTTP/1.1 411 ")
    assert capfd.readouterr() == ("", "")


def test_noise_instead_of_a_request_harms_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    with scripted(b"fine") as server:
        with connect(server) as connection:
            connection.sendall(b"\x16\x03\x01\x00\xff noise\r\n\r\n")
            received(connection, b"no such end")
        with connect(server) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\nonly this")
        assert get(server).content == b"fine"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("steps", [(), (b"begun", Pause(LONG))])
def test_close_leaves_no_thread_and_no_connection(steps: Iterable[Step]) -> None:
    others = offline_threads()
    server = scripted(*steps).start()
    with connect(server) as connection:
        connection.sendall(GET)
        connection.recv(1)
        server.close()
        server.close()
        assert offline_threads() == others
        received(connection, b"no such end")
    assert [exchange.client_left for exchange in server.exchanges] == [False]
    with pytest.raises(OSError, match=r"refused|reset"):
        connect(server)


def test_close_before_start_does_nothing() -> None:
    scripted().close()


def test_a_server_starts_once() -> None:
    with scripted() as server, pytest.raises(RuntimeError, match="already started"):
        server.start()


def test_there_is_no_address_before_the_start() -> None:
    with pytest.raises(RuntimeError, match="before start"):
        _ = scripted().base_url


def test_waiting_for_exchanges_is_bounded() -> None:
    with scripted() as server, pytest.raises(TimeoutError, match="0 of 2 exchanges"):
        server.wait_for_exchanges(2, timeout=0.0)


def test_clients_are_served_side_by_side() -> None:
    both = threading.Barrier(2, timeout=10)

    def steps() -> Iterator[Step]:
        yield b"met" if both.wait() in (0, 1) else b"alone"

    answers: list[bytes] = []
    with Server(lambda _: Response(200, {}, steps())) as server:
        ask: Callable[[], None] = lambda: answers.append(get(server).content)  # noqa: E731
        other = threading.Thread(target=ask)
        other.start()
        ask()
        other.join(10)
    assert answers == [b"met", b"met"]


def test_the_server_listens_on_the_loopback_only() -> None:
    with scripted() as server:
        assert urlsplit(server.base_url).hostname == "127.0.0.1"
        assert urlsplit(server.base_url).path == "/api/v1"


def test_the_package_needs_the_standard_library_only() -> None:
    allowed = {*sys.stdlib_module_names, "hermes_magic.offline"}
    folder = Path(str(hermes_magic.offline.__file__)).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert any(name == one or name.startswith(f"{one}.") for one in allowed), name

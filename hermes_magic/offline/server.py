"""A scriptable HTTP server on the loopback, for demonstrations, tests and replays."""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import socketserver
import struct
import threading
import time
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, cast

from hermes_magic.offline.messages import Cut, Exchange, Pause, Request, Response, encode_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

LOOPBACK: Final = "127.0.0.1"
ACCEPT_POLL_SECONDS: Final = 0.05
JOIN_SECONDS: Final = 5.0
MOMENT_SECONDS: Final = 0.2
UNFINISHED_CHUNK: Final = b"1000\r\n"
LINGER_ZERO: Final = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class _End(Enum):
    """How the sending of one response ended."""

    FINISHED = auto()
    CLIENT_LEFT = auto()
    CUT = auto()


class Server:
    """Answer every request on a loopback port with what `respond` returns for it.

    `respond` is called on the connection's thread; when it raises, the client gets HTTP 500 with
    a JSON error. Nothing is logged. Use it as a context manager, or `start()` and `close()` it.
    """

    def __init__(self, respond: Callable[[Request], Response], *, port: int = 0) -> None:
        self._respond = respond
        self._port = port
        self._listener: _Listener | None = None
        self._acceptor: threading.Thread | None = None
        self._begun = 0
        self._exchanges: list[Exchange] = []
        self._ended = threading.Condition()

    @property
    def base_url(self) -> str:
        """Return the address to give to a client, e.g. ``http://127.0.0.1:40001/api/v1``."""
        if self._listener is None:
            raise RuntimeError("the server has no address before start()")
        return f"http://{LOOPBACK}:{self._listener.server_address[1]}/api/v1"

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Return the exchanges that have ended so far, in the order of their ends.

        A client has its answer a moment before that is noted here: what is under way is given
        that moment.
        """
        with self._ended:
            self._ended.wait_for(lambda: len(self._exchanges) >= self._begun, MOMENT_SECONDS)
            return tuple(self._exchanges)

    def wait_for_exchanges(self, count: int = 1, *, timeout: float = 5.0) -> tuple[Exchange, ...]:
        """Wait until `count` exchanges have ended and return all that have.

        Raises TimeoutError after `timeout` seconds.
        """
        with self._ended:
            if not self._ended.wait_for(lambda: len(self._exchanges) >= count, timeout):
                raise TimeoutError(
                    f"{len(self._exchanges)} of {count} exchanges ended in {timeout} s"
                )
            return tuple(self._exchanges)

    def start(self) -> Self:
        """Bind the port and accept connections; a server starts once."""
        if self._listener is not None:
            raise RuntimeError("the server was already started")
        self._listener = _Listener(self._port, self._begin, self._record)
        self._acceptor = threading.Thread(
            target=self._listener.serve_forever,
            args=(ACCEPT_POLL_SECONDS,),
            name="offline-server",
            daemon=True,
        )
        self._acceptor.start()
        return self

    def close(self) -> None:
        """Stop accepting, close every open connection and join all threads; idempotent."""
        if self._listener is None or self._acceptor is None:
            return
        acceptor, self._acceptor = self._acceptor, None
        self._listener.closing.set()
        self._listener.shutdown()
        self._listener.server_close()
        acceptor.join(JOIN_SECONDS)
        self._listener.close_connections()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _begin(self, request: Request) -> Response:
        with self._ended:
            self._begun += 1
        return self._respond(request)

    def _record(self, exchange: Exchange) -> None:
        with self._ended:
            self._exchanges.append(exchange)
            self._ended.notify_all()


class _Listener(socketserver.TCPServer):
    """The listening socket; knows its open connections, so that none outlives it."""

    allow_reuse_address = os.name == "posix"
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        respond: Callable[[Request], Response],
        record: Callable[[Exchange], None],
    ) -> None:
        self.respond = respond
        self.record = record
        self.closing = threading.Event()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        super().__init__((LOOPBACK, port), _Handler)

    def process_request(self, request: object, client_address: object) -> None:
        """Serve one connection on its own daemon thread."""
        connection = cast("socket.socket", request)
        thread = threading.Thread(
            target=self._serve,
            args=(connection, client_address),
            name="offline-client",
            daemon=True,
        )
        with self._lock:
            self._connections[thread] = connection
        thread.start()

    def close_connections(self) -> None:
        """Wake every connection's thread by closing its socket, and join it."""
        with self._lock:
            connections = dict(self._connections)
        for connection in connections.values():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections.keys() - {threading.current_thread()}:
            thread.join(JOIN_SECONDS)

    def _serve(self, connection: socket.socket, client_address: object) -> None:
        # A client that breaks off in mid-request is an everyday event here, not an error to show.
        with contextlib.suppress(OSError, ValueError):
            self.finish_request(connection, client_address)
        # close() without shutdown(): with SO_LINGER 0 the client then sees a RST and no FIN.
        connection.close()
        with self._lock:
            del self._connections[threading.current_thread()]


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection: read a request, ask the responder, send its steps, again."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener
    connection: socket.socket

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Log nothing."""

    def exchange(self) -> None:
        """Answer one request and record how it ended."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self.send_error(411)
            return
        body = self.rfile.read(int(length))
        request = Request.received(self.command, self.path, dict(self.headers.items()), body)
        response = self._response(request)
        end = self._send(response)
        self.close_connection = self.close_connection or end is not _End.FINISHED
        left = end is _End.CLIENT_LEFT and not self.server.closing.is_set()
        finished = end is _End.FINISHED
        self.server.record(Exchange(request, response.status, finished, left))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = exchange  # noqa: N815 (http.server's names)

    def _response(self, request: Request) -> Response:
        try:
            return self.server.respond(request)
        except Exception as error:  # noqa: BLE001 (a responder's bug is the client's HTTP 500)
            return _internal_error(error)

    def _send(self, response: Response) -> _End:
        chunked = "content-length" not in {name.lower() for name in response.headers}
        try:
            self.send_response_only(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            if chunked:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            return self._send_steps(response, chunked=chunked)
        except OSError:
            return _End.CLIENT_LEFT
        except Exception:  # noqa: BLE001 (status and headers are out: only a cut can tell it)
            return self._cut(Cut(), chunked=chunked)

    def _send_steps(self, response: Response, *, chunked: bool) -> _End:
        for step in response.steps:
            if isinstance(step, Cut):
                return self._cut(step, chunked=chunked)
            if self._client_leaves_within(step.seconds if isinstance(step, Pause) else 0.0):
                return _End.CLIENT_LEFT
            # An empty chunk would be the terminator of the body.
            if isinstance(step, bytes) and step:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(step), step) if chunked else step)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        return _End.FINISHED

    def _cut(self, cut: Cut, *, chunked: bool) -> _End:
        with contextlib.suppress(OSError):
            if chunked:
                self.wfile.write(UNFINISHED_CHUNK)
            if cut.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        return _End.CUT

    def _client_leaves_within(self, seconds: float) -> bool:
        """Wait `seconds`, or until the peer has closed the connection or this server closes."""
        deadline = time.monotonic() + seconds
        self.connection.settimeout(seconds)
        try:
            peeked = self.connection.recv(1, socket.MSG_PEEK)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError:
            return True
        finally:
            self.connection.settimeout(None)
        if peeked:  # a pipelined request hides the end of the stream: only wait
            return self.server.closing.wait(max(0.0, deadline - time.monotonic()))
        return True


def _internal_error(error: Exception) -> Response:
    message = f"{type(error).__name__}: {error}"
    body = encode_json({"error": {"message": message, "code": 500}}).encode("utf-8", "replace")
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Response(500, headers, (body,))

"""One HTTP connection to one server: send a request, give its events.

The only module that knows httpx. A client has one request at a time, so that another thread can
abort it at any moment by shutting its socket down: httpx itself has no way to wake a blocked read.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx

from hermes_magic._version import __version__
from hermes_magic.errors import (
    HermesError,
    NetworkError,
    OptionError,
    ProtocolError,
    ServerTimeoutError,
)
from hermes_magic.reply import Event, Failed, Started, Text, Thought
from hermes_magic.wire.body import BodyDecoder
from hermes_magic.wire.failures import failure_of_response, one_line

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator, Iterator, Mapping

    from hermes_magic.wire.servers import Server

_CONNECT_SECONDS = 10.0
_IDLE_SECONDS = 60.0  # people take longer from cell to cell than httpx's 5 seconds
_LARGEST_ERROR = 1_000_000
# Words come one by one, and to wake up for each costs more than to read it: once text flows, let
# some gather. Nobody sees it, for they are drawn a dozen times a second.
_WAITED_SECONDS = 0.0005
_GATHER_SECONDS = 0.02
_OPENED = {"connection.connect_tcp.complete", "connection.start_tls.complete"}
_SENDING = "http11.send_request_headers.started"
_BEFORE_SENDING = {"connection.connect_tcp.started", "connection.start_tls.started", _SENDING}
_NO_HEADER_FITS = "The key or the server's address cannot be sent as it is."


@cache
def _tls() -> ssl.SSLContext:
    """Make the TLS context once: it costs 35 ms, a client without it 0.1 ms."""
    return httpx.create_ssl_context()


def warm() -> None:
    """Make what the first request needs."""
    _tls()


class _AbortedError(Exception):
    """The client was aborted before its request went out."""


class Client:
    """A kept-alive connection to a server; one request at a time.

    Attributes:
        busy: a request is under way, or the end of its body has not been seen yet.
        draining: its reply is whole, and only the end of its body has not been seen yet.
    """

    def __init__(self, server: Server, key: str) -> None:
        self.busy = self.draining = False
        self._abort = threading.Event()
        self._server = server
        self._key = key
        self._network: Any = None
        self._ended = time.time()
        self._url: httpx.URL | None = None
        self._on_send: Callable[[], None] | None = None
        self._http = httpx.Client(
            headers=_headers(key),
            verify=_tls() if server.base_url.startswith("https:") else False,
            trust_env=not server.is_local,
            timeout=httpx.Timeout(server.silence, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(keepalive_expiry=_IDLE_SECONDS),
        )

    @property
    def aborted(self) -> bool:
        """Whether the client has been aborted, and can do no more."""
        return self._abort.is_set()

    @property
    def is_open(self) -> bool:
        """Whether the connection stands, as far as that is known: a request goes out at once."""
        if self._network is None or self.is_stale:
            return False
        return not self._network.get_extra_info("is_readable")  # its end, or rubbish

    @property
    def is_stale(self) -> bool:
        """Whether it has rested for so long that the connection may be gone without a word.

        That is told by the clock on the wall, since any other stands still while a laptop sleeps.
        """
        return not self.busy and not 0 <= time.time() - self._ended < _IDLE_SECONDS

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond an abort."""
        self._abort.wait(seconds)

    def chat(
        self, body: Mapping[str, Any], on_send: Callable[[], None] | None = None
    ) -> Generator[list[Event]]:
        """Send a chat completion request; give its events as they come.

        `on_send` is called when the connection stands and the request is about to go out; what it
        raises keeps the request from going out, and comes out here.

        The last list ends with `Done` or `Failed`; nothing is raised for what a server or a
        network does. After that the iterator may wait for the end of the connection's body, so
        that the connection can be used again.
        """
        self.busy = True
        self._on_send = on_send
        decoder = BodyDecoder()
        try:
            yield from self._exchange(body, decoder)
        except (httpx.HTTPError, httpx.InvalidURL, _AbortedError, OSError) as error:
            if not decoder.ended:
                yield self._redacted(decoder.flush(cut=self._network_failure(error)))
        finally:
            self.busy = self.draining = False
            self._ended = time.time()

    def abort(self) -> None:
        """End the request under way from any thread; its iterator ends soon after."""
        self._abort.set()
        connection = self._network and self._network.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _exchange(self, body: Mapping[str, Any], decoder: BodyDecoder) -> Generator[list[Event]]:
        request = self._http.build_request(
            "POST",
            self._address(),
            content=json.dumps(body).encode(),
            extensions={"trace": self._trace},
        )
        with contextlib.closing(self._http.send(request, stream=True)) as response:
            self._network = response.extensions.get("network_stream", self._network)
            yield [Started(id=response.headers.get("x-generation-id", ""))]
            if response.status_code != httpx.codes.OK:
                decoder.ended = True
                yield self._redacted([Failed(_refusal(response))])
                return
            plain = "content-encoding" not in response.headers
            chunks = response.iter_raw() if plain else response.iter_bytes()
            flows = False
            for data, waited in _timed(chunks):
                if events := decoder.feed(data):
                    flows = flows or any(isinstance(event, Text | Thought) for event in events)
                    yield self._redacted(events) if decoder.ended else events
                if decoder.ended:
                    break
                if flows and waited > _WAITED_SECONDS:
                    self._abort.wait(_GATHER_SECONDS)
            last = self._redacted(decoder.flush())
            self.draining = True
            yield last
            for _ in chunks:
                pass

    def _address(self) -> httpx.URL:
        """Read the address once: to read it each time is a tenth of a small request's work."""
        if self._url is None:
            self._url = httpx.URL(self._server.base_url + "/chat/completions")
        return self._url

    def _trace(self, name: str, info: Mapping[str, Any]) -> None:
        if name in _OPENED:
            self._network = info["return_value"]
        if self.aborted and name in _BEFORE_SENDING:
            raise _AbortedError
        if name == _SENDING and self._on_send is not None:
            self._on_send()

    def _network_failure(self, error: Exception) -> HermesError:
        host = self._server.host
        match error:
            case httpx.ConnectTimeout():
                return ServerTimeoutError(f"{host} did not answer in {_CONNECT_SECONDS:g} s.")
            case httpx.TimeoutException():
                waited = f"{host} sent nothing for {self._server.silence:g} s."
                return ServerTimeoutError(waited, retryable=False)  # it may be at work, and bill
            case httpx.ConnectError():
                return NetworkError(f"No connection to {host}: {one_line(str(error))}.")
            case httpx.LocalProtocolError() | httpx.InvalidURL() | httpx.UnsupportedProtocol():
                return OptionError(_NO_HEADER_FITS)
            case httpx.DecodingError():
                return ProtocolError(f"{host} sent a body that cannot be decompressed.")
            case _:
                return NetworkError(f"The connection to {host} was cut.")

    def _redacted(self, events: list[Event]) -> list[Event]:
        """Take the key out of an error's texts, should the server have repeated it."""
        last = events[-1] if events else None
        if isinstance(last, Failed) and self._key:
            error = last.error
            for name in ("message", "code", "provider"):
                setattr(error, name, getattr(error, name).replace(self._key, "[key]"))
            error.args = (error.message,)
        return events


def _timed(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, float]]:
    """Give each chunk and the seconds that it was waited for."""
    asked = time.perf_counter()
    for data in chunks:
        yield data, time.perf_counter() - asked
        asked = time.perf_counter()


def _headers(key: str) -> dict[str, str]:
    headers = {
        "Accept": "text/event-stream, application/json",
        "Content-Type": "application/json",
        "User-Agent": f"hermes-magic/{__version__}",
    }
    return headers | ({"Authorization": f"Bearer {key}"} if key else {})


def _refusal(response: httpx.Response) -> HermesError:
    body = b""
    # The status says enough, should the body be cut, undecodable or endless.
    with contextlib.suppress(httpx.HTTPError, OSError):
        for data in response.iter_bytes():
            body += data
            if len(body) > _LARGEST_ERROR:
                body = b""
                break
    if response.has_redirect_location:
        return ProtocolError(f"The server redirects to {one_line(response.headers['location'])}.")
    return failure_of_response(response.status_code, body, response.headers)

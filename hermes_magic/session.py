"""One notebook's state, and one question on its way."""

from __future__ import annotations

import functools
import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from hermes_magic import prompt
from hermes_magic.errors import HermesError, ServerTimeoutError, Stopped
from hermes_magic.options import Options
from hermes_magic.prompt import Question, question_of
from hermes_magic.reply import Done, Event, Failed, Progress, Reply, ReplyBuilder, Retrying

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import TracebackType

    from hermes_magic.money.account import Account
    from hermes_magic.money.booking import BookedSender
    from hermes_magic.money.budget import Limits
    from hermes_magic.reply.reply import State
    from hermes_magic.tape.recorder import Recorder
    from hermes_magic.tape.tapes import Tapes
    from hermes_magic.wire.background import Arrival, Background
    from hermes_magic.wire.request import Request
    from hermes_magic.wire.servers import Server
    from hermes_magic.wire.settle import Learner

_GOODBYE_SECONDS = 0.5


class Session:
    """What a notebook keeps between its cells: open connections to its servers, the account.

    Questions may be asked on several threads at once.

    Args:
        notebook: gives the notebook's path, or "" if it is not known.
    """

    def __init__(self, notebook: Callable[[], str] = str) -> None:
        from hermes_magic.wire.parameters import Lookups
        from hermes_magic.wire.pool import Pool

        self._notebook = notebook
        self._account: Account | None = None
        self._tapes: Tapes | None = None
        self._lookups = Lookups()
        self._connections = Pool()
        self._lock = threading.Lock()
        self._closed = threading.Event()

    @property
    def account(self) -> Account:
        """What this notebook's calls are booked to."""
        with self._lock:
            if self._account is None:
                from hermes_magic.money.account import Account

                self._account = Account(self._notebook())
            return self._account

    @property
    def tapes(self) -> Tapes:
        """The tapes that this notebook has opened."""
        with self._lock:
            if self._tapes is None:
                from hermes_magic.tape.tapes import Tapes

                self._tapes = Tapes()
            return self._tapes

    def ask(  # noqa: PLR0913, PLR0917 - who, by which key, how, what, how dear, what is kept
        self,
        server: Server,
        key: str,
        options: Options,
        asked: Question | str,
        limits: Limits | None = None,
        recorder: Recorder | None = None,
    ) -> Answering:
        """Prepare a question; enter what this returns to send it, iterate it for its events.

        Args:
            server: who is asked.
            key: its key.
            options: the cell's.
            asked: the question, or its text.
            limits: on what may be spent; None for a server that is no part of the books.
            recorder: what puts the reply on a tape, if that is wanted.

        Raises:
            OptionError: there is nothing to ask, an API key stands in it, or the server cannot
                promise what is asked.
        """
        from hermes_magic.wire import retry

        question = question_of(asked)
        request = self.request(server, key, options, question)
        if options.timeout is not None:
            server = replace(server, silence=max(server.silence, options.timeout))
        client = self._connections.take(server, key)
        booked = None if limits is None else self.account.sender(client, server, key, limits)
        events = request.shape(
            retry.chat(booked or client, request.body, retry.Policy(options.retries))
        )
        if recorder is not None:
            events = recorder.record(events, key)
        return Answering(
            client.abort,
            self._connections.lend(server, key, client, events),
            functools.partial(self._settle, server, key, booked),
            timeout=options.timeout,
        )

    def body(self, options: Options, question: Question, key: str = "") -> dict[str, Any]:
        """Give the request body in OpenRouter's terms.

        Raises:
            OptionError: there is nothing to ask, or an API key stands in it.
        """
        from hermes_magic.money.keys import refuse_pasted

        conversation = prompt.messages(options, question.text, question.before, question.after)
        body = prompt.request_body(options, conversation, question.tools)
        refuse_pasted(json.dumps(body, ensure_ascii=False, default=str), key)
        return body

    def dry_run(
        self, server: Server, key: str, options: Options, asked: Question | str, limits: Limits
    ) -> str:
        """Give the request that `ask` would send, and what it can cost.

        Raises:
            OptionError: as `ask`.
        """
        question = question_of(asked)
        request = self.request(server, key, options, question)
        shown = self.account.dry_run(server, key, request.body, limits)
        return "\n".join([shown, *question.notes])

    def close(self) -> None:
        """Close the connections, and leave open what has not been settled."""
        self._closed.set()
        self._connections.close()
        if self._account is not None:
            self._account.close()

    def request(self, server: Server, key: str, options: Options, question: Question) -> Request:
        """Give what is sent for a question, and what is to be done to its reply.

        Raises:
            OptionError: as `ask`.
        """
        from hermes_magic.wire.request import prepare

        body = self.body(options, question, key)
        request = prepare(server, key, body, prompt.request_body(Options(), []), self._lookups)
        shape = replace(request.shape, notes=(*question.notes, *request.shape.notes))
        return replace(request, shape=shape)

    def _settle(self, server: Server, key: str, booked: BookedSender | None, reply: Reply) -> None:
        """See to it that a reply which may be billed learns its cost, without waiting for it."""
        from hermes_magic.wire.settle import can_settle, settle

        if reply.usage.cost is None and can_settle(reply.id):
            known: Learner = reply.settlement
            learner = known if booked is None else booked.learner(known)
            settle(server, key, reply.id, learner, self._closed)


class Answering:
    """One question on its way: iterate it for events, then take `reply`.

    Iterating gives the events of each tenth of a second or so, an empty list in silence, and
    raises behind the last events: the reply's failure (a `HermesError`), or `Stopped`, each with
    the reply as far as it came.

    Attributes:
        replays: whether the answer comes from a tape.
    """

    def __init__(
        self,
        abort: Callable[[], None],
        events: Generator[list[Event]],
        settle: Callable[[Reply], None],
        *,
        timeout: float | None = None,
        replays: bool = False,
    ) -> None:
        self.replays = replays
        self._abort = abort
        self._events = events
        self._settle = settle
        self._timeout = timeout
        self._builder = ReplyBuilder()
        self._state: State = "failed"
        self._background: Background | None = None
        self._stopping = False
        self._heard = 0.0

    def __enter__(self) -> Self:
        """Send the request."""
        from hermes_magic.wire.background import Background

        self._background = Background(self._events)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection if the reply has not come to its end; see to its bill."""
        if self._state == "failed" and not isinstance(error, HermesError):
            self._hang_up()
        self._settle(self.reply)
        if isinstance(error, KeyboardInterrupt) and not isinstance(error, Stopped):
            raise self._stopped() from None

    def __iter__(self) -> Iterator[list[Event]]:
        """Give events as they come."""
        assert self._background is not None, "enter the context first"  # noqa: S101
        last: Event | None = None
        for arrivals in self._background:
            events = self._feed(arrivals)
            last = events[-1] if events else last  # silence may follow the last event
            yield events
            if self._stopping and not isinstance(last, Done):
                self._hang_up()
                yield self._feed(self._background.take())
                raise self._stopped()
            if self._timed_out(events):
                self._hang_up()
                yield self._feed(self._background.take())
                raise self._silent()
        if isinstance(last, Failed):
            last.error.reply = self.reply
            raise last.error
        self._state = "complete"

    def request_stop(self) -> None:
        """Ask for the answer to be stopped; safe in a signal handler and from any thread."""
        self._stopping = True

    @property
    def progress(self) -> Progress:
        """How far the reply has come."""
        return self._builder.progress

    @property
    def elapsed(self) -> float:
        """Seconds since the request was sent."""
        return self._background.elapsed() if self._background else 0.0

    @property
    def reply(self) -> Reply:
        """The reply as it is now."""
        return self._builder.reply(self._state)

    def _feed(self, arrivals: list[Arrival]) -> list[Event]:
        events: list[Event] = []
        for at, arrived in arrivals:
            self._builder.feed(arrived, at)
            events += arrived
        return events

    def _stopped(self) -> Stopped:
        self._state = "stopped"
        stopped = Stopped(
            f"Stopped after {self.elapsed:.1f} s; what came is kept.",
            hint="" if self.progress.replayed else "The provider may still bill the whole answer.",
        )
        stopped.reply = self.reply
        return stopped

    def _timed_out(self, events: list[Event]) -> bool:
        """Tell whether no event has come for too long; a comment that keeps a line open is none."""
        if events:
            waits = (event.delay for event in events if isinstance(event, Retrying))
            self._heard = self.elapsed + sum(waits)
        return self._timeout is not None and self.elapsed - self._heard > self._timeout

    def _silent(self) -> ServerTimeoutError:
        error = ServerTimeoutError(
            f"Nothing came for {self._timeout:g} s.",
            hint="Give it longer with --timeout, or run the cell again.",
        )
        error.reply = self.reply
        return error

    def _hang_up(self) -> None:
        self._abort()
        if self._background is not None:
            self._background.join(_GOODBYE_SECONDS)

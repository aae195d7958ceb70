"""Ask one question, in as many requests as it takes."""

from __future__ import annotations

import functools
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from hermes_magic.errors import TapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from decimal import Decimal

    from hermes_magic.asking.desk import Desk
    from hermes_magic.asking.sending import Sender
    from hermes_magic.asking.tool_loop import ToolLoop
    from hermes_magic.options import Options
    from hermes_magic.prompt import Question
    from hermes_magic.prompt.schema import Schema
    from hermes_magic.prompt.tools import Tool
    from hermes_magic.reply import Reply
    from hermes_magic.session import Session
    from hermes_magic.view.base import View
    from hermes_magic.wire.servers import Server

    Keep = Callable[[Question, Reply], None]


class Host(Protocol):
    """Whoever asks: where answers are shown and kept."""

    def view(self, options: Options, stop: Callable[[], None], rate: Decimal | None) -> View:
        """Give the view of one answer.

        Args:
            options: the question's.
            stop: what a Stop button calls, on any thread.
            rate: USD that a token of the reply costs, about, if that is known.
        """

    def stoppable(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        """Give what makes an interrupt a call of `stop` while the answer comes."""

    def keep(self, reply: Reply, options: Options) -> None:
        """Keep a reply, whole or not; called before it is shown for the last time."""

    def place(self) -> tuple[object, str]:
        """Give what tells this run from others, and this cell from others."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question that is ready to be sent, and what is done with its replies."""

    options: Options
    question: Question
    keep: Keep
    tools: tuple[Tool, ...] = ()


def _forget(_question: Question, _reply: Reply) -> None:
    """Keep no turn of a question that stands alone."""


def _as_it_is(reply: Reply) -> Reply:
    return reply


class Asker:
    """Asks in the name of one session."""

    def __init__(self, desk: Desk, session: Session) -> None:
        self._desk = desk
        self._session = session

    def ask(
        self,
        options: Options,
        question: Question,
        host: Host,
        schema: Schema | None = None,
        tools: Sequence[Tool] = (),
    ) -> Reply:
        """Ask, and give the reply when it is whole.

        Args:
            options: the question's.
            question: with all that its text names put in.
            host: where the answer is shown and kept.
            schema: what the answer must be, or None for any text.
            tools: functions that the model may call; they run on this thread.

        Raises:
            HermesError: it failed; the host has what came of it.
            Stopped: the person stopped it.
        """
        asked = self._prepare(options, question, host, schema, tools)
        once = functools.partial(self._once, asked, host, secrets.token_hex(6))
        if schema is None:
            return once(asked.question)
        from hermes_magic.asking.structure import Structure

        return Structure(schema).ask(once, asked.question)

    def dry_run(
        self,
        options: Options,
        question: Question,
        host: Host,
        schema: Schema | None = None,
        tools: Sequence[Tool] = (),
    ) -> str:
        """Give the request that `ask` would send first, and what it can cost; send nothing.

        Raises:
            OptionError: it would not be sent.
        """
        asked = self._prepare(options, question, host, schema, tools)
        server = self._desk.server(options.server)
        key, limits = self._desk.usable_key(server), self._desk.limits(options)
        offered = _offered(server, asked.tools, asked.options, asked.question)
        return self._session.dry_run(server, key, *offered, limits)

    def _prepare(
        self,
        options: Options,
        question: Question,
        host: Host,
        schema: Schema | None,
        tools: Sequence[Tool],
    ) -> _Asked:
        """Demand what the answer must be, and put the conversation before the question."""
        tools = tuple(tools)
        if schema is not None:
            from hermes_magic.asking.structure import demand

            options = demand(schema, options)
        if not (options.chat or options.new):
            return _Asked(options, question, _forget, tools)
        chats = self._desk.chats
        thread = chats.thread(options, *host.place())
        offered, _ = _offered(self._desk.server(options.server), tools, options, question)
        question = chats.go_on(thread, offered, question)
        return _Asked(options, question, functools.partial(chats.keep, thread), tools)

    def _once(
        self,
        asked: _Asked,
        host: Host,
        run: str,
        question: Question,
        fill: Callable[[Reply], Reply] = _as_it_is,
    ) -> Reply:
        """Send one request; show and keep its reply, however it ends."""
        from hermes_magic.asking.sending import Sender

        options, sender = asked.options, Sender(self._desk, self._session, run)
        sending = (
            self._with(asked.tools, sender, options, question)
            if asked.tools
            else sender(options, question)
        )
        view = host.view(options, sending.request_stop, sender.rate)
        if not view.watched:
            sender.at_once()
        with host.stoppable(sending.request_stop):
            try:
                with sending as answering:
                    for events in answering:
                        view.show(events, answering.progress, answering.elapsed)
            finally:
                reply = fill(sending.reply)
                if reply.state != "failed" or sending.progress.begun:
                    host.keep(reply, options)
                asked.keep(asked.question, reply)
                view.close(reply)
        return reply

    def _with(
        self, tools: tuple[Tool, ...], sender: Sender, options: Options, question: Question
    ) -> ToolLoop:
        """Ask with functions, as the server takes them, or as the tape has them."""
        from hermes_magic.asking.tool_loop import ToolLoop
        from hermes_magic.asking.toolbox import Toolbox

        server = self._desk.server(options.server)
        toolbox = Toolbox(tools, server.takes_tools, self._desk.usable_key(server))
        try:
            return ToolLoop(sender, toolbox, options, question)
        except TapeError:
            if not toolbox.native:
                raise
            # The server may have refused them as such when the tape was recorded.
            with suppress(TapeError):
                return ToolLoop(sender, replace(toolbox, native=False), options, question)
            raise


def _offered(
    server: Server, tools: tuple[Tool, ...], options: Options, question: Question
) -> tuple[Options, Question]:
    """Put the functions into a request, as this server takes them."""
    if not tools:
        return options, question
    from hermes_magic.asking.toolbox import Toolbox

    return Toolbox(tools, native=server.takes_tools).offer(options, question)

"""One worker's connection: a question in, its reply out."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from hermes_magic.errors import HermesError, SchemaError
from hermes_magic.money.calls import EXACT
from hermes_magic.reply import Failed, Reply, ReplyBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from decimal import Decimal

    from hermes_magic.batch.form import Form
    from hermes_magic.reply import Event


class Sender(Protocol):
    """What sends a request and gives its events, such as a `BookedSender`."""

    def chat(self, body: Mapping[str, Any]) -> Generator[list[Event]]:
        """Send a request; give its events, `Done` or `Failed` last."""


class Line:
    """Asks a job's questions, one at a time, over one connection.

    Args:
        form: what all questions have in common.
        sender: sends them.
        close: closes the connection.
    """

    def __init__(self, form: Form, sender: Sender, close: Callable[[], None]) -> None:
        self._form = form
        self._sender = sender
        self.close = close

    def ask(self, text: str) -> Reply:
        """Ask a question; once more if its answer is not the data that it must be.

        Raises:
            HermesError: what went wrong, with the reply as far as it came.
        """
        reply = self._reply(self._form.request(text))
        error = self._wrong(reply)
        if error is None:
            return reply
        if reply.finish_reason == "length":
            raise error
        reply = self._again(text, reply, error)
        error = self._wrong(reply)
        if error is not None:
            raise error
        return reply

    def _again(self, text: str, first: Reply, error: SchemaError) -> Reply:
        assert self._form.schema is not None  # noqa: S101 - something is wrong by it
        said = {"role": "assistant", "content": first.text}
        wish = {"role": "user", "content": self._form.schema.follow_up(error)}
        try:
            second = self._reply(self._form.request(text, said, wish))
        except HermesError as failure:
            failure.reply = _together(first, failure.reply or Reply(state="failed"))
            raise
        return _together(first, second)

    def _wrong(self, reply: Reply) -> SchemaError | None:
        """Say what is wrong with the data, if it must be any."""
        if self._form.schema is None:
            return None
        error: SchemaError
        try:
            self._form.schema.parse(reply.text)
        except SchemaError as told:
            error = told
        except Exception as problem:  # noqa: BLE001 - the person's class may raise anything
            told_so = " ".join(f"{type(problem).__name__}: {problem}".split())
            error = SchemaError(f"The answer's data cannot be built: {told_so:.300}.")
        else:
            return None
        error.reply = reply
        return error

    def _reply(self, body: Mapping[str, Any]) -> Reply:
        builder, started, last = ReplyBuilder(), time.perf_counter(), None
        with closing(self._form.shape(self._sender.chat(body))) as arriving:
            for events in arriving:
                builder.feed(events, time.perf_counter() - started)
                last = events[-1] if events else last
        if isinstance(last, Failed):
            last.error.reply = builder.reply("failed")
            raise last.error
        return builder.reply()


def _together(first: Reply, second: Reply) -> Reply:
    """Give the second reply with what both took."""
    one, other = first.usage, second.usage
    usage = replace(
        other,
        prompt_tokens=_sum(one.prompt_tokens, other.prompt_tokens),
        completion_tokens=_sum(one.completion_tokens, other.completion_tokens),
        reasoning_tokens=_sum(one.reasoning_tokens, other.reasoning_tokens),
        cached_tokens=_sum(one.cached_tokens, other.cached_tokens),
        cost=_usd(one.cost, other.cost),
        estimate=_usd(one.estimate, other.estimate),
    )
    return replace(second, usage=usage)


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else other + (one or 0)


def _usd(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return one if other is None else other
    return EXACT.add(one, other)

"""A question with functions: asked, called, answered for and asked on, until there is an answer."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from hermes_magic.asking.hearing import Hearing
from hermes_magic.asking.toolbox import turns
from hermes_magic.errors import ApiError, Failure, HermesError, Stopped, ToolLimitError
from hermes_magic.reply import (
    Notice,
    Progress,
    Reply,
    ReplyBuilder,
    Timing,
    ToolCall,
    ToolCalled,
    ToolRan,
    ToolStep,
    UsageReported,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from hermes_magic.asking.toolbox import Toolbox
    from hermes_magic.options import Options
    from hermes_magic.prompt import Question
    from hermes_magic.prompt.calls import MalformedCall
    from hermes_magic.prompt.tools import ToolResult
    from hermes_magic.reply import Event, Usage
    from hermes_magic.reply.reply import State
    from hermes_magic.session import Answering

    Send = Callable[[Options, Question], Answering]

_REFUSALS = frozenset({400, 404, 422, 500, 501})
_INTERRUPTED = "KeyboardInterrupt: stopped"


class ToolLoop:
    """One question with functions: used as `Answering`, over as many requests as it takes.

    Functions run between two requests, on the thread that iterates. An interrupt while one runs
    ends it, and nothing more is sent. Its reply is one: usage and cost are the sums, and times are
    those of the requests one after another, without what the functions took.

    Args:
        send: sends one request.
        toolbox: the functions.
        options: the question's, without the functions.
        question: the question, without the functions.
    """

    def __init__(self, send: Send, toolbox: Toolbox, options: Options, question: Question) -> None:
        self._send = send
        self._toolbox = toolbox
        self._options = options
        self._question = question
        self._builder = ReplyBuilder()
        self._state: State = "failed"
        self._requests = ExitStack()
        self._before = Timing()
        self._spent: Usage | None = None
        self._told: set[str] = set()
        self._steps = 0
        self._paid = False
        self._stopping = False
        self._running_on: int | None = None
        self._asking = self._prepared()

    def __enter__(self) -> Self:
        """Send the first request."""
        self._requests.enter_context(self._asking)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection if a reply has not come to its end."""
        try:
            self._requests.__exit__(kind, error, trace)
        except Stopped as stopped:
            self._keep(stopped)
            raise
        if isinstance(error, KeyboardInterrupt) and not isinstance(error, Stopped):
            raise self._stopped() from None

    def __iter__(self) -> Iterator[list[Event]]:
        """Give events as they come; raise as `Answering` does.

        Raises:
            ToolLimitError: the model calls more functions than `--max-steps`.
        """
        while True:
            hearing = Hearing(
                self._spent,
                self._told,
                thought_before=bool(self.progress.thought_deltas),
                free=self._paid and self._asking.replays,
            )
            try:
                yield from self._arriving(hearing)
            except ApiError as error:
                if not self._can_be_told_instead(error):
                    raise
                yield self._tell_instead()
                continue
            calls = self._calls(hearing)
            if not calls:
                break
            self._refuse_too_many(calls)
            results: list[ToolResult] = []
            for call in calls:
                yield from self._run(call, results)
            self._go_on(results)
            self._ask_on()
        self._state = "complete"

    def request_stop(self) -> None:
        """Ask for a stop; safe in a signal handler, where it interrupts a function that runs.

        Raises:
            KeyboardInterrupt: a function runs on this very thread.
        """
        self._stopping = True
        self._asking.request_stop()
        if self._running_on == threading.get_ident():
            raise KeyboardInterrupt

    @property
    def progress(self) -> Progress:
        """How far the reply has come."""
        return self._builder.progress

    @property
    def elapsed(self) -> float:
        """Seconds that requests have taken."""
        return (self._before.total or 0.0) + self._asking.elapsed

    @property
    def reply(self) -> Reply:
        """The reply as it is now."""
        settlement = self._asking.reply.settlement
        return replace(self._builder.reply(self._state), settlement=settlement)

    def _prepared(self) -> Answering:
        """Prepare the question with all that it has led to."""
        asking = self._send(*self._toolbox.offer(self._options, self._question))
        if not (asking.replays or self._paid):
            self._paid = True
            self.progress.replayed = None
            self._spent = None if self._spent is None else self._spent.free()
        asking.reply.settlement.before = self._spent
        return asking

    def _ask_on(self) -> None:
        """Send another request."""
        if self._stopping:
            raise self._stopped()
        self._before = self.progress.timing
        try:
            asking = self._prepared()
        except HermesError as error:
            self._keep(error)
            raise
        self._asking = self._requests.enter_context(asking)
        if self._spent is not None:  # what this request takes is not known before it says so
            self._feed([UsageReported(replace(self._spent, cost=None, estimate=None))])

    def _arriving(self, hearing: Hearing) -> Iterator[list[Event]]:
        """Give the events of one request, and close it."""
        try:
            for events in self._asking:
                yield self._feed(hearing.feed(events))
        except Failure as failure:
            yield self._feed(hearing.flush())
            if self._spent is not None and not self._asking.progress.begun:
                self._feed([UsageReported(self._spent)])
            self._keep(failure)
            self._requests.__exit__(type(failure), failure, failure.__traceback__)
            raise
        yield self._feed(hearing.flush())
        self._requests.close()
        spent = hearing.spent(self._asking.reply)
        self._spent = spent if self._spent is None else self._spent + spent

    def _feed(self, events: list[Event]) -> list[Event]:
        self._builder.feed(events, 0)
        self._keep_time()
        return events

    def _keep_time(self) -> None:
        """Let the times of this request follow on those of the requests before."""
        before, now = self._before, self._asking.progress
        self.progress.tool_deltas += now.tool_deltas and not self.progress.tool_deltas
        start = before.total or 0.0
        first, answer, total = (
            None if at is None else start + at
            for at in (now.timing.first, now.timing.answer, now.timing.total)
        )
        self.progress.timing = Timing(
            first if before.first is None else before.first,
            answer if before.answer is None else before.answer,
            before.total if total is None else total,
            before.again + ((before.first is not None and now.timing.thinking) or 0.0),
        )

    def _calls(self, hearing: Hearing) -> list[ToolCall | MalformedCall]:
        """Give what the model has called: natively, or in its own form."""
        native = [
            replace(call, id=call.id or f"call_{self._steps + place}")
            for place, call in enumerate(self._asking.reply.tool_calls)
        ]
        return [*native, *hearing.calls]

    def _refuse_too_many(self, calls: Sequence[ToolCall | MalformedCall]) -> None:
        self._steps += len(calls)
        if self._steps <= self._options.max_steps:
            return
        names = ", ".join(dict.fromkeys(call.name for call in calls if isinstance(call, ToolCall)))
        most = self._options.max_steps
        error = ToolLimitError(
            f"The model wants to call {names or 'functions'} again, but --max-steps allows "
            f"{most} call{'' if most == 1 else 's'}: not run."
        )
        self._keep(error)
        raise error

    def _run(
        self, call: ToolCall | MalformedCall, results: list[ToolResult]
    ) -> Iterator[list[Event]]:
        """Answer one call; an interrupt leaves a step that says so."""
        if self._stopping:
            raise self._stopped()
        if isinstance(call, ToolCall):
            yield [ToolCalled(call)]
        try:
            self._running_on = threading.get_ident()
            results.append(self._toolbox.run(call))
        except KeyboardInterrupt:
            if isinstance(call, ToolCall):
                yield self._feed([ToolRan(ToolStep(call, "", _INTERRUPTED))])
            raise self._stopped() from None
        finally:
            self._running_on = None
        yield self._feed([ToolRan(_step(results[-1]))])

    def _go_on(self, results: Sequence[ToolResult]) -> None:
        """Put the model's turn and the results behind the question; notes are told once."""
        reply = self._asking.reply
        count = len(reply.tool_calls)
        after = turns(reply.text, results[:count], results[count:])
        self._question = replace(self._question, notes=(), after=(*self._question.after, *after))

    def _can_be_told_instead(self, error: ApiError) -> bool:
        """Tell whether the server has refused the request for its `tools`."""
        refuses = error.status in _REFUSALS and "tool" in error.message.lower()
        return refuses and self._toolbox.native and not self._steps

    def _tell_instead(self) -> list[Event]:
        """Offer the functions in the system prompt from now on."""
        self._toolbox = replace(self._toolbox, native=False)
        self._question = replace(self._question, notes=())
        self._ask_on()
        note = "The server takes no tools as it was started: offered in Hermes's own form instead."
        return self._feed([Notice(note)])

    def _keep(self, failure: Failure) -> None:
        self._state = "stopped" if isinstance(failure, Stopped) else "failed"
        failure.reply = self.reply

    def _stopped(self) -> Stopped:
        stopped = Stopped(f"Stopped after {self.elapsed:.1f} s; what came is kept.")
        self._keep(stopped)
        return stopped


def _step(result: ToolResult) -> ToolStep:
    error = result.error
    told = None if error is None else result.text.removeprefix("Error: ")
    return ToolStep(result.call, result.text, told)

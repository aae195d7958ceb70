"""The asking of a job: workers, what is shown meanwhile, what they leave when it is stopped."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from hermes_magic.batch.engine import Engine
from hermes_magic.batch.line import Line
from hermes_magic.batch.result import Result
from hermes_magic.errors import Stopped, StorageError
from hermes_magic.money.booking import BookedSender
from hermes_magic.money.budget import Limits
from hermes_magic.money.prices import quote
from hermes_magic.view.progress import Figures
from hermes_magic.wire.client import Client
from hermes_magic.wire.retry import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from hermes_magic.batch.answer import Answer
    from hermes_magic.batch.cluster import RemoteClient
    from hermes_magic.batch.journal import Journal
    from hermes_magic.batch.line import Sender
    from hermes_magic.batch.lock import Lock
    from hermes_magic.batch.plan import Estimate
    from hermes_magic.batch.task import Task
    from hermes_magic.money.group import GroupLedger
    from hermes_magic.money.prices import Price, Quote
    from hermes_magic.view.progress import ProgressView

Stoppable = Callable[[Callable[[], None]], AbstractContextManager[None]]
"""Makes an interrupt a call of its argument while a block runs."""

_TICK: Final = 0.1
_LAST_ANSWERS_SECONDS: Final = 10.0
_SHOWN: Final = 3
_SHOWN_CHARS: Final = 160


class Run:
    """The asking itself; its workers may outlive it by the answers under way.

    As long as they do, they hold the result and so the journal, in which these are kept.

    Args:
        task: what is asked.
        journal: planned.
        lock: ours; freed when the last worker has ended.
        books: what the calls are booked in; None if they are in none.
        price: what they are booked by.
    """

    def __init__(
        self,
        task: Task,
        journal: Journal,
        lock: Lock,
        books: GroupLedger | None,
        price: Price | None,
    ) -> None:
        self._task = task
        self._journal = journal
        self._lock = lock
        self._books = books
        self._price = price
        self._cluster = task.cluster() if task.cluster is not None else None
        self._first: list[str] = []
        self._begun = journal.count()
        self._started = time.monotonic()
        self._stopped = False
        self._result = Result(journal, task.source, task.form.schema)
        self._engine = Engine(
            journal.open_questions(),
            self._open_line,
            self._keep,
            self._send_no_more,
            self._end,
            at_once=task.at_once,
            policy=Policy(task.retries),
        )

    def run(self, expected: Estimate, view: ProgressView, stoppable: Stoppable) -> Result:
        """Ask what is open, and show how far it has come.

        Raises:
            HermesError: what stopped it, if nothing is in hand or the answers cannot be kept.
            Stopped: the person stopped it.
        """
        total = expected.questions + self._begun.answered
        atexit.register(self._engine.wait, _LAST_ANSWERS_SECONDS)
        self._engine.start(expected.questions)
        try:
            with stoppable(self._stop):
                while not (self._engine.wait(_TICK) or self._stopped):
                    if self._books is not None:
                        self._books.flush()
                    view.show(self._figures(total))
        finally:
            self._engine.stop()
        result, reason = self._result, self._engine.reason
        result.reason = reason
        view.close(self._last_figures(total))
        if self._stopped:
            raise self._told(result, total)
        counts = self._journal.counts
        nothing = counts.answered == counts.failed
        if reason is not None and (nothing or isinstance(reason, StorageError)):
            reason.result = result
            raise reason
        return result

    def _stop(self) -> None:
        """Note an interrupt: a signal's handler should do no more."""
        self._stopped = True

    def _told(self, result: Result, total: int) -> Stopped:
        done, under_way = self._journal.counts.answered, self._under_way
        answers = "1 answer is" if under_way == 1 else f"{under_way:,} answers are"
        kept = f"{answers} under way and paid for: kept when they come. " if under_way else ""
        stopped = Stopped(
            f"Stopped with {done:,} of {total:,} done; what came is kept.",
            hint=f"{kept}Run it again to go on.",
        )
        stopped.result = result
        return stopped

    def _open_line(self) -> Line:
        task = self._task
        client = self._client()
        sender: Sender = client
        if self._books is not None:
            sender = BookedSender(
                client, self._books, _Fixed(self._price), self._books.entry, Limits()
            )
        return Line(task.form, sender, client.close)

    def _client(self) -> Client | RemoteClient:
        if self._cluster is None:
            return Client(self._task.server, self._task.key)
        from hermes_magic.batch.cluster import RemoteClient

        return RemoteClient(self._cluster)

    def _keep(self, key: bytes, answer: Answer) -> None:
        self._journal.keep(key, answer)
        if len(self._first) < _SHOWN and answer.error is None:
            text = " ".join(answer.reply.text[: 2 * _SHOWN_CHARS].split())
            self._first.append(text[:_SHOWN_CHARS])

    @property
    def _under_way(self) -> int:
        """How many requests are: a worker that waits for room in the budget has none."""
        return self._engine.bound.running if self._books is None else self._books.under_way

    def _send_no_more(self) -> None:
        if self._books is not None:
            self._books.stop()

    def _end(self) -> None:
        """Free the job for another run, when the last worker has ended."""
        try:
            if self._books is not None:
                self._books.flush()
        finally:
            self._lock.free()
            atexit.unregister(self._engine.wait)

    def _figures(self, total: int) -> Figures:
        counts, engine = self._journal.counts, self._engine
        asked = counts.answered - self._begun.answered
        elapsed = time.monotonic() - self._started
        to_go = total - counts.answered
        projected = left = None
        if asked:
            projected = counts.usd + (counts.usd - self._begun.usd) / asked * to_go
            left = elapsed / asked * to_go
        return Figures(
            rows=total,
            done=counts.answered - counts.failed,
            failed=counts.failed,
            in_flight=self._under_way,
            cost=counts.usd,
            projected=projected,
            elapsed=elapsed,
            left=left,
            rest=engine.bound.rest,
            first=tuple(self._first),
        )

    def _last_figures(self, total: int) -> Figures:
        reason = self._engine.reason
        news = [str(reason)] if reason is not None else []
        if self._books is not None:
            news += self._books.take_news()
        return replace(self._figures(total), news=news)


@dataclass(frozen=True, slots=True)
class _Fixed:
    """The price that the job was estimated with."""

    price: Price | None

    def quote(self, body: Mapping[str, Any], *, ask: bool) -> Quote:  # noqa: ARG002 - asked before
        """Estimate a request."""
        return quote(body, self.price)

"""A whole run of a job: plan, price, ask, keep."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from hermes_magic.batch.engine import Engine
from hermes_magic.batch.journal import Journal
from hermes_magic.batch.line import Line
from hermes_magic.batch.lock import Lock
from hermes_magic.batch.plan import Estimate, estimate, questions, rounded
from hermes_magic.batch.result import Result
from hermes_magic.errors import BudgetError, OptionError, Stopped, StorageError
from hermes_magic.money.booking import BookedSender
from hermes_magic.money.budget import Limits
from hermes_magic.money.group import GroupLedger
from hermes_magic.money.place import data_folder
from hermes_magic.money.prices import quote
from hermes_magic.view.progress import Figures
from hermes_magic.wire.client import Client
from hermes_magic.wire.retry import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from hermes_magic.batch.answer import Answer
    from hermes_magic.batch.line import Sender
    from hermes_magic.batch.task import Task
    from hermes_magic.money.account import Account
    from hermes_magic.money.prices import Price, Quote
    from hermes_magic.view.progress import ProgressView

Stoppable = Callable[[Callable[[], None]], AbstractContextManager[None]]
"""Makes an interrupt a call of its argument while a block runs."""

FOLDER: Final = "batches"
ALLOWED: Final = Decimal("1.00")
"""USD that a job may cost at most without a limit of its own."""
_TICK: Final = 0.1
_LAST_ANSWERS_SECONDS: Final = 10.0
_SHOWN: Final = 3
_SHOWN_CHARS: Final = 160


class Job:
    """One run of a task.

    Args:
        task: what is asked.
        account: what its calls are booked to.
    """

    def __init__(self, task: Task, account: Account) -> None:
        path = data_folder() / FOLDER / f"{task.form.job(task.text.template)}.sqlite3"
        self._task = task
        self._account = account
        self._journal = Journal(path)
        self._lock = Lock(path.with_suffix(".lock"))
        self._price = self._known_price()
        self._first: list[str] = []

    def dry_run(self) -> str:
        """Say what the job would send and cost; send nothing but the price's look-up."""
        self._plan(None)
        try:
            told = [*self._estimate().lines(), f"Answers are kept in {self._journal.path}."]
            if self._price is not None:
                told.append(f"Price: {self._price.per_million()} ({self._price.source}).")
            return "\n".join([*told, "Nothing was sent."])
        finally:
            self._journal.close()

    def run(self, view: ProgressView, stoppable: Stoppable) -> Result:
        """Ask what is not answered yet, and give everything.

        Raises:
            OptionError: no row gives a question, or the job is too dear for no limit.
            BudgetError: the price is unknown, so that no limit can be kept.
            AuthenticationError and the like: nothing could be asked, and nothing is in hand.
        StorageError: the answers cannot be kept; `.result` has what came.
            Stopped: the person stopped it; `.result` has what came.
        """
        try:
            self._wait_for_lock(view, stoppable)
            self._plan(view)
            expected = self._estimate()
            books = self._books(expected)
        except BaseException:
            self._lock.free()
            self._journal.close()
            raise
        return _Run(self._task, self._journal, self._lock, books, self._price).run(
            expected, view, stoppable
        )

    def _wait_for_lock(self, view: ProgressView, stoppable: Stoppable) -> None:
        stopped = threading.Event()
        with stoppable(stopped.set):
            while not self._lock.take():
                view.say("Waiting for another run of this job and its last answers.")
                if stopped.wait(_TICK):
                    raise Stopped("Stopped while another run of this job was at work.")

    def _plan(self, view: ProgressView | None) -> None:
        task = self._task
        if view is not None:
            view.say("Preparing the questions.")
        self._journal.plan(
            questions(task.source, task.text, task.form, task.key), dedupe=task.dedupe
        )
        if view is not None and (task.fresh or task.retry_failed):
            self._journal.forget(failed_only=not task.fresh)

    def _estimate(self) -> Estimate:
        journal = self._journal
        return estimate(
            journal.open_questions(),
            self._task.form,
            self._price,
            journal.rows,
            journal.mean_tokens(),
        )

    def _known_price(self) -> Price | None:
        body, server, key = self._task.form.body, self._task.server, self._task.key
        return self._account.prices(server, key).quote({**body, "messages": []}, ask=True).price

    def _books(self, expected: Estimate) -> GroupLedger | None:
        """Give the books for what may be spent; None where nothing is booked."""
        limits, counts = self._task.limits, self._journal.count()
        if limits is None:
            return None
        if limits.cell is None:
            _refuse_dear(expected)
        if limits and expected.worst is None and expected.questions:
            raise BudgetError(
                "The limit cannot be kept: nobody here knows this model's price.",
                hint="Nothing was sent. Check the model's name (-m).",
            )
        entry = self._account.begin(self._task.server, self._task.key, limits.run)
        return GroupLedger(self._account.ledger, limits, entry, counts.usd)


def _refuse_dear(expected: Estimate) -> None:
    if expected.worst is None:
        raise BudgetError(
            "Nobody here knows this model's price, so this batch needs a limit it cannot keep.",
            hint="Nothing was sent. Check the model's name (-m).",
        )
    if expected.worst > ALLOWED:
        assert expected.likely is not None  # noqa: S101 - both are known or none
        raise OptionError(
            f"{expected.questions:,} questions can cost up to {rounded(expected.worst)}, "
            f"likely ~{rounded(expected.likely)}: say how much they may cost.",
            hint="Nothing was sent. Give --max-cost USD; a lower --max-tokens lowers the most.",
        )


class _Run:
    """The asking itself; its workers may outlive it by the answers under way."""

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
        self._first: list[str] = []
        self._news: list[str] = []
        self._begun = journal.count()
        self._started = time.monotonic()
        self._stopped = False
        self._engine = Engine(
            journal.open_questions(),
            self._open_line,
            self._keep,
            self._end,
            at_once=task.at_once,
            policy=Policy(task.retries),
        )

    def run(self, expected: Estimate, view: ProgressView, stoppable: Stoppable) -> Result:
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
        reason = self._engine.reason
        result = Result(self._journal, self._task.source, self._task.form.schema, reason)
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
        done, under_way = self._journal.counts.answered, self._engine.bound.running
        stopped = Stopped(
            f"Stopped with {done:,} of {total:,} done; what came is kept.",
            hint=f"{under_way:,} answers under way are paid for: they are kept as they come. "
            "Run it again to go on."
            if under_way
            else "Run it again to go on.",
        )
        stopped.result = result
        return stopped

    def _open_line(self) -> Line:
        task = self._task
        client = Client(task.server, task.key)
        sender: Sender = client
        if self._books is not None:
            sender = BookedSender(
                client, self._books, _Fixed(self._price), self._books.entry, Limits()
            )
        return Line(task.form, sender, client.close)

    def _keep(self, key: bytes, answer: Answer) -> None:
        self._journal.keep(key, answer)
        if len(self._first) < _SHOWN and answer.error is None:
            text = " ".join(answer.reply.text[: 2 * _SHOWN_CHARS].split())
            self._first.append(text[:_SHOWN_CHARS])

    def _end(self) -> None:
        """Free the job for another run, when the last worker has ended."""
        try:
            if self._books is not None:
                self._books.close()
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
            in_flight=engine.bound.running,
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

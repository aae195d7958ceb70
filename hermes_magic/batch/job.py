"""A whole run of a job: plan, price, ask, keep."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from hermes_magic.batch.journal import Journal
from hermes_magic.batch.lock import Lock
from hermes_magic.batch.plan import Estimate, estimate, questions, rounded
from hermes_magic.batch.run import Run
from hermes_magic.errors import BudgetError, OptionError, Stopped
from hermes_magic.money.group import GroupLedger
from hermes_magic.money.place import data_folder

if TYPE_CHECKING:
    from hermes_magic.batch.result import Result
    from hermes_magic.batch.run import Stoppable
    from hermes_magic.batch.task import Task
    from hermes_magic.money.account import Account
    from hermes_magic.money.prices import Price
    from hermes_magic.view.progress import ProgressView

FOLDER: Final = "batches"
ALLOWED: Final = Decimal("1.00")
"""USD that a job may cost at most without a limit of its own."""
_TICK: Final = 0.1


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

    def dry_run(self) -> str:
        """Say what the job would send and cost; send nothing but the price's look-up.

        Raises:
            OptionError: no row gives a question.
        """
        try:
            told = [*self._plan().lines(), f"Answers are kept in {self._journal.path}."]
        finally:
            self._journal.close()
        if self._price is not None:
            told.append(f"Price: {self._price.per_million()} ({self._price.source}).")
        return "\n".join([*told, "Nothing was sent."])

    def run(self, view: ProgressView, stoppable: Stoppable) -> Result:
        """Ask what is not answered yet, and give everything.

        Raises:
            OptionError: no row gives a question, or the job is too dear for no limit.
            BudgetError: the price is unknown, so that no limit can be kept.
            AuthenticationError and the like: nothing could be asked, and nothing is in hand.
            StorageError: the answers cannot be kept; `.result` has what came.
            Stopped: the person stopped it; `.result` has what came.
        """
        task, journal = self._task, self._journal
        try:
            self._wait_for_lock(view, stoppable)
            view.say("Preparing the questions.")
            expected = self._plan()
            self._check(expected)
            if task.fresh or task.retry_failed:
                journal.forget(failed_only=not task.fresh)
            run = Run(task, journal, self._lock, self._books(), self._price)
        except BaseException as error:
            self._lock.free()
            journal.close()
            if type(error) is KeyboardInterrupt:
                raise Stopped("Stopped before anything was sent.") from None
            raise
        return run.run(expected, view, stoppable)

    def _wait_for_lock(self, view: ProgressView, stoppable: Stoppable) -> None:
        if self._lock.take():
            return
        view.say("Waiting for another run of this job and its last answers.")
        stopped = threading.Event()
        with stoppable(stopped.set):
            while not self._lock.take():
                if stopped.wait(_TICK):
                    raise Stopped("Stopped while another run of this job was at work.")

    def _plan(self) -> Estimate:
        """Take the questions of all rows; estimate those that are to be sent."""
        task, journal = self._task, self._journal
        rows = questions(task.source, task.text, task.form, task.key)
        journal.plan(rows, dedupe=task.dedupe)
        to_send = journal.open_questions(failed_too=task.retry_failed, all_of_them=task.fresh)
        *_, count = journal.rows()
        return estimate(to_send, task.form, self._price, count, journal.mean_tokens())

    def _known_price(self) -> Price | None:
        body, server, key = self._task.form.body, self._task.server, self._task.key
        return self._account.prices(server, key).quote({**body, "messages": []}, ask=True).price

    def _check(self, expected: Estimate) -> None:
        """Refuse a job whose limit cannot be kept, or that is dear and has none."""
        limits = self._task.limits
        if limits is None or not expected.questions:
            return
        if expected.worst is None or expected.likely is None:
            raise BudgetError(
                "No limit can be kept: nobody here knows this model's price.",
                hint="Nothing was sent. Check the model's name (-m), or give the server a price.",
            )
        if limits.cell is None and expected.worst > ALLOWED:
            raise OptionError(
                f"{expected.questions:,} questions can cost up to {rounded(expected.worst)}, "
                f"likely ~{rounded(expected.likely)}: say how much they may cost.",
                hint="Nothing was sent. Give --max-cost USD; "
                "a lower --max-tokens lowers what it can be at most.",
            )

    def _books(self) -> GroupLedger | None:
        """Give the books for what may be spent; None where nothing is booked."""
        limits = self._task.limits
        if limits is None:
            return None
        entry = self._account.begin(self._task.server, self._task.key, limits.run)
        return GroupLedger(self._account.ledger, limits, entry, self._journal.count().usd)

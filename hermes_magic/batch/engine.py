"""The workers: each asks question after question over a connection of its own.

A thread and a client for each place of the bound: one pool for all is quadratic in its
connections, and an event loop of our own cannot run inside the notebook's.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from hermes_magic.batch.answer import Answer
from hermes_magic.batch.bound import Bound
from hermes_magic.errors import (
    AuthenticationError,
    BudgetError,
    CreditsError,
    HermesError,
    KeyLimitError,
    NetworkError,
    NotFoundError,
    OptionError,
    RateLimitError,
    ServerTimeoutError,
    StorageError,
)
from hermes_magic.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hermes_magic.batch.journal import Question
    from hermes_magic.batch.line import Line
    from hermes_magic.wire.retry import Policy

FATAL: Final = (
    AuthenticationError,
    BudgetError,
    CreditsError,
    KeyLimitError,
    NotFoundError,
    OptionError,
    StorageError,
)
"""What is wrong with all rows alike, so that no further one is sent."""
_MOST_REFUSALS: Final = 10
_LONGEST_REST: Final = 300.0
_FEWEST_CUT_OFF: Final = 8


class Engine:
    """Asks questions until there are none or it is stopped.

    Args:
        questions: taken one by one, under a lock.
        open_line: makes a worker's connection, on the worker's thread.
        keep: keeps an answer; a `StorageError` stops the run.
        at_stop: called when nothing more is to be sent.
        at_end: called once, when the last worker has ended.
        at_once: how many may be under way.
        policy: how often a question is asked again.
    """

    def __init__(  # noqa: PLR0913 - what a run is made of
        self,
        questions: Iterator[Question],
        open_line: Callable[[], Line],
        keep: Callable[[bytes, Answer], None],
        at_stop: Callable[[], None],
        at_end: Callable[[], None],
        *,
        at_once: int,
        policy: Policy,
    ) -> None:
        self.bound = Bound(at_once)
        self.reason: HermesError | None = None
        self._questions = questions
        self._open_line = open_line
        self._keep = keep
        self._at_stop = at_stop
        self._at_end = at_end
        self._at_once = at_once
        self._policy = policy
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._over = threading.Event()
        self._bug: BaseException | None = None
        self._unreached: list[tuple[Question, Answer]] = []
        self._working = 0
        self._threads: list[threading.Thread] = []

    def start(self, questions: int) -> None:
        """Start as many workers as there are places, or questions if these are fewer."""
        self._working = max(1, min(self._at_once, questions))
        self._threads = [
            threading.Thread(target=self._work, name="hermes-batch", daemon=True)
            for _ in range(self._working)
        ]
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; tell whether it is there."""
        over = self._over.wait(seconds)
        if over and self._bug is not None:
            raise self._bug
        return over

    def stop(self, reason: HermesError | None = None) -> None:
        """Send nothing more; what is under way comes to its end and is kept."""
        with self._lock:
            if not self._stop.is_set():
                self.reason = reason
            self._stop.set()
        self.bound.close()
        self._at_stop()

    def _work(self) -> None:
        line: Line | None = None
        try:
            while (question := self._next()) is not None:
                line = line or self._open_line()
                self._one(line, question)
        except BaseException as bug:  # noqa: BLE001 - it is raised again by `wait`
            self._bug = bug
            self.stop()
        finally:
            if line is not None:
                line.close()
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._working -= 1
            last = not self._working
        if last:
            try:
                self._reached()
                self._at_end()
            finally:
                self._over.set()

    def _next(self) -> Question | None:
        with self._lock:
            return None if self._stop.is_set() else next(self._questions, None)

    def _one(self, line: Line, question: Question) -> None:
        """Ask a question until it is answered, fails for good, or the run is stopped."""
        tried = refused = 0
        while (ticket := self.bound.enter()) is not None:
            error = self._ask(line, question, ticket)
            if error is None:
                return
            if _is_refusal(error):
                refused += 1
                delay = 0.0 if self._policy.retries and refused <= _MOST_REFUSALS else None
            else:
                tried += 1
                delay = None if _may_be_billed(error) else self._policy.delay(error, tried)
            if delay is None:
                self._fail(question, error)
                return
            self._stop.wait(delay)

    def _ask(self, line: Line, question: Question, ticket: int) -> HermesError | None:
        """Ask once; keep the answer, or give what went wrong if it is worth another thought."""
        answered = False
        try:
            reply = line.ask(question.text)
            answered = True
        except FATAL as error:
            self.stop(error)
            return None
        except HermesError as error:
            if _is_refusal(error):
                self._rest(error, ticket)
            return error
        finally:
            self.bound.leave(ticket, answered=answered)
        self._put(question, Answer(reply))
        self._reached()
        return None

    def _rest(self, error: HermesError, ticket: int) -> None:
        if error.retry_after is not None and error.retry_after > _LONGEST_REST:
            error.hint = f"It asks to wait for {error.retry_after:,.0f} s; go on then."
            self.stop(error)
        else:
            self.bound.refuse(ticket, error.retry_after)

    def _fail(self, question: Question, error: HermesError) -> None:
        """Keep a row's error; one that says that the server is out of reach may be no row's."""
        if self._stop.is_set() and _is_refusal(error):
            return
        answer = Answer(error.reply or Reply(state="failed"), error)
        if _is_out_of_reach(error):
            with self._lock:
                self._unreached.append((question, answer))
                many = len(self._unreached) >= max(_FEWEST_CUT_OFF, self._at_once)
            if many:
                self.stop(error)
        else:
            self._put(question, answer)

    def _reached(self) -> None:
        """Keep what seemed out of reach as errors of these rows, unless it has ended the run."""
        with self._lock:
            own, self._unreached = self._unreached, []
            if self.reason is not None:
                return
        for question, answer in own:
            self._put(question, answer)

    def _put(self, question: Question, answer: Answer) -> None:
        try:
            self._keep(question.key, answer)
        except StorageError as error:
            self.stop(error)


def _is_refusal(error: HermesError) -> bool:
    """Tell whether the server wants rest."""
    return isinstance(error, RateLimitError) or error.retry_after is not None


def _is_out_of_reach(error: HermesError) -> bool:
    """Tell whether the request cannot have been answered for want of a connection."""
    if isinstance(error, ServerTimeoutError) or _may_be_billed(error):
        return False
    return isinstance(error, NetworkError)


def _may_be_billed(error: HermesError) -> bool:
    """Tell whether an answer had begun: asked again, it would be paid for twice."""
    reply = error.reply
    if reply is None:
        return False
    return bool(reply.text or reply.thinking or (isinstance(error, NetworkError) and reply.id))

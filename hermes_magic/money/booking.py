"""Book a call before it is sent, follow it, and settle it when it ends."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from hermes_magic.errors import ApiError, BudgetError, HermesError, OptionError
from hermes_magic.money.budget import Limits, fit
from hermes_magic.money.calls import Entry, Outcome
from hermes_magic.reply import OFFLINE_DEMO, Booked, Done, Event, Failed, Notice, ReplyBuilder
from hermes_magic.wire.settle import can_settle

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from decimal import Decimal

    from hermes_magic.money.calls import Spent, WorstCase
    from hermes_magic.money.prices import Quote
    from hermes_magic.reply import Usage
    from hermes_magic.wire.settle import Learner


class Books(Protocol):
    """Where calls are booked: a `Ledger`, or a batch's share of one."""

    def reserve(
        self,
        entry: Entry,
        worst_case: WorstCase,
        *,
        sent: bool = False,
    ) -> str:
        """Book a call that is about to be sent, or as good as `sent`; give its number."""

    def mark_sent(self, call: str) -> bool:
        """Note that it is going out; False if the reservation has been taken off."""

    def identify(self, call: str, generation: str) -> None:
        """Note the server's id."""

    def settle(self, call: str, outcome: Outcome) -> bool:
        """Note how it ended; False if it is not on the books any more."""

    def refuse(self, call: str, reason: str) -> None:
        """Note that the server did not take it."""

    def drop(self, call: str) -> None:
        """Take it off."""

    def notebook_total(self, notebook: str) -> tuple[Decimal, int]:
        """Give the USD that a notebook has spent, and how many calls are in it by estimate."""

    def take_news(self) -> list[str]:
        """Give what the person should be told about the books, once."""


class Connection(Protocol):
    """What sends one request at a time: a `Client`, or a cluster in its place."""

    @property
    def aborted(self) -> bool:
        """Whether it has been aborted, and can send no more."""

    @property
    def is_open(self) -> bool:
        """Whether it stands, as far as that is known, so that a request goes out at once."""

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond an abort."""

    def chat(
        self, body: Mapping[str, Any], on_send: Callable[[], None] | None = None
    ) -> Generator[list[Event]]:
        """Send a request, calling `on_send` before; give its events, `Done` or `Failed` last."""


class Prices(Protocol):
    """What estimates a request: a `PriceList`, or the price a batch began with."""

    def quote(self, body: Mapping[str, Any], *, ask: bool) -> Quote:
        """Estimate it; `ask` allows to ask the server for its price."""


class BookedSender:
    """Sends requests through a client; each of them is a call of its own in the ledger.

    A request that no limit has room for is not sent: its only event is `Failed` with a
    `BudgetError`. The last event but one of any other is `Booked`.
    """

    def __init__(
        self, client: Connection, ledger: Books, prices: Prices, entry: Entry, limits: Limits
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._prices = prices
        self._entry = entry
        self._limits = limits
        self._told: set[str] = set()
        self._booking: _Booking | None = None

    @property
    def aborted(self) -> bool:
        """Whether the client has been aborted."""
        return self._client.aborted

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond an abort."""
        self._client.wait(seconds)

    def chat(self, body: Mapping[str, Any]) -> Generator[list[Event]]:
        """Book a request, send it, give its events."""
        try:
            booking = self._booking = self._book(body)
        except BudgetError as error:
            yield [Failed(error)]
            return
        try:
            yield self._news(booking.notice)
            body = {**body, "max_tokens": booking.quote.max_tokens}
            with closing(self._client.chat(body, booking.going_out)) as arriving:
                for events in arriving:
                    yield booking.follow(events)
        except BudgetError as error:
            yield [Failed(error)]
        finally:
            booking.end(None)

    def learner(self, settlement: Learner) -> Learner:
        """Give what takes the cost of the last call when the server's books have it."""
        return _Late(self._ledger, self._booking.call if self._booking else None, settlement)

    def _book(self, body: Mapping[str, Any]) -> _Booking:
        asked = self._prices.quote(body, ask=bool(self._limits))
        entry = replace(self._entry, model=str(body["model"]))
        return _Booking(self._ledger, entry, asked, self._limits, sent=self._client.is_open)

    def _news(self, notice: str) -> list[Event]:
        """Give what the person has not been told yet."""
        lines = [line for line in (notice, *self._ledger.take_news()) if line]
        new = [line for line in lines if line not in self._told]
        self._told.update(new)
        return [Notice(line) for line in new]


class _Booking:
    """One call in the ledger, from its reservation to its end.

    Attributes:
        call: its number in the ledger.
        quote: what it goes by, with a lowered max_tokens if a limit wants it.
        notice: one line that says what was lowered and why, or "".
    """

    def __init__(
        self, ledger: Books, entry: Entry, asked: Quote, limits: Limits, *, sent: bool
    ) -> None:
        self._ledger = ledger
        self._entry = entry
        self._limits = limits
        self._progress = ReplyBuilder()
        self._started = time.perf_counter()
        self._generation = ""
        self._booked_as_sent = sent
        self._sent = self._ended = False
        self._estimated: Decimal | None = None
        self.quote, self.notice = asked, ""
        self.call = ledger.reserve(entry, self._lower, sent=sent)

    def going_out(self) -> None:
        """Note that the request is being sent.

        Raises:
            BudgetError: the reservation was given up meanwhile, and another has used the rest.
        """
        if self._sent:
            return
        if not self._booked_as_sent and not self._ledger.mark_sent(self.call):
            self.call = self._ledger.reserve(self._entry, self._again, sent=True)
        self._sent = True

    def follow(self, events: list[Event]) -> list[Event]:
        """Take events; give them, with `Booked` before the last one of a reply."""
        self._progress.feed(events, 0)
        self._identify()
        match events:
            case [*before, Done() as last]:
                self.end(last)
                return [*before, *self._booked(), last]
            case [*before, Failed() as last]:
                self.end(last)
                return [*before, *self._booked(), last]
        return events

    def end(self, last: Done | Failed | None) -> None:
        """Settle the call, as far as that is possible now; only the first end counts."""
        if self._ended:
            return
        self._ended = True
        error = last.error if isinstance(last, Failed) else None
        reached = self._progress.progress
        if not self._sent or reached.model == OFFLINE_DEMO or isinstance(error, OptionError):
            self._ledger.drop(self.call)
        elif error is not None and _is_refusal(error) and not reached.begun:
            self._ledger.refuse(self.call, f"error {error.status or ''}".strip())
        else:
            self._settle(whole=isinstance(last, Done))

    def _identify(self) -> None:
        """Note an id that others could settle the call by; any other comes with its end."""
        generation = self._progress.progress.id
        if generation != self._generation and can_settle(generation):
            self._generation = generation
            self._ledger.identify(self.call, generation)

    def _settle(self, *, whole: bool) -> None:
        reached = self._progress.progress
        estimate = self._estimate(whole=whole)
        self._estimated = None if reached.usage.cost is not None else estimate
        outcome = Outcome(
            usage=reached.usage,
            estimate=estimate,
            final=whole and not can_settle(reached.id),
            model=reached.model,
            finish_reason=reached.finish_reason or ("" if whole else "broken off"),
            generation=reached.id,
            seconds=time.perf_counter() - self._started,
        )
        if not self._ledger.settle(self.call, outcome):  # its file was moved or deleted
            self.call = self._ledger.reserve(self._entry, lambda _: self.quote.worst, sent=True)
            self._ledger.settle(self.call, outcome)

    def _estimate(self, *, whole: bool) -> Decimal | None:
        """Give USD for what has been seen, where the server has not said; None for no price.

        What broke off without a number can be settled by nobody: it stays at its worst case.
        """
        reached, price = self._progress.progress, self.quote.price
        usage = reached.usage
        if usage.cost is not None or price is None:
            return None
        if not whole and not reached.id:
            return self.quote.worst
        deltas = reached.thought_deltas + reached.answer_deltas + reached.tool_deltas
        prompt = usage.prompt_tokens
        return price.cost(
            self.quote.likely_prompt_tokens if prompt is None else prompt,
            deltas if usage.completion_tokens is None else usage.completion_tokens,
        )

    def _booked(self) -> list[Event]:
        if self._progress.progress.model == OFFLINE_DEMO:
            return []
        total, estimated = self._ledger.notebook_total(self._entry.notebook)
        return [Booked(total, estimated, self._estimated)]

    def _lower(self, spent: Callable[[], Spent]) -> Decimal:
        if self._limits:
            self.quote, self.notice = fit(self.quote, self._limits, spent())
        return self.quote.worst

    def _again(self, spent: Callable[[], Spent]) -> Decimal:
        if self._limits and fit(self.quote, self._limits, spent())[0] != self.quote:
            raise BudgetError("While this call was waiting, the budget it had was spent.")
        return self.quote.worst


@dataclass(frozen=True, slots=True)
class _Late:
    """Takes a late cost into the ledger and into the reply."""

    ledger: Books
    call: str | None
    settlement: Learner

    def settle(self, usage: Usage | None) -> None:
        if usage is not None and self.call is not None:
            self.ledger.settle(self.call, Outcome(usage))
        self.settlement.settle(usage)


def _is_refusal(error: HermesError) -> bool:
    """Tell whether the server has said no, so that it bills nothing."""
    return isinstance(error, ApiError) or error.status is not None

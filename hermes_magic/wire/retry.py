"""Ask again, where that is safe and can help: only before the first delta of a reply.

After it nothing is sent twice, since the first try is billed as well. What is worth another try:
408, 429, 5xx, a connection that was not made or broke before any text, an empty reply (once), and
a 402 that says how many tokens the balance still covers (once, with that many).
"""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from hermes_magic.errors import (
    CreditsError,
    EmptyReplyError,
    HermesError,
    NetworkError,
    ProviderError,
    RateLimitError,
)
from hermes_magic.reply import Delta, Event, Failed, Notice, Retrying

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

_FIRST_DELAY = 1.0
_LONGEST_DELAY = 20.0
_MOST_PATIENCE = 60.0
_MARGIN = 0.9
_FEWEST_TOKENS = 200
_TRANSIENT = (NetworkError, ProviderError, RateLimitError)


class Sender(Protocol):
    """What can send a request: a `Client`."""

    @property
    def aborted(self) -> bool:
        """Whether it has been aborted, and can send no more."""

    def chat(self, body: Mapping[str, Any]) -> Generator[list[Event]]:
        """Send a request; give its events, `Done` or `Failed` last."""

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond an abort."""


@dataclass(slots=True)
class Policy:
    """How often to ask again, and how long to wait before.

    Attributes:
        retries: how many times at most, after the first try.
        jitter: gives a random number from 0 to its argument (full jitter).
    """

    retries: int = 2
    jitter: Callable[[float], float] = lambda most: random.uniform(0, most)  # noqa: S311

    def delay(self, error: HermesError, tried: int) -> float | None:
        """Give the seconds to wait after this failure of that many tries, or None for no more."""
        if tried > self.retries or not self._can_help(error, tried):
            return None
        if error.retry_after is None:
            return self.jitter(min(_LONGEST_DELAY, _FIRST_DELAY * 2**tried))
        return error.retry_after if error.retry_after <= _MOST_PATIENCE else None

    def _can_help(self, error: HermesError, tried: int) -> bool:
        if isinstance(error, EmptyReplyError):
            return tried == 1
        if error.retryable is not None:
            return error.retryable
        return isinstance(error, _TRANSIENT)


def affordable_tokens(error: HermesError, wanted: int) -> int | None:
    """Give the max_tokens that a 402 leaves room for, or None where that is of no use."""
    if not isinstance(error, CreditsError) or error.affordable is None:
        return None
    tokens = int(error.affordable * _MARGIN)
    return tokens if _FEWEST_TOKENS <= tokens < wanted else None


def chat(sender: Sender, body: Mapping[str, Any], policy: Policy) -> Generator[list[Event]]:
    """Send a request as often as the policy allows; give the events of all tries.

    `Failed` comes only for the last try; the ones before it are announced by `Retrying` (or, for
    a 402, by a `Notice` of the smaller max_tokens).
    """
    tried = 0
    lowered = False
    while True:
        tried += 1
        failed = yield from _one_try(sender, body)
        if failed is None or sender.aborted:
            return
        tokens = None if lowered else affordable_tokens(failed.error, body.get("max_tokens", 0))
        if tokens is not None:
            lowered, tried = True, tried - 1
            yield [_covers(tokens, body)]
            body = {**body, "max_tokens": tokens}
            continue
        delay = policy.delay(failed.error, tried)
        if delay is None:
            yield [replace(failed, error=_tired(failed.error, tried))]
            return
        yield [Retrying(_reason(failed.error), delay, tried + 1, policy.retries + 1)]
        sender.wait(delay)
        if sender.aborted:
            return


def _one_try(
    sender: Sender, body: Mapping[str, Any]
) -> Generator[list[Event], None, Failed | None]:
    """Send once; hold a failure back that came before any delta, and give it as the result."""
    begun = False
    with closing(sender.chat(body)) as arriving:
        for events in arriving:
            last = events[-1] if events else None
            begun = begun or any(isinstance(event, Delta) for event in events)
            if isinstance(last, Failed) and not begun:
                yield events[:-1]
                return last
            yield events
    return None


def _covers(tokens: int, body: Mapping[str, Any]) -> Notice:
    return Notice(
        f"Your balance does not cover max_tokens {body['max_tokens']:,}: "
        f"asked again with {tokens:,}."
    )


def _reason(error: HermesError) -> str:
    """Say in a few words why there will be another try."""
    who = error.provider or "The server"
    match error:
        case RateLimitError():
            return f"{who} is rate-limited"
        case EmptyReplyError():
            return "The answer was empty"
        case ProviderError():
            return f"{who} failed" + (f" ({error.status})" if error.status else "")
        case _:
            return error.message.rstrip(".")


def _tired(error: HermesError, tried: int) -> HermesError:
    """Say how often it was tried, if more than once, and for how long the server wants rest."""
    if tried > 1:
        error.message = f"{error.message} Tried {tried} times."
    if isinstance(error, _TRANSIENT) and (error.retry_after or 0) > _MOST_PATIENCE:
        error.hint = f"It asks to wait for {error.retry_after:,.0f} s; run the cell again then."
    return error

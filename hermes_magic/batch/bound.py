"""How many requests may be under way at once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_REST: Final = 1.0
_LONGEST_REST: Final = 60.0


class Bound:
    """As many requests as asked for, and fewer while the server refuses (429).

    A refusal halves the bound and lets everybody rest; each round of answers after it raises the
    bound by one. Refusals of requests that were sent before the last halving count as that one.

    Args:
        most: the bound is never above it.
        clock: seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._free = threading.Condition()
        self._limit = float(most)
        self._running = 0
        self._resting_until = 0.0
        self._halvings = 0
        self._in_a_row = 0
        self._closed = False

    @property
    def limit(self) -> int:
        """How many may be under way now."""
        return int(self._limit)

    @property
    def running(self) -> int:
        """How many are under way."""
        return self._running

    @property
    def rest(self) -> float:
        """Seconds until the next request may go out; 0 if nobody rests."""
        return max(0.0, self._resting_until - self._clock())

    def enter(self) -> int | None:
        """Wait for a place; give its ticket for `leave`, or None when the bound is closed."""
        with self._free:
            while not self._closed:
                rest = self.rest
                if not rest and self._running < self.limit:
                    self._running += 1
                    return self._halvings
                self._free.wait(rest or None)
        return None

    def leave(self, ticket: int, *, answered: bool = False) -> None:
        """Give a place back."""
        with self._free:
            self._running -= 1
            if answered:
                self._limit = min(self._most, self._limit + 1 / self._limit)
                self._in_a_row = 0 if ticket == self._halvings else self._in_a_row
            self._free.notify()
            if self._running + 1 < self.limit:
                self._free.notify()

    def refuse(self, ticket: int, seconds: float | None) -> None:
        """Take note of a refusal.

        Args:
            ticket: that of the refused request.
            seconds: how long the server wants rest, if it has said so.
        """
        with self._free:
            if ticket == self._halvings:
                self._halvings += 1
                self._in_a_row += 1
                self._limit = max(1.0, self._limit / 2)
            own = min(_LONGEST_REST, _FIRST_REST * 2 ** (self._in_a_row - 1))
            wanted = self._clock() + (own if seconds is None else seconds)
            if seconds is not None or ticket + 1 == self._halvings:
                self._resting_until = max(self._resting_until, wanted)

    def close(self) -> None:
        """Let nobody in any more; who waits is sent away."""
        with self._free:
            self._closed = True
            self._free.notify_all()

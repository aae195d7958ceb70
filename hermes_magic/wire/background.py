"""Read on a thread, draw on the cell's own: events cross over in batches.

A silent server cannot hold the cell's thread, so an interrupt and a Stop button are heard within
a tenth of a second; and drawing on the cell's thread keeps its outputs in its own cell.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

from hermes_magic.reply import Delta, Done, Event, Failed

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

Arrival = tuple[float, list[Event]]
"""Events, and the seconds from the start of the request at which they came."""

_PACE = 0.1
_HEARTBEAT = 0.1
_MOST_DUTY = 0.2


class Background:
    """Run an iterator of events (a generator) on a thread of its own.

    Iterating gives a list of arrivals, once text flows at most every 0.1 s, and an empty list
    after each 0.1 s of silence. Whoever draws slowly is served more seldom: a fifth of the time
    at most goes into drawing.
    """

    def __init__(self, events: Generator[list[Event]]) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._over = threading.Event()
        self._arrived: list[Arrival] = []
        self._bug: BaseException | None = None
        self.started = time.perf_counter()
        self._thread = threading.Thread(target=self._read, name="hermes-reader", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[list[Arrival]]:
        """Give arrivals until the reply is whole or has failed."""
        flows = False  # what comes before the first word must not make it wait
        while True:
            self._wake.wait(_HEARTBEAT)
            over = self._over.is_set()
            arrived = self.take()
            before = time.perf_counter()
            yield arrived
            if over:
                break
            drawing = time.perf_counter() - before
            flows = flows or any(
                isinstance(event, Delta) for _, events in arrived for event in events
            )
            if flows and arrived:
                self._over.wait(max(_PACE, drawing / _MOST_DUTY) - drawing)
        if self._bug is not None:
            raise self._bug

    def elapsed(self) -> float:
        """Give the seconds since the request was sent."""
        return time.perf_counter() - self.started

    def join(self, seconds: float) -> None:
        """Wait for the thread to end, for at most these seconds."""
        self._thread.join(seconds)

    def take(self) -> list[Arrival]:
        """Give what has arrived since the last time, without waiting."""
        with self._lock:
            arrived, self._arrived = self._arrived, []
            self._wake.clear()
        return arrived

    def _read(self) -> None:
        try:
            with closing(self._events):
                for events in self._events:
                    self._pass_on(events)
        except BaseException as bug:  # noqa: BLE001 - it is raised again on the cell's thread
            self._bug = bug
        finally:
            self._end()

    def _pass_on(self, events: list[Event]) -> None:
        if not events:
            return
        with self._lock:
            self._arrived.append((self.elapsed(), events))
            self._wake.set()
        if isinstance(events[-1], Done | Failed):
            self._end()

    def _end(self) -> None:
        self._over.set()
        self._wake.set()

"""What stops an answer from outside: an interrupt, or another thread.

An interrupt is taken as a request to stop, so that it cannot strike between two steps: a
`KeyboardInterrupt` in the middle of drawing or of keeping an answer could lose what has
come, or leave a dead widget in the notebook.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


@contextmanager
def on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first interrupt inside the block; a second one is raised as ever.

    Does nothing outside the main thread, which alone receives signals.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return

    def request_stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stop()

    signal.signal(signal.SIGINT, request_stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Stopper:
    """Stops the answer under way, and each that comes after it; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._stop: Callable[[], None] | None = None

    def stop(self) -> None:
        """Stop what is listening, now and later."""
        with self._lock:
            self._stopped = True
            stop = self._stop
        if stop is not None:
            stop()

    @contextmanager
    def listening(self, stop: Callable[[], None]) -> Iterator[None]:
        """Call `stop` inside the block when `self.stop` is called, or has been."""
        with self._lock:
            self._stop, stopped = stop, self._stopped
        if stopped:
            stop()
        try:
            yield
        finally:
            with self._lock:
                self._stop = None

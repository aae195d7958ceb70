"""What every view can do, and the one that shows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hermes_magic.reply import Event, Progress, Reply


class View(Protocol):
    """Shows one reply while it comes and when it is there.

    Called on the cell's own thread only.
    """

    def show(self, events: list[Event], progress: Progress, elapsed: float) -> None:
        """Show these events; an empty list means only that time has passed.

        Args:
            events: what has happened since the last call.
            progress: how far the reply has come, these events included.
            elapsed: seconds since the request was sent.
        """

    def close(self, reply: Reply) -> None:
        """Show the reply as it is to stay, whole or not; nothing follows."""


class NullView:
    """Shows nothing."""

    def show(self, events: list[Event], progress: Progress, elapsed: float) -> None:
        """Show nothing."""

    def close(self, reply: Reply) -> None:
        """Show nothing."""

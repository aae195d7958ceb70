"""The tapes of a notebook: what is on them is played, what is not is recorded or refused."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hermes_magic.errors import TapeError
from hermes_magic.tape import request
from hermes_magic.tape.differing import difference, nearest
from hermes_magic.tape.episode import draft
from hermes_magic.tape.files import Tape
from hermes_magic.tape.player import Player
from hermes_magic.tape.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hermes_magic.tape.choice import Choice
    from hermes_magic.tape.request import Asked


class Tapes:
    """The tapes that a notebook has opened. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tapes: dict[Path, Tape] = {}
        self._begun: set[Path] = set()

    def open(self, choice: Choice) -> Tape:
        """Give the tape, the same for the same place.

        Raises:
            TapeError: it is to be replayed only, and there is none.
        """
        path = choice.path.absolute()
        with self._lock:
            tape = self._tapes.setdefault(path, Tape(choice.path))
            if not tape.exists:
                self._begun.add(path)
        if choice.mode == "replay" and not tape.exists:
            raise TapeError(f"There is no tape {choice.path}: nothing can be replayed.")
        return tape

    def records(self, choice: Choice) -> bool:
        """Tell whether what is not on the tape is asked and recorded.

        A tape that this kernel has begun is still being recorded `once`.
        """
        with self._lock:
            begun = choice.path.absolute() in self._begun
        return choice.mode == "new" or (choice.mode == "once" and begun)

    def take(
        self, choice: Choice, body: Mapping[str, Any], *, fresh: bool = False
    ) -> Player | Recorder:
        """Give what plays the answer to a request, or what records it.

        Args:
            choice: the tape.
            body: the request in OpenRouter's terms.
            fresh: whether to ask again for what is on the tape.

        Raises:
            TapeError: the tape cannot be used, or it is only replayed and does not hold the
                request, or holds no answer to it yet.
        """
        tape, asked = self.open(choice), request.asked(body)
        if fresh:
            if choice.mode in {"replay", "draft"}:
                raise TapeError(f"--fresh asks again, and the tape {tape.path} is replayed only.")
            tape.check_writable()
            return Recorder(tape, asked)
        episode = tape.find(request.key(asked))
        if episode is not None and not episode.is_draft:
            return Player(episode, choice.speed)
        if choice.mode == "draft" and episode is None:
            tape.put(draft(asked, datetime.now(UTC).date()))
        if not self.records(choice):
            raise _missing(tape, asked, drafted=choice.mode == "draft" or episode is not None)
        tape.check_writable()
        return Recorder(tape, asked)


def _missing(tape: Tape, asked: Asked, *, drafted: bool) -> TapeError:
    if drafted:
        return TapeError(
            f"This question is on the tape {tape.path}, but its answer is still to be written.",
            hint="Write it there, by hand, and run the cell again. Nothing was sent.",
        )
    held = [one.asked for one in tape.episodes()]
    other = nearest(asked, held)
    if other is None:
        return TapeError(f"The tape {tape.path} is empty, and replayed only.")
    count = "1 episode" if len(held) == 1 else f"{len(held)} episodes"
    return TapeError(
        f"This question is not on the tape {tape.path} ({count}), which is replayed only.",
        diff=difference(other, asked),
    )

"""Which tape a cell uses and how: from the cell, the notebook and the environment."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from hermes_magic.errors import OptionError, TapeError
from hermes_magic.tape import request
from hermes_magic.tape.differing import difference, nearest
from hermes_magic.tape.files import Tape
from hermes_magic.tape.player import Player
from hermes_magic.tape.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermes_magic.options import Options
    from hermes_magic.tape.request import Asked

Mode = Literal["once", "new", "replay", "off"]
"""`once` records where there is no tape yet and else replays only; `new` replays what is on the
tape and records what is not; `replay` never asks; `off` takes no notice of any tape."""

MODES: Final[tuple[Mode, ...]] = ("once", "new", "replay", "off")
PATH_VARIABLE: Final = "HERMES_TAPE"
MODE_VARIABLE: Final = "HERMES_TAPE_MODE"


@dataclass(frozen=True, slots=True)
class Choice:
    """The tape in use, and how."""

    path: Path
    mode: Mode


def choose(path: str, mode: str, environment: Mapping[str, str]) -> Choice | None:
    """Give the tape in use, or None.

    The environment's path stands in where the notebook names none, and is replayed only unless
    a mode is given; the environment's mode goes before the notebook's, so that a machine that
    must not ask does not.

    Args:
        path: the cell's or the notebook's, or "".
        mode: likewise.
        environment: where `HERMES_TAPE` and `HERMES_TAPE_MODE` may stand.

    Raises:
        OptionError: the environment's mode is none.
    """
    told = environment.get(MODE_VARIABLE, "")
    if told and told not in MODES:
        raise OptionError(f"{MODE_VARIABLE} takes {', '.join(MODES[:-1])} or off, not {told!r}.")
    chosen = path or environment.get(PATH_VARIABLE, "")
    mode = told or mode or ("new" if path else "replay")
    if not chosen or mode == "off":
        return None
    return Choice(Path(chosen).expanduser(), cast("Mode", mode))


class Deck:
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

    def take(self, choice: Choice, options: Options, body: Mapping[str, Any]) -> Player | Recorder:
        """Give what plays the answer to a request, or what records it.

        Args:
            choice: the tape.
            options: the cell's: whether to ask afresh, how fast to play.
            body: the request in OpenRouter's terms.

        Raises:
            TapeError: the tape cannot be used, or it is only replayed and does not hold the
                request.
        """
        tape, asked = self.open(choice), request.asked(body)
        if options.fresh:
            if choice.mode == "replay":
                raise TapeError(f"--fresh asks again, and the tape {tape.path} is replayed only.")
            tape.check_writable()
            return Recorder(tape, asked)
        episode = tape.find(request.key(asked))
        if episode is not None:
            return Player(episode, options.tape_speed)
        if not self.records(choice):
            raise _missing(tape, asked)
        tape.check_writable()
        return Recorder(tape, asked)


def _missing(tape: Tape, asked: Asked) -> TapeError:
    held = [one.asked for one in tape.episodes()]
    other = nearest(asked, held)
    if other is None:
        return TapeError(f"The tape {tape.path} is empty, and replayed only.")
    count = "1 episode" if len(held) == 1 else f"{len(held)} episodes"
    return TapeError(
        f"This question is not on the tape {tape.path} ({count}), which is replayed only.",
        diff=difference(other, asked),
    )

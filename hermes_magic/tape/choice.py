"""Which tape a question uses and how: from the cell, the notebook and the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast

from hermes_magic.errors import OptionError, TapeError

if TYPE_CHECKING:
    from collections.abc import Mapping

Mode = Literal["once", "new", "replay", "draft", "off"]
"""`once` records where there is no tape yet and else replays only; `new` replays what is on the
tape and records what is not; `replay` never asks; `draft` never asks either, and puts what is not
on the tape there without an answer, for a person to write it; `off` takes no notice of any tape."""

MODES: Final[tuple[Mode, ...]] = ("once", "new", "replay", "draft", "off")
PATH_VARIABLE: Final = "HERMES_TAPE"
MODE_VARIABLE: Final = "HERMES_TAPE_MODE"


@dataclass(frozen=True, slots=True)
class Choice:
    """The tape in use, and how.

    Attributes:
        path: where it is.
        mode: what is done with what is on it, and with what is not.
        speed: how many times as fast as recorded it plays; 0 for at once.
    """

    path: Path
    mode: Mode
    speed: float = 1.0


def choose(
    path: str, mode: str, environment: Mapping[str, str], speed: float = 1.0
) -> Choice | None:
    """Give the tape in use, or None.

    The environment's path stands in where the notebook names none, and is replayed only unless
    a mode is given; the environment's mode goes before the notebook's, so that a machine that
    must not ask does not.

    Args:
        path: the cell's or the notebook's, or "".
        mode: likewise.
        environment: where `HERMES_TAPE` and `HERMES_TAPE_MODE` may stand.
        speed: how many times as fast as recorded it plays; 0 for at once.

    Raises:
        OptionError: the environment's mode is none.
        TapeError: nobody is to be asked, and there is no tape.
    """
    told = environment.get(MODE_VARIABLE, "")
    if told and told not in MODES:
        raise OptionError(f"{MODE_VARIABLE} takes {', '.join(MODES[:-1])} or off, not {told!r}.")
    chosen = path or environment.get(PATH_VARIABLE, "")
    mode = told or mode or ("replay" if chosen and not path else "new")
    if mode in {"replay", "draft"} and not chosen:
        raise TapeError(
            "Nobody is to be asked, only a tape replayed, and no tape is named.",
            hint=f"Name one: %hermes replay PATH, or {PATH_VARIABLE}.",
        )
    if mode == "off" or not chosen:
        return None
    return Choice(Path(chosen).expanduser(), cast("Mode", mode), speed)

"""The commands that have to do with tapes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hermes_magic.errors import OptionError
from hermes_magic.tape.choice import choose

if TYPE_CHECKING:
    from hermes_magic.magic.commands import Notebook
    from hermes_magic.tape.choice import Choice, Mode


def record(notebook: Notebook, path: str, _server: str) -> None:
    """Record on that tape from now on, and replay what is on it."""
    _use(notebook, path, "new")


def replay(notebook: Notebook, path: str, _server: str) -> None:
    """Replay that tape from now on, and ask nobody."""
    _use(notebook, path, "replay")


def draft(notebook: Notebook, path: str, _server: str) -> None:
    """Put questions on that tape from now on, for answers written by hand."""
    _use(notebook, path, "draft")


def tape(notebook: Notebook, word: str, _server: str) -> None:
    """Say which tape is in use, or go on without one.

    Raises:
        OptionError: the word is another than off.
    """
    if word not in {"", "off"}:
        raise OptionError(
            f"%hermes tape takes off, not {word!r}.",
            hint="%hermes record PATH and %hermes replay PATH use a tape.",
        )
    if word:
        notebook.use_tape("", "off")
    choice = notebook.tape()
    notebook.say("No tape is in use." if choice is None else _told(notebook, choice))


def _use(notebook: Notebook, path: str, mode: Mode) -> None:
    """Look at the tape, and use it if it can be used."""
    if not path:
        raise OptionError("Which tape? Name a file that ends in .json, or a folder.")
    choice = choose(path, mode, os.environ)
    told = "No tape is in use: HERMES_TAPE_MODE is off."
    if choice is not None:
        told = _told(notebook, choice)
    notebook.use_tape(path, mode)
    notebook.say(told)


def _told(notebook: Notebook, choice: Choice) -> str:
    """Say what is on a tape and what is done with it.

    Raises:
        TapeError: it cannot be used.
    """
    recorded = notebook.tapes.open(choice).episodes()
    if notebook.tapes.records(choice):
        return f"Tape {choice.path}: what is on it is replayed, what is not is asked and recorded."
    if choice.mode == "draft":
        return (
            f"Tape {choice.path}: what is on it is replayed, what is not is put there without an "
            "answer, for you to write it; nobody is asked."
        )
    count = "1 answer" if len(recorded) == 1 else f"{len(recorded):,} answers"
    by_hand = sum(one.by_hand for one in recorded)
    origin = ""
    if by_hand:
        every = "all" if by_hand == len(recorded) else f"{by_hand:,} of them"
        origin = f" ({every} written by hand: no model was asked)"
    return f"Tape {choice.path}: {count}{origin}, replayed only; nobody is asked."

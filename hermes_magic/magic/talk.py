"""The commands that have to do with conversations: history and forget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermes_magic.magic.commands import Notebook
    from hermes_magic.prompt.history import Conversation

_SHOWN: Final = 200


def history(notebook: Notebook, name: str, _server: str) -> None:
    """Show one conversation, or all, turn by turn."""
    chats = notebook.chats
    names = [name] if name else chats.names
    lines = [line for each in names for line in _lines(each, chats[each])]
    nothing = f"No chat is called {name}." if name else "No chat yet: %%hermes --chat begins one."
    notebook.say("\n".join(lines) or nothing)


def forget(notebook: Notebook, name: str, _server: str) -> None:
    """Forget one conversation, or all."""
    turns = notebook.chats.forget(name)
    counted = "1 turn" if turns == 1 else f"{turns} turns"
    notebook.say(f"Forgotten: {counted}." if turns else "There was nothing to forget.")


def _lines(name: str, conversation: Conversation) -> Iterator[str]:
    if not conversation.turns:
        return
    tokens = sum(turn.tokens for turn in conversation.turns)
    count = len(conversation)
    yield f"{name} · {count} turn{'' if count == 1 else 's'} · ~{tokens:,} tokens"
    for number, turn in enumerate(conversation.turns, 1):
        yield f"{number:>3}  you:    {_short(turn.question)}"
        yield f"     Hermes: {_short(turn.answer)}"


def _short(text: str) -> str:
    """Give a text on one line, without what could steer a terminal."""
    line = "".join(filter(str.isprintable, " ".join(text.split())))
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"

"""`%hermes` alone: who is asked, by which key, what was spent, what is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_magic.errors import HermesError
from hermes_magic.options import Options
from hermes_magic.view.readout import usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermes_magic.magic.commands import Notebook
    from hermes_magic.wire.servers import Server


def where(notebook: Notebook, _word: str, _server: str) -> None:
    """Say where questions go, and what they have cost; ask nobody."""
    chats = list(_chats(notebook))
    if notebook.is_offline:
        notebook.say("The offline demo server answers. %hermes online goes back, %hermes -h helps.")
    else:
        server = notebook.server()
        model, source = notebook.model_at(server), key_source(notebook, server)
        notebook.say(f"{server.name} · {server.address} · {model} · {source}")
        chats = [*_money(notebook, server), *chats]
    if chats:
        notebook.say(" · ".join(chats))


def key_source(notebook: Notebook, server: Server) -> str:
    """Say where the server's key comes from, or why there is none; never the key."""
    try:
        found = notebook.keys.find(server)
    except HermesError as error:
        return str(error)
    return f"key from {found.source}" if found.value else found.source


def _money(notebook: Notebook, server: Server) -> Iterator[str]:
    """Say what counts against the limits: of calls under way, the worst case."""
    account, limits = notebook.account, notebook.limits(Options())
    spent = account.ledger.spent(account.entry(server))
    rows = (
        ("spent in this notebook", spent.notebook, limits.notebook),
        ("today", spent.day, limits.day),
    )
    for whose, amount, limit in rows:
        left = "" if limit is None else f" ({usd(max(limit - amount, limit * 0))} left)"
        yield f"{whose} {usd(amount)}{left}"


def _chats(notebook: Notebook) -> Iterator[str]:
    for name in notebook.chats.names:
        count = len(notebook.chats[name])
        yield f"chat {name}: {count} turn{'' if count == 1 else 's'}"

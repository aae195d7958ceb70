"""What the commands tell: status, models and servers, as tables."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hermes_magic.errors import ApiError, AuthenticationError, HermesError
from hermes_magic.view.readout import usd
from hermes_magic.view.table import table
from hermes_magic.wire.catalog import Catalog, KeyFigures, Model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from hermes_magic.wire.servers import Server

_PROBE_SECONDS = 1.5
_PROBES_SECONDS = 2.5
_UNKNOWN = "-"
_MOST_ROWS = 60


def status(server: Server, model: str, key_source: str, key: str) -> dict[str, str]:
    """Tell server, model and key, and what the key may still spend.

    Raises:
        HermesError: the server did not tell.
    """
    rows = [("server", f"{server.name} · {server.address}"), ("model", model), ("key", key_source)]
    if server.is_openrouter and key:
        rows += _spending(Catalog(server, key).key_figures())
    elif not server.is_openrouter:
        rows.append(("answers", _Probe(server, key).ask()))
    return table((), rows)


def _spending(figures: KeyFigures) -> list[tuple[str, str]]:
    remaining = "no limit on this key" if figures.remaining is None else usd(figures.remaining)
    if figures.remaining is not None and figures.limit is not None:
        reset = f", {figures.reset}" if figures.reset else ""
        remaining += f" of {usd(figures.limit)}{reset}"
    rows = [("key label", figures.label or _UNKNOWN), ("remaining", remaining)]
    return rows if figures.used is None else [*rows, ("used", usd(figures.used))]


def listed(server: Server, key: str) -> Sequence[Model]:
    """Ask a server for its models.

    Raises:
        HermesError: the server did not tell.
    """
    return Catalog(server, key).models()


def models(server: Server, every: Sequence[Model], word: str) -> dict[str, str]:
    """Tell those of a server's models whose name holds the word."""
    found = [model for model in every if word.lower() in model.id.lower()]
    note = f"{len(found)} of {len(every)} models of {server.name}; USD per million tokens"
    if len(found) > _MOST_ROWS:
        note += f"; the first {_MOST_ROWS} are shown, %hermes models WORD narrows them"
    headings = ("model", "context", "in", "out")
    return table(headings, map(_row, found[:_MOST_ROWS]), note=note, numbers=(1, 2, 3))


def _row(model: Model) -> tuple[str, str, str, str]:
    context = _UNKNOWN if model.context is None else f"{model.context:,}"
    return model.id, context, _price(model.prompt_price), _price(model.completion_price)


def _price(price: Decimal | None) -> str:
    return _UNKNOWN if price is None else usd(price)


def servers(known: Mapping[str, Server], keys: Mapping[str, str], used: str) -> dict[str, str]:
    """Tell all servers, and which answer right now; each is asked with its own key only."""
    probes = {name: _Probe(server, keys[name]) for name, server in known.items()}
    threads = [threading.Thread(target=probe.ask, daemon=True) for probe in probes.values()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + _PROBES_SECONDS
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    rows = [
        (
            name + (" (in use)" if name == used else ""),
            server.address,
            server.key_variable or "none",
            server.model,
            probes[name].outcome,
        )
        for name, server in known.items()
    ]
    return table(("server", "address", "key", "model", "right now"), rows)


@dataclass(slots=True)
class _Probe:
    """Whether one server answers."""

    server: Server
    key: str
    outcome: str = "no answer"

    def ask(self) -> str:
        """Ask for the models; give the outcome."""
        try:
            count = len(Catalog(self.server, self.key, patience=_PROBE_SECONDS).models())
            self.outcome = f"answers · {count} model{'' if count == 1 else 's'}"
        except AuthenticationError:
            self.outcome = "answers, and wants a key" if not self.key else "refuses the key"
        except ApiError as error:
            self.outcome = f"answers {error.status}"
        except HermesError:
            self.outcome = "no answer"
        return self.outcome

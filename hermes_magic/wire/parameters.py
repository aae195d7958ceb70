"""What a model takes: what it does not list is told to the person."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING

from hermes_magic.errors import HermesError
from hermes_magic.options import HERMES_4_405B, SHORT_NAMES
from hermes_magic.wire.catalog import Catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hermes_magic.wire.servers import Server

FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "reasoning": "--think",
        "max_tokens": "--max-tokens",
        "temperature": "--temperature",
        "top_p": "--top-p",
        "top_k": "--top-k",
        "seed": "--seed",
        "repetition_penalty": "--repetition-penalty",
        "frequency_penalty": "--frequency-penalty",
        "presence_penalty": "--presence-penalty",
        "models": "--fallback",
        "provider": "--provider, --max-price, --zdr or --no-data-collection",
    }
)
"""How a person wrote each field of the request body."""

# As /model listed them in 2026.
_HERMES_4 = frozenset(
    {
        "frequency_penalty",
        "include_reasoning",
        "max_tokens",
        "presence_penalty",
        "reasoning",
        "repetition_penalty",
        "response_format",
        "temperature",
        "top_k",
        "top_p",
    }
)
_KNOWN: Mapping[str, frozenset[str]] = MappingProxyType(
    {HERMES_4_405B: _HERMES_4, SHORT_NAMES["70b"]: _HERMES_4}
)
# Fields about the request, which no model lists.
_NOT_THE_MODELS = frozenset({"models", "provider", "stop", "user", "plugins", "transforms"})
_PATIENCE_SECONDS = 5.0
_LAST_WAIT_SECONDS = 1.0


def built_in(model: str) -> frozenset[str] | None:
    """Give what the model lists, as far as it is known without asking anyone."""
    return _KNOWN.get(model.partition(":")[0])


def not_listed(fields: Iterable[str], listed: frozenset[str] | None) -> list[str]:
    """Give those fields that the model does not list, as a person writes them.

    Args:
        fields: what the person chose.
        listed: what the model takes; None if that is not known.
    """
    if listed is None:
        return []
    lacking = sorted(set(fields) - listed - _NOT_THE_MODELS)
    return [FLAGS.get(field, field) for field in lacking]


class Lookups:
    """What models list, asked of the server once each, in the background."""

    def __init__(self) -> None:
        self._lookups: dict[tuple[str, str], Lookup] = {}

    def begin(self, server: Server, key: str, model: str) -> Lookup:
        """Begin to ask, unless that has been done; return at once."""
        place = (server.base_url, model)
        if place not in self._lookups:
            self._lookups[place] = Lookup(server, key, model)
        return self._lookups[place]


class Lookup:
    """One question about a model, on a thread of its own."""

    def __init__(self, server: Server, key: str, model: str) -> None:
        self._catalog = Catalog(server, key, patience=_PATIENCE_SECONDS)
        self._model = model
        self._listed: frozenset[str] | None = None
        self._thread = threading.Thread(target=self._ask, name="hermes-lookup", daemon=True)
        self._thread.start()

    def listed(self) -> frozenset[str] | None:
        """Give what is known; called when the answer is there, so it may wait a moment."""
        self._thread.join(_LAST_WAIT_SECONDS)
        return built_in(self._model) if self._listed is None else self._listed

    def _ask(self) -> None:
        with suppress(HermesError):  # The built-in knowledge has to do.
            self._listed = self._catalog.model(self._model).parameters

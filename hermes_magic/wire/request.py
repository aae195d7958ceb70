"""A question becomes what one server is sent, and what is to be done to its reply."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hermes_magic.wire.parameters import FLAGS, Lookups, built_in, not_listed
from hermes_magic.wire.shaping import Shape, no_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hermes_magic.wire.parameters import Lookup
    from hermes_magic.wire.servers import Server


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        body: as this server wants it.
        shape: what to do to the events of its reply.
    """

    body: Mapping[str, Any]
    shape: Shape


def prepare(
    server: Server,
    key: str,
    body: Mapping[str, Any],
    standard: Mapping[str, Any],
    lookups: Lookups,
) -> Request:
    """Make the request for a body in OpenRouter's terms.

    Args:
        server: the one to ask.
        key: its key.
        body: the request in OpenRouter's terms.
        standard: what stands in every body where no option says otherwise.
        lookups: what has been asked about models before.

    Raises:
        OptionError: the server cannot promise what the body asks.
    """
    chosen = {name for name, value in body.items() if standard.get(name) != value}
    chosen -= {"messages", "model"}
    shape = Shape(
        stops=_stops(body.get("stop")),
        price=server.price,
        key_hint=server.key_hint,
        notes=_left_out(server, chosen & server.left_out(body)),
        late_notes=_unlisted(server, key, body["model"], chosen, lookups),
    )
    return Request(server.adapt(_without_stop(server, body)), shape)


def _without_stop(server: Server, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave `stop` out where the model is known not to take it; it is applied on our side."""
    listed = built_in(body["model"]) if server.is_openrouter else None
    if listed is None or "stop" in listed:
        return body
    return {name: value for name, value in body.items() if name != "stop"}


def _stops(stop: object) -> tuple[str, ...]:
    """Give the stop texts of a body; `--param` may have put one text there, or anything."""
    listed = stop if isinstance(stop, list) else [stop]
    return tuple(one for one in listed if isinstance(one, str))


def _left_out(server: Server, names: set[str]) -> tuple[str, ...]:
    if not names:
        return ()
    flags = ", ".join(FLAGS.get(name, name) for name in sorted(names))
    return (f"{server.name} does not take {flags}: left out.",)


def _unlisted(
    server: Server, key: str, model: str, chosen: set[str], lookups: Lookups
) -> Callable[[], list[str]]:
    """Ask what the model takes, unless it is known to take all that was chosen."""
    known = built_in(model)
    if not (server.is_openrouter and chosen) or (known and not not_listed(chosen, known)):
        return no_notes
    return partial(_notes, model, chosen, lookups.begin(server, key, model))


def _notes(model: str, chosen: set[str], lookup: Lookup) -> list[str]:
    flags = ", ".join(not_listed(chosen, lookup.listed()))
    return [f"{model} does not list {flags}: it may have been ignored."] if flags else []

"""What of a request decides its answer, and the key that is made of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from hermes_magic.errors import OptionError
from hermes_magic.options import HERMES_4_405B

Asked = Mapping[str, Any]
"""A request body in normal form: only what decides the answer."""

STANDARD: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "model": HERMES_4_405B,
        "reasoning": {"enabled": True},
        "max_tokens": 8192,
        "temperature": 0.6,
        "top_p": 0.95,
        "top_k": 20,
    }
)
"""What a tape's request says where it says nothing: part of the format, whatever our defaults."""

NOT_ASKED: Final = frozenset(
    {
        "metadata",
        "models",
        "prompt_cache_key",
        "provider",
        "route",
        "safety_identifier",
        "service_tier",
        "session_id",
        "store",
        "stream",
        "stream_options",
        "trace",
        "usage",
        "user",
    }
)
"""Fields that say who is asking, who may answer and how it is sent, but not what is asked."""


def asked(body: Mapping[str, Any]) -> Asked:
    """Give the normal form of a request body in OpenRouter's terms.

    Line endings become LF, whole floats become integers.

    Raises:
        OptionError: the body holds what JSON cannot.
    """
    whole = {**STANDARD, **body}
    return {name: _normal(whole[name]) for name in sorted(whole) if name not in NOT_ASKED}


def key(asked: Asked) -> str:
    """Give the SHA-256 of a request in normal form: the same everywhere and always."""
    return hashlib.sha256(_canonical(asked).encode("ascii")).hexdigest()


def to_tape(asked: Asked) -> dict[str, Any]:
    """Give a request as it stands on a tape: model and messages first, texts line by line."""
    options = {
        name: value
        for name, value in asked.items()
        if name not in {"model", "messages"} and not _is_standard(name, value)
    }
    messages = [_to_tape(one) for one in asked["messages"]]
    return {"model": asked["model"], "messages": messages, **options}


def from_tape(written: Mapping[str, Any]) -> Asked:
    """Give the normal form of a request as it stands on a tape."""
    messages = [
        {**one, "content": joined(one.get("content"))} if "content" in one else one
        for one in written["messages"]
    ]
    return asked({**written, "messages": messages})


def joined(text: Any) -> Any:
    """Give the text of which these are the lines; what is no list of lines stays as it is."""
    lines = isinstance(text, list) and text and all(isinstance(line, str) for line in text)
    return "\n".join(text) if lines else text


def _to_tape(message: Mapping[str, Any]) -> dict[str, Any]:
    role = {"role": message["role"]} if "role" in message else {}
    content = message.get("content")
    lines = {"content": content.split("\n")} if isinstance(content, str) and "\n" in content else {}
    return {**role, **message, **lines}


def _is_standard(name: str, value: Any) -> bool:
    return name in STANDARD and _canonical(value) == _canonical(STANDARD[name])


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _number(value: float) -> int | float:
    if not math.isfinite(value):
        raise OptionError("A request cannot hold a number without an end.")
    return int(value) if value.is_integer() else value


def _normal(value: Any) -> Any:
    match value:
        case None | bool() | int():
            return value
        case str():
            return value.replace("\r\n", "\n").replace("\r", "\n")
        case float() | Decimal():
            return _number(float(value))
        case Mapping():
            return {_normal(str(name)): _normal(value[name]) for name in sorted(value, key=str)}
        case list() | tuple():
            return [_normal(one) for one in value]
    raise OptionError(f"A request cannot hold a {type(value).__name__}.")

"""All servers that can be asked by name: the profiles, and those that a person defines.

A definition is `{"like": "vllm", "base_url": "http://gpu:8000/v1", "key_variable": "TEAM_KEY",
"model": "NousResearch/Hermes-4-405B", "price": [0.5, 1.5]}`; `like` is a profile's name, prices
are USD per million tokens in and out. One with a profile's own name changes that profile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from hermes_magic.errors import OptionError
from hermes_magic.options import nearest
from hermes_magic.wire.servers import PROFILES, Price, Server, host_of

_FIELDS = ("like", "base_url", "key_variable", "model", "price")
_NAME = re.compile(r"[\w.-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|")


def roster(own: object) -> dict[str, Server]:
    """Give every server by name, the person's own definitions over the profiles.

    Raises:
        OptionError: a definition is wrong.
    """
    if not isinstance(own, Mapping):
        raise OptionError(f"servers takes a dict of servers by name, not {_shown(own)}.")
    return {**PROFILES, **{str(name): _own(name, fields) for name, fields in own.items()}}


def find(servers: Mapping[str, Server], name: str) -> Server:
    """Give the server of that name.

    Raises:
        OptionError: there is none.
    """
    if name not in servers:
        raise OptionError(
            f"Unknown server {name[:40]}: did you mean {nearest(name, servers)}?",
            hint="%hermes servers lists them; HermesMagics.servers defines your own.",
        )
    return servers[name]


def _own(name: object, fields: object) -> Server:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise OptionError(f"servers: {_shown(name)} is not a name of letters, digits, . _ and -.")
    if not isinstance(fields, Mapping):
        raise _wrong(name, f"takes a dict of {', '.join(_FIELDS)}, not {_shown(fields)}")
    for key in fields:
        if key not in _FIELDS:
            raise _unknown_field(name, str(key))
    base = _like(name, fields)
    changes: dict[str, Any] = {"name": name}
    if "base_url" in fields:
        changes["base_url"] = _address(name, fields["base_url"])
        # A key belongs to the address that it was made for.
        changes["key_variable"] = ""
    for key, check in (("key_variable", _variable), ("model", _model), ("price", _price)):
        if key in fields:
            changes[key] = check(name, fields[key])
    return replace(base, **changes)


def _like(name: str, fields: Mapping[Any, Any]) -> Server:
    like = fields.get("like", name)
    if not isinstance(like, str) or like not in PROFILES:
        raise _wrong(name, f"needs like, one of {', '.join(PROFILES)}")
    if name not in PROFILES and "base_url" not in fields:
        raise _wrong(name, "needs base_url, such as http://gpu:8000/v1")
    return PROFILES[like]


def _address(name: str, value: object) -> str:
    address = value.strip().rstrip("/") if isinstance(value, str) else ""
    if not host_of(address):
        raise _wrong(name, f"has a base_url that is not an http(s):// address: {_shown(value)}")
    return address.removesuffix("/chat/completions")


def _variable(name: str, value: object) -> str:
    """Take a name, and show no other text: it may be the key itself."""
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        raise _wrong(name, "has a key_variable that names no environment variable")
    return value


def _model(name: str, value: object) -> str:
    if not isinstance(value, str) or not value or any(char.isspace() for char in value):
        raise _wrong(name, f"has a model that is no model's name: {_shown(value)}")
    return value


def _price(name: str, value: object) -> Price | None:
    if value is None:
        return None
    try:
        prompt, completion = (Decimal(str(one)) for one in _pair(value))
    except (InvalidOperation, ValueError):
        prompt = completion = Decimal(-1)
    if not (prompt.is_finite() and completion.is_finite() and min(prompt, completion) >= 0):
        raise _wrong(name, "has a price that is not USD per million tokens in and out: [0.5, 1.5]")
    return Price(prompt, completion)


def _pair(value: object) -> Sequence[object]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _unknown_field(name: str, key: str) -> OptionError:
    if "key" in key.lower() or "token" in key.lower():
        return _wrong(name, "takes no key: put it into a variable, and its name into key_variable")
    known = dict.fromkeys(_FIELDS)
    return _wrong(name, f"has an unknown {key[:40]!r}: did you mean {nearest(key, known)}?", end="")


def _wrong(name: str, what: str, *, end: str = ".") -> OptionError:
    return OptionError(f"servers: {name} {what}{end}")


def _shown(value: object) -> str:
    return " ".join(repr(value).split())[:60]

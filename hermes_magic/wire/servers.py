"""Servers that speak the protocol: where they are and which key they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hermes_magic.errors import AuthenticationError, OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

OPENROUTER_URL = "https://openrouter.ai/api/v1"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Server:
    """One server.

    Attributes:
        name: what the person calls it.
        base_url: where `/chat/completions` is appended.
        key_variable: the environment variable that holds the key; "" if it needs none.
    """

    name: str
    base_url: str
    key_variable: str = "OPENROUTER_API_KEY"

    @property
    def host(self) -> str:
        """The host's name, or "" if the address has none."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def is_local(self) -> bool:
        """Whether the address is this machine's own."""
        return self.host in LOOPBACK

    def key(self, environ: Mapping[str, str]) -> str:
        """Give the key to send.

        Raises:
            AuthenticationError: there is none, or it cannot be one.
        """
        if not self.key_variable:
            return ""
        key = environ.get(self.key_variable, "").strip()
        if not key:
            raise AuthenticationError(f"No key: {self.key_variable} is not set.")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise AuthenticationError(f"{self.key_variable} holds something that is not a key.")
        return key


def openrouter(base_url: str) -> Server:
    """Give OpenRouter, or whatever speaks its protocol at this address.

    Raises:
        OptionError: the address is not an http or https one.
    """
    address = base_url.strip().rstrip("/") or OPENROUTER_URL
    host = _host(address)
    if not host:
        raise OptionError(f"The server's address {base_url[:80]!r} is not an http(s):// address.")
    name = "OpenRouter" if address == OPENROUTER_URL else host
    return Server(name, address.removesuffix("/chat/completions"))


def _host(address: str) -> str:
    """Give host and port of an http(s) address, or "" if it is none."""
    try:
        parts = urlsplit(address)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return ""
    return parts.netloc.rpartition("@")[2] if valid else ""

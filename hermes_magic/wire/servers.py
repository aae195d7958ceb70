"""Servers that speak the protocol: where they are, which key they take, how they want it said."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hermes_magic.errors import AuthenticationError, OptionError
from hermes_magic.options import HERMES_4_405B
from hermes_magic.wire.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from hermes_magic.reply import Usage

OPENROUTER_URL = "https://openrouter.ai/api/v1"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SILENCE_SECONDS = 180.0
_MILLION = 1_000_000
_PRIVACY = {"zdr": "--zdr", "data_collection": "--no-data-collection"}


@dataclass(frozen=True, slots=True)
class Price:
    """What a server of one's own costs, in USD per million tokens."""

    prompt: Decimal
    completion: Decimal

    def estimate(self, usage: Usage) -> Decimal | None:
        """Give the USD that a reply has cost, or None where its tokens are not known."""
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        tokens = usage.prompt_tokens * self.prompt + usage.completion_tokens * self.completion
        return tokens / _MILLION


@dataclass(frozen=True, slots=True)
class Server:
    """One server.

    Attributes:
        name: what the person calls it.
        base_url: where `/chat/completions` is appended.
        key_variable: the environment variable that holds the key; "" if it needs none.
        model: the model to ask where none is named.
        kind: one of `DIALECTS`: how it wants a request said.
        price: what it costs, if it does not say so itself.
        silence: seconds that the line may be silent before the reply is given up.
    """

    name: str
    base_url: str
    key_variable: str = "OPENROUTER_API_KEY"
    model: str = HERMES_4_405B
    kind: str = "openrouter"
    price: Price | None = None
    silence: float = SILENCE_SECONDS

    @property
    def host(self) -> str:
        """The host's name, or "" if the address has none."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def address(self) -> str:
        """The address to show: without a password that may stand in it."""
        parts = urlsplit(self.base_url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    @property
    def is_local(self) -> bool:
        """Whether the address is this machine's own."""
        return self.host in LOOPBACK

    @property
    def is_openrouter(self) -> bool:
        """Whether it speaks OpenRouter's whole API: prices, keys, routing."""
        return self.kind == "openrouter"

    @property
    def is_self_hosted(self) -> bool:
        """Whether it is of a kind that people run themselves, so that the text stays with them."""
        return self.kind not in {"openrouter", "nous"}

    @property
    def takes_tools(self) -> bool:
        """Whether it is of a kind that takes a request's `tools`."""
        return DIALECTS[self.kind].tools

    def key(self, environ: Mapping[str, str]) -> str:
        """Give the key to send.

        Raises:
            AuthenticationError: there is none, or it cannot be one.
        """
        if not self.key_variable:
            return ""
        key = environ.get(self.key_variable, "").strip()
        if not key:
            raise self._no_key(f"No key: {self.key_variable} is not set.")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise self._no_key(f"{self.key_variable} holds something that is not a key.")
        return key

    def adapt(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Say a request body, given in OpenRouter's terms, as this server wants it.

        Raises:
            OptionError: the body asks for a privacy that this server cannot promise.
        """
        routing = body.get("provider")
        asked = _PRIVACY.keys() & (routing.keys() if isinstance(routing, dict) else ())
        if asked and not (self.is_openrouter or self.is_self_hosted):
            flags = ", ".join(_PRIVACY[key] for key in sorted(asked))
            raise OptionError(
                f"{self.name} cannot promise {flags}: OpenRouter alone knows it.",
                hint="Leave it out if you trust this server with the text.",
            )
        return DIALECTS[self.kind].adapt(body)

    def left_out(self, body: Mapping[str, Any]) -> frozenset[str]:
        """Give the fields of a body that `adapt` drops, for this server does not take them."""
        return DIALECTS[self.kind].unknown & body.keys()

    @property
    def key_hint(self) -> str:
        """What to do where the server wants another key."""
        match self.key_variable:
            case "OPENROUTER_API_KEY":
                return AuthenticationError.default_hint
            case "":
                return "Name the variable that holds its key: key_variable in HermesMagics.servers."
            case variable:
                return f"Set {variable} to a valid key before starting Jupyter."

    def _no_key(self, message: str) -> AuthenticationError:
        return AuthenticationError(message, hint=self.key_hint)


def openrouter(base_url: str) -> Server:
    """Give OpenRouter, or whatever speaks its protocol at this address.

    Raises:
        OptionError: the address is not an http or https one.
    """
    address = base_url.strip().rstrip("/") or OPENROUTER_URL
    host = host_of(address)
    if not host:
        raise OptionError(f"The server's address {base_url[:80]!r} is not an http(s):// address.")
    name = "OpenRouter" if address == OPENROUTER_URL else host
    return Server(name, address.removesuffix("/chat/completions"))


def host_of(address: str) -> str:
    """Give host and port of an http(s) address, or "" if it is none."""
    try:
        parts = urlsplit(address)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return ""
    return parts.netloc.rpartition("@")[2] if valid else ""


def _local(kind: str, port: int) -> Server:
    model = DIALECTS[kind].names.get(HERMES_4_405B, HERMES_4_405B)
    return Server(kind, f"http://127.0.0.1:{port}/v1", "", model, kind)


PROFILES: Mapping[str, Server] = MappingProxyType(
    {
        "openrouter": Server("openrouter", OPENROUTER_URL),
        "nous": Server(
            "nous",
            "https://inference-api.nousresearch.com/v1",
            "NOUS_API_KEY",
            "Hermes-4-405B",
            "nous",
        ),
        "vllm": _local("vllm", 8000),
        "sglang": _local("sglang", 30000),
        "llama.cpp": _local("llama.cpp", 8080),
        "ollama": _local("ollama", 11434),
        "lmstudio": _local("lmstudio", 1234),
    }
)
"""The servers that are known without being told, by name."""

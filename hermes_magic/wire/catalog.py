"""What a server tells of itself: whether it answers, its models, the key's own figures."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from hermes_magic._version import __version__
from hermes_magic.errors import (
    AuthenticationError,
    HermesError,
    NetworkError,
    ProtocolError,
    ServerTimeoutError,
)
from hermes_magic.reply import Usage
from hermes_magic.wire.failures import failure_of_response, one_line

if TYPE_CHECKING:
    from hermes_magic.wire.servers import Server

PATIENCE_SECONDS = 10.0
_MILLION = 1_000_000
_LARGEST = 50_000_000
_LONGEST_NAME = 120
_SLUG = re.compile(r"[\w./:@+~-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Model:
    """One model of a server; None where the server does not say.

    Attributes:
        id: what `-m` takes.
        context: tokens that prompt and answer together may have.
        prompt_price: USD per million tokens in.
        completion_price: USD per million tokens out.
        parameters: fields of the request body that it takes.
    """

    id: str
    context: int | None = None
    prompt_price: Decimal | None = None
    completion_price: Decimal | None = None
    parameters: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """What a server tells of a key, in USD; never the key.

    Attributes:
        label: the name that the key was given.
        limit: the most that it may spend, None for no limit.
        remaining: what is left of it.
        reset: when the limit begins anew: daily, weekly, monthly, or "".
        used: what it has spent so far.
    """

    label: str
    limit: Decimal | None = None
    remaining: Decimal | None = None
    reset: str = ""
    used: Decimal | None = None


class Catalog:
    """Ask one server about itself, with its own key or without any.

    Every method raises the `HermesError` that fits what the server or the network did.
    """

    def __init__(
        self, server: Server, key: str = "", *, patience: float = PATIENCE_SECONDS
    ) -> None:
        self._server = server
        self._key = key
        self._patience = patience

    def models(self) -> list[Model]:
        """Give the server's models in its own order."""
        listed = _mapping(self._get("/models")).get("data")
        if not isinstance(listed, list):
            raise ProtocolError(f"{self._server.host} gave no list of models.")
        return [model for row in listed if (model := _model(row))]

    def model(self, slug: str) -> Model:
        """Give one model of OpenRouter's; its slug may be an alias."""
        if not _SLUG.fullmatch(slug):
            raise ProtocolError(f"{one_line(slug)} is no model's slug.")
        model = _model(_mapping(self._get(f"/model/{slug}")).get("data"))
        if model is None:
            raise ProtocolError(f"{self._server.host} told nothing of {one_line(slug)}.")
        return model

    def pricing(self, slug: str) -> Mapping[str, Any]:
        """Give what a model costs, as OpenRouter writes it: USD per token, and conditions."""
        if not _SLUG.fullmatch(slug):
            raise ProtocolError(f"{one_line(slug)} is no model's slug.")
        return _mapping(_mapping(_mapping(self._get(f"/model/{slug}")).get("data")).get("pricing"))

    def generation(self, generation: str) -> Usage:
        """Give what OpenRouter's books say of a generation; they lag, with 404 at first."""
        found = _mapping(self._get(f"/generation?id={quote(generation, safe='')}")).get("data")
        if not isinstance(found, Mapping):
            raise ProtocolError(f"{self._server.host} told nothing of {one_line(generation)}.")
        return Usage.from_generation(found)

    def key_figures(self) -> KeyFigures:
        """Give what OpenRouter tells of the key."""
        data = _mapping(_mapping(self._get("/key")).get("data"))
        if not data:
            raise ProtocolError(f"{self._server.host} told nothing of the key.")
        return KeyFigures(
            label=self._hidden(one_line(str(data.get("label") or ""))),
            limit=_decimal(data.get("limit")),
            remaining=_decimal(data.get("limit_remaining")),
            reset=one_line(str(data.get("limit_reset") or "")),
            used=_decimal(data.get("usage")),
        )

    def _get(self, path: str) -> object:
        try:
            return self._answer(path)
        except httpx.TimeoutException:
            message = f"{self._server.host} did not answer in {self._patience:g} s."
            raise ServerTimeoutError(message) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # Its text may hold the address with a password.
            what = "No connection to" if isinstance(error, httpx.ConnectError) else "No answer of"
            raise NetworkError(f"{what} {self._server.host}.") from None

    def _answer(self, path: str) -> object:
        with self._http() as http, http.stream("GET", self._server.base_url + path) as response:
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _LARGEST:
                    raise ProtocolError(f"{self._server.host} sent far too much.")
            if response.status_code != httpx.codes.OK:
                raise self._refusal(response.status_code, body, response.headers)
        try:
            return json.loads(body, parse_float=Decimal)
        except (ValueError, RecursionError):
            raise ProtocolError(f"{self._server.host} sent something that is not JSON.") from None

    def _http(self) -> httpx.Client:
        key = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return httpx.Client(
            headers={
                "Accept": "application/json",
                "User-Agent": f"hermes-magic/{__version__}",
                **key,
            },
            verify=self._server.base_url.lower().startswith("https:"),
            trust_env=not self._server.is_local,
            timeout=self._patience,
        )

    def _refusal(self, status: int, body: bytes, headers: Mapping[str, str]) -> HermesError:
        error = failure_of_response(status, body, headers)
        error.message = self._hidden(error.message)
        if isinstance(error, AuthenticationError):
            error.hint = self._server.key_hint
        error.args = (error.message,)
        return error

    def _hidden(self, text: str) -> str:
        return text.replace(self._key, "[key]") if self._key else text


def _model(row: object) -> Model | None:
    """Read a row of any kind of server; the context's length has many names."""
    fields = _mapping(row)
    name = fields.get("id")
    if not isinstance(name, str) or not name:
        return None
    pricing = _mapping(fields.get("pricing"))
    parameters = fields.get("supported_parameters")
    contexts = (
        fields.get("context_length"),
        fields.get("max_model_len"),
        _mapping(fields.get("meta")).get("n_ctx"),
        _mapping(fields.get("meta")).get("n_ctx_train"),
    )
    return Model(
        one_line(name)[:_LONGEST_NAME],
        next((one for one in contexts if isinstance(one, int) and one > 0), None),
        _per_million(pricing.get("prompt")),
        _per_million(pricing.get("completion")),
        frozenset(map(str, parameters)) if isinstance(parameters, list) else None,
    )


def _per_million(value: object) -> Decimal | None:
    price = _decimal(value)
    return None if price is None or price < 0 else price * _MILLION


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < _DIGITS else None


_DIGITS = 30


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

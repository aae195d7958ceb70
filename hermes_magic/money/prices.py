"""What a model costs: the server's own price list, kept with its age; a table for offline.

Prices are USD per token, exact. Source of the table: OpenRouter's model rows, on its date.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, Protocol

from hermes_magic.errors import HermesError
from hermes_magic.money.calls import EXACT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TABLE_DATE: Final = date(2026, 11, 22)
_TABLE: Final[Mapping[str, Mapping[str, str]]] = {
    "nousresearch/hermes-4-405b": {"prompt": "0.000001", "completion": "0.000003"},
    "nousresearch/hermes-4-70b": {"prompt": "0.00000013", "completion": "0.0000004"},
}
_FRESH_SECONDS: Final = 3600.0
_PATIENCE_SECONDS: Final = 300.0  # between two times of asking a server that does not say
_ROUTING_SUFFIXES: Final = (":nitro", ":floor")
_CHARS_PER_TOKEN: Final = 4
_TEMPLATE_TOKENS: Final = 256
_MILLION: Final = 1_000_000
_MOST_DECIMALS: Final = 30
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Price:
    """USD per token.

    Attributes:
        prompt: the usual price of a token that is sent.
        completion: the usual price of a token of thought or answer.
        worst_prompt: the highest price a token that is sent can have (caches, long prompts).
        worst_completion: the highest price of a token of thought or answer.
        request: USD for each request, whatever its length.
        source: where the price comes from, with its age or date, in words.
    """

    prompt: Decimal
    completion: Decimal
    worst_prompt: Decimal
    worst_completion: Decimal
    request: Decimal
    source: str

    @classmethod
    def from_wire(cls, pricing: Mapping[str, Any], source: str) -> Price | None:
        """Read a model's `pricing`; None if it is not one, or says that it varies (-1)."""
        prompt, completion = _usd(pricing.get("prompt")), _usd(pricing.get("completion"))
        if prompt is None or completion is None:
            return None
        rows = [pricing, *_overrides(pricing)]
        return cls(
            prompt=prompt,
            completion=completion,
            worst_prompt=_highest(rows, "prompt", "input_cache_write", "input_cache_write_1h"),
            worst_completion=_highest(rows, "completion", "internal_reasoning"),
            request=_highest(rows, "request"),
            source=source,
        )

    @classmethod
    def flat(cls, prompt: Decimal, completion: Decimal, source: str) -> Price:
        """Give a price with nothing to it but USD per token in and out."""
        return cls(prompt, completion, prompt, completion, Decimal(0), source)

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Give what these tokens usually cost, in USD."""
        tokens = EXACT.add(
            EXACT.multiply(self.prompt, prompt_tokens),
            EXACT.multiply(self.completion, completion_tokens),
        )
        return EXACT.add(self.request, tokens)

    def per_million(self) -> str:
        """Write the price as people know it: $1.00 in, $3.00 out per million tokens."""
        prompt, completion = (f"{price * _MILLION:.2f}" for price in (self.prompt, self.completion))
        return f"${prompt} in, ${completion} out per million tokens"


@dataclass(frozen=True, slots=True)
class Quote:
    """What a request will cost, as far as that can be known before it is sent.

    Attributes:
        likely_prompt_tokens: about four characters to a token.
        most_prompt_tokens: more there cannot be, for no token is shorter than a byte.
        max_tokens: the longest that thought and answer may be.
        price: None if nobody knows it.
        answers: how many answers are asked for.
    """

    likely_prompt_tokens: int
    most_prompt_tokens: int
    max_tokens: int
    price: Price | None
    answers: int = 1

    @property
    def worst_prompt(self) -> Decimal:
        """USD that the request alone can cost, before a word of answer."""
        if self.price is None:
            return Decimal(0)
        tokens = EXACT.multiply(self.price.worst_prompt, self.most_prompt_tokens)
        return EXACT.add(tokens, self.price.request)

    @property
    def worst(self) -> Decimal:
        """USD that the call can cost at most; 0 if the price is unknown."""
        if self.price is None:
            return Decimal(0)
        answer = EXACT.multiply(self.worst_token, self.max_tokens)
        return EXACT.add(self.worst_prompt, answer)

    @property
    def worst_token(self) -> Decimal:
        """USD that one more of `max_tokens` can cost."""
        return Decimal(0) if self.price is None else self.price.worst_completion * self.answers


def dearest(prices: Iterable[Price | None]) -> Price | None:
    """Give the price that no reply of one of these models can pass; None if one is unknown."""
    known = list(prices)
    first, *others = known
    for other in others:
        if first is None or other is None:
            return None
        first = replace(
            first,
            worst_prompt=max(first.worst_prompt, other.worst_prompt),
            worst_completion=max(first.worst_completion, other.worst_completion),
            request=max(first.request, other.request),
        )
    return first


def quote(body: Mapping[str, Any], price: Price | None) -> Quote:
    """Estimate a chat completion request."""
    text = json.dumps(body, ensure_ascii=False)
    content = json.dumps(body.get("messages", []), ensure_ascii=False)
    return Quote(
        likely_prompt_tokens=len(content) // _CHARS_PER_TOKEN + 1,
        most_prompt_tokens=len(text.encode("utf-8", "surrogatepass")) + _TEMPLATE_TOKENS,
        max_tokens=int(body.get("max_tokens", 0)),
        answers=int(body.get("n", 1)),
        price=price,
    )


class Shelf(Protocol):
    """Where prices are kept for all kernels: a `Ledger`."""

    def price(self, server: str, model: str) -> tuple[str, float] | None:
        """Give a model's pricing (JSON) and when it was fetched."""

    def keep_price(self, server: str, model: str, pricing: str, fetched: float) -> None:
        """Keep a model's pricing."""


class PriceList:
    """The prices of one server's models.

    Args:
        server: its address, under which prices are kept.
        shelf: where they are kept.
        fetch: asks the server for a model's `pricing`; raises HermesError.
        clock: Unix time.
        own: the price of all its models, where nobody need be asked.
    """

    def __init__(
        self,
        server: str,
        shelf: Shelf,
        fetch: Callable[[str], Mapping[str, Any]],
        clock: Callable[[], float] = time.time,
        *,
        own: Price | None = None,
    ) -> None:
        self._server = server
        self._shelf = shelf
        self._fetch = fetch
        self._clock = clock
        self._asked: dict[str, float] = {}
        self._own = own

    def kept(self, model: str) -> Price | None:
        """Give what is known without asking the server: the kept price, else the table's."""
        if self._own is not None:
            return self._own
        model = base_model(model)
        return self._shelved(model) or table_price(model)

    def fresh(self, model: str) -> Price | None:
        """Give a price of this hour, asking the server if need be; else what is known."""
        model = base_model(model)
        kept = self._shelf.price(self._server, model)
        now = self._clock()
        stale = kept is None or not 0 <= now - kept[1] < _FRESH_SECONDS
        if stale and self._own is None and now - self._asked.get(model, 0) > _PATIENCE_SECONDS:
            self._ask(model)
        return self.kept(model)

    def quote(self, body: Mapping[str, Any], *, ask: bool) -> Quote:
        """Estimate a chat completion request; its fallback models count as well.

        Args:
            body: the request.
            ask: whether the server may be asked for a price of this hour.
        """
        models = dict.fromkeys(map(str, [body["model"], *body.get("models", ())]))
        return quote(body, dearest(map(self.fresh if ask else self.kept, models)))

    def _ask(self, model: str) -> None:
        self._asked[model] = self._clock()
        try:
            pricing = self._fetch(model)
        except HermesError:
            return
        if pricing:
            text = json.dumps(pricing, default=str)
            self._shelf.keep_price(self._server, model, text, self._clock())

    def _shelved(self, model: str) -> Price | None:
        kept = self._shelf.price(self._server, model)
        if kept is None:
            return None
        pricing, fetched = kept
        with contextlib.suppress(ValueError):  # whatever stands in a file that others can edit
            return Price.from_wire(json.loads(pricing), _age(self._clock() - fetched))
        return None


def table_price(model: str) -> Price | None:
    """Give the built-in price of a model, if there is one."""
    row = _TABLE.get(base_model(model))
    source = f"from the built-in table of {TABLE_DATE.isoformat()}"
    return None if row is None else Price.from_wire(row, source)


def base_model(model: str) -> str:
    """Give the slug without a suffix that changes only the routing."""
    for suffix in _ROUTING_SUFFIXES:
        model = model.removesuffix(suffix)
    return model


def _age(seconds: float) -> str:
    for unit, name in ((_DAY, "days"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"the server's, fetched {int(seconds // unit)} {name} ago"
    return "the server's, fetched just now"


def _overrides(pricing: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = pricing.get("overrides")
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _highest(rows: list[Mapping[str, Any]], *keys: str) -> Decimal:
    prices = (_usd(row.get(key)) for row in rows for key in keys)
    return max((price for price in prices if price is not None), default=Decimal(0))


def _usd(value: object) -> Decimal | None:
    """Read a price: decimal text or a number, never negative, never absurd."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        price = Decimal(value)
    except InvalidOperation:
        return None
    sane = price.is_finite() and 0 <= price < _MILLION and price.adjusted() > -_MOST_DECIMALS
    return price if sane else None

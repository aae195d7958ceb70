"""What a reply took: tokens and money, as the server reports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and cost of one reply; None where the server did not say.

    Attributes:
        prompt_tokens: tokens of the request, by the model's own tokenizer.
        completion_tokens: tokens of thought and answer together.
        reasoning_tokens: tokens of the thought alone.
        cached_tokens: tokens of the request that were read from a cache.
        cost: USD, the server's own figure (`usage.cost`), digit for digit.
        raw: the server's whole usage object; empty where this is a sum.
        estimate: USD by a price that the person configured, for a server that tells no cost.
        upstream_cost: USD that the provider asks; more than `cost` where there is a discount.
        is_byok: the provider is paid with the person's own key there, beside `cost`.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cost: Decimal | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    estimate: Decimal | None = None
    upstream_cost: Decimal | None = None
    is_byok: bool = False

    @classmethod
    def from_wire(cls, raw: Mapping[str, Any]) -> Usage:
        """Read a usage object, decoded with `parse_float=Decimal`; unknown keys stay in `raw`."""
        return cls(
            prompt_tokens=_count(raw.get("prompt_tokens")),
            completion_tokens=_count(raw.get("completion_tokens")),
            reasoning_tokens=_count(_detail(raw, "completion_tokens_details", "reasoning_tokens")),
            cached_tokens=_count(_detail(raw, "prompt_tokens_details", "cached_tokens")),
            cost=_usd(raw.get("cost")),
            raw=raw,
            upstream_cost=_usd(_detail(raw, "cost_details", "upstream_inference_cost")),
            is_byok=raw.get("is_byok") is True,
        )

    @classmethod
    def from_generation(cls, data: Mapping[str, Any]) -> Usage:
        """Read what OpenRouter's `/generation` says of a generation (its `data`)."""
        return cls(
            prompt_tokens=_count(data.get("native_tokens_prompt")),
            completion_tokens=_count(data.get("native_tokens_completion")),
            reasoning_tokens=_count(data.get("native_tokens_reasoning")),
            cached_tokens=_count(data.get("native_tokens_cached")),
            cost=_usd(data.get("total_cost")),
            raw=data,
            upstream_cost=_usd(data.get("upstream_inference_cost")),
            is_byok=data.get("is_byok") is True,
        )

    def __add__(self, other: Usage) -> Usage:
        """Give what two requests took together; a figure that one of them lacks is not known."""
        cost = _sum(self.cost, other.cost)
        return Usage(
            prompt_tokens=_sum(self.prompt_tokens, other.prompt_tokens),
            completion_tokens=_sum(self.completion_tokens, other.completion_tokens),
            reasoning_tokens=_sum(self.reasoning_tokens, other.reasoning_tokens),
            cached_tokens=_sum(self.cached_tokens, other.cached_tokens),
            cost=cost,
            estimate=_sum(self.amount, other.amount) if cost is None else None,
            upstream_cost=_sum(self.upstream_cost, other.upstream_cost),
            is_byok=self.is_byok or other.is_byok,
        )

    def free(self) -> Usage:
        """Give the same tokens at no cost, as of a request that is replayed from a tape."""
        return replace(self, cost=Decimal(0), estimate=None, upstream_cost=None)

    @property
    def amount(self) -> Decimal | None:
        """USD: the server's figure, or else the estimate."""
        return self.estimate if self.cost is None else self.cost

    @property
    def answer_tokens(self) -> int | None:
        """Tokens of the answer alone; a host may count one more thought token than in all."""
        if self.completion_tokens is None:
            return None
        return max(0, self.completion_tokens - (self.reasoning_tokens or 0))


_DIGITS = 30
_Number = TypeVar("_Number", int, Decimal)


def _sum(one: _Number | None, other: _Number | None) -> _Number | None:
    return None if one is None or other is None else one + other


def _detail(raw: Mapping[str, Any], group: str, key: str) -> object:
    details = raw.get(group)
    return details.get(key) if isinstance(details, Mapping) else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return int(value) if _sane(value) and value == int(value) else None


def _usd(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value) if _sane(value) else None


def _sane(value: int | Decimal) -> bool:
    """Refuse what is negative, and exponents whose digits would fill the memory."""
    return value >= 0 and abs(Decimal(value).adjusted()) < _DIGITS

"""What `--dry-run` shows: exactly the request, without the key, and what it can cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hermes_magic.errors import BudgetError
from hermes_magic.money.budget import Limits, dollars, fit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hermes_magic.money.calls import Spent
    from hermes_magic.money.prices import Quote


def dry_run(
    address: str, body: Mapping[str, Any], quote: Quote, limits: Limits, spent: Spent
) -> str:
    """Write the request as it would be sent now, its estimate, and what the limits say to it."""
    try:
        fitted, notice = fit(quote, limits, spent)
    except BudgetError as error:
        fitted, notice = quote, error.message
    sent = {**body, "max_tokens": fitted.max_tokens}
    lines = [
        f"POST {address}/chat/completions",
        json.dumps(sent, indent=2, ensure_ascii=False),
        "",
        *_estimate(fitted),
        *_left(limits, spent),
        *([notice] if notice else []),
        "Nothing was sent.",
    ]
    return "\n".join(lines)


def _estimate(quote: Quote) -> Iterator[str]:
    tokens = f"~{quote.likely_prompt_tokens:,} tokens in, at most {quote.max_tokens:,} out"
    if quote.price is None:
        yield f"{tokens}; nobody here knows this model's price."
        return
    question = quote.price.cost(quote.likely_prompt_tokens, 0)
    yield f"{tokens}: ~{dollars(question)} for the question, at most {dollars(quote.worst)} in all."
    yield f"Price: {quote.price.per_million()} ({quote.price.source})."


def _left(limits: Limits, spent: Spent) -> Iterator[str]:
    if limits.notebook is not None:
        yield f"budget: {dollars(spent.notebook)} of {dollars(limits.notebook)} used."
    if limits.day is not None:
        yield f"daily_budget: {dollars(spent.day)} of {dollars(limits.day)} used."

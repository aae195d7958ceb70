"""The figures of a reply as words: the thought's heading, the cost line, the notes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from hermes_magic.reply import WRITTEN_BY_HAND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermes_magic.reply import Booked, Progress, Replayed, Reply

SEPARATOR = " · "
_DECIMALS = 8
_ROUNDED = Decimal("0.000001")
_ESTIMATED = Decimal("0.0001")
_MINUTE = 60
_DATE = len("2026-11-22")


def usd(amount: Decimal) -> str:
    """Write USD: at least cents, every digit the server gave up to eight decimals, else six."""
    amount = amount.normalize()
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_DECIMALS:
        amount = max(amount.quantize(_ROUNDED), _ROUNDED).normalize()
    whole, _, decimals = f"{amount:f}".partition(".")
    return f"${int(whole):,}.{decimals.ljust(2, '0')}"


def seconds(value: float) -> str:
    """Write a time span: 0.6 s, 42.0 s, 3 min 05 s."""
    if round(value, 1) < _MINUTE:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), _MINUTE)
    return f"{minutes} min {rest:02d} s"


def tokens(count: int, *, about: bool = False) -> str:
    """Write a number of tokens; `about` marks a count of ours."""
    return f"{'~' if about else ''}{count:,} token{'' if count == 1 else 's'}"


def thought_heading(reply: Reply, *, timed: bool) -> str:
    """Write "Thought for 3.2 s · 214 tokens" for a reply that holds thought."""
    spent = reply.timing.thinking
    began = "Thought" if spent is None or not timed else f"Thought for {seconds(spent)}"
    told = reply.usage.reasoning_tokens
    return began + SEPARATOR + tokens(told or reply.deltas[0], about=not told)


def cost_line(reply: Reply, *, timed: bool) -> str:
    """Write the reply's figures on one line; `timed` adds what differs from run to run."""
    return SEPARATOR.join(_figures(reply, timed=timed))


def who(model: str, provider: str) -> str:
    """Write who answered: the model, and the provider if it has another name."""
    return f"{model} via {provider}" if provider and provider != model else model


def _figures(reply: Reply, *, timed: bool) -> Iterator[str]:
    usage = reply.usage
    if reply.replayed is not None:
        yield _replayed(reply, reply.replayed)
    elif reply.is_demo:
        yield "demo, nothing billed" if reply.cost is None else f"{usd(reply.cost)} if it were real"
    else:
        yield _amount(reply)
    if usage.prompt_tokens is not None:
        yield f"{usage.prompt_tokens:,} in"
    if usage.completion_tokens is not None:
        thought = f" ({usage.reasoning_tokens:,} thought)" if usage.reasoning_tokens else ""
        yield f"{usage.completion_tokens:,} out{thought}"
    if timed:
        yield from _times(reply)
    if timed and reply.booked is not None:
        yield _notebook(reply.booked)
    if reply.model and reply.model != WRITTEN_BY_HAND:
        yield who(reply.model, reply.provider)


def _replayed(reply: Reply, replayed: Replayed) -> str:
    """Write where a replayed answer comes from, and what it cost then."""
    date = f" {replayed.recorded[:_DATE]}" if replayed.recorded else ""
    if replayed.by_hand:
        return f"replayed, written by hand{date}: no model was asked"
    if reply.is_demo:
        return f"replayed, recorded{date} from the offline demo: no model was asked"
    then = replace(reply, replayed=None)
    return f"replayed, recorded{date}, {_then(then)}, now {usd(Decimal(0))}"


def _then(reply: Reply) -> str:
    if reply.cost is None and reply.estimate is None:
        return "cost then not reported"
    return f"cost then {_amount(reply)}"


def _amount(reply: Reply) -> str:
    """Write the cost; an estimate says that it is one, and why."""
    if reply.cost is not None:
        return usd(reply.cost)
    if reply.estimate is not None:
        return f"~{usd(reply.estimate)}"
    if reply.booked is None or reply.booked.estimate is None:
        return "cost not reported"
    return f"~{usd(reply.booked.estimate)} (our estimate: no figure from the server)"


def _notebook(booked: Booked) -> str:
    if not booked.estimated:
        return f"this notebook {usd(booked.notebook)}"
    calls = "1 call" if booked.estimated == 1 else f"{booked.estimated:,} calls"
    return f"this notebook ~{usd(booked.notebook)} ({calls} estimated)"


def _times(reply: Reply) -> Iterator[str]:
    if reply.timing.first is not None:
        yield f"{seconds(reply.timing.first)} to first token"
    if reply.timing.total is not None:
        yield f"{seconds(reply.timing.total)} in all"
    if reply.tokens_per_second is not None:
        yield f"{reply.tokens_per_second:.0f} tok/s"


def notes(reply: Reply) -> list[str]:
    """Give the lines that a reader of this reply must not miss."""
    ends = {
        "length": "Cut off at max_tokens: a larger --max-tokens gives the rest.",
        "content_filter": "Cut off by the provider's content filter.",
    }
    billed = ", and may still be billed in full" if reply.replayed is None else ""
    states = {
        "stopped": f"Stopped: this answer is not whole{billed}.",
        "failed": "Incomplete: the answer broke off here.",
    }
    end = [states[reply.state]] if reply.state in states else []
    if not end and reply.finish_reason in ends:
        end = [ends[reply.finish_reason]]
    return [*reply.notices, *end]


def details(reply: Reply) -> list[tuple[str, str]]:
    """Give what there is to know about a reply, as label and value."""
    usage = reply.usage
    rows = [
        ("replayed", _origin(reply)),
        ("model", reply.model),
        ("provider", reply.provider),
        ("generation", reply.id),
        ("finish reason", reply.finish_reason),
        ("function calls", _steps(reply)),
        ("prompt tokens", _count(usage.prompt_tokens)),
        ("of them cached", _count(usage.cached_tokens) if usage.cached_tokens else ""),
        ("thought tokens", _count(usage.reasoning_tokens)),
        ("answer tokens", _count(usage.answer_tokens)),
        *_billed(reply),
    ]
    return [(label, value) for label, value in rows if value]


def _billed(reply: Reply) -> Iterator[tuple[str, str]]:
    """Give what was billed, by whom; nothing where nobody was asked."""
    usage, replayed = reply.usage, reply.replayed
    if replayed is not None and replayed.by_hand:
        return
    label = "cost" if replayed is None else "cost then"
    yield label, "" if usage.cost is None else f"${usage.cost:f}"
    yield _upstream_label(reply), _upstream(reply)
    yield "by your price", "" if usage.estimate is None else f"~{usd(usage.estimate)}"


def _origin(reply: Reply) -> str:
    if reply.replayed is None:
        return ""
    way = "written by hand" if reply.replayed.by_hand else "recorded"
    return f"{way} {reply.replayed.recorded}".rstrip()


def _steps(reply: Reply) -> str:
    count = len(reply.steps)
    return f"{count}; tokens and cost are those of all requests together" if count else ""


def _upstream_label(reply: Reply) -> str:
    return "and on your own key there" if reply.usage.is_byok else "the provider asks"


def _upstream(reply: Reply) -> str:
    """Write the provider's figure where the server's is another: a discount, or one's own key."""
    asked = reply.usage.upstream_cost
    return "" if asked is None or asked == reply.usage.cost else f"${asked:f}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def live_heading(progress: Progress, elapsed: float) -> str:
    """Write the thought's heading while it comes."""
    begun = progress.timing.first
    spent = seconds(elapsed - begun) if begun is not None else ""
    parts = [f"Thinking {spent}".rstrip(), tokens(progress.thought_deltas, about=True)]
    return SEPARATOR.join(parts)


def live_line(progress: Progress, elapsed: float, rate: Decimal | None = None) -> str:
    """Write the readout while the reply comes; `rate` is USD for a token of it, about."""
    count = progress.thought_deltas + progress.answer_deltas
    parts = [seconds(elapsed)] if progress.replayed is None else ["replay", seconds(elapsed)]
    if count:
        parts.append(tokens(count, about=True))
    if count and rate is not None:
        parts.append("~" + usd((count * rate).quantize(_ESTIMATED)))
    if progress.model:
        parts.append(who(progress.model, progress.provider))
    return SEPARATOR.join(parts)

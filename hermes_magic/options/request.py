"""The first part of the option table: what is asked, of whom, and how it is to answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hermes_magic.options import convert as to
from hermes_magic.options.convert import HERMES_4_405B, SHORT_NAMES
from hermes_magic.options.spec import option

if TYPE_CHECKING:
    from decimal import Decimal


Thoughts = Literal["open", "folded", "hidden"]
"""How a thought is shown: unfolded, folded behind its heading, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """The options that make up a request.

    Sampling defaults are those of the Hermes 4 model card. `max_tokens` is always sent: without
    it OpenRouter reserves the model's maximum, and the balance must cover that.
    """

    model: str = option(
        "-m",
        "--model",
        default=HERMES_4_405B,
        convert=to.model_slug,
        metavar="MODEL",
        help="the model's slug, or a short name: " + ", ".join(SHORT_NAMES),
    )
    server: str = option(
        "--server",
        default="openrouter",
        convert=to.server_name,
        metavar="NAME",
        help="who answers; %hermes servers lists them",
    )
    think: bool = option(
        "--think",
        default=True,
        convert=None,
        help="let Hermes think before it answers",
    )
    thoughts: Literal["open", "folded", "hidden"] = option(
        "--thoughts",
        default="folded",
        convert=to.OneOf("open", "folded", "hidden"),
        metavar="HOW",
        help="how its thought is shown: open, folded (open while it streams) or hidden",
    )
    system: str = option(
        "-s",
        "--system",
        default="",
        convert=to.text,
        metavar="TEXT",
        help="a system prompt",
    )
    vars: bool = option(
        "--vars",
        default=True,
        convert=None,
        help="put the values of {{expressions}} into the question",
    )
    attached: tuple[str, ...] = option(
        "--with",
        default=(),
        convert=to.things,
        metavar="NAME",
        help="attach variables or text files, described for the model; may be repeated: df,model",
        trait=False,
    )
    with_tokens: int = option(
        "--with-tokens",
        default=2000,
        convert=to.whole(64),
        metavar="N",
        help="about how many tokens the description of each may have",
    )
    temperature: float = option(
        "-t",
        "--temperature",
        default=0.6,
        convert=to.number(0, 2),
        metavar="X",
        help="how freely to choose words, 0 to 2",
    )
    top_p: float = option(
        "--top-p",
        default=0.95,
        convert=to.number(0, 1, above=True),
        metavar="X",
        help="choose among the likeliest tokens that make up this share, above 0 up to 1",
    )
    top_k: int = option(
        "--top-k",
        default=20,
        convert=to.whole(0),
        metavar="N",
        help="choose among this many of the likeliest tokens; 0 for all",
    )
    max_tokens: int = option(
        "--max-tokens",
        default=8192,
        convert=to.whole(1),
        metavar="N",
        help="the longest that thought and answer together may be, in tokens",
    )
    seed: int | None = option(
        "--seed",
        default=None,
        convert=to.whole(0),
        metavar="N",
        help="ask for the same choice of words each time",
    )
    stop: tuple[str, ...] = option(
        "--stop",
        default=(),
        convert=to.stop_text,
        metavar="TEXT",
        help="end the answer before this text; may be repeated",
    )
    repetition_penalty: float | None = option(
        "--repetition-penalty",
        default=None,
        convert=to.number(0, 2, above=True),
        metavar="X",
        help="above 1: use tokens again less willingly, those of the question included",
    )
    frequency_penalty: float | None = option(
        "--frequency-penalty",
        default=None,
        convert=to.number(-2, 2),
        metavar="X",
        help="above 0: less willingly the more often a token has come",
    )
    presence_penalty: float | None = option(
        "--presence-penalty",
        default=None,
        convert=to.number(-2, 2),
        metavar="X",
        help="above 0: less willingly if a token has come at all",
    )
    provider: tuple[str, ...] = option(
        "--provider",
        default=(),
        convert=to.provider_names,
        metavar="A,B",
        help="ask only these providers, in this order",
    )
    fallback: tuple[str, ...] = option(
        "--fallback",
        default=(),
        convert=to.model_slugs,
        metavar="MODEL",
        help="the model to ask if the first cannot answer; may be repeated",
    )
    max_price: tuple[Decimal, Decimal] | None = option(
        "--max-price",
        default=None,
        convert=to.prices,
        metavar="IN,OUT",
        help="the most to pay, in USD per million tokens",
    )
    zdr: bool = option(
        "--zdr",
        default=False,
        convert=None,
        help="ask only providers that keep no data",
    )
    data_collection: bool = option(
        "--data-collection",
        default=True,
        convert=None,
        help="let providers keep the text; with --no-, ask only those that do not",
    )
    max_cost: Decimal | None = option(  # noqa: RUF009 - a field, as all of them
        "--max-cost",
        default=None,
        convert=to.usd,
        metavar="USD",
        help="the most that this cell may cost; lowers --max-tokens, or fails before it is sent",
    )
    timeout: float | None = option(
        "--timeout",
        default=None,
        convert=to.number(0, 86_400, above=True),
        metavar="SECONDS",
        help="give up when nothing has come for so long (without it: 180 s of a silent line)",
    )
    param: tuple[tuple[str, Any], ...] = option(
        "--param",
        default=(),
        convert=to.parameter,
        metavar="KEY=JSON",
        help="any other field of the request body; may be repeated",
    )

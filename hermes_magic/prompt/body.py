"""The cell becomes a request: the body of a chat completion, in OpenRouter's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hermes_magic.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hermes_magic.options import Options


def messages(
    options: Options,
    text: str,
    before: Iterable[Mapping[str, Any]] = (),
    after: Iterable[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Give the messages for a cell's text, which is sent as it stands.

    Args:
        options: the cell's.
        text: the user's message.
        before: the messages of a conversation that it goes on from.
        after: the messages of what it has led to already.

    Raises:
        OptionError: there is nothing to ask.
    """
    refuse_empty(text)
    system = [{"role": "system", "content": options.system}] if options.system else []
    asked = {"role": "user", "content": text}
    return [*system, *map(dict, before), asked, *map(dict, after)]


def refuse_empty(text: str) -> None:
    """Refuse a question without a word.

    Raises:
        OptionError: there is nothing to ask.
    """
    if not text.strip():
        raise OptionError("There is no question: write it in the cell, below the %%hermes line.")


def request_body(
    options: Options, conversation: list[dict[str, Any]], tools: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Give the request body. Every option is sent, so that no host's default decides unseen."""
    return {
        "model": options.model,
        "messages": conversation,
        "stream": True,
        "reasoning": {"enabled": options.think},
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "top_k": options.top_k,
        **_given(
            seed=options.seed,
            stop=list(options.stop),
            repetition_penalty=options.repetition_penalty,
            frequency_penalty=options.frequency_penalty,
            presence_penalty=options.presence_penalty,
            models=list(options.fallback),
            provider=_routing(options),
            tools=list(tools),
        ),
        **dict(options.param),
    }


def _routing(options: Options) -> dict[str, Any]:
    """Give OpenRouter's `provider` object, empty where any provider will do."""
    return _given(
        order=list(options.provider),
        allow_fallbacks=False if options.provider else None,
        zdr=options.zdr or None,
        data_collection=None if options.data_collection else "deny",
        max_price=_max_price(options),
    )


def _max_price(options: Options) -> dict[str, float] | None:
    if options.max_price is None:
        return None
    prompt, completion = options.max_price
    return {"prompt": float(prompt), "completion": float(completion)}


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, [], {})}

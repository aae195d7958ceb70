"""The request body is exactly what the options say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.errors import OptionError
from hermes_magic.options import Options, parse
from hermes_magic.prompt import messages, request_body


def test_the_default_body_holds_the_model_card_s_sampling() -> None:
    assert request_body(Options(), messages(Options(), "Why?")) == {
        "model": "nousresearch/hermes-4-405b",
        "messages": [{"role": "user", "content": "Why?"}],
        "stream": True,
        "reasoning": {"enabled": True},
        "max_tokens": Options().max_tokens,
        "temperature": 0.6,
        "top_p": 0.95,
        "top_k": 20,
    }


def test_every_option_is_sent() -> None:
    options = Options(
        model="a/b", think=False, system="Be brief.", temperature=0, top_p=1, top_k=0, max_tokens=1
    )
    body = request_body(options, messages(options, "Why?"))
    assert body["model"] == "a/b"
    assert body["reasoning"] == {"enabled": False}
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert [body[key] for key in ("temperature", "top_p", "top_k", "max_tokens")] == [0, 1, 0, 1]


@given(st.text(min_size=1).filter(str.strip))
def test_a_text_is_sent_as_it_stands(text: str) -> None:
    assert messages(Options(), text) == [{"role": "user", "content": text}]


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_nothing_to_ask_is_an_option_error(text: str) -> None:
    with pytest.raises(OptionError, match="no question"):
        messages(Options(system="x"), text)


def test_options_of_the_api_stand_in_the_body_as_openrouter_names_them() -> None:
    options, _ = parse(
        "--seed 0 --stop END --stop '###' --repetition-penalty 1.1 --frequency-penalty 0 "
        "--presence-penalty -0.5 --fallback 70b,x/y --param min_p=0.05 --param temperature=0.1"
    )
    extra = {
        "seed": 0,
        "stop": ["END", "###"],
        "repetition_penalty": 1.1,
        "frequency_penalty": 0,
        "presence_penalty": -0.5,
        "models": ["nousresearch/hermes-4-70b", "x/y"],
        "min_p": 0.05,
        "temperature": 0.1,
    }
    assert request_body(options, []) == {**request_body(Options(), []), **extra}


def test_routing_is_one_object() -> None:
    options, _ = parse("--provider Nebius,Chutes --zdr --no-data-collection --max-price 1,3.5")
    assert request_body(options, [])["provider"] == {
        "order": ["Nebius", "Chutes"],
        "allow_fallbacks": False,
        "zdr": True,
        "data_collection": "deny",
        "max_price": {"prompt": 1, "completion": 3.5},
    }
    assert "provider" not in request_body(Options(), [])

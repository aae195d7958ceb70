"""The same request, as each kind of server wants it said."""

from typing import Any

import pytest

from hermes_magic import prompt
from hermes_magic.errors import OptionError
from hermes_magic.options import HERMES_4_405B, Options, parse
from hermes_magic.wire.dialects import DIALECTS, THINKING_PROMPT
from hermes_magic.wire.servers import PROFILES

OFF = "--no-think"
ASKED = [{"role": "user", "content": "hi"}]
COMMON = {"stream": True, "max_tokens": 8192, "temperature": 0.6, "top_p": 0.95}
USAGE = {"stream_options": {"include_usage": True}}


def body(line: str = "") -> dict[str, Any]:
    options, _ = parse(line)
    return prompt.request_body(options, prompt.messages(options, "hi"))


def sent(kind: str, line: str = "") -> dict[str, Any]:
    return PROFILES[kind].adapt(body(line))


def test_openrouter_is_sent_the_body_as_it_is() -> None:
    line = "--provider Nebius --fallback 70b --stop END --seed 1 --top-k 0 --param min_p=0.1"
    assert sent("openrouter", line) == body(line)


@pytest.mark.parametrize("kind", ["vllm", "sglang"])
def test_vllm_and_sglang_switch_thinking_in_the_template(kind: str) -> None:
    rest = {**COMMON, **USAGE, "top_k": 20, "model": "NousResearch/Hermes-4-405B"}
    thinking = {"chat_template_kwargs": {"thinking": True}, "messages": ASKED}
    assert sent(kind) == {**rest, **thinking}
    assert sent(kind, OFF)["chat_template_kwargs"] == {"thinking": False}
    assert sent(kind, "--repetition-penalty 1.1")["repetition_penalty"] == 1.1
    assert sent(kind, "--top-k 0")["top_k"] == -1


def test_llama_cpp_has_a_name_of_its_own_for_repetition() -> None:
    out = sent("llama.cpp", "--repetition-penalty 1.1 --top-k 0")
    assert (out["repeat_penalty"], out["top_k"]) == (1.1, 0)
    assert "repetition_penalty" not in out
    assert out["chat_template_kwargs"] == {"thinking": True}
    assert out["stream_options"] == {"include_usage": True}
    assert "reasoning" not in out


@pytest.mark.parametrize("kind", ["nous", "lmstudio", "ollama"])
def test_others_are_told_to_think_in_hermes_s_own_words(kind: str) -> None:
    assert sent(kind)["messages"] == [{"role": "system", "content": THINKING_PROMPT}, *ASKED]
    both = sent(kind, "-s 'Be brief.'")["messages"]
    assert both == [{"role": "system", "content": f"{THINKING_PROMPT}\n\nBe brief."}, *ASKED]
    assert sent(kind, OFF)["messages"] == ASKED
    assert "reasoning" not in sent(kind)


def test_ollama_is_told_not_to_think_in_a_field() -> None:
    assert sent("ollama", OFF)["reasoning_effort"] == "none"
    assert "reasoning_effort" not in sent("ollama")
    assert "reasoning_effort" not in sent("lmstudio", OFF)


def test_ollama_is_not_sent_what_it_does_not_know() -> None:
    out = sent("ollama", "--repetition-penalty 1.1 --seed 3")
    assert not {"top_k", "repetition_penalty", "repeat_penalty"} & out.keys()
    assert out["seed"] == 3


def test_lmstudio_is_told_of_repetition_as_llama_cpp_is() -> None:
    assert sent("lmstudio", "--repetition-penalty 1.1")["repeat_penalty"] == 1.1


@pytest.mark.parametrize("kind", [kind for kind in DIALECTS if kind != "openrouter"])
def test_routing_is_for_openrouter_alone(kind: str) -> None:
    line = "--provider Nebius --fallback 70b --max-price 1,3"
    assert not {"provider", "models"} & sent(kind, line).keys()
    assert {"provider", "models"} <= PROFILES[kind].left_out(body(line))


@pytest.mark.parametrize("kind", DIALECTS)
def test_the_given_body_stays_as_it_is(kind: str) -> None:
    given, same = body("-s brief --top-k 0"), body("-s brief --top-k 0")
    PROFILES[kind].adapt(given)
    assert given == same


@pytest.mark.parametrize("kind", DIALECTS)
@pytest.mark.parametrize("model", ["405b", "70b"])
def test_a_slug_of_openrouter_s_is_called_as_it_is_called_there(kind: str, model: str) -> None:
    slug = body(f"-m {model}")["model"]
    assert sent(kind, f"-m {model}")["model"] == DIALECTS[kind].names.get(slug, slug)
    assert sent(kind, "-m my/own")["model"] == "my/own"


def test_a_parameter_of_the_person_s_own_wins() -> None:
    line = """--param 'chat_template_kwargs={"keep_cots":true,"thinking":false}'"""
    assert sent("vllm", line)["chat_template_kwargs"] == {"keep_cots": True, "thinking": False}
    line = """--param 'stream_options={"include_usage":false}'"""
    assert sent("vllm", line)["stream_options"] == {"include_usage": False}


@pytest.mark.parametrize("option", ["--zdr", "--no-data-collection"])
def test_a_privacy_that_cannot_be_promised_is_refused(option: str) -> None:
    with pytest.raises(OptionError, match=rf"nous cannot promise {option}"):
        sent("nous", option)
    assert sent("openrouter", option)["provider"]
    assert "provider" not in sent("vllm", option)


def test_defaults_are_the_model_of_each_server() -> None:
    assert PROFILES["nous"].model == "Hermes-4-405B"
    assert PROFILES["vllm"].model == PROFILES["sglang"].model == "NousResearch/Hermes-4-405B"
    assert PROFILES["openrouter"].model == HERMES_4_405B == Options().model

"""Servers by name: the profiles, those that a person defines, and definitions that are wrong."""

from decimal import Decimal

import pytest

from hermes_magic.errors import OptionError
from hermes_magic.wire.roster import find, roster
from hermes_magic.wire.servers import PROFILES, Price

SECRET = "sk-or-v1-not-a-real-key"
TEAM = {
    "like": "vllm",
    "base_url": "http://gpu:8000/v1/",
    "key_variable": "TEAM_KEY",
    "model": "NousResearch/Hermes-4-405B-FP8",
    "price": [0.5, 1.5],
}


@pytest.mark.parametrize(
    ("name", "base_url", "variable"),
    [
        ("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
        ("nous", "https://inference-api.nousresearch.com/v1", "NOUS_API_KEY"),
        ("vllm", "http://127.0.0.1:8000/v1", ""),
        ("sglang", "http://127.0.0.1:30000/v1", ""),
        ("llama.cpp", "http://127.0.0.1:8080/v1", ""),
        ("ollama", "http://127.0.0.1:11434/v1", ""),
        ("lmstudio", "http://127.0.0.1:1234/v1", ""),
    ],
)
def test_each_profile_has_its_address_and_key(name: str, base_url: str, variable: str) -> None:
    server = roster({})[name]
    assert (server.name, server.base_url, server.key_variable) == (name, base_url, variable)


def test_a_server_of_one_s_own() -> None:
    team = roster({"team": TEAM})["team"]
    assert (team.name, team.kind, team.base_url) == ("team", "vllm", "http://gpu:8000/v1")
    assert (team.key_variable, team.model) == ("TEAM_KEY", "NousResearch/Hermes-4-405B-FP8")
    assert team.price == Price(Decimal("0.5"), Decimal("1.5"))


def test_a_profile_s_address_can_be_changed() -> None:
    servers = roster({"ollama": {"base_url": "http://attic:11434/v1"}})
    assert servers["ollama"].base_url == "http://attic:11434/v1"
    assert servers["ollama"].kind == "ollama"
    assert set(servers) == set(PROFILES)


def test_a_key_does_not_follow_to_another_address() -> None:
    servers = roster(
        {"mine": {"like": "openrouter", "base_url": "http://h/v1"}, "nous": {"model": "x"}}
    )
    assert servers["mine"].key_variable == ""
    assert servers["nous"].key_variable == "NOUS_API_KEY"


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ([], "servers takes a dict"),
        ({"two words": {}}, "is not a name"),
        ({1: {}}, "is not a name"),
        ({"team": "http://h/v1"}, "team takes a dict of like, base_url"),
        ({"team": {}}, "team needs like, one of openrouter, nous"),
        ({"team": {"like": "gpt"}}, "team needs like"),
        ({"team": {"like": ["vllm"]}}, "team needs like"),
        ({"team": {"like": "vllm"}}, "team needs base_url"),
        ({"team": {**TEAM, "base_url": "gpu:8000"}}, "not an http(s):// address: 'gpu:8000'"),
        ({"team": {**TEAM, "base_url": 8000}}, "not an http(s):// address"),
        ({"team": {**TEAM, "url": "http://h"}}, "did you mean base_url?"),
        ({"team": {**TEAM, "key_variable": SECRET}}, "names no environment variable"),
        ({"team": {**TEAM, "api_key": SECRET}}, "takes no key"),
        ({"team": {**TEAM, "model": ""}}, "no model's name"),
        ({"team": {**TEAM, "price": 3}}, "USD per million tokens"),
        ({"team": {**TEAM, "price": [1]}}, "USD per million tokens"),
        ({"team": {**TEAM, "price": [1, -1]}}, "USD per million tokens"),
        ({"team": {**TEAM, "price": ["one", "two"]}}, "USD per million tokens"),
        ({"team": {**TEAM, "price": [1, "nan"]}}, "USD per million tokens"),
    ],
)
def test_a_wrong_definition_is_told_on_one_line(own: object, says: str) -> None:
    with pytest.raises(OptionError) as caught:
        roster(own)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"Unknown server vlm: did you mean vllm\?"):
        find(roster({}), "vlm")
    assert find(roster({"team": TEAM}), "team").name == "team"


def test_a_password_in_an_address_is_not_shown() -> None:
    team = roster({"team": {**TEAM, "base_url": "https://me:secret@h:9/v1"}})["team"]
    assert team.address == "https://h:9/v1"
    assert team.base_url == "https://me:secret@h:9/v1"

"""The key of a request: what changes it, what does not, and that it never does by itself."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic import prompt
from hermes_magic.errors import OptionError
from hermes_magic.options import Options, parse
from hermes_magic.tape import request

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)
BODIES = st.builds(
    lambda fields, text: {**fields, "messages": [{"role": "user", "content": text}]},
    st.dictionaries(st.text(), VALUES),
    st.text(),
)


def body(line: str = "", text: str = "Why does the median\nresist outliers?") -> dict[str, Any]:
    options, _ = parse(line)
    return prompt.request_body(options, prompt.messages(options, text))


def key(of: Mapping[str, Any]) -> str:
    return request.key(request.asked(of))


def shuffled(value: Any, by: random.Random) -> Any:
    """Give an equal value whose objects have their fields in another order."""
    if isinstance(value, dict):
        names = list(value)
        by.shuffle(names)
        return {name: shuffled(value[name], by) for name in names}
    return [shuffled(one, by) for one in value] if isinstance(value, list) else value


def test_it_is_this_one_everywhere_and_always() -> None:
    known = "d6ffe130646413ddd22666313a982d633a75396ef861d7ab32f10343a9d12732"
    assert key(body()) == known
    assert key({"messages": body()["messages"]}) == known


def test_umlauts_and_emoji_have_one_key_too() -> None:
    known = "955cffe6586418a704c4115919af4f40894006fc4ce5ada8c2e9e885a66c3f7e"
    assert key(body("-s 'Sei kurz: ä' --stop 🎈 --seed 7 -t 0.1", "Wieso? \ud83c")) == known


@given(BODIES, st.randoms(use_true_random=False))
def test_the_order_of_fields_does_not_matter(of: dict[str, Any], by: random.Random) -> None:
    assert key(shuffled(of, by)) == key(of)


@given(BODIES)
def test_what_json_makes_of_a_body_has_its_key(of: dict[str, Any]) -> None:
    assert key(json.loads(json.dumps(of))) == key(of)
    assert key(json.loads(json.dumps(of), parse_float=Decimal)) == key(of)


@given(st.text(alphabet=st.sampled_from("ab \n")), st.sampled_from(["\r\n", "\r"]))
def test_line_endings_do_not_matter(text: str, ending: str) -> None:
    assert key(body(text=f"x{text}")) == key(body(text=f"x{text}".replace("\n", ending)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-t 0.60", "-t 0.6"),
        ("-t 1", "-t 1.0"),
        ("--top-p 1", "--param top_p=1"),
        ("--param x=100", "--param x=1e2"),
        ("--param x=-0.0", "--param x=0"),
        ('--param \'x={"a": 1, "b": 2}\'', '--param \'x={"b": 2, "a": 1}\''),
    ],
)
def test_equal_numbers_and_objects_have_one_key(one: str, other: str) -> None:
    assert key(body(one)) == key(body(other))


@pytest.mark.parametrize(
    "line",
    [
        "--provider Nebius",
        "--zdr",
        "--no-data-collection",
        "--max-price 1,3",
        "--fallback 70b",
        "--max-cost 0.05",
        "--timeout 5",
        "--retries 0",
        "--thoughts open",
        "--server vllm",
        "--param stream=false",
        "--param user='\"me\"'",
        "--fresh",
        "--tape x.json",
        "-o answer",
    ],
)
def test_who_asks_whom_and_at_what_cost_does_not_matter(line: str) -> None:
    # The magic line keeps --param stream out; a body may say it all the same.
    line, _, rest = line.partition("stream=")
    line = "" if rest else line
    extra = {"stream": False} if rest else {}
    assert key({**body(line), **extra}) == key(body())


@pytest.mark.parametrize(
    "line",
    [
        "-m 70b",
        "--no-think",
        "-s Briefly.",
        "-t 0.61",
        "--top-p 0.9",
        "--top-k 21",
        "--max-tokens 8191",
        "--seed 0",
        "--stop END",
        "--repetition-penalty 1.1",
        "--frequency-penalty 0.1",
        "--presence-penalty 0.1",
        "--param min_p=0.05",
        "--param min_p=true",
        "--param min_p=1",
    ],
)
def test_what_changes_the_answer_does(line: str) -> None:
    assert key(body(line)) != key(body())
    assert key(body("--param min_p=true")) != key(body("--param min_p=1"))


def test_the_text_to_the_last_character_does() -> None:
    texts = ["a", "a ", "A", "a\n", "a\nb", "a\n\nb", "\u00e1", "a\u0301"]
    assert len({key(body(text=text)) for text in texts}) == len(texts)


def test_a_body_that_cannot_be_sent_has_none() -> None:
    with pytest.raises(OptionError, match="set"):
        key({**body(), "tools": {1, 2}})


@given(BODIES)
def test_what_stands_on_a_tape_has_the_same_key(of: dict[str, Any]) -> None:
    written = request.to_tape(request.asked(of))
    assert request.key(request.from_tape(json.loads(json.dumps(written)))) == key(of)


def test_a_tape_holds_what_differs_from_the_formats_own_defaults() -> None:
    asked = request.asked(body("-t 0.2 --provider Nebius --stop END"))
    assert request.to_tape(asked) == {
        "model": "nousresearch/hermes-4-405b",
        "messages": [{"role": "user", "content": ["Why does the median", "resist outliers?"]}],
        "stop": ["END"],
        "temperature": 0.2,
    }


def test_the_formats_defaults_are_todays_of_the_magic_line() -> None:
    standard = prompt.request_body(Options(), [])
    assert {name: standard[name] for name in request.STANDARD} == request.STANDARD

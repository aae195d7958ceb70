"""Words of the magic line that are more than a text or a number."""

from decimal import Decimal
from typing import Any

import pytest

from hermes_magic.errors import OptionError
from hermes_magic.options import check, parse


def refusal(line: str) -> str:
    with pytest.raises(OptionError) as caught:
        parse(line)
    assert "\n" not in str(caught.value)
    return caught.value.message


def test_what_may_be_repeated_is_joined_in_order() -> None:
    options, rest = parse("--stop A --stop 'B C' --fallback 70b --fallback x/y,z --stop=D why?")
    assert options.stop == ("A", "B C", "D")
    assert options.fallback == ("nousresearch/hermes-4-70b", "x/y", "z")
    assert rest == "why?"


def test_the_line_replaces_a_default_that_may_be_repeated() -> None:
    assert parse("--stop B", {"stop": ("A",)})[0].stop == ("B",)
    assert parse("", {"stop": ("A",)})[0].stop == ("A",)


def test_a_comma_in_a_stop_text_is_part_of_it() -> None:
    assert parse("--stop a,b")[0].stop == ("a,b",)


def test_data_collection_is_switched_off_by_its_negation() -> None:
    assert parse("--no-data-collection")[0].data_collection is False
    assert parse("")[0].data_collection is True


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("min_p=0.05", 0.05),
        ("n=1", 1),
        ("user='\"me\"'", "me"),
        ("'logit_bias={\"1\": -1}'", {"1": -1}),
        ("a=null", None),
        ("transforms='[]'", []),
    ],
)
def test_a_parameter_is_json(word: str, value: object) -> None:
    options, _ = parse(f"--param {word} --param b=true")
    assert options.param == ((word.strip("'").partition("=")[0], value), ("b", True))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--param min_p", "--param takes key=value with a JSON value, such as min_p=0.05"),
        ("--param =1", "key=value"),
        ("--param 'a b=1'", "key=value"),
        ("--param user=me", "quote it as in a shell"),
        ("--param a=NaN", "quote it as in a shell"),
        ("--param messages=[]", "--param takes any field but messages, model, stream"),
        ("--param stream=false", "any field but"),
        ("--max-price 1", "--max-price takes USD per million tokens in and out, such as 1,3"),
        ("--max-price 1,2,3", "USD per million"),
        ("--max-price one,two", "USD per million"),
        ("--max-price -1,2", "USD per million"),
        ("--max-price inf,2", "USD per million"),
        ("--provider a,,b", "--provider takes names of providers"),
        ("--provider ''", "names of providers"),
        ("--fallback ''", "--fallback takes a model's slug"),
        ("--fallback a,,b", "a model's slug"),
        ("--stop ''", "--stop takes a text"),
        ("--server 'a b'", "--server takes a server's name"),
        ("--server http://h", "--server takes a server's name"),
        ("--seed 1.5", "a whole number"),
        ("--repetition-penalty 0", "above 0 up to 2"),
        ("--frequency-penalty 3", "from -2 to 2"),
        ("--presence-penalty -3", "from -2 to 2"),
        ("--timeout 0", "above 0"),
    ],
)
def test_a_wrong_value_is_told_with_what_was_expected(line: str, says: str) -> None:
    assert says in refusal(line)


@pytest.mark.parametrize(
    ("name", "value", "checked"),
    [
        ("stop", "END", ("END",)),
        ("stop", ["a", "b"], ("a", "b")),
        ("stop", (), ()),
        ("provider", "Nebius,Chutes", ("Nebius", "Chutes")),
        ("provider", ["Nebius", "Chutes"], ("Nebius", "Chutes")),
        ("max_price", (1, Decimal("2.5")), (Decimal(1), Decimal("2.5"))),
        ("max_price", "1,3", (Decimal(1), Decimal(3))),
        ("max_price", None, None),
        ("seed", 0, 0),
        ("seed", None, None),
        ("param", {"min_p": 0.1}, (("min_p", 0.1),)),
        ("param", (("min_p", 0.1),), (("min_p", 0.1),)),
        ("param", "min_p=0.1", (("min_p", 0.1),)),
        ("zdr", True, True),
    ],
)
def test_a_setting_takes_what_the_line_takes(name: str, value: object, checked: Any) -> None:
    assert check(name, value) == checked
    assert check(name, checked) == checked


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", None), ("stop", [""]), ("param", {"messages": []}), ("max_price", [1])],
)
def test_a_wrong_setting_is_refused(name: str, value: object) -> None:
    with pytest.raises(OptionError):
        check(name, value)

"""A schema is asked for in Hermes's words; the answer is found, checked and built."""

import dataclasses
import datetime as dt
import enum
import json
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import jsonschema
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.errors import HermesError, OptionError, SchemaError
from hermes_magic.prompt.schema import candidates, extract, schema_of


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


@dataclass
class City:
    """A place where people live."""

    name: str
    people: Annotated[int, "how many live there"]
    founded: dt.date | None = None
    tags: list[str] = field(default_factory=list)


@dataclass
class Country:
    capital: City
    cities: list[City]
    mood: Mood = Mood.GOOD


@dataclass
class Tree:
    value: int
    children: list["Tree"]


class Film(TypedDict):
    title: str
    year: NotRequired[int]


class Point(NamedTuple):
    x: float
    y: float = 0.0


class Book(pydantic.BaseModel):
    title: str
    pages: int = pydantic.Field(gt=0)

    @pydantic.field_validator("title")
    @classmethod
    def title_is_capitalized(cls, title: str) -> str:
        if title[:1].islower():
            raise ValueError("a title begins with a capital")
        return title


class Shelf(pydantic.BaseModel):
    books: list[Book]


@dataclass
class Positive:
    number: int

    def __post_init__(self) -> None:
        if self.number <= 0:
            raise ValueError("not positive")


JSON_DICT = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
PARIS = {"name": "Paris", "people": 2_100_000}


@pytest.mark.parametrize(
    ("target", "data", "expected"),
    [
        (City, PARIS, City("Paris", 2_100_000)),
        (City, {**PARIS, "founded": "0250-01-01"}, City("Paris", 2_100_000, dt.date(250, 1, 1))),
        (Country, {"capital": PARIS, "cities": [PARIS], "mood": "bad"},
         Country(City("Paris", 2_100_000), [City("Paris", 2_100_000)], Mood.BAD)),
        (Tree, {"value": 1, "children": [{"value": 2, "children": []}]}, Tree(1, [Tree(2, [])])),
        (Film, {"title": "Alien"}, {"title": "Alien"}),
        (Point, {"x": 1, "y": 2.5}, Point(1.0, 2.5)),
        (Book, {"title": "Emma", "pages": 3}, Book(title="Emma", pages=3)),
        (Shelf, {"books": [{"title": "Emma", "pages": 3}]},
         Shelf(books=[Book(title="Emma", pages=3)])),
        (list[City], [PARIS], [City("Paris", 2_100_000)]),
        ([City], [PARIS], [City("Paris", 2_100_000)]),
        ([Book], [{"title": "Emma", "pages": 3}], [Book(title="Emma", pages=3)]),
        (JSON_DICT, {"a": 1, "b": 2}, {"a": 1, "b": 2}),
        ([JSON_DICT], [{"a": 1}], [{"a": 1}]),
        (dict[str, Decimal], {"a": 0.1}, {"a": Decimal("0.1")}),
        (dict[str, list[int]], {"a": [1]}, {"a": [1]}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[int, ...], [1, 2], (1, 2)),
        (set[str], ["a"], {"a"}),
        (Literal["a", "b"], "a", "a"),
        (int | None, None, None),
        (int | str, "5", "5"),
        (None, {"anything": [1]}, {"anything": [1]}),
    ],
)  # fmt: skip
def test_an_answer_becomes_the_object(target: Any, data: Any, expected: Any) -> None:
    built = schema_of(target).parse(json.dumps(data))
    assert built == expected
    assert type(built) is type(expected)


@pytest.mark.parametrize(
    "target", [City, Country, Tree, Film, Point, Book, Shelf, list[Tree], list[Shelf]]
)
def test_every_schema_is_a_valid_one(target: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema_of(target).json)


def test_a_dataclass_s_schema_says_all_that_it_says() -> None:
    assert schema_of(City).json == {
        "title": "City",
        "description": "A place where people live.",
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "people": {"type": "integer", "description": "how many live there"},
            "founded": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["name", "people"],
        "additionalProperties": False,
    }


def test_the_instruction_is_the_model_card_s() -> None:
    assert schema_of(JSON_DICT).instruction == (
        "You are a helpful assistant that answers in JSON. "
        "Here's the json schema you must adhere to:\n"
        f"<schema>\n{json.dumps(JSON_DICT)}\n</schema>"
    )
    assert schema_of().instruction == "You are a helpful assistant that answers in JSON."


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '  \n{"a": 1}\n',
        '\ufeff{"a": 1}',
        'Here you are:\n```json\n{"a": 1}\n```\nAnything else?',
        '```\n{"a": 1}\n```',
        '```JSON\n{"a": 1}',
        'Sure! {"a": 1} is the answer.',
        'See [1]: the set {x} gives {"a": 1}.',
        'First ```json\n{"b": 2}\n```, no: ```json\n{"a": 1}\n```',
        'Wrong:\n```json\n{"b": 2}\n```\nright:\n```json\n{"a": 1}\n```',
        '```python\n{"a": "code"}\n```\n\n{"a": 1}',
        '> ```json\n> {"a": 1}\n> ```',
        '1. ```json\n   {"a": 1}\n   ```',
        '```json\nHere: {"a": 1}\n```',
        '<answer>{"a": 1}</answer>',
        '{"a": 1} {"b": 2}',
        '{"b": 1} {"a": 1}',
    ],
)  # fmt: skip
def test_json_is_found_in_fences_and_prose(text: str) -> None:
    assert schema_of(JSON_DICT).parse(text) == {"a": 1}


def test_without_a_schema_the_longest_in_prose_is_meant() -> None:
    assert extract('As in [1], {"a": [1, 2], "b": {}} holds {"c": 1}.') == {"a": [1, 2], "b": {}}


def test_a_bare_scalar_is_json() -> None:
    assert extract("42") == 42
    assert extract('"text"') == "text"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no JSON object"),
        ("I cannot do that.", "no JSON object"),
        ('{"a": 1, "b"', "breaks off"),
        ('```json\n{"a": [1, 2\n```', "breaks off"),
        ("{'a': 1}", "line 1, column 2"),
        ('{"a": 1,\n "b": }', "line 2, column 7"),
        ('{"a": NaN}', "NaN is not JSON"),
    ],
)
def test_no_json_says_where_it_breaks_and_keeps_the_text(text: str, problem: str) -> None:
    with pytest.raises(SchemaError, match="no JSON") as caught:
        extract(text)
    assert problem in caught.value.problems[0]
    assert caught.value.text == text
    assert isinstance(caught.value, HermesError)


@pytest.mark.parametrize(
    ("target", "data", "problem"),
    [
        (JSON_DICT, {"b": 1}, "'a' is a required property"),
        (JSON_DICT, {"a": "x"}, "$.a: 'x' is not of type 'integer'"),
        (City, {**PARIS, "mayor": "x"}, "'mayor' was unexpected"),
        (City, {**PARIS, "founded": "long ago"}, "long ago"),
        (list[City], [PARIS, {}], "$[1]"),
        (Book, {"title": "Emma", "pages": 0}, "less than or equal to the minimum"),
        (Book, {"title": "emma", "pages": 1}, "a title begins with a capital"),
        (Positive, {"number": -1}, "not positive"),
        (Literal["a", "b"], "c", "is not one of"),
    ],
)
def test_what_does_not_fit_is_a_typed_error(target: Any, data: Any, problem: str) -> None:
    text = json.dumps(data)
    with pytest.raises(SchemaError) as caught:
        schema_of(target).parse(text)
    assert any(problem in each for each in caught.value.problems), caught.value.problems
    assert caught.value.text == text
    assert "\n" not in str(caught.value)


def test_the_follow_up_names_every_problem() -> None:
    schema = schema_of(City)
    with pytest.raises(SchemaError) as caught:
        schema.parse('{"people": "many"}')
    message = schema.follow_up(caught.value)
    assert "'name' is a required property" in message
    assert "$.people: 'many' is not of type 'integer'" in message
    assert "nothing else" in message


@pytest.mark.parametrize(
    "target",
    [5, "text", lambda: 0, {"name": "Paris"}, {"type": "nonsense"}, [], [City, Film]],
)
def test_what_is_no_schema_is_an_option_error(target: Any) -> None:
    with pytest.raises(OptionError, match="--schema"):
        schema_of(target)


def test_a_remote_reference_is_not_fetched() -> None:
    schema = schema_of({"$ref": "http://192.0.2.1/schema.json"})
    with pytest.raises(OptionError, match=r"192\.0\.2\.1"):
        schema.parse('{"a": 1}')


def test_without_jsonschema_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(OptionError, match=r"pip install jsonschema"):
        schema_of(City).parse("{}")


def test_a_flood_of_brackets_is_no_json() -> None:
    for text in ("[" * 100_000, '{"a":' * 50_000, "{[" * 10_000 + "text"):
        with pytest.raises(SchemaError):
            extract(text)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
objects = st.dictionaries(st.text(), json_values)


@given(json_values)
def test_any_json_comes_back(value: Any) -> None:
    assert extract(json.dumps(value)) == value


@given(objects, st.text(alphabet="abc ,.\n", max_size=20))
def test_any_object_comes_back_out_of_a_fence_in_prose(value: Any, prose: str) -> None:
    text = f"{prose}\n```json\n{json.dumps(value, indent=1)}\n```\n{prose}"
    assert extract(text) == value


@given(st.text())
def test_any_text_has_candidates_or_none(text: str) -> None:
    list(candidates(text))


@given(st.builds(City, st.text(), st.integers(), st.none() | st.dates(), st.lists(st.text())))
def test_any_dataclass_comes_back(city: City) -> None:
    text = json.dumps(dataclasses.asdict(city), default=str)
    assert schema_of(City).parse(text) == city

"""Tool calls in a stream of text: cut anywhere, malformed, in code, several in a row."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.prompt.calls import MalformedCall, ToolCallParser
from hermes_magic.reply import ToolCall

WEATHER = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
OSLO = ToolCall("call_1", "weather", '{"city": "Oslo"}')


def made(name: str, arguments: str) -> ToolCall:
    return ToolCall("call_1", name, arguments)


A_IS_1 = made("f", '{"a": 1}')


def parse(*pieces: str) -> list[Any]:
    parser = ToolCallParser()
    parts = [part for piece in pieces for part in parser.feed(piece)] + parser.flush()
    joined: list[Any] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WEATHER, [OSLO]),
        (f"Let me look.\n{WEATHER}", ["Let me look.\n", OSLO]),
        (f"{WEATHER}\nDone.", [OSLO, "\nDone."]),
        (f"Inline {WEATHER} call", ["Inline ", OSLO, " call"]),
        ('<tool_call>{"arguments": {}, "name": "now"}</tool_call>', [made("now", "{}")]),
        ('<tool_call>{"name": "now"}</tool_call>', [made("now", "{}")]),
        ('<tool_call>{"name": "f", "parameters": {"a": 1}}</tool_call>',
         [A_IS_1]),
        ("<tool_call>{'name': 'f', 'arguments': {'a': True, 'b': None}}</tool_call>",
         [made("f", '{"a": true, "b": null}')]),
        ('<tool_call>{"name": "f", "arguments": "{\\"a\\": 1}"}</tool_call>',
         [A_IS_1]),
        ('<tool_call>{"name": "f", "arguments": {"a": "é😀"}}</tool_call>',
         [made("f", '{"a": "é😀"}')]),
        ("No call <tool_cal at all", ["No call <tool_cal at all"]),
        ("</tool_call>", ["</tool_call>"]),
        ("", []),
    ],
)  # fmt: skip
def test_calls_and_text_come_in_order(text: str, expected: list[Any]) -> None:
    assert parse(text) == expected


def test_several_calls_are_numbered() -> None:
    calls = parse(WEATHER + "\n" + WEATHER + WEATHER)
    assert [call.id for call in calls if isinstance(call, ToolCall)] == [
        "call_1",
        "call_2",
        "call_3",
    ]


def test_a_closing_tag_in_an_argument_does_not_end_the_call() -> None:
    arguments = {"html": '</tool_call> "quoted" </tool_call>'}
    text = f"<tool_call>{json.dumps({'name': 'f', 'arguments': arguments})}</tool_call>after"
    call, after = parse(text)
    assert json.loads(call.arguments) == arguments
    assert after == "after"


def test_a_call_without_an_end_is_a_call_if_it_is_whole() -> None:
    assert parse(WEATHER.removesuffix("</tool_call>")) == [OSLO]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ('{"name": "f", "arguments": {', "not valid JSON"),
        ("not json", "not valid JSON"),
        ('{"arguments": {}}', 'no "name"'),
        ('{"name": 5}', 'no "name"'),
        ('{"name": ""}', 'no "name"'),
        ("[1]", "not a JSON object"),
        ("", "not valid JSON"),
        ("[" * 5000, "not valid JSON"),
    ],
)
def test_a_malformed_call_is_reported_with_its_text(payload: str, reason: str) -> None:
    text = f"<tool_call>{payload}</tool_call>"
    before, malformed, after = parse(f"before{text}after")
    assert (before, after) == ("before", "after")
    assert isinstance(malformed, MalformedCall)
    assert malformed.text == text
    assert reason in malformed.reason


def test_a_call_with_an_open_string_ends_at_its_tag_when_the_answer_ends() -> None:
    malformed, after = parse('<tool_call>{"name": "f</tool_call>\nafter')
    assert isinstance(malformed, MalformedCall)
    assert after == "\nafter"


def test_a_call_cut_off_is_malformed() -> None:
    (malformed,) = parse('<tool_call>{"name": "f", "argu')
    assert isinstance(malformed, MalformedCall)
    (empty,) = parse("<tool_call>")
    assert isinstance(empty, MalformedCall)


@pytest.mark.parametrize(
    "text",
    [
        f"```xml\n{WEATHER}\n```\n",
        f"~~~\n{WEATHER}\n~~~\n",
        f"> ```\n> {WEATHER}\n",
        f"````\n```\n{WEATHER}\n```\n````\n",
        f"It writes `{WEATHER}` so.".replace("\n", " "),
        "The tag `<tool_call>` opens a call and `</tool_call>` ends it.",
    ],
)
def test_in_code_a_tag_is_text(text: str) -> None:
    assert parse(text) == [text]
    assert parse(*text) == [text]


def test_behind_code_a_tag_is_a_tag() -> None:
    text = f"```py\nx\n```\n`a` and\n{WEATHER}"
    assert parse(*text)[-1] == OSLO


def test_text_is_not_held_back_longer_than_a_tag() -> None:
    parser = ToolCallParser()
    assert parser.feed("Hello <") == ["Hello "]
    assert parser.feed("b>bold") == ["<b>bold"]


@given(
    st.lists(
        st.sampled_from([WEATHER, "text ", "\n", "`", "```\n", "<tool_call>", "</tool_call>", '"']),
        max_size=8,
    ),
    st.data(),
)
def test_where_the_stream_is_cut_makes_no_difference(
    pieces: list[str], data: st.DataObject
) -> None:
    text = "".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    bounds = zip([0, *cuts], [*cuts, len(text)], strict=True)
    assert parse(*(text[start:end] for start, end in bounds)) == parse(text)


@given(
    st.dictionaries(st.text(), st.text() | st.integers() | st.none()),
    st.text(alphabet="ab \n", max_size=9),
)
def test_any_arguments_come_back(arguments: dict[str, Any], around: str) -> None:
    written = json.dumps({"name": "f", "arguments": arguments}, ensure_ascii=False)
    parts = parse(*f"{around}<tool_call>\n{written}\n</tool_call>{around}")
    (call,) = [part for part in parts if not isinstance(part, str)]
    assert json.loads(call.arguments) == arguments
    assert "".join(part for part in parts if isinstance(part, str)) == around * 2

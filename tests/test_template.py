r"""`{{expr}}` is replaced by its value; whatever is somebody else's syntax stays as it is."""

import datetime as dt
import decimal
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.errors import HermesError, TemplateError
from hermes_magic.prompt.template import notices, render
from tests.hostile import HOSTILE


class Box:
    width = 7

    def half(self, by: int = 2) -> float:
        return self.width / by

    def __str__(self) -> str:
        return "a box"


def names() -> dict[str, Any]:
    return {
        "n": 5,
        "mean": 3.14159,
        "name": "Ada",
        "box": Box(),
        "table": {"a": {"b": [1, 2]}},
        "left": {1},
        "right": {2},
        "day": dt.date(2026, 11, 22),
        "price": decimal.Decimal("0.10"),
        "big": 1234567,
        "sly": "{{name}} {name} \\{{n}}",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{n}}", "5"),
        ("{{ n }}", "5"),
        ("a{{n}}b{{name}}c", "a5bAdac"),
        ("{{n}}{{n}}", "55"),
        ("{{mean:.2f}}", "3.14"),
        ("{{ mean:.2f }}", "3.14"),
        ("{{mean!r}}", "3.14159"),
        ("{{name!r:>8}}", "   'Ada'"),
        ("{{name:|^9}}", "|||Ada|||"),
        ("{{big:,}}", "1,234,567"),
        ("{{n:03d}}", "005"),
        ("{{n/8:.1%}}", "62.5%"),
        ("{{day:%d %B %Y}}", "22 November 2026"),
        ("{{day}}", "2026-11-22"),
        ("{{price}}", "0.10"),
        ("{{box}}", "a box"),
        ("{{box.width}}", "7"),
        ("{{box.half(by=7)}}", "1.0"),
        ("{{table['a']['b'][1:]}}", "[2]"),
        ('{{ {"a": 1}["a"] }}', "1"),
        ('{{ {"}}": n}["}}"] }}', "5"),
        ("{{'}}' + name}}", "}}Ada"),
        ("{{'''it's''' + name}}", "it'sAda"),
        ("{{[i for i in range(n) if i != 3]}}", "[0, 1, 2, 4]"),
        ("{{sum(x for x in range(n))}}", "10"),
        ("{{(lambda x: x + n)(1)}}", "6"),
        ("{{n if n != 3 else 0}}", "5"),
        ("{{(left | right)}}", "{1, 2}"),
        ("{{max(left | right)}}", "2"),
        ("{{(n, n)}}", "(5, 5)"),
        ("{{1 + 1}}", "2"),
        ("{{table[\n  'a'\n]}}", "{'b': [1, 2]}"),
        ("{{n\n + 1}}", "6"),
        ("${{n}} to ${{n + 1}}", "$5 to $6"),
        ("costs $5 and {{n}} is $6", "costs $5 and 5 is $6"),
        ("file_{{n}}.csv", "file_5.csv"),
        ('{"n": {{n}}}', '{"n": 5}'),
        (
            "'{{name}}' \"{{name}}\" ({{name}}) [{{name}}] **{{name}}**",
            "'Ada' \"Ada\" (Ada) [Ada] **Ada**",
        ),
        ("`code` {{n}} `code`", "`code` 5 `code`"),
        ("```\n{{n}}\n```\n{{n}}", "```\n{{n}}\n```\n5"),
        ("$x$ {{n}} $y$", "$x$ 5 $y$"),
        ("it's {{n}} o`clock", "it's 5 o`clock"),
        (r"\{{n}}", "{{n}}"),
        (r"\{{undefined}}", "{{undefined}}"),
        (r"\\{{n}}", r"\\5"),
        (r"\{{no python here}}", r"\{{no python here}}"),
        (r"`\{{n}}`", r"`\{{n}}`"),
        ("{{ {n} }}", "{5}"),
        ("{{(a := n)}}", "5"),
    ],
)
def test_an_expression_gives_its_value(text: str, expected: str) -> None:
    assert render(text, names()) == expected


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_somebody_else_s_syntax_stays_byte_for_byte(text: str) -> None:
    assert render(text, {}) == text


def test_there_are_two_hundred_hostile_prompts() -> None:
    assert len(set(HOSTILE)) >= 200


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_in_a_code_block_nothing_is_replaced(text: str) -> None:
    block = f"Explain:\n~~~~~~text\n{text}\n~~~~~~\n"
    assert render(f"{block}{{{{n}}}}", {**names(), "x": 1, "user": "me"}) == f"{block}5"


def test_a_cell_of_all_hostile_prompts_is_sent_byte_for_byte() -> None:
    text = "\n\n".join(HOSTILE)
    assert render(text, {}) == text


@pytest.mark.parametrize(
    "unit", ["{{", "}}", "{", "{{(", "{{'", '{{"', "`", "$", "\\[", "word ", "{ {"]
)
def test_a_megabyte_is_sent_byte_for_byte(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    assert render(text, names()) == text


def test_a_substituted_value_is_text() -> None:
    assert render("{{sly}}", names()) == names()["sly"]
    assert render("{{sly}}{{n}}", names()) == names()["sly"] + "5"


def test_an_expression_is_evaluated_once() -> None:
    calls: list[int] = []
    assert render("{{count()}} {{n}}", {"count": lambda: calls.append(1), "n": 2}) == "None 2"
    assert calls == [1]


@pytest.mark.parametrize(
    ("text", "expression", "reason"),
    [
        ("{{nope}}", "nope", "name 'nope' is not defined"),
        ("{{ nope }}", "nope", "name 'nope' is not defined"),
        ("{{nope.x:.2f}}", "nope.x", "not defined"),
        ("{{n / 0}}", "n / 0", "ZeroDivisionError"),
        ("{{n.missing}}", "n.missing", "AttributeError"),
        ("{{table['z']}}", "table['z']", "KeyError"),
        ("{{name:.2f}}", "name", "Unknown format code 'f'"),
        ("{{name:d}}", "name", "Unknown format code 'd'"),
        ("{{open('/nonexistent')}}", "open('/nonexistent')", "FileNotFoundError"),
    ],
)
def test_a_failing_expression_is_one_typed_line(text: str, expression: str, reason: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(f"Well: {text}", names())
    assert isinstance(caught.value, HermesError)
    assert caught.value.expression == expression
    assert reason in caught.value.message
    assert "\n" not in str(caught.value)
    assert "--no-vars" in caught.value.hint


def test_a_near_miss_is_named() -> None:
    with pytest.raises(TemplateError, match="Did you mean mean"):
        render("{{maen}}", names())


def test_an_error_of_many_lines_is_one() -> None:
    def fail() -> None:
        raise ValueError("one\ntwo\n" + "x" * 1000)

    with pytest.raises(TemplateError) as caught:
        render("{{fail()}}", {"fail": fail})
    assert "one two" in caught.value.message
    assert len(caught.value.message) < 400


def test_an_interrupt_in_an_expression_is_an_interrupt() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render("{{stop()}}", {"stop": stop})


def test_text_that_python_would_warn_about_warns_no_one() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert render(r"{{name + '\d'}} {{n is 5}}", names()) == r"Ada\d True"


def test_braces_left_alone_that_begin_with_a_variable_are_mentioned() -> None:
    text = "`{{n}}` and {{name.upper(}} and {{unknown}} and `{{len}}`"
    (line,) = notices(text, names())
    assert "{{n}}" in line
    assert "{{name.upper(}}" in line
    assert "unknown" not in line
    assert "len" not in line


def test_a_notice_is_short_however_many_there_are() -> None:
    (line,) = notices("`{{n}}` " * 100, names())
    assert "and 97 more" in line
    assert len(line) < 200


def test_replaced_braces_are_not_mentioned() -> None:
    assert notices("{{n}} {{ name }} {{mean:.2f}} {x}", names()) == []


@given(st.text(alphabet="{}n'\"`$\\ ():.,|!%#\n", max_size=40))
def test_any_text_is_rendered_or_refused(text: str) -> None:
    try:
        rendered = render(text, {"n": 1})
    except TemplateError:
        return
    if "{{" not in text:
        assert rendered == text
    notices(text, {"n": 1})


@given(st.text(), st.text(alphabet="ab \n.,;", max_size=20))
def test_any_value_arrives_whole(value: str, around: str) -> None:
    assert render(f"{around}{{{{value}}}}{around}", {"value": value}) == around + value + around


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_double_braces_is_sent_as_it_is(text: str) -> None:
    assert render(text, names()) == text

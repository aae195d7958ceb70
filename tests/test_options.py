"""The magic line: every option of the table, quoting as in a shell, and one-line errors."""

import dataclasses
import shlex
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.errors import OptionError
from hermes_magic.options import (
    FLAGS,
    HERMES_4_405B,
    SHORT_NAMES,
    TABLE,
    Options,
    Row,
    check,
    help_text,
    nearest,
    parse,
)

SAMPLES: dict[str, tuple[str, Any]] = {
    "each": ("df", "df"),
    "at_once": ("64", 64),
    "model": ("70b", "nousresearch/hermes-4-70b"),
    "system": ("'be brief'", "be brief"),
    "thoughts": ("open", "open"),
    "temperature": ("1.5", 1.5),
    "top_p": ("0.5", 0.5),
    "top_k": ("7", 7),
    "max_tokens": ("99", 99),
    "retries": ("0", 0),
    "out": ("answer", "answer"),
    "tape": ("lesson.json", "lesson.json"),
    "server": ("vllm", "vllm"),
    "seed": ("7", 7),
    "stop": ("END", ("END",)),
    "repetition_penalty": ("1.1", 1.1),
    "frequency_penalty": ("-0.5", -0.5),
    "presence_penalty": ("0.5", 0.5),
    "provider": ("Nebius,Chutes", ("Nebius", "Chutes")),
    "fallback": ("70b,x/y", ("nousresearch/hermes-4-70b", "x/y")),
    "max_price": ("1,3.5", (Decimal(1), Decimal("3.5"))),
    "max_cost": ("0.05", Decimal("0.05")),
    "timeout": ("2.5", 2.5),
    "param": ("min_p=0.05", (("min_p", 0.05),)),
    "attached": ("df,notes.txt", ("df", "notes.txt")),
    "context": ("4,096", 4096),
    "schema": ("list[City]", "list[City]"),
    "with_tokens": ("500", 500),
    "tools": ("weather,convert", ("weather", "convert")),
    "max_steps": ("3", 3),
}
VALUED = [row for row in TABLE if row.spec.convert is not None and row.spec.alone is None]
SWITCHES = [row for row in TABLE if row.spec.convert is None]


def spelled(rows: list[Row]) -> list[tuple[str, str]]:
    return [(row.name, flag) for row in rows for flag in row.spec.flags]


def refusal(line: str) -> OptionError:
    with pytest.raises(OptionError) as caught:
        parse(line)
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_defaults_are_those_of_the_model_card() -> None:
    options, rest = parse("")
    assert rest == ""
    assert options == Options()
    assert (options.temperature, options.top_p, options.top_k) == (0.6, 0.95, 20)
    assert (options.model, options.think) == ("nousresearch/hermes-4-405b", True)
    assert options.max_tokens > 0


def test_the_issue_s_options_are_there() -> None:
    wanted = "-m --model --think --no-think -s --system -t --temperature --top-p --top-k"
    wanted += " --max-tokens -o --out -h --help"
    assert set(wanted.split()) <= set(FLAGS)


@pytest.mark.parametrize(("name", "flag"), spelled(VALUED))
@pytest.mark.parametrize("joint", [" ", "="])
def test_each_row_takes_its_value(name: str, flag: str, joint: str) -> None:
    word, value = SAMPLES[name]
    options, rest = parse(f"{flag}{joint}{word} and the rest")
    assert options == dataclasses.replace(Options(), **{name: value})
    assert rest == "and the rest"


@pytest.mark.parametrize(("name", "flag"), spelled(VALUED))
@pytest.mark.parametrize("ending", ["", " ", " --think", " -t 1", " --top-p=1"])
def test_each_row_misses_its_value(name: str, flag: str, ending: str) -> None:
    error = refusal(flag + ending)
    assert error.message.startswith(f"{flag} needs a value: ")
    assert next(row for row in TABLE if row.name == name).spec.metavar in error.message


@pytest.mark.parametrize(("name", "flag"), spelled(SWITCHES))
def test_each_switch_switches_on_and_takes_no_value(name: str, flag: str) -> None:
    options, rest = parse(f"{flag} rest", {name: False})
    assert getattr(options, name) is True
    assert rest == "rest"
    assert refusal(f"{flag}=1").message == f"{flag} takes no value."


def test_a_switch_is_negated() -> None:
    assert parse("--no-think")[0].think is False
    assert refusal("--no-think=1").message == "--no-think takes no value."
    assert "--no-help" not in FLAGS


def test_the_last_one_wins() -> None:
    assert parse("-t 1 --think --temperature=0 --no-think")[0] == Options(
        temperature=0, think=False
    )


def test_given_defaults_hold_until_the_line_says_otherwise() -> None:
    defaults = {"temperature": 0.1, "top_k": 3}
    assert parse("--top-k 4", defaults)[0] == Options(temperature=0.1, top_k=4)
    assert defaults == {"temperature": 0.1, "top_k": 3}


@pytest.mark.parametrize(("short", "slug"), SHORT_NAMES.items())
def test_a_short_name_is_a_slug(short: str, slug: str) -> None:
    assert parse(f"-m {short.upper()}")[0].model == slug


@pytest.mark.parametrize("slug", [HERMES_4_405B, HERMES_4_405B + ":nitro", "x/y", "Hermes-4-405B"])
def test_any_other_model_is_sent_as_written(slug: str) -> None:
    assert parse(f"--model {slug}")[0].model == slug


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("""-s 'two words'""", "two words"),
        ('''-s "it's"''', "it's"),
        (r"""-s "say \"hi\"" """, 'say "hi"'),
        (r"-s two\ words", "two words"),
        ("""-s one' and 'the" same" """, "one and the same"),
        ("""--system="a=b" """, "a=b"),
        ("""'--system=quoted as a whole'""", None),
        ("-s ''", ""),
        ("-s '--think'", "--think"),
        ("-s '$HOME {1+1} #x'", "$HOME {1+1} #x"),
        ("-s naïve\u3000text", "naïve"),
    ],
)
def test_words_are_quoted_as_in_a_shell(line: str, value: str | None) -> None:
    options, rest = parse(line)
    assert options.system == (value or "")
    assert (rest == line.strip()) is (value is None)


def test_what_follows_the_options_stays_as_typed() -> None:
    question = """What's   the "cost" of $x, {y} and -t 3?  """
    assert parse(f"-t 1   {question}") == (Options(temperature=1), question.rstrip())


@pytest.mark.parametrize(
    ("line", "rest"), [("-- -1 or 1?", "-1 or 1?"), ("-t 1 --", ""), ("-", "-"), ("--  ", "")]
)
def test_a_double_dash_ends_the_options(line: str, rest: str) -> None:
    assert parse(line)[1] == rest


@pytest.mark.parametrize("line", ["-s 'open", '-s "open', "-s open\\", '-s "open\\"'])
def test_an_open_quote_is_named(line: str) -> None:
    assert refusal(line).message.startswith("A quote is not closed in: ")


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("--tempreature", "--temperature"),
        ("--temp", "--temperature"),
        ("-T", "-t"),
        ("--no_think", "--no-think"),
        ("--thinking", "--think"),
        ("--maxtokens", "--max-tokens"),
        ("--max_tokens", "--max-tokens"),
        ("--top_p", "--top-p"),
        ("--mode", "--model"),
        ("--Help", "--help"),
    ],
)
def test_an_unknown_option_is_answered_with_the_nearest(typo: str, meant: str) -> None:
    error = refusal(f"{typo}=3")
    assert error.message == f"Unknown option {typo}: did you mean {meant}?"
    assert "--" in error.hint
    assert nearest(typo, FLAGS) == meant


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if len(flag) > 3])
def test_nothing_is_abbreviated(flag: str) -> None:
    assert refusal(flag[:-1] + " 1").message.startswith("Unknown option")


@pytest.mark.parametrize("line", ["-t0.5", "-mo x", "-th"])
def test_short_options_are_not_joined(line: str) -> None:
    assert refusal(line).message.startswith("Unknown option")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-t hot", "-t takes a number from 0 to 2, not 'hot'."),
        ("-t -1", "a number from 0 to 2, not '-1'"),
        ("-t 2.1", "a number from 0 to 2"),
        ("-t nan", "a number from 0 to 2"),
        ("-t inf", "a number from 0 to 2"),
        ("--top-p 0", "--top-p takes a number above 0 up to 1, not '0'."),
        ("--top-p 1.01", "a number above 0 up to 1"),
        ("--top-k -1", "a whole number, 0 or more"),
        ("--top-k 1.5", "a whole number, 0 or more"),
        ("--max-tokens 0", "--max-tokens takes a whole number, 1 or more, not '0'."),
        ("--max-tokens=", "not ''"),
        ("--max-tokens ²", "a whole number, 1 or more"),
        ("-o 2x", "-o takes a name that a variable can have, not '2x'."),
        ("-o a.b", "a name that a variable can have"),
        ("-o class", "a name that a variable can have"),
        ("-m ''", "-m takes a model's slug such as"),
        ("-m 'a b'", "-m takes a model's slug such as"),
    ],
)
def test_a_wrong_value_is_told_with_what_was_expected(line: str, expected: str) -> None:
    assert expected in refusal(line).message


def test_a_long_wrong_value_is_shortened() -> None:
    assert len(refusal("-t " + "x" * 5000).message) < 120


@pytest.mark.parametrize("word", ["8192", "8_192", "8,192"])
def test_thousands_may_be_separated(word: str) -> None:
    assert parse(f"--max-tokens {word}")[0].max_tokens == 8192


@pytest.mark.parametrize(
    ("name", "value", "checked"),
    [
        ("temperature", 1, 1.0),
        ("top_k", 5, 5),
        ("model", "405b", HERMES_4_405B),
        ("think", False, False),
    ],
)
def test_a_default_is_checked_as_the_line_is(name: str, value: object, checked: Any) -> None:
    assert check(name, value) == checked


def test_a_wrong_default_is_refused() -> None:
    with pytest.raises(OptionError, match="temperature takes a number from 0 to 2, not '3'"):
        check("temperature", 3)
    with pytest.raises(OptionError, match="think takes True or False, not 'no'"):
        check("think", "no")


def test_the_help_names_every_flag_and_default() -> None:
    page = help_text()
    for flag, (row, _) in FLAGS.items():
        assert flag in page
        assert row.spec.help.split()[0] in page
    for default in ("0.6", "0.95", "20", HERMES_4_405B, "on"):
        assert f"(default: {default})" in " ".join(page.split())


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(WORDS)
def test_any_text_comes_through_quoted(word: str) -> None:
    quoted = "'" + word.replace("'", "'\\''") + "'"
    assert shlex.split(quoted) == [word]
    assert parse(f"-s {quoted} --no-think")[0] == Options(system=word, think=False)


@given(WORDS)
def test_any_line_is_parsed_or_refused_on_one_line(line: str) -> None:
    shown = ""
    try:
        options, rest = parse(line)
    except OptionError as error:
        shown = str(error)
    else:
        assert rest in line
        assert rest == line.strip() or options != Options() or line.strip().startswith("-")
    assert "\n" not in shown


@pytest.mark.parametrize(
    ("line", "bare", "chat", "rest"),
    [
        ("--chat", True, "main", ""),
        ("--chat why?", False, "main", "why?"),
        ("--chat=plan why?", False, "plan", "why?"),
        ("--chat plan", True, "plan", ""),
        ("--chat --new", True, "main", ""),
        ("--chat -t 1", True, "main", ""),
        ("--chat plan --new", True, "plan", ""),
    ],
)
def test_a_chat_s_name_may_be_left_out(line: str, bare: bool, chat: str, rest: str) -> None:  # noqa: FBT001
    options, behind = parse(line, bare=bare)
    assert (options.chat, behind) == (chat, rest)


def test_a_chat_s_name_is_checked() -> None:
    assert refusal("--chat=").message == "--chat takes a name of letters, digits and ._-, not ''."

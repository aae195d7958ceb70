"""The magic line's grammar: one table drives parser, help text and defaults.

The table is the dataclass `Options`: each field holds its flags, its check and its help, so a new
option is one new field. Words are quoted as in a shell; nothing is abbreviated or guessed.
"""

from __future__ import annotations

import dataclasses
import difflib
import keyword
import re
import shlex
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hermes_magic.errors import OptionError

HERMES_4_405B = "nousresearch/hermes-4-405b"
SHORT_NAMES: Mapping[str, str] = {
    "405b": HERMES_4_405B,
    "70b": "nousresearch/hermes-4-70b",
    "3-405b": "nousresearch/hermes-3-llama-3.1-405b",
    "3-70b": "nousresearch/hermes-3-llama-3.1-70b",
}

Thoughts = Literal["open", "folded", "hidden"]
"""How a thought is shown: unfolded, folded behind its heading, or not at all."""

Convert = Callable[[str], Any]
"""Turn a word into a value; raise ValueError with what was expected."""


@dataclass(frozen=True, slots=True)
class Spec:
    """How one option is written: flags as in ("-t", "--temperature"), check and help."""

    flags: tuple[str, ...]
    convert: Convert | None
    metavar: str
    help: str
    trait: bool


def _option(
    *flags: str,
    default: Any,
    convert: Convert | None,
    metavar: str = "",
    help: str,  # noqa: A002 - the column of the table
    trait: bool,
) -> Any:
    spec = Spec(flags, convert, metavar, help, trait)
    return dataclasses.field(default=default, metadata={"spec": spec})


def text(word: str) -> str:
    """Take any word."""
    return word


def model_slug(word: str) -> str:
    """Take a model's slug, or one of the short names."""
    if not word or any(char.isspace() for char in word):
        raise ValueError("a model's slug such as " + HERMES_4_405B)
    return SHORT_NAMES.get(word.lower(), word)


def variable_name(word: str) -> str:
    """Take the name of a variable."""
    if not word.isidentifier() or keyword.iskeyword(word):
        raise ValueError("a name that a variable can have")
    return word


def number(low: float, high: float, *, above: bool = False) -> Convert:
    """Take a number from low (not included if above) to high."""
    expected = (
        f"a number {'above' if above else 'from'} {low:g} {'up ' if above else ''}to {high:g}"
    )

    def convert(word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            raise ValueError(expected) from None
        if not low <= value <= high or (above and value == low):
            raise ValueError(expected)
        return value

    return convert


def whole(low: int) -> Convert:
    """Take a whole number, at least low."""
    expected = f"a whole number, {low} or more"

    def convert(word: str) -> int:
        digits = word.replace("_", "").replace(",", "")
        if not digits.isascii() or not digits.isdigit() or int(digits) < low:
            raise ValueError(expected)
        return int(digits)

    return convert


def one_of(*words: str) -> Convert:
    """Take one of these words."""
    expected = f"{', '.join(words[:-1])} or {words[-1]}"

    def convert(word: str) -> str:
        if word not in words:
            raise ValueError(expected)
        return word

    return convert


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One cell's options, the defaults filled in.

    Sampling defaults are those of the Hermes 4 model card. `max_tokens` is always sent: without
    it OpenRouter reserves the model's maximum, and the balance must cover that.
    """

    model: str = _option(
        "-m",
        "--model",
        default=HERMES_4_405B,
        convert=model_slug,
        metavar="MODEL",
        help="the model's slug, or a short name: " + ", ".join(SHORT_NAMES),
        trait=True,
    )
    think: bool = _option(
        "--think",
        default=True,
        convert=None,
        help="let Hermes think before it answers",
        trait=True,
    )
    thoughts: Literal["open", "folded", "hidden"] = _option(
        "--thoughts",
        default="folded",
        convert=one_of("open", "folded", "hidden"),
        metavar="HOW",
        help="how its thought is shown: open, folded (open while it streams) or hidden",
        trait=True,
    )
    system: str = _option(
        "-s",
        "--system",
        default="",
        convert=text,
        metavar="TEXT",
        help="a system prompt",
        trait=True,
    )
    temperature: float = _option(
        "-t",
        "--temperature",
        default=0.6,
        convert=number(0, 2),
        metavar="X",
        help="how freely to choose words, 0 to 2",
        trait=True,
    )
    top_p: float = _option(
        "--top-p",
        default=0.95,
        convert=number(0, 1, above=True),
        metavar="X",
        help="choose among the likeliest tokens that make up this share, above 0 up to 1",
        trait=True,
    )
    top_k: int = _option(
        "--top-k",
        default=20,
        convert=whole(0),
        metavar="N",
        help="choose among this many of the likeliest tokens; 0 for all",
        trait=True,
    )
    max_tokens: int = _option(
        "--max-tokens",
        default=8192,
        convert=whole(1),
        metavar="N",
        help="the longest that thought and answer together may be, in tokens",
        trait=True,
    )
    retries: int = _option(
        "--retries",
        default=2,
        convert=whole(0),
        metavar="N",
        help="how often to ask again when no answer has begun: 429, 5xx, no connection",
        trait=True,
    )
    out: str = _option(
        "-o",
        "--out",
        default="",
        convert=variable_name,
        metavar="NAME",
        help="keep the Reply in this variable",
        trait=False,
    )
    help: bool = _option(
        "-h",
        "--help",
        default=False,
        convert=None,
        help="show this help and send nothing",
        trait=False,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: the field's name, its default and how it is written."""

    name: str
    default: Any
    spec: Spec


TABLE: tuple[Row, ...] = tuple(
    Row(field.name, field.default, field.metadata["spec"]) for field in dataclasses.fields(Options)
)


def _flags() -> Mapping[str, tuple[Row, bool | None]]:
    flags: dict[str, tuple[Row, bool | None]] = {}
    for row in TABLE:
        switch = row.spec.convert is None
        flags.update(dict.fromkeys(row.spec.flags, (row, True if switch else None)))
        if switch and row.spec.trait:
            flags[_negated(row)] = (row, False)
    return flags


def _negated(row: Row) -> str:
    return "--no-" + row.name.replace("_", "-")


FLAGS = _flags()
_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+(?=\s|$)""", re.DOTALL)


class _Line:
    """Read a magic line word by word; what is not an option stays as it was typed."""

    def __init__(self, line: str) -> None:
        self.rest = line.strip()

    def at_option(self) -> bool:
        return self.rest.startswith("-") and self.rest != "-"

    def word(self) -> str:
        match = _WORD.match(self.rest)
        if match is None:
            raise OptionError(f"A quote is not closed in: {self.rest[:60]}")
        self.rest = self.rest[match.end() :].lstrip()
        return shlex.split(match.group())[0]


def parse(line: str, defaults: Mapping[str, Any] | None = None) -> tuple[Options, str]:
    """Split a magic line into its options and the text behind them, which stays as typed.

    Args:
        line: what stands behind `%%hermes` or `%hermes`.
        defaults: values for options that the line does not give, by field name.

    Raises:
        OptionError: an option is unknown, lacks its value or has a wrong one.
    """
    values = dict(defaults or {})
    rest = _Line(line)
    while rest.at_option():
        flag, equals, attached = rest.word().partition("=")
        if flag == "--" and not equals:
            break
        row, constant = _lookup(flag)
        if constant is None:
            values[row.name] = _value(
                row, flag, attached if equals else _following(rest, flag, row)
            )
        elif equals:
            raise OptionError(f"{flag} takes no value.")
        else:
            values[row.name] = constant
    return Options(**values), rest.rest


def check(name: str, value: object) -> Any:
    """Check a default as the magic line would; give the converted value.

    Raises:
        OptionError: the value is not one that the option takes.
    """
    row = next(row for row in TABLE if row.name == name)
    if row.spec.convert is not None:
        return _value(row, name, str(value))
    if not isinstance(value, bool):
        raise OptionError(f"{name} takes True or False, not {value!r}.")
    return value


def _lookup(flag: str) -> tuple[Row, bool | None]:
    try:
        return FLAGS[flag]
    except KeyError:
        raise OptionError(
            f"Unknown option {flag}: did you mean {nearest(flag, FLAGS)}?",
            hint="%hermes -h lists them all; a question that starts with a dash goes after --",
        ) from None


def nearest(word: str, known: Mapping[str, Any]) -> str:
    """Give the known word that looks most like this one."""
    word = word.lower()

    def likeness(one: str) -> tuple[bool, float]:
        return one.startswith(word), difflib.SequenceMatcher(None, word, one).ratio()

    return max(known, key=likeness)


def _following(rest: _Line, flag: str, row: Row) -> str:
    if not rest.rest or rest.rest.split(maxsplit=1)[0].partition("=")[0] in FLAGS:
        raise OptionError(f"{flag} needs a value: {flag} {row.spec.metavar} ({row.spec.help}).")
    return rest.word()


def _value(row: Row, flag: str, word: str) -> Any:
    assert row.spec.convert is not None  # noqa: S101 - callers have looked
    try:
        return row.spec.convert(word)
    except ValueError as error:
        raise OptionError(f"{flag} takes {error}, not {word[:40]!r}.") from None


def help_text() -> str:
    """Give the help page: usage, each option with its default, commands and examples."""
    rows = [_help_row(row) for row in TABLE]
    return _HELP.format(options="\n".join(rows))


def _help_row(row: Row) -> str:
    flags = [*row.spec.flags, *([_negated(row)] if _negated(row) in FLAGS else [])]
    left = ", ".join(flags) + (f" {row.spec.metavar}" if row.spec.metavar else "")
    shown = {True: "on", False: "", "": ""}.get(row.default, row.default)
    right = row.spec.help + (f" (default: {shown})" if shown != "" else "")
    wrapped = textwrap.wrap(right, 60)
    lines = [f"  {left:<28}{wrapped[0]}", *(" " * 30 + part for part in wrapped[1:])]
    return "\n".join(lines)


_HELP = """\
Ask Nous Hermes 4 405B; the answer streams into the notebook with its thought and its cost.

  %%hermes [options]          the question is the cell's text
  %hermes [options] question  the question stands on the line

Options
{options}

Commands
  %hermes                     where you are: server, model, key
  %hermes offline             use the built-in demo server: no key, no network, nothing billed
  %hermes online              back to the real server

After the cell, `_` and the -o name hold a Reply: .text .thinking .cost .usage .model .provider
.finish_reason .id; str(reply) is the text. Defaults: %config HermesMagics.temperature = 0.2
"""

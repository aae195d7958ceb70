"""Words of the magic line become values; a wrong one is told with what was expected."""

from __future__ import annotations

import json
import keyword
import re
import shlex
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

HERMES_4_405B = "nousresearch/hermes-4-405b"
SHORT_NAMES: Mapping[str, str] = {
    "405b": HERMES_4_405B,
    "70b": "nousresearch/hermes-4-70b",
    "3-405b": "nousresearch/hermes-3-llama-3.1-405b",
    "3-70b": "nousresearch/hermes-3-llama-3.1-70b",
}

Convert = Callable[[str], Any]
"""Turn a word into a value; raise ValueError with what was expected."""

_LISTED = re.compile(r"""(?:[^,'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")*""", re.DOTALL)
_NAME = re.compile(r"[\w.-]+")
_KEY = re.compile(r"[A-Za-z_]\w*")
_SCHEMA = re.compile(r"\w+|(?:list)?\[\w+\]")
_MOST_USD = 100_000
_OURS = frozenset({"messages", "model", "stream"})


class Word(str):
    """A word of the magic line, without its quotes.

    Attributes:
        parts: what stands between the commas that were not quoted.
    """

    __slots__ = ("parts",)
    parts: tuple[str, ...]

    @classmethod
    def read(cls, typed: str) -> Word:
        """Take a word as it was typed, with its quotes."""
        word = cls(_unquoted(typed))
        parts, place = [], 0
        while (part := _LISTED.match(typed, place)) is not None:
            parts.append(_unquoted(part[0]))
            if part.end() == len(typed):
                break
            place = part.end() + 1
        word.parts = tuple(parts)
        return word


def text(word: str) -> str:
    """Take any word."""
    return word


def model_slug(word: str) -> str:
    """Take a model's slug, or one of the short names."""
    if not word or any(char.isspace() for char in word):
        raise ValueError("a model's slug such as " + HERMES_4_405B)
    return SHORT_NAMES.get(word.lower(), word)


def model_slugs(word: str) -> tuple[str, ...]:
    """Take models, with commas between them."""
    return tuple(model_slug(one.strip()) for one in word.split(","))


def provider_names(word: str) -> tuple[str, ...]:
    """Take names of providers, with commas between them."""
    names = tuple(one.strip() for one in word.split(","))
    if not all(names):
        raise ValueError("names of providers, such as Nebius or Nebius,Chutes")
    return names


def server_name(word: str) -> str:
    """Take a server's name."""
    if not _NAME.fullmatch(word):
        raise ValueError("a server's name, see %hermes servers")
    return word


def variable_name(word: str) -> str:
    """Take the name of a variable."""
    if not word.isidentifier() or keyword.iskeyword(word):
        raise ValueError("a name that a variable can have")
    return word


def things(word: str) -> tuple[str, ...]:
    """Take names of variables or files, with commas between them; a quoted comma is a name's."""
    parts = word.parts if isinstance(word, Word) else tuple(word.split(","))
    names = tuple(part.strip() for part in parts)
    if not all(names):
        raise ValueError("names of variables or files, such as df or df,notes.txt")
    return names


def functions(word: str) -> tuple[str, ...]:
    """Take names of functions, with commas between them."""
    names = tuple(one.strip() for one in word.split(","))
    if not all(name.isidentifier() for name in names):
        raise ValueError("names of functions, such as weather or weather,convert")
    return names


def chat_name(word: str) -> str:
    """Take a conversation's name."""
    if not _NAME.fullmatch(word):
        raise ValueError("a name of letters, digits and ._-")
    return word


def schema(word: str) -> str:
    """Take the name of a variable, or of one in a list."""
    if not _SCHEMA.fullmatch(word):
        raise ValueError("a variable's name, or list[NAME]")
    return word


def stop_text(word: str) -> tuple[str, ...]:
    """Take a text that ends the answer."""
    if not word:
        raise ValueError("a text that ends the answer")
    return (word,)


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


def whole(low: int, high: int | None = None) -> Convert:
    """Take a whole number, at least low, and at most high if there is such a limit."""
    expected = f"a whole number, {low} or more" if high is None else f"{low} to {high}"

    def convert(word: str) -> int:
        digits = word.replace("_", "").replace(",", "")
        if not digits.isascii() or not digits.isdigit() or int(digits) < low:
            raise ValueError(expected)
        if high is not None and int(digits) > high:
            raise ValueError(expected)
        return int(digits)

    return convert


class OneOf:
    """Take one of these words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, word: str) -> str:
        """Take the word if it is one of them."""
        if word not in self.words:
            raise ValueError(f"{', '.join(self.words[:-1])} or {self.words[-1]}")
        return word


def usd(word: str) -> Decimal | None:
    """Take USD, or none for no limit."""
    expected = "USD such as 0.05, or none for no limit"
    if word.lower() == "none":
        return None
    try:
        amount = Decimal(word.removeprefix("$"))
    except InvalidOperation:
        raise ValueError(expected) from None
    if not amount.is_finite() or not 0 <= amount < _MOST_USD:
        raise ValueError(expected)
    return amount


def prices(word: str) -> tuple[Decimal, Decimal]:
    """Take USD per million tokens in and out, with a comma between them."""
    expected = "USD per million tokens in and out, such as 1,3"
    try:
        values = [Decimal(one.strip()) for one in word.split(",")]
    except InvalidOperation:
        raise ValueError(expected) from None
    if len(values) != len(("in", "out")) or not all(one.is_finite() and one >= 0 for one in values):
        raise ValueError(expected)
    return values[0], values[1]


def parameter(word: str) -> tuple[tuple[str, Any], ...]:
    """Take a field of the request body and its value in JSON, with `=` between them."""
    key, equals, value = word.partition("=")
    if key in _OURS:
        raise ValueError("any field but " + ", ".join(sorted(_OURS)))
    if not equals or not _KEY.fullmatch(key):
        raise ValueError("key=value with a JSON value, such as min_p=0.05")
    try:
        return ((key, json.loads(value, parse_constant=_no_number)),)
    except (ValueError, RecursionError):
        raise ValueError(
            "key=value with a JSON value (quote it as in a shell: 'user=\"me\"')"
        ) from None


def _unquoted(typed: str) -> str:
    return "".join(shlex.split(typed))


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)

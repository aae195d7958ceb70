"""The options as keywords of Python functions, and things in place of names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypedDict

from hermes_magic import options as grammar
from hermes_magic.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from hermes_magic.options import Thoughts

    Usd = Decimal | float | str


class OptionKeywords(TypedDict, total=False):
    """The options of the magic line, called and checked as there: see `%hermes -h`."""

    model: str
    server: str
    think: bool
    thoughts: Thoughts
    system: str
    with_tokens: int
    temperature: float
    top_p: float
    top_k: int
    max_tokens: int
    seed: int | None
    stop: str | Sequence[str]
    repetition_penalty: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    provider: str | Sequence[str]
    fallback: str | Sequence[str]
    max_price: tuple[Usd, Usd] | None
    zdr: bool
    data_collection: bool
    max_cost: Usd | None
    timeout: float | None
    param: Mapping[str, object]
    retries: int
    chat: str | bool
    new: bool
    context: int
    json: bool
    tape: str | os.PathLike[str]
    fresh: bool
    max_steps: int


class Keywords(OptionKeywords, total=False):
    """What `ask` takes behind the text.

    Attributes:
        with_: things to attach, described for the model, by name; or paths of text files.
        schema: what the answer must be: a class or other annotation, a JSON Schema, or a list of
            one of these; `Reply.data` is then that.
        tools: functions that the model may call; they run on the thread that asks.
        values: what `{{expressions}}` in the text are evaluated with; without it the text is
            sent byte for byte.
        show: whether the answer is shown while it comes.
    """

    with_: Mapping[str, object] | os.PathLike[str] | Iterable[str | os.PathLike[str]]
    schema: object
    tools: Iterable[Callable[..., object]]
    values: Mapping[str, object] | None
    show: bool


class MapKeywords(Keywords, total=False):
    """What `map` takes behind text and rows; `show` is on, and is its progress.

    Attributes:
        at_once: how many questions may be under way, up to 256.
        dedupe: whether equal questions are asked once.
        retry_failed: whether rows are asked again that ended in an error.
        cluster: a `dask.distributed.Client`, whose workers send the requests, each with the key
            that it has in its own environment.
    """

    at_once: int
    dedupe: bool
    retry_failed: bool
    cluster: object


OPTION_KEYWORDS: Final = frozenset(OptionKeywords.__annotations__)
KEYWORDS: Final = frozenset(Keywords.__annotations__)
MAP_KEYWORDS: Final = frozenset(MapKeywords.__annotations__)
_BATCH: Final = MAP_KEYWORDS - KEYWORDS - {"cluster"}
_MAP: Final = "It goes with hermes_magic.map(text, rows, …)."
ELSEWHERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "at_once": _MAP,
        "attached": "Say with_={name: thing}, or with_=[path].",
        "code": "The blocks of code are in `.code` of the reply.",
        "dedupe": _MAP,
        "dry_run": "Call hermes_magic.dry_run(text, …).",
        "each": "Call hermes_magic.map(text, rows, …).",
        "help": "help(hermes_magic.ask) has it.",
        "out": "ask gives the reply.",
        "retry_failed": _MAP,
        "vars": "Say values={name: value} to have {{expressions}} evaluated.",
    }
)
"""What stands in for an option that only a magic line can have."""


def given_options(
    keywords: Mapping[str, object], known: frozenset[str] = KEYWORDS
) -> dict[str, Any]:
    """Give the options among the keywords, checked as on the magic line.

    Args:
        keywords: what was given.
        known: the names that may be given.

    Raises:
        OptionError: a keyword is unknown, or an option does not take its value.
    """
    for name in keywords:
        if name not in known:
            raise _unknown(name, known)
    options = OPTION_KEYWORDS | _BATCH
    return {name: _value(name, keywords[name]) for name in keywords if name in options}


def attached_things(attached: object) -> dict[str, object]:
    """Give the things to attach by name; a path's name is the path.

    Raises:
        OptionError: a thing has no name.
    """
    if attached is None:
        return {}
    if isinstance(attached, Mapping):
        return {str(name): thing for name, thing in attached.items()}
    paths = [attached] if isinstance(attached, (str, os.PathLike)) else attached
    if not isinstance(paths, Iterable) or not hasattr(paths, "__len__"):
        raise _nameless(attached)
    return {os.fspath(path): Path(path).expanduser() for path in map(_path, paths)}


def _path(path: object) -> str | os.PathLike[str]:
    if isinstance(path, (str, os.PathLike)):
        return path
    raise _nameless(path)


def _nameless(thing: object) -> OptionError:
    kind = type(thing).__name__
    return OptionError(
        f"with_ takes {{name: thing}} or paths of text files, not a {kind} without a name.",
        hint='Say with_={"name": thing}.',
    )


def _value(name: str, value: object) -> Any:
    row = next(row for row in grammar.TABLE if row.name == name)
    if isinstance(value, bool) and row.spec.alone is not None:
        return row.spec.alone if value else row.default
    if type(value) is type(row.default) and value == row.default:
        return value
    return grammar.check(name, value)


def _unknown(name: str, known: frozenset[str]) -> OptionError:
    if name in ELSEWHERE:
        return OptionError(f"There is no keyword {name}.", hint=ELSEWHERE[name])
    near = grammar.nearest(name, dict.fromkeys(sorted(known)))
    return OptionError(f"There is no keyword {name}: did you mean {near}?")

"""JSON values as what an annotation says: what a model wrote becomes what a function takes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import inspect
import pathlib
import types
import typing
import uuid
from typing import Any, Literal, Union, cast

from hermes_magic.prompt.hints import DICTS, LISTS, fields, is_pydantic, unwrap

_TRUTH = types.MappingProxyType({"true": True, "false": False})


class ConversionError(ValueError):
    """A JSON value that is not what an annotation says; the message names its place."""


def convert(annotation: object, value: Any, place: str = "") -> Any:
    """Give a JSON value as its annotation says, reading "5" as 5 where a number is due.

    Raises:
        ConversionError: it is something else.
    """
    annotation, _ = unwrap(annotation)
    if annotation is Any or annotation is inspect.Parameter.empty:
        return value
    origin, args = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
    try:
        if origin is Literal:
            return _one_of(args, value)
        if origin in (Union, types.UnionType):
            return _any_of(args, value, place)
        if isinstance(origin, type):
            return _convert_class(origin, args, value, place)
    except ConversionError:
        raise
    except (TypeError, ValueError, KeyError, ArithmeticError) as error:
        where = f"{place}: " if place else ""
        name = getattr(origin, "__name__", str(origin))
        raise ConversionError(f"{where}{value!r:.80} is no {name} ({error})") from error
    return value


def _convert_class(kind: type, args: tuple[Any, ...], value: Any, place: str) -> Any:
    if kind in DICTS:
        hint = args[1] if args else Any
        return {key: convert(hint, each, f"{place}.{key}") for key, each in _a(dict, value).items()}
    if kind in LISTS:
        return _convert_list(kind, args, _a(list, value), place)
    if is_pydantic(kind):
        return cast("Any", kind).model_validate(value)
    if dataclasses.is_dataclass(kind) or typing.is_typeddict(kind) or hasattr(kind, "_fields"):
        hints, _ = fields(kind)
        members = _a(dict, value).items()
        read = {key: convert(hints.get(key, Any), each, f"{place}.{key}") for key, each in members}
        return kind(**read)
    return _scalar(kind, value)


def _convert_list(kind: type, args: tuple[Any, ...], value: list[Any], place: str) -> Any:
    fixed = kind is tuple and args and args[-1] is not Ellipsis
    if fixed and len(args) != len(value):
        raise ValueError(f"{len(args)} items are due")
    hints = args if fixed else [args[0] if args else Any] * len(value)
    items = (
        convert(hint, each, f"{place}[{number}]")
        for number, (hint, each) in enumerate(zip(hints, value, strict=True))
    )
    return kind(items) if kind in (tuple, set, frozenset) else list(items)


def _scalar(kind: type, value: Any) -> Any:
    if kind is object or value.__class__ is kind:
        return value
    for family, read in _READERS:
        if issubclass(kind, family):
            return read(kind, value)
    return _a(kind, value)


def _truth(_: type, value: Any) -> bool:
    return _TRUTH[value.lower()] if isinstance(value, str) else _a(bool, value)


def _number(kind: Any, value: Any) -> Any:
    if isinstance(value, bool):
        raise TypeError("true and false are no numbers")
    if issubclass(kind, decimal.Decimal):
        return kind(str(value))
    number = kind(value)
    if isinstance(value, float) and number != value:
        raise ValueError("a whole number is due")
    return number


def _moment(kind: Any, value: Any) -> Any:
    return kind.fromisoformat(value)


def _string(_: type, value: Any) -> str:
    return str(value) if isinstance(value, (int, float)) else _a(str, value)


def _made(kind: Any, value: Any) -> Any:
    return kind(value)


_READERS: typing.Final[tuple[tuple[Any, Any], ...]] = (
    (enum.Enum, _made),
    (bool, _truth),
    ((int, float, decimal.Decimal), _number),
    ((dt.date, dt.time), _moment),
    (str, _string),
    ((pathlib.PurePath, uuid.UUID), _made),
)


def _one_of(choices: tuple[Any, ...], value: Any) -> Any:
    for choice in choices:
        if choice == value and type(choice) is type(value):
            return choice
    raise ValueError(f"one of {', '.join(map(repr, choices))} is due")


def _any_of(annotations: tuple[object, ...], value: Any, place: str) -> Any:
    exact = [hint for hint in annotations if hint is type(value)]
    reasons = []
    for annotation in (*exact, *annotations):
        try:
            return convert(annotation, value, place)
        except ValueError as error:  # ConversionError and pydantic's own
            reasons.append(str(error))
    raise ConversionError(reasons[0])


def _a(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"a {kind.__name__} is due")
    return value

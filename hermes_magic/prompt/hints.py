"""Type annotations as JSON Schema."""

from __future__ import annotations

import collections.abc
import contextlib
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

type_hints = typing.get_type_hints

_PLAIN: typing.Final[types.MappingProxyType[object, dict[str, Any]]] = types.MappingProxyType(
    {
        str: {"type": "string"},
        bool: {"type": "boolean"},
        int: {"type": "integer"},
        float: {"type": "number"},
        None: {"type": "null"},
        type(None): {"type": "null"},
        Any: {},
        object: {},
        inspect.Parameter.empty: {},
        decimal.Decimal: {"type": "number"},
        dt.datetime: {"type": "string", "format": "date-time"},
        dt.date: {"type": "string", "format": "date"},
        dt.time: {"type": "string", "format": "time"},
        uuid.UUID: {"type": "string", "format": "uuid"},
        pathlib.Path: {"type": "string"},
    }
)
LISTS = (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Iterable)
DICTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


class AnnotationError(TypeError):
    """An annotation that JSON has no words for."""


def json_schema(annotation: object) -> dict[str, Any]:
    """Give the JSON Schema of an annotation; the classes it names are in `$defs`.

    Raises:
        AnnotationError: there is no schema for it.
    """
    writer = _Writer()
    schema = writer.write(annotation)
    if set(schema) == {"$ref"} and not writer.is_recursive(schema["$ref"]):
        schema = writer.defs.pop(schema["$ref"].rpartition("/")[2])
    return {**schema, "$defs": writer.defs} if writer.defs else schema


class _Writer:
    """Write schemas; each named class once, so that it may hold itself."""

    def __init__(self) -> None:
        self.defs: dict[str, dict[str, Any]] = {}
        self._names: dict[type, str] = {}

    def write(self, annotation: object) -> dict[str, Any]:
        annotation, described = unwrap(annotation)
        return {**self._bare(annotation), **described}

    def is_recursive(self, reference: str) -> bool:
        return repr(reference) in repr(self.defs)

    def _bare(self, annotation: object) -> dict[str, Any]:
        with contextlib.suppress(KeyError, TypeError):  # not plain, not hashable
            return dict(_PLAIN[annotation])
        origin, args = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
        if origin is Literal:
            return {"enum": list(args)}
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.write(arg) for arg in args]}
        if origin in DICTS:
            return {"type": "object", **self._values(args[1:])}
        if origin in LISTS:
            return self._list(cast("type", origin), args)
        if isinstance(origin, type):
            return self._class(origin)
        raise AnnotationError(f"{annotation!r} has no JSON Schema")

    def _values(self, args: tuple[object, ...]) -> dict[str, Any]:
        schema = self.write(args[0]) if args else {}
        return {"additionalProperties": schema} if schema else {}

    def _list(self, origin: type, args: tuple[object, ...]) -> dict[str, Any]:
        unique = {"uniqueItems": True} if origin in (set, frozenset) else {}
        if origin is tuple and args and args[-1] is not Ellipsis:
            items = [self.write(arg) for arg in args]
            size = {"minItems": len(args), "maxItems": len(args)}
            return {"type": "array", "prefixItems": items, **size}
        items_schema = self.write(args[0]) if args else {}
        return {"type": "array", **({"items": items_schema} if items_schema else {}), **unique}

    def _class(self, kind: type) -> dict[str, Any]:
        if issubclass(kind, enum.Enum):
            return {"enum": [member.value for member in kind]}
        if kind not in self._names:
            name = self._names[kind] = _unused(kind.__name__, self.defs)
            self.defs[name] = {}
            self.defs[name] = self._named(kind)
        return {"$ref": f"#/$defs/{self._names[kind]}"}

    def _named(self, kind: type) -> dict[str, Any]:
        if is_pydantic(kind):
            schema = cast("Any", kind).model_json_schema()
            self.defs.update(schema.pop("$defs", {}))
            return cast("dict[str, Any]", schema)
        described = {"description": doc} if (doc := _doc(kind)) else {}
        return {"title": kind.__name__, **described, **self.properties(*fields(kind))}

    def properties(self, hints: dict[str, object], required: list[str]) -> dict[str, Any]:
        written = {name: self.write(hint) for name, hint in hints.items()}
        closed = {"additionalProperties": False}
        return {"type": "object", "properties": written, "required": required, **closed}


def properties(hints: dict[str, object], required: list[str]) -> dict[str, Any]:
    """Give the schema of an object with such members, none else."""
    writer = _Writer()
    schema = writer.properties(hints, required)
    return {**schema, "$defs": writer.defs} if writer.defs else schema


def fields(kind: type) -> tuple[dict[str, object], list[str]]:
    """Give the hints of a dataclass, TypedDict or named tuple, and which it requires.

    Raises:
        AnnotationError: it is another kind of class, or a hint names what does not exist.
    """
    try:
        hints = type_hints(kind, include_extras=True)
    except NameError as error:
        raise AnnotationError(f"{kind.__name__}: {error}") from error
    if dataclasses.is_dataclass(kind):
        members = [field for field in dataclasses.fields(kind) if field.init]
        missing = dataclasses.MISSING
        required = [f.name for f in members if f.default is f.default_factory is missing]
        return {field.name: hints[field.name] for field in members}, required
    if typing.is_typeddict(kind):
        return hints, [name for name in hints if name in cast("Any", kind).__required_keys__]
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return hints, [name for name in hints if name not in cast("Any", kind)._field_defaults]
    raise AnnotationError(f"{kind.__name__} has no JSON Schema")


def unwrap(annotation: object) -> tuple[object, dict[str, str]]:
    """Take off Annotated, Required, NewType and the like; give a description if there is one."""
    described: dict[str, str] = {}
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            args = typing.get_args(annotation)
            for note in args[1:]:
                text = note if isinstance(note, str) else getattr(note, "description", None)
                described |= {"description": text} if isinstance(text, str) else {}
            annotation = args[0]
        elif origin in (typing.Required, typing.NotRequired, typing.Final, typing.ClassVar):
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__value__"):  # `type X = …` of Python 3.12
            annotation = annotation.__value__
        else:
            return annotation, described


def is_pydantic(kind: object) -> bool:
    """Tell a pydantic model, without importing pydantic."""
    return isinstance(kind, type) and hasattr(kind, "model_json_schema")


def _doc(kind: type) -> str:
    doc = inspect.cleandoc(kind.__doc__ or "")
    generated = doc.startswith(f"{kind.__name__}(")  # a dataclass's, a named tuple's
    return "" if generated or kind.__doc__ in (dict.__doc__, None) else doc


def _unused(name: str, taken: dict[str, Any]) -> str:
    number = 2
    unused = name
    while unused in taken:
        unused, number = f"{name}{number}", number + 1
    return unused

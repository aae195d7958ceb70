"""Structured answers: `--json` and `--schema`.

Hermes's host enforces no schema, so it is asked for in the words Hermes was trained on (model
card of Hermes 3, unchanged in 4), the answer is read out of fences and prose, checked here, and
asked for once more with what was wrong.
"""

from __future__ import annotations

import json
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hermes_magic.errors import OptionError, SchemaError
from hermes_magic.prompt import conversion, hints
from hermes_magic.reply.code import code_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SYSTEM = "You are a helpful assistant that answers in JSON."
_MUST = "Here's the json schema you must adhere to:\n<schema>\n{schema}\n</schema>"
_JSON_LANGUAGES = ("json", "jsonc", "json5", "")
_KEYWORDS = frozenset(
    {"$defs", "$ref", "$schema", "allOf", "anyOf", "const", "enum", "items", "oneOf", "properties"}
    | {"not", "prefixItems", "required", "title", "type"}
)
_ATTEMPTS = 500
_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Schema:
    """What the answer must be.

    Attributes:
        json: the JSON Schema; {} asks for any JSON.
        target: what is built from it: a class or annotation, or None for the data itself.
    """

    json: Mapping[str, Any]
    target: object = None

    @property
    def instruction(self) -> str:
        """The system prompt that asks for it, in the words Hermes was trained on."""
        if not self.json:
            return _SYSTEM
        schema = json.dumps(self.json, ensure_ascii=False)
        return f"{_SYSTEM} {_MUST.format(schema=schema)}"

    def parse(self, text: str) -> Any:
        """Give what an answer's text says: the first JSON in it that is valid, built.

        Raises:
            SchemaError: there is none; it keeps the text and says what is wrong.
            OptionError: jsonschema is not installed.
        """
        problems: list[str] = []
        found = False
        for value in candidates(text):
            found = True
            wrong = self.problems(value)
            if not wrong:
                return self._build(value, text)
            problems = problems or wrong
        if not found:
            raise SchemaError(
                "The answer holds no JSON.", text=text, problems=(_syntax_problem(text),)
            )
        raise SchemaError(_message(problems), text=text, problems=tuple(problems))

    def problems(self, value: Any) -> list[str]:
        """Say what is wrong with a JSON value, a line each, with its place; [] if nothing is."""
        if not self.json:
            return []
        import referencing.exceptions

        try:
            errors = list(_validator(self.json).iter_errors(value))
        except referencing.exceptions.Unresolvable as error:
            raise OptionError(f"--schema: {error.ref} is not part of the schema.") from error
        errors.sort(key=lambda error: error.json_path)
        return [f"{error.json_path}: {error.message:.300}" for error in errors[:_PROBLEMS]]

    def follow_up(self, error: SchemaError) -> str:
        """Give the user's message that asks once more, with what was wrong."""
        wrong = "\n".join(f"- {problem}" for problem in error.problems) or f"- {error.message}"
        return (
            f"That is not valid:\n{wrong}\n"
            "Answer again with the corrected JSON, the whole of it and nothing else."
        )

    def _build(self, value: Any, text: str) -> Any:
        if self.target is None:
            return value
        try:
            return conversion.convert(self.target, value, "$")
        except (ValueError, TypeError) as error:  # pydantic's are ValueErrors
            problem = " ".join(str(error).split())
            raise SchemaError(_message([problem]), text=text, problems=(problem,)) from error


def schema_of(target: object = None) -> Schema:
    """Give the schema for what a person named.

    Args:
        target: a pydantic model, dataclass, TypedDict or other annotation; a JSON Schema dict;
            a list of one of these (`[Model]` or `list[Model]`); None for any JSON.

    Raises:
        OptionError: it is none of these.
    """
    if target is None:
        return Schema({})
    if isinstance(target, list):
        return _list_of(target)
    if isinstance(target, dict):
        return Schema(_checked(target))
    try:
        return Schema(hints.json_schema(target), target)
    except hints.AnnotationError as error:
        raise OptionError(f"--schema: {error}.", hint=_KINDS) from error


_KINDS = "Name a pydantic model, a dataclass, a TypedDict, a JSON Schema dict or a list of one."


def extract(text: str) -> Any:
    """Give the JSON value in an answer: the whole of it, in a fence, or in prose.

    Raises:
        SchemaError: there is none.
    """
    return Schema({}).parse(text)


def candidates(text: str) -> Iterator[Any]:
    """Give all that may be the JSON meant: the whole text, the fenced blocks, then the longest."""
    try:
        yield _loads(text)
    except ValueError:
        pass
    else:
        return
    for block in sorted(code_blocks(text), key=lambda block: block.language != "json"):
        if block.language in _JSON_LANGUAGES:
            try:
                yield _loads(block.source)
            except ValueError:
                yield from _embedded(block.source)
    yield from _embedded(text)


def _embedded(text: str) -> Iterator[Any]:
    """Give the objects and arrays that stand in a text, the longest first."""
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    found: list[tuple[int, Any]] = []
    place = _opener(text, 0)
    for _ in range(_ATTEMPTS):
        if place < 0:
            break
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            found.append((end - place, value))
        place = _opener(text, end)
    found.sort(key=lambda each: -each[0])
    yield from (value for _, value in found)


def _opener(text: str, start: int) -> int:
    places = [place for mark in "{[" if (place := text.find(mark, start)) >= 0]
    return min(places, default=-1)


def _loads(text: str) -> Any:
    try:
        return json.loads(text.strip().lstrip("\ufeff"), parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _syntax_problem(text: str) -> str:
    """Say where the JSON that was meant breaks."""
    blocks = [block.source for block in code_blocks(text) if block.language in _JSON_LANGUAGES]
    place = _opener(text, 0)
    if not blocks and place < 0:
        return "There is no JSON object or array."
    meant = blocks[0] if blocks else text[place:]
    try:
        _loads(meant)
    except json.JSONDecodeError as error:
        if error.pos >= len(meant.rstrip()):
            return "The JSON breaks off before its end."
        return f"{error.msg} at line {error.lineno}, column {error.colno} of the JSON."
    except ValueError as error:
        return f"{error}."
    return "It cannot be read."


def _message(problems: list[str]) -> str:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"The answer does not fit the schema: {problems[0].removesuffix('.')}{more}."


def _list_of(target: list[Any]) -> Schema:
    if len(target) != 1:
        raise OptionError(f"--schema: a list must hold one kind, not {len(target)}.", hint=_KINDS)
    if isinstance(target[0], dict):
        return Schema({"type": "array", "items": _checked(target[0])})
    return schema_of(types.GenericAlias(list, (target[0],)))


def looks_like_schema(found: Mapping[Any, Any]) -> bool:
    """Tell whether a dict can be a JSON Schema: {} is one, and so is any with a keyword of it."""
    return not found or not _KEYWORDS.isdisjoint(found)


def _checked(schema: dict[str, Any]) -> dict[str, Any]:
    """Refuse a dict that is data and no schema, or a schema that is wrong."""
    if not looks_like_schema(schema):
        raise OptionError("--schema: this dict is not a JSON Schema.", hint=_KINDS)
    jsonschema = _jsonschema()
    try:
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except jsonschema.SchemaError as error:
        raise OptionError(f"--schema: {error.json_path}: {error.message:.200}.") from error
    return schema


def _validator(schema: Mapping[str, Any]) -> Any:
    import referencing.jsonschema

    jsonschema = _jsonschema()
    kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    # An explicit registry: the default one would fetch a remote $ref from the network.
    return kind(schema, registry=referencing.jsonschema.EMPTY_REGISTRY)


def _jsonschema() -> Any:
    try:
        import jsonschema
    except ImportError as error:
        raise OptionError("--schema needs jsonschema.", hint="%pip install jsonschema") from error
    return jsonschema

"""What is asked by `%hermes fix` and `%hermes explain NAME`."""

from __future__ import annotations

import builtins
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.asking.attaching import note
from hermes_magic.asking.composing import compose
from hermes_magic.asking.naming import did_you_mean
from hermes_magic.errors import AttachmentError, Failure, OptionError, PastedKeyError
from hermes_magic.money.keys import refuse_pasted
from hermes_magic.prompt import Question, context
from hermes_magic.prompt.context import Attachment
from hermes_magic.prompt.failure import (
    cell_block,
    failing_cells,
    failing_values,
    traceback_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hermes_magic.magic.failing import LastException
    from hermes_magic.options import Options
    from hermes_magic.prompt.failure import Cell, Value

_FIX: Final = (
    "The cell failed. Say in a few sentences why, then give the whole corrected cell in one Python "
    "code block, and no other code block."
)
_EXPLAIN: Final = (
    "Explain `{name}`: what it is, what it holds or does, and what to watch out for when using it."
)
_SOURCE: Final = 4
_FEWEST: Final = 4


def fix(
    last: LastException, options: Options, words: str, namespace: dict[str, Any]
) -> Question | str:
    """Give the question about the last exception; if it is one of ours, what to do about it.

    Args:
        last: finds the exception.
        options: the line's; `with_tokens` is for all values together, and four times that for a
            cell's source.
        words: what the person adds, or "".
        namespace: the notebook's variables.

    Raises:
        OptionError: there was no exception.
    """
    error = last.find()
    if error is None:
        raise OptionError("There is no exception to explain: no cell has failed yet.")
    if isinstance(error, Failure):
        return f"Nothing to ask, this says what to do: {type(error).__name__}: {error}"
    cells = last.cells(error)
    question = compose(options, "\n\n".join(filter(None, [_FIX, words])), namespace)
    blocks = list(_blocks(error, cells, options.with_tokens))
    notes = (*filter(None, map(note, blocks)), *question.notes)
    return Question(context.combine(question.text, blocks), notes)


def explain(name: str, options: Options, words: str, namespace: dict[str, Any]) -> Question:
    """Give the question about a thing of the notebook, described as by `--with`.

    Args:
        name: a variable's, with dots behind it for what belongs to it.
        options: the line's.
        words: the person's own question, or "".
        namespace: the notebook's variables.

    Raises:
        OptionError: there is no such variable, or it cannot be described.
    """
    known = {**namespace, name: _named(name, namespace)}
    attached = replace(options, attached=(name, *options.attached))
    return compose(attached, words or _EXPLAIN.format(name=name), known)


def _named(name: str, namespace: Mapping[str, Any]) -> object:
    first, *parts = name.split(".")
    if first not in namespace and not hasattr(builtins, first):
        raise OptionError(
            f"explain {name}: no variable has that name.{did_you_mean(first, namespace)}",
            hint=f"To ask about the word: %hermes What is {name}?",
        )
    thing: object = namespace[first] if first in namespace else getattr(builtins, first)
    for part in parts:
        try:
            thing = getattr(thing, part)
        except Exception as error:
            reason = " ".join(str(error).split())
            message = f"explain {name}: {type(error).__name__}: {reason:.200}."
            raise OptionError(message) from error
    return thing


def _blocks(
    error: BaseException, cells: Mapping[str, Cell], allowance: int
) -> Iterator[Attachment]:
    kind = "the cell that failed"
    for cell in failing_cells(error, cells):
        yield cell_block(cell, kind, allowance=_SOURCE * allowance)
        kind = "a cell whose code it calls"
    yield Attachment("Traceback", "what it raised", traceback_text(error, cells))
    values = failing_values(error, cells)
    share = allowance // max(_FEWEST, len(values))
    yield from (_value_block(value, share) for value in values)


def _value_block(value: Value, allowance: int) -> Attachment:
    """Describe a value; one that cannot be, or that may be a secret, is named only."""
    if value.secret:
        return Attachment(value.label, "not sent", "[its name says that it may be a secret]")
    try:
        described = context.describe(value.label, value.value, allowance=allowance)
        refuse_pasted(described.text)
    except AttachmentError as error:
        return Attachment(value.label, type(value.value).__name__, f"[{error.message}]")
    except PastedKeyError:
        return Attachment(value.label, "not sent", "[it holds an API key]")
    return described

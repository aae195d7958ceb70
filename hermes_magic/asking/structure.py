"""An answer that must be data: asked for, read, and asked for once more if it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hermes_magic.errors import HermesError, SchemaError
from hermes_magic.prompt import Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from hermes_magic.options import Options
    from hermes_magic.prompt.schema import Schema
    from hermes_magic.reply import Reply

    Ask = Callable[[Question, Callable[[Reply], Reply]], Reply]


def demand(schema: Schema, options: Options) -> Options:
    """Add the instruction to the system prompt."""
    system = "\n\n".join(filter(None, [options.system, schema.instruction]))
    return replace(options, system=system)


class Structure:
    """What one answer must be."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._error: HermesError | None = None

    def ask(self, ask: Ask, question: Question) -> Reply:
        """Ask, and once more if the answer is not valid.

        Raises:
            SchemaError: the second answer is not valid either, or the first was cut off.
        """
        reply = ask(question, self._fill)
        if isinstance(self._error, SchemaError) and reply.finish_reason != "length":
            reply = ask(self._again(question, reply, self._error), self._fill)
        if self._error is not None:
            raise _told(self._error, reply)
        return reply

    def _fill(self, reply: Reply) -> Reply:
        """Give the reply with its data; keep what is wrong with it for later.

        It is called before the reply is kept: nothing that goes wrong may lose a paid answer.
        """
        self._error = None
        if reply.state != "complete":
            return reply
        try:
            return replace(reply, data=self._schema.parse(reply.text))
        except HermesError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001 - the person's class may raise anything
            problem = " ".join(f"{type(error).__name__}: {error}".split())
            message = f"The answer's data cannot be built: {problem:.300}."
            self._error = SchemaError(message, text=reply.text, problems=(problem,))
        return reply

    def _again(self, question: Question, reply: Reply, error: SchemaError) -> Question:
        said = {"role": "assistant", "content": reply.text}
        return Question(
            self._schema.follow_up(error),
            notes=(f"{error.message} Asked once more.",),
            before=(*question.before, {"role": "user", "content": question.text}, said),
        )


def _told(error: HermesError, reply: Reply) -> HermesError:
    error.reply = reply
    if reply.finish_reason == "length":
        error.hint = "It was cut off: raise --max-tokens, or use --no-think. `.text` has it."
    return error

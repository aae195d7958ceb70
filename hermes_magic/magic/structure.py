"""An answer that must be data: asked for, read, and asked for once more if it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hermes_magic.errors import HermesError, SchemaError
from hermes_magic.prompt import Question
from hermes_magic.prompt.schema import schema_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hermes_magic.options import Options
    from hermes_magic.prompt.schema import Schema
    from hermes_magic.reply import Reply

    Ask = Callable[[Question, Callable[[Reply], Reply]], Reply]


def structure(options: Options, namespace: Mapping[str, Any]) -> Structure:
    """Give what the answer must be by `--schema`, or any JSON.

    Raises:
        OptionError: the name is no variable's, or what it names is no schema.
    """
    if options.schema:
        from hermes_magic.magic.naming import schema_named

        return Structure(schema_of(schema_named(options.schema, namespace)))
    return Structure(schema_of())


class Structure:
    """What one answer must be."""

    def __init__(self, schema: Schema) -> None:
        schema.problems(None)  # what makes checking impossible is told before anything is sent
        self._schema = schema
        self._error: HermesError | None = None

    def demand(self, options: Options) -> Options:
        """Add the instruction to the system prompt."""
        system = "\n\n".join(filter(None, [options.system, self._schema.instruction]))
        return replace(options, system=system)

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
            follows=True,
        )


def _told(error: HermesError, reply: Reply) -> HermesError:
    error.reply = reply
    if reply.finish_reason == "length":
        error.hint = "It was cut off: raise --max-tokens, or use --no-think. `.text` has it."
    return error

"""What a batch has in hand: read from its journal, so that memory does not grow with the rows."""

from __future__ import annotations

import importlib
import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.errors import HermesError, NotSentError, OptionError
from hermes_magic.money.budget import dollars
from hermes_magic.reply import Reply
from hermes_magic.reply.frame import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal
    from pathlib import Path

    from hermes_magic.batch.answer import Place
    from hermes_magic.batch.journal import Journal
    from hermes_magic.batch.rows import Source
    from hermes_magic.prompt.schema import Schema

_STOPPED: Final = "the run was stopped"


@dataclass(frozen=True, slots=True)
class Answered:
    """One row of the outcome.

    Attributes:
        reply: the reply as far as it came; an empty one if nothing was sent. With a schema its
            `data` is what the answer says.
        error: what went wrong, or None.
    """

    reply: Reply
    error: HermesError | None


class Result:
    """The answers of a batch, row by row in the order of the rows.

    Attributes:
        path: the file that keeps the answers, for the next run of the same job.
        reason: why rows were not sent; None if all were.
        done: how many rows have an answer.
        failed: how many ended in an error.
        not_sent: how many were not sent.
        cost: USD for all answers, those of earlier runs included; each is counted once.
    """

    def __init__(self, journal: Journal, source: Source, schema: Schema | None) -> None:
        self.reason: HermesError | None = None
        self._journal = journal
        self._source = source
        self._schema = schema
        self._close = weakref.finalize(self, journal.close)

    @property
    def path(self) -> Path:
        """The file."""
        return self._journal.path

    @property
    def cost(self) -> Decimal:
        """USD."""
        return self._journal.counts.usd

    @property
    def done(self) -> int:
        """Rows with an answer."""
        return self._journal.rows()[0]

    @property
    def failed(self) -> int:
        """Rows with an error of their own."""
        return self._journal.rows()[1]

    @property
    def not_sent(self) -> int:
        """Rows that were not sent."""
        done, failed, count = self._journal.rows()
        return count - done - failed

    def __len__(self) -> int:
        return self._journal.rows()[2]

    def __iter__(self) -> Iterator[Answered]:
        """Give what came of each row."""
        return map(self._answered, self._journal.places())

    @property
    def replies(self) -> Iterator[Reply]:
        """The reply of each row."""
        return (each.reply for each in self)

    @property
    def errors(self) -> dict[int, HermesError]:
        """The errors by the number of their row, from 0."""
        return {place: each.error for place, each in enumerate(self) if each.error is not None}

    def table(self) -> Any:
        """Give rows and answers in the kind that the rows came in.

        A DataFrame of the same library and index for a DataFrame or a Series, else a list of
        dicts. Further columns: answer, those of the schema, error, cost (USD, `Decimal`; a row
        that repeats another one is without), tokens.
        """
        return self._source.back(self._columns())

    def to_frame(self) -> Any:
        """Give `table()` as a DataFrame, of pandas where the rows came in no library's kind.

        Raises:
            OptionError: pandas is not installed.
        """
        table = self.table()
        if not isinstance(table, list):
            return table
        try:
            pandas = importlib.import_module("pandas")
        except ImportError:
            raise OptionError("to_frame() needs pandas.", hint="%pip install pandas") from None
        return pandas.DataFrame(table)

    def __repr__(self) -> str:
        """Give one line."""
        done, failed, count = self._journal.rows()
        counts = [f"{done:,} done"]
        counts += [f"{failed:,} failed"] if failed else []
        counts += [f"{count - done - failed:,} not sent"] if done + failed < count else []
        return f"Result({count:,} rows: {', '.join(counts)}, cost {dollars(self.cost)})"

    def _answered(self, place: Place) -> Answered:
        nothing, answer = Reply(state="failed"), place.answer
        if place.problem:
            return Answered(nothing, OptionError(place.problem, hint=""))
        if answer is None:
            reason = _STOPPED if self.reason is None else self.reason.message
            return Answered(nothing, NotSentError(f"Not sent: {reason.rstrip('.')}."))
        if answer.error is None and self._schema is not None:
            return self._built(answer.reply, self._schema)
        return Answered(answer.reply, answer.error)

    def _built(self, reply: Reply, schema: Schema) -> Answered:
        try:
            return Answered(replace(reply, data=schema.parse(reply.text)), None)
        except HermesError as error:  # the person's class has changed since
            return Answered(reply, error)

    def _columns(self) -> dict[str, list[Any]]:
        answers: list[str | None] = []
        records: list[dict[str, Any]] = []
        errors, costs, tokens = [], [], []
        for place in self._journal.places():
            each = self._answered(place)
            reply, error = each.reply, each.error
            answers.append(reply.text or None)
            records.append(_fields(reply.data) if error is None else {})
            errors.append(None if error is None else f"{type(error).__name__}: {error}")
            cost = reply.cost if reply.cost is not None else reply.estimate
            costs.append(cost if place.first else None)
            tokens.append(_tokens(reply))
        names = dict.fromkeys(name for one in records for name in one)
        data = {name: [one.get(name) for one in records] for name in names}
        asked = {"question": self._journal.texts()} if self._source.once else {}
        return {
            **asked,
            "answer": answers,
            **data,
            "error": errors,
            "cost": costs,
            "tokens": tokens,
        }


def _fields(data: Any) -> dict[str, Any]:
    """Give the columns of a row's data; what is no record is one column."""
    if data is None:
        return {}
    fields = fields_of(data)
    return {"data": data} if fields is None else fields


def _tokens(reply: Reply) -> int | None:
    usage = reply.usage
    known = [each for each in (usage.prompt_tokens, usage.completion_tokens) if each is not None]
    return sum(known) if known else None

"""Rows become questions, and questions an estimate."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.batch.journal import Question
from hermes_magic.errors import OptionError
from hermes_magic.money.budget import dollars
from hermes_magic.money.calls import EXACT
from hermes_magic.money.keys import refuse_pasted
from hermes_magic.money.prices import quote
from hermes_magic.prompt import refuse_empty
from hermes_magic.prompt.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hermes_magic.batch.form import Form
    from hermes_magic.batch.rows import Source
    from hermes_magic.money.prices import Price

ROW: Final = "row"
_GUESSED_TOKENS: Final = 500
_FINEST: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Text:
    """What every row is put into.

    Attributes:
        template: the cell's text.
        namespace: the notebook's variables; `row` is added to them.
        literal: whether double braces are text and nothing else.
    """

    template: str
    namespace: dict[str, Any]
    literal: bool = False


def questions(
    source: Source, text: Text, form: Form, key: str
) -> Iterator[tuple[Question | None, str]]:
    """Give each row's question, or None and what is wrong with the row.

    Args:
        source: the rows.
        text: what they are put into.
        form: what all requests have in common.
        key: the API key, which must not stand in a question.

    Raises:
        OptionError: the text does not use the row, or no row gives a question.
    """
    template = Template(text.template)
    if ROW not in template.names or text.literal:
        raise OptionError(
            "The text does not use the row, so that all questions would be one.",
            hint="Write {{row}} or {{row.column}} where its value belongs.",
        )
    namespace = dict(text.namespace)
    first_error: OptionError | None = None
    any_question = False
    for row in source.rows():
        namespace[ROW] = row
        try:
            asked = template.render(namespace)
            refuse_empty(asked)
            refuse_pasted(asked, key)
        except OptionError as error:
            first_error = first_error if any_question else first_error or error
            yield None, f"{type(error).__name__}: {error}"
        else:
            first_error, any_question = None, True
            yield Question(form.key(asked), asked), ""
    if first_error is not None:
        raise first_error


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job will cost, as far as that can be known.

    Attributes:
        rows: how many there are.
        questions: how many of them are to be sent, each different one once.
        tokens_in: about how many tokens they have.
        most_out: how many tokens all answers can have at most.
        likely: USD, if answers are as long as `answer_tokens`; None for an unknown price.
        worst: USD that it can cost at most; None for an unknown price.
        answer_tokens: how long an answer is taken to be.
        measured: whether that is the mean of answers the job has already.
    """

    rows: int
    questions: int
    tokens_in: int
    most_out: int
    likely: Decimal | None
    worst: Decimal | None
    answer_tokens: int
    measured: bool

    def lines(self) -> Iterator[str]:
        """Say it in a few lines."""
        skipped = f" of {self.rows:,} rows" if self.rows != self.questions else ""
        yield f"{self.questions:,} questions to send{skipped}."
        yield f"~{self.tokens_in:,} tokens in, at most {self.most_out:,} out."
        if self.likely is None or self.worst is None:
            yield "Nobody here knows this model's price."
            return
        how = "as answers of this job took so far" if self.measured else "a guess"
        yield (
            f"Likely ~{rounded(self.likely)} ({self.answer_tokens:,} tokens an answer, {how}), "
            f"at most {rounded(self.worst)}."
        )


def estimate(
    open_questions: Iterable[Question],
    form: Form,
    price: Price | None,
    rows: int,
    mean_tokens: int | None,
) -> Estimate:
    """Estimate the questions that are still to be sent.

    Args:
        open_questions: gone through once.
        form: what all requests have in common.
        price: None if nobody knows it.
        rows: how many rows the job has, answered or not.
        mean_tokens: how long its answers have been so far, if there are any.
    """
    blank = quote(form.request(""), price)
    count = likely_in = most_in = 0
    for question in open_questions:
        text = json.dumps(question.text, ensure_ascii=False)
        count += 1
        likely_in += blank.likely_prompt_tokens + len(text) // 4
        most_in += blank.most_prompt_tokens + len(text.encode("utf-8", "surrogatepass"))
    tokens = min(_GUESSED_TOKENS if mean_tokens is None else mean_tokens, blank.max_tokens)
    likely = worst = None
    if price is not None:
        fixed = EXACT.multiply(price.request, count)
        likely = EXACT.add(fixed, price.cost(likely_in, tokens * count) - price.request)
        answers = EXACT.multiply(blank.worst_token, blank.max_tokens * count)
        worst = fixed + EXACT.multiply(price.worst_prompt, most_in) + answers
    return Estimate(
        rows,
        count,
        likely_in,
        blank.max_tokens * count,
        likely,
        worst,
        tokens,
        mean_tokens is not None,
    )


def rounded(usd: Decimal) -> str:
    """Write USD to a hundredth of a cent."""
    return dollars(usd.quantize(_FINEST) if usd > _FINEST else usd)

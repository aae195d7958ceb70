"""A cell's text becomes a question: values of the notebook are put in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hermes_magic.prompt.question import Question

if TYPE_CHECKING:
    from hermes_magic.options import Options


def compose(options: Options, text: str, namespace: dict[str, Any]) -> Question:
    """Give the question for a cell's text; each `{{expr}}` is evaluated once, here.

    Args:
        options: the cell's.
        text: the cell's, or the rest of the line.
        namespace: the notebook's variables.

    Raises:
        TemplateError: an expression has no value.
    """
    if not options.vars or "{{" not in text:
        return Question(text)
    from hermes_magic.prompt import template

    notes = tuple(template.notices(text, namespace))
    return Question(template.render(text, namespace), notes)

"""A cell's text becomes a question: values of the notebook put in, things of it attached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hermes_magic.prompt import Question, refuse_empty

if TYPE_CHECKING:
    from hermes_magic.options import Options


def compose(options: Options, text: str, namespace: dict[str, Any]) -> Question:
    """Give the question for a cell's text; each `{{expr}}` is evaluated once, here.

    Args:
        options: the cell's.
        text: the cell's, or the rest of the line.
        namespace: the notebook's variables.

    Raises:
        OptionError: there is nothing to ask, an expression has no value, or a thing to attach is
            not there.
    """
    refuse_empty(text)
    question = _rendered(text, namespace) if options.vars and "{{" in text else Question(text)
    if not options.attached:
        return question
    from hermes_magic.asking.attaching import attach

    return attach(question, options, namespace)


def _rendered(text: str, namespace: dict[str, Any]) -> Question:
    from hermes_magic.prompt import template

    notes = tuple(template.notices(text, namespace))
    rendered = template.render(text, namespace)
    refuse_empty(rendered)
    return Question(rendered, notes)

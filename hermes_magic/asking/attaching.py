"""The things named after `--with` are found, and described to the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes_magic.asking.naming import did_you_mean
from hermes_magic.errors import AttachmentError
from hermes_magic.prompt import Question, context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermes_magic.options import Options
    from hermes_magic.prompt.context import Attachment


def attach(question: Question, options: Options, namespace: Mapping[str, Any]) -> Question:
    """Put descriptions of the things named before the question; note what they leave out.

    Raises:
        AttachmentError: a name is neither a variable's nor a file's, or cannot be described.
    """
    attachments = [
        context.describe(name, find(name, namespace), allowance=options.with_tokens)
        for name in dict.fromkeys(options.attached)
    ]
    notes = filter(None, map(note, attachments))
    return Question(context.combine(question.text, attachments), (*question.notes, *notes))


def find(name: str, namespace: Mapping[str, Any]) -> object:
    """Give the variable of that name, or else the path of the file.

    Raises:
        AttachmentError: there is neither.
    """
    if name in namespace:
        return namespace[name]
    path = Path(name).expanduser()
    if path.exists():
        return path
    suggestion = did_you_mean(name, namespace)
    raise AttachmentError(f"--with {name}: no variable and no file has that name.{suggestion}")


def note(attachment: Attachment) -> str:
    """Say what an attachment leaves out, or give "" if that is nothing."""
    if not attachment.omitted:
        return ""
    return f"{attachment.name} was cut to --with-tokens; left out: {', '.join(attachment.omitted)}."

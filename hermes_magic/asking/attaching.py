"""The things named after `--with` are found, and described to the model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.asking.naming import did_you_mean
from hermes_magic.errors import AttachmentError
from hermes_magic.prompt import Question, context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermes_magic.options import Options
    from hermes_magic.prompt.context import Attachment

_MISSING: Final = object()
_CALL: Final = re.compile(r"[(\[]")


def attach(question: Question, options: Options, namespace: Mapping[str, Any]) -> Question:
    """Put descriptions of the things named before the question; note what they leave out.

    Raises:
        AttachmentError: a name is neither a variable's nor a file's, or cannot be described.
    """
    attachments = [
        context.describe(name, find(name, namespace), allowance=options.with_tokens)
        for name in dict.fromkeys(
            name for word in options.attached for name in _split(word, namespace)
        )
    ]
    notes = filter(None, map(note, attachments))
    return Question(context.combine(question.text, attachments), (*question.notes, *notes))


def find(name: str, namespace: Mapping[str, Any]) -> object:
    """Give the variable of that name, or its attribute (`df.col`), or else the path of the file.

    Raises:
        AttachmentError: there is none of them.
    """
    if name in namespace:
        return namespace[name]
    root, *attributes = name.split(".")
    if attributes and root in namespace and all(map(str.isidentifier, attributes)):
        found = _attribute(root, attributes, namespace)
        if found is not _MISSING:
            return found
    path = Path(name).expanduser()
    if path.exists():
        return path
    suggestion = did_you_mean(name, namespace)
    if _CALL.search(name):
        suggestion = " It takes names only: put a value into a variable first, or use {{…}}."
    raise AttachmentError(f"--with {name}: no variable and no file has that name.{suggestion}")


def _split(word: str, namespace: Mapping[str, Any]) -> list[str]:
    """Take a quoted list apart, unless all of it is one file's name."""
    if "," not in word or word in namespace or Path(word).expanduser().exists():
        return [word]
    return [name.strip() for name in word.split(",")]


def _attribute(root: str, attributes: list[str], namespace: Mapping[str, Any]) -> object:
    """Look attributes up one by one; give `_MISSING` if there is one too few.

    Raises:
        AttachmentError: a property failed.
    """
    found: Any = namespace[root]
    for place, attribute in enumerate(attributes):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            return _MISSING
        except Exception as error:
            whole = ".".join([root, *attributes[: place + 1]])
            message = f"--with {whole}: {type(error).__name__}: {' '.join(str(error).split())}"
            raise AttachmentError(message) from error
    return found


def note(attachment: Attachment) -> str:
    """Say what an attachment leaves out, or give "" if that is nothing."""
    if not attachment.omitted:
        return ""
    return f"{attachment.name} was cut to --with-tokens; left out: {', '.join(attachment.omitted)}."

"""How one option is written: the columns of the option table."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hermes_magic.options.convert import Convert


@dataclass(frozen=True, slots=True)
class Spec:
    """How one option is written.

    Attributes:
        flags: such as ("-t", "--temperature").
        convert: the check of its value; None for a switch.
        metavar: what stands for the value in the help.
        help: one line.
        trait: whether a notebook can set its default.
        repeatable: whether it may be given more than once; `convert` gives a tuple, and those of
            one line are joined.
        alone: its value where the line gives it none; None if it must give one.
    """

    flags: tuple[str, ...]
    convert: Convert | None
    metavar: str
    help: str
    trait: bool
    repeatable: bool
    alone: str | None = None


def option(  # noqa: PLR0913 - the columns of the table
    *flags: str,
    default: Any,
    convert: Convert | None,
    metavar: str = "",
    help: str,  # noqa: A002 - the column of the table
    trait: bool = True,
    alone: str | None = None,
) -> Any:
    """Give an option's field of `Options`; without a `convert` it is a switch."""
    spec = Spec(flags, convert, metavar, help, trait, repeatable=default == (), alone=alone)
    return dataclasses.field(default=default, metadata={"spec": spec})

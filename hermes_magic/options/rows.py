"""The rows of the option table, and the flags that they are found by."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hermes_magic.options.each import Options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermes_magic.options.spec import Spec


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: the field's name, its default and how it is written."""

    name: str
    default: Any
    spec: Spec


TABLE: tuple[Row, ...] = tuple(
    Row(field.name, field.default, field.metadata["spec"]) for field in dataclasses.fields(Options)
)


def _flags() -> Mapping[str, tuple[Row, bool | None]]:
    flags: dict[str, tuple[Row, bool | None]] = {}
    for row in TABLE:
        switch = row.spec.convert is None
        flags.update(dict.fromkeys(row.spec.flags, (row, True if switch else None)))
        if switch and row.spec.trait:
            flags[negated(row)] = (row, False)
    return flags


def negated(row: Row) -> str:
    """Give the flag that switches a switch off."""
    return "--no-" + row.name.replace("_", "-")


FLAGS = _flags()
"""Each flag's row, and what it sets if it takes no value."""

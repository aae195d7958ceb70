"""The option table's rows for a batch."""

from __future__ import annotations

from dataclasses import dataclass

from hermes_magic.options import convert as to
from hermes_magic.options.spec import option
from hermes_magic.options.table import CellOptions

MOST_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(CellOptions):
    """One cell's options, the defaults filled in."""

    each: str = option(
        "--each",
        default="",
        convert=to.variable_name,
        metavar="NAME",
        help="ask once for each row of this list, Series or DataFrame: {{row}} or "
        "{{row.column}} in the text; -o keeps the table of answers",
        trait=False,
    )
    at_once: int = option(
        "--at-once",
        default=16,
        convert=to.whole(1, MOST_AT_ONCE),
        metavar="N",
        help=f"--each: how many questions may be under way, up to {MOST_AT_ONCE}",
    )
    dedupe: bool = option(
        "--dedupe",
        default=True,
        convert=None,
        help="--each: ask equal questions once",
    )
    retry_failed: bool = option(
        "--retry-failed",
        default=False,
        convert=None,
        help="--each: ask the rows again that ended in an error",
        trait=False,
    )

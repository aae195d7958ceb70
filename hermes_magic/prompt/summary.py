"""Values in a few words: a column's, an array's, a cell's."""

from __future__ import annotations

import collections
import numbers
import reprlib
import statistics
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLE = 10_000
"""Values that a summary of a column or an array looks at, at most."""

_GOLDEN = (5**0.5 - 1) / 2
_LISTED = 6
_CELL = 60
_NESTED = 400


def places(total: int) -> Sequence[int]:
    """Give the places to look at: all of few; of many a spread that beats with no period.

    Steps of the golden section (a Weyl sequence): each so-many-th row would show one weekday only.
    """
    if total <= SAMPLE:
        return range(total)
    return sorted({int(number * _GOLDEN % 1 * total) for number in range(SAMPLE)})


def is_missing(value: object) -> bool:
    """Tell None, NaN, NaT and pandas's NA."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, float) and value != value  # noqa: PLR0124 - NaN


def summarize(values: Sequence[Any]) -> str:
    """Say in one line what the values are: range and mean, or how many and which."""
    present = [value for value in values if not is_missing(value)]
    if not present:
        return "all missing" if values else ""
    try:
        if all(isinstance(value, numbers.Real) and not _is_truth(value) for value in present):
            return _numbers(sorted(present))
        if all(hasattr(value, "isoformat") for value in present):
            return f"from {min(present).isoformat()} to {max(present).isoformat()}"
    except (TypeError, ValueError, OverflowError):  # time zones mixed, figures beyond floats
        pass
    return _kinds(present)


def _is_truth(value: object) -> bool:
    return isinstance(value, bool) or type(value).__name__ in {"bool_", "bool"}


def _numbers(ordered: list[Any]) -> str:
    mean, median = statistics.fmean(ordered), statistics.median(ordered)
    figures = {"min": ordered[0], "median": median, "mean": mean, "max": ordered[-1]}
    return ", ".join(f"{name} {cell(value)}" for name, value in figures.items())


def _kinds(present: Sequence[Any]) -> str:
    if not all(isinstance(value, Hashable) for value in present):
        return f"e.g. {cell(present[0])}"
    try:
        counted = collections.Counter(present)
    except TypeError:  # a tuple of lists
        return f"e.g. {cell(present[0])}"
    distinct = f"{len(counted):,} distinct"
    if len(counted) > _LISTED and len(counted) * 2 > len(present):
        return f"{distinct}, e.g. {', '.join(cell(value) for value in list(counted)[:3])}"
    listed = [f"{cell(value)} ({number:,} times)" for value, number in counted.most_common(_LISTED)]
    return f"{distinct}: {', '.join(listed)}{', …' if len(counted) > _LISTED else ''}"


def cell(value: object, size: int = _CELL) -> str:
    """Give a value on one line, cut with … where it is long."""
    if is_missing(value):
        return ""
    if isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, str):
        text = " ".join(value[: 4 * size].split())
    else:
        text = " ".join(brief(value, 4 * size).split())
    return text if len(text) <= size else f"{text[: size - 1]}…"


def brief(value: object, size: int = _NESTED) -> str:
    """Give a bounded repr; nothing long is written out in full."""
    short = reprlib.Repr()
    short.maxdict = short.maxlist = short.maxtuple = short.maxset = short.maxfrozenset = 20
    short.maxstring = short.maxother = size
    short.maxlong = 60
    return short.repr(value) if type(value).__module__ == "builtins" else f"{value!s:.{size}}"

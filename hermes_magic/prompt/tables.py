"""Describe frames and arrays: size, types, what is missing, a summary, some rows."""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Any

from hermes_magic.prompt.summary import cell, places, summarize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hermes_magic.prompt.frames import Frame
    from hermes_magic.prompt.page import Page

_ROWS = 10
_COLUMNS_SHARE = 0.7
_ELEMENTS = 200


def write_frame(page: Page, frame: Frame) -> str:
    """Write a frame's columns and first rows; give its kind."""
    looked_at = places(frame.rows or 0)
    if len(looked_at) < (frame.rows or 0):
        count = len(looked_at)
        page.write(f"Summaries are over {count:,} rows, evenly spread; missing counts are exact.")
    total = len(frame.names)
    written = page.write_lines(_columns(frame, looked_at), total, "column", share=_COLUMNS_SHARE)
    if frame.rows and written:
        _write_rows(page, frame, written)
    return f"{frame.kind}, {frame.size}"


def _columns(frame: Frame, looked_at: Sequence[int]) -> Iterator[str]:
    for place, (name, dtype) in enumerate(zip(frame.names, frame.dtypes, strict=True)):
        missing = frame.missing(place)
        notes = [
            f"{missing:,} missing" if missing else "",
            summarize(frame.sample(place, looked_at)) if frame.rows else "",
        ]
        told = "; ".join(note for note in notes if note)
        yield f"{cell(name)}: {dtype}{f'; {told}' if told else ''}"


def _write_rows(page: Page, frame: Frame, columns: int) -> None:
    total = frame.rows or 0
    rows = frame.head(min(total, _ROWS), columns)
    page.write(f"First rows as CSV{'' if columns == len(frame.names) else ', these columns'}:")
    page.write(_csv(frame.names[:columns]))
    page.write_lines(map(_csv, rows), total, "row")


def _csv(values: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([cell(value) for value in values])
    return line.getvalue()


def is_array(value: object) -> bool:
    """Tell a NumPy array, without importing NumPy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def write_array(page: Page, array: Any) -> str:
    """Write an array's summary and its values, as far as they are few; give its kind."""
    looked_at = places(array.size)
    sample = array.flat[list(looked_at)].tolist() if array.size else []
    told = summarize(sample)
    if told:
        few = len(sample) < array.size
        page.write(f"{told}{f' (over {len(sample):,} values, evenly spread)' if few else ''}")
    missing = sum(value != value for value in sample if isinstance(value, float))  # noqa: PLR0124
    if missing:
        page.write(f"{missing:,} of {len(sample):,} values are NaN")
    if array.ndim > 1 and array.size <= _ELEMENTS:
        lines = (str(row.tolist()) for row in array)
        page.write_lines(lines, len(array), "row")
    elif array.size:
        shown = [cell(value) for value in array.flat[:_ELEMENTS].tolist()]
        page.write_lines(_wrapped(shown), -(-array.size // _WIDTH), "line of values")
    return f"NumPy array, shape {array.shape}, dtype {array.dtype}"


_WIDTH = 10


def _wrapped(shown: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(shown), _WIDTH):
        yield ", ".join(shown[start : start + _WIDTH])

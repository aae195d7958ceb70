"""Tables of pandas, polars and pyarrow seen alike, without importing or copying any of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Frame:
    """A table, as far as it must be known to describe it.

    Attributes:
        kind: what a person calls it.
        rows: their number, or None where counting would mean computing.
        names: the columns' names.
        dtypes: the columns' types, in the words of their library.
        missing: gives a column's number of missing values.
        sample: gives a column's values at some places.
        head: gives the first rows, of the first columns.
    """

    kind: str
    rows: int | None
    names: Sequence[str]
    dtypes: Sequence[str]
    missing: Callable[[int], int]
    sample: Callable[[int, Sequence[int]], list[Any]]
    head: Callable[[int, int], list[Sequence[Any]]]

    @property
    def size(self) -> str:
        """Rows and columns, as a person says it."""
        columns = _count(len(self.names), "column")
        return columns if self.rows is None else f"{_count(self.rows, 'row')} by {columns}"


def frame_of(value: object) -> Frame | None:
    """Give a DataFrame, Series, Table or the like as a frame, or None for all else."""
    for library, read in (("pandas", _pandas), ("polars", _polars), ("pyarrow", _arrow)):
        module = sys.modules.get(library)
        if module is not None and (frame := read(module, value)) is not None:
            return frame
    return None


def _pandas(pandas: Any, value: Any) -> Frame | None:
    if isinstance(value, (pandas.Series, pandas.Index)):
        name = "" if value.name is None else value.name
        return _pandas_frame(pandas, value.to_frame(name=name), f"pandas {type(value).__name__}")
    if isinstance(value, pandas.DataFrame):
        return _pandas_frame(pandas, value, f"pandas {type(value).__name__}")
    return None


def _pandas_frame(pandas: Any, table: Any, kind: str) -> Frame:
    return Frame(
        kind=f"{kind}{_index_note(pandas, table.index)}",
        rows=len(table),
        names=[str(name) for name in table.columns],
        dtypes=[str(dtype) for dtype in table.dtypes],
        missing=lambda column: int(table.iloc[:, column].isna().sum()),
        sample=lambda column, places: table.iloc[places, column].tolist(),
        head=lambda rows, columns: list(
            table.iloc[:rows, :columns].itertuples(index=False, name=None)
        ),
    )


def _index_note(pandas: Any, index: Any) -> str:
    if isinstance(index, pandas.RangeIndex) or not len(index):
        return ""
    named = ", ".join(str(name) for name in index.names if name is not None)
    return f", index {named or 'unnamed'} from {_cell(index[0])} to {_cell(index[-1])}"


def _polars(polars: Any, value: Any) -> Frame | None:
    if isinstance(value, polars.LazyFrame):
        schema = value.collect_schema()
        return Frame(
            kind="polars LazyFrame, not collected",
            rows=None,
            names=list(schema.names()),
            dtypes=[str(dtype) for dtype in schema.dtypes()],
            missing=lambda _: 0,
            sample=lambda _, __: [],
            head=lambda _, __: [],
        )
    if not isinstance(value, (polars.DataFrame, polars.Series)):
        return None
    table: Any = value.to_frame() if isinstance(value, polars.Series) else value
    return Frame(
        kind=f"polars {type(value).__name__}",
        rows=table.height,
        names=list(table.columns),
        dtypes=[str(dtype) for dtype in table.dtypes],
        missing=lambda column: int(table.to_series(column).null_count()),
        sample=lambda column, places: list(table.to_series(column).gather(places).to_list()),
        head=lambda rows, columns: list(table[:, :columns].head(rows).rows()),
    )


def _arrow(pyarrow: Any, value: Any) -> Frame | None:
    if isinstance(value, (pyarrow.ChunkedArray, pyarrow.Array)):
        table: Any = pyarrow.table({"": value})
    elif isinstance(value, (pyarrow.Table, pyarrow.RecordBatch)):
        table = value
    else:
        return None

    def values(column: int, places: Sequence[int]) -> list[Any]:
        array = table.column(column)
        return [array[place].as_py() for place in places]

    def head(rows: int, columns: int) -> list[Sequence[Any]]:
        places = range(min(rows, table.num_rows))
        return list(zip(*(values(column, places) for column in range(columns)), strict=True))

    return Frame(
        kind=f"pyarrow {type(value).__name__}",
        rows=table.num_rows,
        names=list(table.schema.names),
        dtypes=[str(field.type) for field in table.schema],
        missing=lambda column: int(table.column(column).null_count),
        sample=values,
        head=head,
    )


def _cell(value: object) -> str:
    return f"{value!s:.40}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

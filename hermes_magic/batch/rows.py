"""What the rows come from, and the table of the same kind that goes back."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

Columns = Mapping[str, list[Any]]
_KINDS: Final = "Give a list, a Series, a DataFrame or anything else with rows to go through."


class Row:
    """One row of a table: `row.review`, `row["review"]`, and as text each column on a line."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[Any, Any]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            known = ", ".join(map(str, self._values))
            raise AttributeError(f"there is no column {name}, but {known}") from None

    def __getitem__(self, name: Any) -> Any:
        return self._values[name]

    def __str__(self) -> str:
        """Write the columns and their values, one on a line."""
        return "\n".join(f"{name}: {value}" for name, value in self._values.items())


@dataclass(frozen=True, slots=True)
class Source:
    """Rows to go through.

    Attributes:
        total: how many they are, or None where only going through them tells.
        values: gives what each row has; a mapping is one with columns.
        back: makes a table of the same kind of the rows and further columns.
        once: whether they can be gone through only once, so that the table is without them.
    """

    total: int | None
    values: Callable[[], Iterator[Any]]
    back: Callable[[Columns], Any]
    once: bool = False

    def rows(self) -> Iterator[Any]:
        """Give what `{{row}}` stands for, row by row."""
        for value in self.values():
            yield Row(value) if isinstance(value, Mapping) else value


def source_of(data: Any) -> Source:
    """Give the rows of a table, a column, a list or any other iterable.

    Raises:
        OptionError: it has no rows.
    """
    for library, read in _LIBRARIES.items():
        module = sys.modules.get(library)
        if module is not None and (found := read(module, data)) is not None:
            return found
    if isinstance(data, str | bytes | Mapping) or not isinstance(data, Iterable):
        raise OptionError(f"{_article(data)} has no rows to ask about.", hint=_KINDS)
    return _iterable(data)


def _pandas(pandas: Any, data: Any) -> Source | None:
    if isinstance(data, pandas.Series):
        name = "row" if data.name is None else data.name
        return Source(
            len(data),
            lambda: iter(data),
            lambda columns: _pandas_back(pandas, data.to_frame(name=name), columns),
        )
    if not isinstance(data, pandas.DataFrame):
        return None
    names = list(data.columns)
    return Source(
        len(data),
        lambda: (
            dict(zip(names, values, strict=True))
            for values in data.itertuples(index=False, name=None)
        ),
        lambda columns: _pandas_back(pandas, data, columns),
    )


def _pandas_back(pandas: Any, frame: Any, columns: Columns) -> Any:
    added = {
        name: pandas.Series(_nullable(pandas, values), index=frame.index)
        for name, values in _renamed(columns, frame.columns).items()
    }
    return frame.assign(**added)


def _nullable(pandas: Any, values: list[Any]) -> Any:
    """Give integers and truth values with gaps as what they are, not as floats and objects."""
    kinds = {type(value) for value in values}
    if type(None) in kinds and kinds in ({int, type(None)}, {bool, type(None)}):
        return pandas.array(values, dtype="Int64" if int in kinds else "boolean")
    return values


def _polars(polars: Any, data: Any) -> Source | None:
    if isinstance(data, polars.LazyFrame):
        raise OptionError("A LazyFrame has no rows yet.", hint="Give df.collect().")
    if isinstance(data, polars.Series):
        named = data.alias(data.name or "row").to_frame()
        return Source(
            len(data), lambda: iter(data), lambda columns: _polars_back(polars, named, columns)
        )
    if not isinstance(data, polars.DataFrame):
        return None
    return Source(
        data.height,
        lambda: data.iter_rows(named=True),
        lambda columns: _polars_back(polars, data, columns),
    )


def _polars_back(polars: Any, frame: Any, columns: Columns) -> Any:
    added = []
    for name, values in _renamed(columns, frame.columns).items():
        try:
            column = polars.Series(name, values)
        except (TypeError, ValueError, polars.exceptions.PolarsError):  # values of many kinds
            column = polars.Series(name, values, dtype=polars.Object)
        added.append(column)
    return frame.with_columns(added)


def _arrow(pyarrow: Any, data: Any) -> Source | None:
    if isinstance(data, pyarrow.Array | pyarrow.ChunkedArray):
        return _listed(len(data), lambda: (value.as_py() for value in data))
    if not isinstance(data, pyarrow.Table | pyarrow.RecordBatch):
        return None
    batches = data.to_batches if isinstance(data, pyarrow.Table) else lambda: [data]
    return _listed(data.num_rows, lambda: (row for each in batches() for row in each.to_pylist()))


def _dask(dask: Any, data: Any) -> Source | None:
    """Take a Dask DataFrame or Series, a partition at a time."""
    if isinstance(data, dask.Series):
        data = data.to_frame(name=data.name or "row")
        single = True
    elif isinstance(data, dask.DataFrame):
        single = False
    else:
        return None
    names = list(data.columns)

    def values() -> Iterator[Any]:
        for place in range(data.npartitions):
            for row in data.partitions[place].compute().itertuples(index=False, name=None):
                yield row[0] if single else dict(zip(names, row, strict=True))

    def back(columns: Columns) -> Any:
        whole = _pandas_back(sys.modules["pandas"], data.compute(), columns)
        return dask.from_pandas(whole, npartitions=data.npartitions, sort=False)

    return Source(None, values, back)


_LIBRARIES: Final = {
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _arrow,
    "dask.dataframe": _dask,
}


def _iterable(data: Iterable[Any]) -> Source:
    if iter(data) is data:
        return Source(None, lambda: iter(data), _records, once=True)
    total = len(data) if isinstance(data, Sized) else None
    return _listed(total, lambda: iter(data))


def _listed(total: int | None, values: Callable[[], Iterator[Any]]) -> Source:
    """Give rows that go back as a list of dicts."""

    def back(columns: Columns) -> list[dict[str, Any]]:
        own = [dict(v) if isinstance(v, Mapping) else {"row": v} for v in values()]
        taken = dict.fromkeys(name for record in own for name in record)
        added = _records(_renamed(columns, taken))
        return [{**record, **more} for record, more in zip(own, added, strict=True)]

    return Source(total, values, back)


def _records(columns: Columns) -> list[dict[str, Any]]:
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _renamed(columns: Columns, taken: Iterable[Any]) -> dict[str, list[Any]]:
    """Give our columns names that the rows do not have already: answer, answer_2, ..."""
    names = set(taken)
    found: dict[str, list[Any]] = {}
    for name, values in columns.items():
        free, number = name, 2
        while free in names:
            free, number = f"{name}_{number}", number + 1
        names.add(free)
        found[free] = values
    return found


def _article(data: object) -> str:
    kind = type(data).__name__
    return f"{'An' if kind[0].lower() in 'aeiou' else 'A'} {kind}"

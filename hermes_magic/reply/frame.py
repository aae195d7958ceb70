"""Data of an answer as a pandas DataFrame, where it is a table."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

from hermes_magic.errors import HermesError, OptionError


def frame_of(data: Any) -> Any:
    """Give a DataFrame of records, of columns, or of the one list of records in an object.

    Args:
        data: a list of records or of single values; one record; a dict of lists of one length. A
            record is a dict, a dataclass or a pydantic model.

    Raises:
        OptionError: it is no table, or pandas is not installed.
    """
    try:
        pandas = importlib.import_module("pandas")
    except ImportError:
        raise OptionError("to_frame() needs pandas.", hint="%pip install pandas") from None
    rows = _rows(data)
    if rows is None:
        raise HermesError(f"to_frame(): the data is no table but {type(data).__name__}.")
    return pandas.DataFrame(rows)


def _rows(data: Any) -> Any:
    """Give what pandas makes a table of, or None."""
    if isinstance(data, list):
        return _list(data)
    record = fields_of(data)
    if not record:
        return None
    lists = [value for value in record.values() if isinstance(value, list)]
    if len(lists) == len(record) > 1:
        return record if len({len(one) for one in lists}) == 1 else None
    if len(lists) == 1 and lists[0] and all(fields_of(one) is not None for one in lists[0]):
        return _list(lists[0])
    return [record]


def _list(data: list[Any]) -> list[dict[str, Any]] | None:
    records = [fields_of(one) for one in data]
    if all(record is None for record in records):
        return [{"value": one} for one in data]
    return None if None in records else [record for record in records if record is not None]


def fields_of(value: Any) -> dict[str, Any] | None:
    """Give the fields of a dict, a dataclass or a pydantic model; None for anything else."""
    if isinstance(value, dict):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (each.name for each in dataclasses.fields(value))
        return {name: getattr(value, name) for name in names}
    if callable(getattr(type(value), "model_dump", None)):
        return dict(value.model_dump())
    return None

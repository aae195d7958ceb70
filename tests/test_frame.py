"""Data of an answer as a table."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import pydantic
import pytest

from hermes_magic.errors import HermesError
from hermes_magic.reply import Reply


@dataclasses.dataclass
class Plain:
    name: str
    people: int


class Model(pydantic.BaseModel):
    name: str
    people: int


RECORDS: list[dict[str, Any]] = [{"name": "Ulm", "people": 1}, {"name": "Bonn", "people": 2}]


@pytest.mark.parametrize(
    "data",
    [
        RECORDS,
        [Plain(**each) for each in RECORDS],
        [Model(**each) for each in RECORDS],
        {"cities": RECORDS},
        {"cities": RECORDS, "source": "memory"},
        {"name": ["Ulm", "Bonn"], "people": [1, 2]},
    ],
)
def test_records_and_columns_are_a_table(data: object) -> None:
    assert Reply(data=data).to_frame().to_dict("records") == RECORDS


def test_one_record_is_a_row_and_values_are_a_column() -> None:
    assert Reply(data=Plain("Ulm", 1)).to_frame().to_dict("records") == RECORDS[:1]
    assert list(Reply(data=[3, 4]).to_frame()["value"]) == [3, 4]


def test_an_empty_list_is_an_empty_table() -> None:
    assert len(Reply(data=[]).to_frame()) == 0


@pytest.mark.parametrize("data", [None, 5, "text", {}, [{"a": 1}, 2], {"a": [1], "b": [1, 2]}])
def test_what_is_no_table_is_refused(data: object) -> None:
    with pytest.raises(HermesError, match="no table"):
        Reply(data=data).to_frame()


def test_without_pandas_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(HermesError, match=r"needs pandas\. %pip install pandas"):
        Reply(data=RECORDS).to_frame()

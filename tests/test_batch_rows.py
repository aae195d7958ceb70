"""Rows of every kind go out as `{{row}}` and come back as the same kind, in their order."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hermes_magic.batch.rows import Row, source_of
from hermes_magic.errors import OptionError
from hermes_magic.offline import Response
from hermes_magic.prompt.schema import schema_of
from tests.batch.jobs import KEY, Office
from tests.batch.till import COST, Till, answer, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PEOPLE = {"review": ["good", "bad", "good"], "stars": [5, 1, 4]}


@dataclass
class Verdict:
    """What an answer says."""

    positive: bool
    score: int


@pytest.fixture
def till(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    monkeypatch.setenv("HERMES_MAGIC_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    with Till() as till:
        yield till


def judged(text: str, _time: int) -> Response:
    positive = "good" in text
    return Response.json(answer(f'{{"positive": {str(positive).lower()}, "score": 3}}'))


def test_a_pandas_frame_comes_back_with_its_index_and_columns(till: Till) -> None:
    frame = pd.DataFrame(PEOPLE, index=["x", "y", "z"])
    out = Office(till.base_url).run("{{row.review}}/{{row['stars']}}", frame).table()
    assert list(out.columns) == ["review", "stars", "answer", "error", "cost", "tokens"]
    assert list(out.index) == ["x", "y", "z"]
    assert list(out["answer"]) == ["On good/5", "On bad/1", "On good/4"]
    assert list(out["cost"]) == [COST] * 3
    assert list(out["tokens"]) == [8, 8, 8]
    assert out["error"].isna().all()
    assert list(frame.columns) == ["review", "stars"]


def test_a_pandas_series_is_a_column_of_rows(till: Till) -> None:
    series = pd.Series(["a", "b"], index=[7, 9], name="word")
    out = Office(till.base_url).run("{{row}}", series).table()
    assert list(out["word"]) == ["a", "b"]
    assert list(out["answer"]) == ["On a", "On b"]
    assert list(out.index) == [7, 9]
    assert "row" in Office(till.base_url).run("{{row}}", pd.Series(["a"])).table()


def test_a_schema_gives_typed_columns_with_gaps_where_a_row_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMES_MAGIC_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)

    def respond(text: str, time: int) -> Response:
        return refusal(400) if "bad" in text else judged(text, time)

    frame = pd.DataFrame(PEOPLE)
    with Till(respond) as till:
        office = Office(till.base_url)
        result = office.run("{{row.review}}", frame, schema=schema_of(Verdict))
        out = result.table()
        polars = office.run("{{row.review}}", pl.DataFrame(PEOPLE), schema=schema_of(Verdict))
    assert next(result.replies).data == Verdict(positive=True, score=3)
    assert str(out["positive"].dtype) == "boolean"
    assert str(out["score"].dtype) == "Int64"
    assert out["score"].tolist() == [3, pd.NA, 3]
    assert out["error"][1].startswith("BadRequestError")
    assert polars.table()["score"].to_list() == [3, None, 3]
    assert polars.table()["positive"].dtype == pl.Boolean


def test_a_polars_frame_comes_back_as_one(till: Till) -> None:
    frame = pl.DataFrame(PEOPLE)
    out = Office(till.base_url).run("{{row.review}}/{{row.stars}}", frame).table()
    assert isinstance(out, pl.DataFrame)
    assert out.columns == ["review", "stars", "answer", "error", "cost", "tokens"]
    assert out["answer"].to_list() == ["On good/5", "On bad/1", "On good/4"]
    assert [Decimal(str(cost)) for cost in out["cost"]] == [COST] * 3
    series = Office(till.base_url).run("{{row}}", pl.Series("word", ["a", "b"])).table()
    assert series["word"].to_list() == ["a", "b"]


def test_a_list_comes_back_as_a_list(till: Till) -> None:
    office = Office(till.base_url)
    assert [(row["row"], row["answer"]) for row in office.run("{{row}}", ["a", "b"]).table()] == [
        ("a", "On a"),
        ("b", "On b"),
    ]
    (row,) = office.run("{{row.x}}", [{"x": 1, "answer": "mine"}]).table()
    assert (row["x"], row["answer"], row["answer_2"]) == (1, "mine", "On 1")
    frame = office.run("{{row}}", ["a", "b"]).to_frame()
    assert list(frame["answer"]) == ["On a", "On b"]


@pytest.mark.parametrize(
    "data",
    [
        ("a", "b"),
        np.array(["a", "b"]),
        pa.array(["a", "b"]),
        pd.Index(["a", "b"]),
        {"a": 1, "b": 2}.keys(),
        (letter for letter in "ab"),
    ],
    ids=["tuple", "array", "arrow", "index", "keys", "generator"],
)
def test_anything_with_rows_will_do(till: Till, data: Any) -> None:
    result = Office(till.base_url).run("{{row}}", data)
    assert [reply.text for reply in result.replies] == ["On a", "On b"]
    assert [row["answer"] for row in result.table()] == ["On a", "On b"]


def test_an_arrow_table_has_columns(till: Till) -> None:
    result = Office(till.base_url).run("{{row.review}}{{row.stars}}", pa.table(PEOPLE))
    assert [row["answer"] for row in result.table()] == ["On good5", "On bad1", "On good4"]


def test_what_can_be_gone_through_once_comes_back_with_its_questions(till: Till) -> None:
    result = Office(till.base_url).run("Is {{row}}?", iter(["a", "b"]))
    assert [row["question"] for row in result.table()] == ["Is a?", "Is b?"]
    assert "question" in result.to_frame().columns


@pytest.mark.parametrize("data", ["text", b"bytes", {"a": 1}, 7, None])
def test_what_has_no_rows_is_refused(data: Any) -> None:
    with pytest.raises(OptionError, match="no rows"):
        source_of(data)


def test_a_lazy_frame_is_to_be_collected() -> None:
    with pytest.raises(OptionError, match="collect"):
        source_of(pl.LazyFrame(PEOPLE))


def test_a_row_as_text_has_each_column_on_a_line() -> None:
    row = Row({"review": "good", "stars": 5})
    assert str(row) == "review: good\nstars: 5"
    with pytest.raises(AttributeError, match="no column rewiev, but review, stars"):
        _ = row.rewiev


def test_the_rows_of_a_large_job_are_not_held() -> None:
    """A hundred times the rows take no more memory to go through."""
    peaks = []
    for count in (100, 10_000):
        source = source_of(str(number) * 50 for number in range(count))
        tracemalloc.start()
        for _ in source.rows():
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 10_000

"""What was spent: sums, the CSV file, the data frame, the picture."""

from __future__ import annotations

import csv
import dataclasses
import sys
import xml.etree.ElementTree as ET
from decimal import Decimal
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.money.calls import Call
from hermes_magic.money.picture import spending_svg
from hermes_magic.money.report import Report

if TYPE_CHECKING:
    from pathlib import Path

TODAY = "2026-11-22"
SVG = "{http://www.w3.org/2000/svg}"
BASE = Call(
    id="1",
    started="2026-11-22T10:00:00.000+00:00",
    day=TODAY,
    notebook="paper.ipynb",
    cell="c1",
    server="https://openrouter.ai/api/v1",
    model="x/y",
    state="settled",
    cost=Decimal("0.0076509169000000005"),
    estimate=None,
    prompt_tokens=10,
    completion_tokens=20,
    reasoning_tokens=5,
    cached_tokens=0,
    seconds=1.5,
    finish_reason="stop",
    generation="gen-1",
)
HOSTILE = "<script>alert(1)</script>\"'&\x00\x1b[31m\u202e=cmd()"


def call(**changes: Any) -> Call:
    return dataclasses.replace(BASE, **changes)


def report(*calls: Call) -> Report:
    return Report(calls, TODAY, "paper.ipynb", "c1")


CALLS = (
    call(),
    call(cell="c2", cost=Decimal("0.1")),
    call(cell="c3", notebook="other.ipynb", cost=None, estimate=Decimal("0.02"), state="sent"),
    call(cell="c4", day="2026-11-01", model="a/b", cost=Decimal(1)),
    call(cell="c5", day="2026-10-31", cost=Decimal(2)),
    call(cell="c1", cost=None, state="refused", prompt_tokens=None, completion_tokens=None),
)


def test_each_row_adds_its_own_calls_exactly() -> None:
    rows = {row.label: (row.calls, row.usd, row.estimated) for row in report(*CALLS).rows()}
    assert rows == {
        "this cell": (1, BASE.cost, 0),
        "this notebook": (4, Decimal("3.1076509169000000005"), 0),
        "today": (3, Decimal("0.1276509169000000005"), 1),
        "this month": (4, Decimal("1.1276509169000000005"), 1),
        "all": (5, Decimal("3.1276509169000000005"), 1),
    }


def test_models_and_notebooks_of_the_month_the_dearest_first() -> None:
    made = report(*CALLS)
    assert [(row.label, row.calls) for row in made.by_model()] == [("a/b", 1), ("x/y", 3)]
    labels = [row.label for row in made.by_notebook()]
    assert labels == ["paper.ipynb", "other.ipynb"]


def test_an_empty_ledger_is_all_zeros() -> None:
    made = report()
    assert {(row.calls, row.usd) for row in made.rows()} == {(0, Decimal(0))}
    assert made.by_model() == []


def test_csv_has_every_call_to_the_last_digit(tmp_path: Path) -> None:
    report(*CALLS).write_csv(tmp_path / "spent.csv")
    with (tmp_path / "spent.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(CALLS)
    assert Decimal(rows[0]["cost"]) == BASE.cost
    assert (rows[2]["cost"], rows[2]["estimate"], rows[0]["seconds"]) == ("", "0.02", "1.5")
    assert list(rows[0]) == [field.name for field in dataclasses.fields(Call)]


@pytest.mark.parametrize("start", "=+-@")
def test_csv_text_is_no_formula_in_a_spreadsheet(tmp_path: Path, start: str) -> None:
    report(call(notebook=f'{start}cmd|"x",\n1', cost=Decimal("-0"))).write_csv(tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["notebook"] == f'\'{start}cmd|"x",\n1'


def test_a_cost_in_powers_of_ten_is_written_as_a_number(tmp_path: Path) -> None:
    report(call(cost=Decimal("3E-7"))).write_csv(tmp_path / "x.csv")
    assert ",0.0000003," in (tmp_path / "x.csv").read_text()


class Frame(dict[str, Any]):
    """As much of a DataFrame as is needed to see what it is made of."""

    def __init__(self, rows: Any, columns: list[str]) -> None:
        listed = list(rows)
        super().__init__({name: [row[at] for row in listed] for at, name in enumerate(columns)})


def test_a_data_frame_has_exact_decimals(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = ModuleType("pandas")
    pandas.DataFrame = Frame  # type: ignore[attr-defined]
    pandas.to_datetime = list  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    frame = report(*CALLS).dataframe()
    assert frame["cost"][0] == BASE.cost
    assert frame["model"] == [each.model for each in CALLS]


def test_a_real_data_frame_as_well() -> None:
    pytest.importorskip("pandas")
    frame = report(*CALLS).dataframe()
    assert frame["cost"].dropna().sum() == Decimal("3.1076509169000000005")
    assert str(frame["started"].dtype).startswith("datetime64")


def test_without_pandas_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pandas"):
        report(*CALLS).dataframe()


def bars(svg: str) -> list[ET.Element]:
    root = ET.fromstring(svg)  # noqa: S314 - our own picture
    return [rect for rect in root.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]


def test_the_picture_has_a_bar_for_each_day_and_model() -> None:
    found = bars(spending_svg(CALLS, TODAY))
    titles = [bar.findtext(f"{SVG}title") for bar in found]
    assert titles == [
        "2026-10-31 x/y $2.00",
        "2026-11-01 a/b $1.00",
        "2026-11-22 x/y $0.1276509169000000005",
    ]
    heights = [float(bar.get("height", "")) for bar in found]
    assert heights[0] == pytest.approx(2 * heights[1], rel=0.01)


def test_the_picture_of_nothing_is_a_picture() -> None:
    assert bars(spending_svg([], TODAY)) == []


def test_many_models_share_the_last_colour() -> None:
    calls = [call(model=f"m{number}", cost=Decimal(number)) for number in range(1, 10)]
    titles = [bar.findtext(f"{SVG}title") or "" for bar in bars(spending_svg(calls, TODAY))]
    assert [title.split(" ", 1)[1] for title in titles] == [
        "m9 $9.00",
        "m8 $8.00",
        "m7 $7.00",
        "m6 $6.00",
        "other models $15.00",
    ]


def test_a_hostile_name_stays_text() -> None:
    root = ET.fromstring(spending_svg([call(model=HOSTILE)], TODAY))  # noqa: S314 - our own picture
    assert {each.tag for each in root.iter()} == {
        f"{SVG}{tag}" for tag in ("svg", "title", "text", "path", "rect")
    }
    names = {name for each in root.iter() for name in each.attrib}
    assert not any(name.startswith("on") or "href" in name for name in names)


@given(
    st.lists(
        st.tuples(
            st.text(max_size=50),
            st.decimals("0", "1000", places=12),
            st.sampled_from([TODAY, "2026-11-10", "2020-01-01", "2030-01-01"]),
        ),
        max_size=12,
    )
)
def test_every_picture_is_well_formed_and_within_its_frame(
    rows: list[tuple[str, Decimal, str]],
) -> None:
    calls = [call(model=model, cost=cost, day=day) for model, cost, day in rows]
    for bar in bars(spending_svg(calls, TODAY)):
        assert 20 <= float(bar.get("y", "")) <= 160.01
        assert 0 <= float(bar.get("x", "")) <= 640

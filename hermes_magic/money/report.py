"""What was spent: the ledger's calls, added up by cell, notebook, day, month and model."""

from __future__ import annotations

import csv
import dataclasses
import importlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.money.calls import Call, exact_sum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal
    from pathlib import Path

_COLUMNS: Final = tuple(field.name for field in dataclasses.fields(Call))
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_MONTH: Final = len("2026-11")


@dataclass(frozen=True, slots=True)
class Spending:
    """What some calls took together.

    Attributes:
        label: what they have in common.
        calls: how many they are, without those that the server refused.
        usd: their cost; where the server's figure is missing, with our estimate.
        estimated: how many of them are in it with an estimate.
    """

    label: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd: Decimal
    estimated: int


@dataclass(frozen=True)
class Report:
    """All calls of the ledger, and what the person may want to know of them.

    Attributes:
        calls: in their order.
        today: the person's date, ISO 8601.
        notebook: whose calls are "this notebook".
        cell: whose calls are "this cell": the last one that asked.
    """

    calls: Sequence[Call]
    today: str
    notebook: str
    cell: str

    def rows(self) -> list[Spending]:
        """Give this cell, this notebook, today, this month and all."""
        month = self.today[:_MONTH]
        return [
            add("this cell", (call for call in self.calls if call.cell == self.cell)),
            add("this notebook", (call for call in self.calls if call.notebook == self.notebook)),
            add("today", (call for call in self.calls if call.day == self.today)),
            add("this month", (call for call in self.calls if call.day.startswith(month))),
            add("all", self.calls),
        ]

    def by_model(self) -> list[Spending]:
        """Give each model of this month, the dearest first."""
        month = self.today[:_MONTH]
        return _grouped((call for call in self.calls if call.day.startswith(month)), "model")

    def by_notebook(self) -> list[Spending]:
        """Give each notebook of this month, the dearest first."""
        month = self.today[:_MONTH]
        return _grouped((call for call in self.calls if call.day.startswith(month)), "notebook")

    def dataframe(self) -> Any:
        """Give the calls as a pandas DataFrame; cost and estimate are exact `Decimal`s.

        Raises:
            ImportError: pandas is not installed.
        """
        pandas = importlib.import_module("pandas")
        frame = pandas.DataFrame(map(_values, self.calls), columns=list(_COLUMNS))
        frame["started"] = pandas.to_datetime(frame["started"])
        return frame

    def write_csv(self, path: Path) -> None:
        """Write the calls as CSV, one line each, amounts digit for digit.

        Raises:
            OSError: the file cannot be written.
        """
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            writer.writerows(map(_texts, self.calls))


def add(label: str, calls: Iterable[Call]) -> Spending:
    """Add some calls up."""
    taken = [call for call in calls if call.state != "refused"]
    return Spending(
        label=label,
        calls=len(taken),
        prompt_tokens=sum(call.prompt_tokens or 0 for call in taken),
        completion_tokens=sum(call.completion_tokens or 0 for call in taken),
        usd=exact_sum(call.amount for call in taken),
        estimated=sum(call.is_estimated for call in taken),
    )


def _grouped(calls: Iterable[Call], column: str) -> list[Spending]:
    groups: defaultdict[str, list[Call]] = defaultdict(list)
    for call in calls:
        groups[getattr(call, column)].append(call)
    rows = [add(label, group) for label, group in groups.items()]
    return sorted((row for row in rows if row.calls), key=lambda row: row.usd, reverse=True)


def _values(call: Call) -> tuple[Any, ...]:
    return tuple(getattr(call, column) for column in _COLUMNS)


def _texts(call: Call) -> list[str]:
    return [_text(getattr(call, column)) for column in _COLUMNS]


def _text(value: object) -> str:
    """Write a value; text that a spreadsheet would take for a formula is marked as text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return f"{value:f}" if hasattr(value, "as_tuple") else str(value)

"""What a benchmark gives: figures by contestant and case, and whether the goals are met."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant in one case.

    Attributes:
        values: one figure a round, in the report's unit.
        ratios: one a round: this figure by the base's in the same round.
    """

    case: str
    contestant: str
    values: Sequence[float]
    ratios: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal, what was measured, and whether that meets it."""

    text: str
    measured: float
    met: bool


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark's outcome.

    Attributes:
        name: the benchmark's, as on the command line.
        unit: what the figures are in.
        base: the contestant that the ratios are to.
        packages: distributions whose versions matter.
        missing: contestants that could not run, and why.
        facts: further figures by name.
    """

    name: str
    unit: str
    base: str
    rows: Sequence[Row]
    goals: Sequence[Goal] = ()
    packages: Sequence[str] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


def lines(report: Report) -> Iterator[str]:
    """Write the report as a Markdown table and what belongs to it."""
    yield f"## {report.name}: {report.unit}, ratio to {report.base}"
    yield ""
    yield f"| case | contestant | {report.unit}: median (min) | ratio: median (min-max) |"
    yield "|---|---|---|---|"
    for row in report.rows:
        figure = f"{statistics.median(row.values):.3g} ({min(row.values):.3g})"
        yield f"| {row.case} | {row.contestant} | {figure} | {_spread(row.ratios)} |"
    yield from (f"| | {name} | missing: {why} | |" for name, why in report.missing.items())
    yield ""
    yield from (f"- {name}: {value}" for name, value in report.facts.items())
    for goal in report.goals:
        yield f"- {'met' if goal.met else 'NOT MET'}: {goal.text}: {goal.measured:.3g}"


def save(report: Report) -> Path:
    """Write the report with machine and versions to a file of its own; give its path."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / ".gitignore").write_text("*\n")
    path = RESULTS / f"{report.name}-{time.strftime('%Y%m%dT%H%M%S')}.json"
    written = asdict(report) | {"machine": machine(), "versions": versions(report.packages)}
    path.write_text(json.dumps(written, indent=1) + "\n")
    return path


def machine() -> dict[str, Any]:
    """Say where this runs."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": load,
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Give the version of each of these that is installed."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def _spread(ratios: Sequence[float]) -> str:
    if not ratios:
        return ""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"

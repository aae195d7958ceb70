"""A contestant's process: a case in as a line of JSON, figures out, until stdin ends."""

from __future__ import annotations

import gc
import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.contest import Case

_STATUS = Path("/proc/self/status")


def contend(module: str, contestant: str) -> None:
    """Serve one contestant of a module."""
    try:
        work = import_module(module).CONTESTANTS[contestant]()
    except ImportError as error:
        sys.stdin.readline()
        _answer({"missing": f"{error.name} is not installed"})
        return
    for line in sys.stdin:
        _answer(measure(work, json.loads(line)))


def measure(work: Callable[[Case], Any], case: Case) -> dict[str, Any]:
    """Do the work of a case; give seconds of CPU and of the wall clock, peak MB, the result."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(case)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu": cpu, "wall": wall, "peak": peak_megabytes(), "result": result}


def peak_megabytes() -> float | None:
    """Give this process's largest memory so far; None where the system does not say."""
    if not _STATUS.exists():
        return None
    lines = _STATUS.read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak) / 1024


def _answer(figures: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    contend(*sys.argv[1:])

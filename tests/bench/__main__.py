"""Run the benchmarks, print their tables, save their figures."""

from __future__ import annotations

import argparse
import pkgutil
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from tests.bench.report import Report, lines, save

Run = Callable[[int], Report]


def benchmarks() -> Mapping[str, Run]:
    """Find the modules of this folder that are benchmarks."""
    names = [each.name for each in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = {name: import_module(f"tests.bench.{name}") for name in names if name != "__main__"}
    return {name: module.run for name, module in modules.items() if hasattr(module, "run")}


def main(arguments: list[str]) -> int:
    """Run what was asked for; 1 if a goal is not met."""
    found = benchmarks()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(found))
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - set(found):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}: {', '.join(found)}")
    met = True
    for name in asked.names or found:
        report = found[name](asked.rounds)
        path = save(report)
        sys.stdout.write("\n".join([*lines(report), f"- saved in {path}", "", ""]))
        sys.stdout.flush()
        met &= all(goal.met for goal in report.goals)
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

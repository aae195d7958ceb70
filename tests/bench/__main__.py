"""Run the benchmarks, print their tables, save their figures."""

from __future__ import annotations

import argparse
import pkgutil
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.report import lines, save

if TYPE_CHECKING:
    from types import ModuleType


def benchmarks() -> tuple[dict[str, ModuleType], dict[str, str]]:
    """Find the modules of this folder that are benchmarks, and those that lack a package."""
    found, missing = {}, {}
    for each in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if each.name == "__main__":
            continue
        try:
            module = import_module(f"tests.bench.{each.name}")
        except ImportError as error:
            missing[each.name] = f"{error.name} is not installed"
        else:
            if hasattr(module, "run"):
                found[each.name] = module
    return found, missing


def measure(benchmark: ModuleType, rounds: int) -> bool:
    """Run one benchmark, print and save what it gives; tell whether its goals are met."""
    report = benchmark.run(rounds)
    path = save(report)
    _say(*lines(report), f"- saved in {path}", "")
    return all(goal.met for goal in report.goals)


def main(arguments: list[str]) -> int:
    """Run what was asked for; 1 if a goal is not met."""
    found, missing = benchmarks()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(found))
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args(arguments)
    wanted = asked.names or [*found, *missing]
    if unknown := sorted({*wanted} - {*found, *missing}):
        parser.error(f"there is no benchmark {', '.join(unknown)}: {', '.join(found)}")
    _say(*(f"{name}: missing, {missing[name]}" for name in wanted if name in missing))
    met = [measure(found[name], asked.rounds) for name in wanted if name in found]
    return 0 if all(met) else 1


def _say(*said: str) -> None:
    sys.stdout.write("".join(line + "\n" for line in said))
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""CPU of `%load_ext` in fresh processes, and what an installation adds to a bare kernel."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections import defaultdict
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from tests.bench.contest import ROOT
from tests.bench.report import Goal, Report, Row

EMPTY, OURS = "empty extension", "hermes_magic"
CONTESTANTS = {
    EMPTY: "tests.bench.empty",
    OURS: "hermes_magic",
    "Jupyter AI 2": "jupyter_ai_magics",
    "Jupyter AI 3": "jupyter_ai_magic_commands",
    "CellMage": "cellmage",
}
PACKAGES = ("hermes-magic", "ipython", "ipykernel", "jupyter-ai-magics", "cellmage")
BARE = ("ipykernel", "ipywidgets")
MOST_MILLISECONDS, MOST_DISTRIBUTIONS, MOST_MEGABYTES = 5, 12, 15
LOAD = """
import time, ipykernel.ipkernel
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
start = time.process_time()
shell.run_line_magic('load_ext', {name!r})
print(round((time.process_time() - start) * 1e3, 3))
"""
_NAME = re.compile(r"[\w.-]+")


def run(rounds: int) -> Report:
    """Load everything in turns."""
    missing = {
        name: f"{module} is not installed"
        for name, module in CONTESTANTS.items()
        if find_spec(module) is None
    }
    names = [name for name in CONTESTANTS if name not in missing]
    figures: dict[str, list[float]] = defaultdict(list)
    order = random.Random(0)
    for _ in range(rounds + 1):  # the first round warms the disk's cache
        for name in order.sample(names, len(names)):
            figures[name].append(loading(CONTESTANTS[name]))
    figures = {name: values[1:] for name, values in figures.items()}
    base = figures[EMPTY]
    rows = [
        Row("%load_ext", name, values, [one / by for one, by in zip(values, base, strict=True)])
        for name, values in sorted(figures.items(), key=lambda one: list(CONTESTANTS).index(one[0]))
    ]
    more = sorted(one - by for one, by in zip(figures[OURS], base, strict=True))[rounds // 2]
    added = closure("hermes-magic") - closure(*BARE)
    megabytes = sum(map(size, added)) / 1e6
    return Report(
        name="load",
        unit="CPU ms",
        base=EMPTY,
        rows=rows,
        goals=[
            _goal("ms more than an empty extension", more, MOST_MILLISECONDS),
            _goal("distributions over ipykernel + ipywidgets", len(added), MOST_DISTRIBUTIONS),
            _goal("MB of them", megabytes, MOST_MEGABYTES),
        ],
        packages=PACKAGES,
        missing=missing,
        facts={"distributions added": ", ".join(sorted(added))},
    )


def loading(module: str) -> float:
    """Load an extension in a fresh process; give the milliseconds of CPU it takes."""
    command = [sys.executable, "-c", LOAD.format(name=module)]
    done = subprocess.run(  # noqa: S603 - this interpreter, our own script
        command, cwd=ROOT, check=True, capture_output=True, text=True
    )
    return float(done.stdout.split()[-1])


def closure(*names: str) -> set[str]:
    """Give the distributions that these need to be installed, themselves included."""
    found: set[str] = set()
    wanted = list(names)
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in found:
            continue
        try:
            required = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another platform or Python
        found.add(name)
        wanted += [_NAME.match(one)[0] for one in required if "extra ==" not in one]  # type: ignore[index]
    return found


def size(name: str) -> int:
    """Give the bytes that a distribution installs, compiled files left out."""
    files = metadata.files(name) or []
    paths = [Path(str(file.locate())) for file in files if file.suffix != ".pyc"]
    own = sum(path.stat().st_size for path in paths if path.is_file())
    if name == "hermes-magic":  # perhaps installed in place
        folder = ROOT / "hermes_magic"
        kept = (p for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc")
        return max(own, sum(path.stat().st_size for path in kept))
    return own


def _goal(text: str, measured: float, most: float) -> Goal:
    return Goal(f"at most {most} {text}", measured, measured <= most)

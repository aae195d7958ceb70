"""Contestants as persistent child processes that take turns, in a new order each round."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
Case = Mapping[str, Any]
Contestant = Callable[[], Callable[[Case], Any]]
"""Import what is needed (ImportError: it is missing); give what does the work of a case."""


class MissingError(Exception):
    """A contestant is not installed."""


class Child:
    """One contestant in a process of its own."""

    def __init__(self, module: str, contestant: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own arguments
            [sys.executable, "-m", "tests.bench.child", module, contestant],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, case: Case) -> dict[str, Any]:
        """Let it do the work of a case; give CPU and wall seconds, peak memory and its result.

        Raises:
            MissingError: the contestant is not installed.
            RuntimeError: it died.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._process.args!r} died")
        figures: dict[str, Any] = json.loads(answer)
        if "missing" in figures:
            raise MissingError(figures["missing"])
        return figures

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def child(module: str, contestant: str) -> Iterator[Child]:
    """Start a contestant; end it afterwards."""
    started = Child(module, contestant)
    try:
        yield started
    finally:
        started.close()


@contextmanager
def serving(module: str) -> Iterator[str]:
    """Run a module's server in a process of its own, until its stdin ends; give its address."""
    process = subprocess.Popen(  # noqa: S603 - this interpreter, our own arguments
        [sys.executable, "-m", module],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


class Contest:
    """All contestants of a benchmark's module, warmed up.

    Attributes:
        missing: those that are not installed, and why.
    """

    def __init__(self, stack: ExitStack, benchmark: ModuleType, warm_up: Case) -> None:
        self.missing: dict[str, str] = {}
        self._children: dict[str, Child] = {}
        for name in benchmark.CONTESTANTS:
            one = stack.enter_context(child(benchmark.__name__, name))
            try:
                one.do(warm_up)
            except MissingError as error:
                self.missing[name] = str(error)
            else:
                self._children[name] = one

    @property
    def names(self) -> list[str]:
        """Those that take part."""
        return list(self._children)

    def rounds(self, cases: Sequence[Case], rounds: int) -> Iterator[tuple[int, str, Any]]:
        """Let everybody do every case once a round; give (case's place, name, figures).

        Those that a case lists under "without" sit it out. A case's turns follow one another, so
        that the machine's moods hit all of them alike.
        """
        order = random.Random(0)
        for _ in range(rounds):
            for place in order.sample(range(len(cases)), len(cases)):
                case = cases[place]
                names = [name for name in self._children if name not in case.get("without", ())]
                for name in order.sample(names, len(names)):
                    yield place, name, self._children[name].do(case)


@contextmanager
def contest(benchmark: ModuleType, warm_up: Case) -> Iterator[Contest]:
    """Start all contestants of a module, and end them afterwards."""
    with ExitStack() as stack:
        yield Contest(stack, benchmark, warm_up)

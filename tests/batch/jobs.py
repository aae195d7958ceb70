"""Jobs in this process: made as a cell makes them, and run with nobody watching."""

from __future__ import annotations

import threading
import weakref
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hermes_magic.asking.desk import Desk
from hermes_magic.batch.job import Job
from hermes_magic.batch.task import Written, task_of
from hermes_magic.money.account import LEDGER_FILE
from hermes_magic.money.ledger import Ledger
from hermes_magic.money.store import Store
from hermes_magic.options import HERMES_4_405B, Options
from hermes_magic.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from hermes_magic.batch.result import Result
    from hermes_magic.money.calls import Call
    from hermes_magic.prompt.schema import Schema
    from hermes_magic.view.progress import Figures

KEY = "sk-or-v1-" + "0123456789abcdef" * 4


def booked(folder: Path) -> list[Call]:
    """Give the calls in the ledger of a data folder."""
    with closing(Ledger(Store(folder / LEDGER_FILE))) as ledger:
        return list(ledger.calls())


@dataclass
class Settings:
    """What a notebook has set."""

    base_url: str
    server: str = "openrouter"
    servers: Mapping[str, Any] = field(default_factory=dict)
    model: str = HERMES_4_405B
    budget: Decimal | None = None
    daily_budget: Decimal | None = None
    tape: str = ""
    tape_mode: str = ""
    tape_speed: float = 1.0


@dataclass
class Watcher:
    """A view that keeps what it is shown, and may stop the job."""

    stop_when: Callable[[Figures], bool] = lambda _: False
    seen: list[Figures] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    closed: list[Figures] = field(default_factory=list)
    _stop: Callable[[], None] | None = None

    def show(self, figures: Figures) -> None:
        self.seen.append(figures)
        if self._stop is not None and self.stop_when(figures):
            self._stop()

    def say(self, line: str) -> None:
        self.said.append(line)

    def close(self, figures: Figures) -> None:
        self.closed.append(figures)

    @contextmanager
    def stoppable(self, stop: Callable[[], None]) -> Iterator[None]:
        self._stop = stop
        yield
        self._stop = None


class Office:
    """A session that asks one server."""

    def __init__(self, base_url: str, **settings: Any) -> None:
        self.session = Session(lambda: "/home/ada/paper.ipynb")
        self.desk = Desk(Settings(base_url, **settings), self.session)
        weakref.finalize(self, self.session.close)

    def job(
        self,
        text: str,
        data: Any,
        *,
        values: dict[str, Any] | None = None,
        schema: Schema | None = None,
        cluster: Any = None,
        **options: Any,
    ) -> Job:
        """Make a job; it may cost $100 unless told otherwise."""
        options = {"max_cost": Decimal(100)} | options
        written = Written(Options(**options), text, data, values or {}, schema, cluster=cluster)
        return Job(task_of(self.desk, written), self.session.account)

    def run(self, text: str, data: Any, watcher: Watcher | None = None, **more: Any) -> Result:
        """Run a job."""
        watcher = watcher or Watcher()
        return self.job(text, data, **more).run(watcher, watcher.stoppable)


def settled_threads() -> list[str]:
    """Give the names of the batch's threads that run."""
    return [each.name for each in threading.enumerate() if each.name == "hermes-batch"]

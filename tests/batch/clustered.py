"""A process with a LocalCluster of three workers, one of which is killed in the middle of a job.

`python clustered.py BASE_URL ROWS MAX_COST`. Prints, as JSON, what came of it, and everything that
the scheduler and the workers know and have logged.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import nullcontext
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import pandas as pd
from distributed import Client, LocalCluster

import hermes_magic
from tests.batch.jobs import Office

if TYPE_CHECKING:
    from hermes_magic.view.progress import Figures


class Killer:
    """A view that kills a worker when a third of the rows are done."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.killed = ""
        self.told = ""

    def show(self, figures: Figures) -> None:
        if self.killed or figures.done < figures.rows // 3:
            return
        self.told = known(self._client)
        worker, process = min(self._client.run(os.getpid).items())
        os.kill(process, signal.SIGKILL)
        self.killed = worker

    def say(self, line: str) -> None:
        """Show nothing."""

    def close(self, figures: Figures) -> None:
        """Show nothing."""


def known(client: Client) -> str:
    """Give all tasks of the scheduler and all logs as one text."""

    def tasks(dask_scheduler: Any) -> str:
        return repr([(each, vars_of(each)) for each in dask_scheduler.tasks.values()])

    def vars_of(task: Any) -> list[str]:
        return [repr(getattr(task, name, "")) for name in type(task).__slots__]

    logs = [client.get_scheduler_logs(), client.get_worker_logs()]
    return repr([client.run_on_scheduler(tasks), *logs])


def main(base_url: str, rows: str, max_cost: str) -> None:
    os.environ["OPENROUTER_BASE_URL"] = base_url
    frame = dd.from_pandas(pd.DataFrame({"n": range(int(rows))}), npartitions=4)
    with (
        LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        view, limit = Killer(client), Decimal(max_cost)
        job = Office(base_url).job(
            "About {{row.n}}", frame, cluster=client, at_once=9, max_cost=limit
        )
        result = job.run(view, lambda _: nullcontext())
        more = hermes_magic.map("More {{row}}", range(6), cluster=client, max_cost=1)
        out = result.table()
        told = {
            "done": result.done,
            "more": more.done,
            "errors": [str(each) for each in result.errors.values()][:3],
            "right": out["answer"].compute().fillna("").tolist()
            == [f"On About {number}" for number in range(int(rows))],
            "kind": type(out).__module__,
            "killed": view.killed,
            "known": view.told + known(client),
        }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

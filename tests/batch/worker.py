"""A process that runs one job and can be interrupted or killed.

`python worker.py BASE_URL ROWS AT_ONCE [retry]`; the data's folder is in HERMES_MAGIC_DATA. The
last line of stdout is DONE with how many rows have an answer and how many an error, or STOPPED.
"""

from __future__ import annotations

import resource
import sys
from decimal import Decimal

from hermes_magic.asking.interrupts import on_interrupt
from hermes_magic.errors import Stopped, StorageError
from hermes_magic.view.progress import SilentProgress
from tests.batch.jobs import Office


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(base_url: str, rows: str, at_once: str, retry: str = "") -> None:
    if retry == "small disk":  # a file may not grow any more, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
    job = Office(base_url).job(
        "About {{row}}",
        range(int(rows)),
        at_once=int(at_once),
        max_cost=Decimal(1000),
        retries=0,
        retry_failed=retry == "retry",
    )
    tell("STARTED")
    try:
        result = job.run(SilentProgress(), on_interrupt)
    except Stopped:
        tell("STOPPED")
    except StorageError as error:
        tell(f"FULL {error.result and error.result.done}")
        tell(str(error))
    else:
        right = sum(each.reply.text == f"On About {row}" for row, each in enumerate(result))
        tell(f"DONE {right} {result.failed}")


if __name__ == "__main__":
    main(*sys.argv[1:])

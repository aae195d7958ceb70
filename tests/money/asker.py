"""A process that asks one question, tells what arrives, and can halt at a point to be killed at.

`python asker.py BASE_URL POINT`; the ledger's folder is in HERMES_MAGIC_DATA. Each line of stdout
is the name of an event that has arrived, or HALTED.
"""

import sys
import time
from typing import Any

from hermes_magic.money import ledger
from hermes_magic.money.budget import Limits
from hermes_magic.options import Options
from hermes_magic.session import Session
from hermes_magic.wire.servers import openrouter

HOUR = 3600


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def halt(*_: object) -> None:
    tell("HALTED")
    time.sleep(HOUR)


def halting(place: Any, name: str, *, after: bool) -> None:
    """Make a function halt before or after its work."""
    original = getattr(place, name)

    def halted(*arguments: object, **named: object) -> object:
        if not after:
            halt()
        result = original(*arguments, **named)
        halt()
        return result

    setattr(place, name, halted)


POINTS: dict[str, tuple[Any, str, bool]] = {
    "before booking": (ledger.Ledger, "reserve", False),
    "while booking": (ledger, "_reserve", True),  # before its COMMIT
    "booked": (ledger.Ledger, "reserve", True),
    "marked as sent": (ledger.Ledger, "mark_sent", True),
    "while settling": (ledger, "_settle", True),  # before its COMMIT
    "settled": (ledger.Ledger, "settle", True),
}


def main(base_url: str, point: str) -> None:
    if point in POINTS:
        place, name, after = POINTS[point]
        halting(place, name, after=after)
    session = Session(lambda: "/home/ada/paper.ipynb")
    answering = session.ask(openrouter(base_url), "sk-test", Options(retries=0), "Why?", Limits())
    with answering:
        for events in answering:
            for event in events:
                tell(type(event).__name__)
    session.close()
    tell("END")


if __name__ == "__main__":
    main(*sys.argv[1:])

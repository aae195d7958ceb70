"""What is done to a reply on its way: the end at a stop text, the estimate, the notes."""

from collections.abc import Generator
from decimal import Decimal

import pytest

from hermes_magic.errors import NetworkError
from hermes_magic.reply import (
    Done,
    Event,
    Failed,
    Finished,
    Notice,
    ReplyBuilder,
    Text,
    Usage,
    UsageReported,
)
from hermes_magic.wire.servers import Price
from hermes_magic.wire.shaping import HUNG_UP, Shape

USAGE = Usage(prompt_tokens=1000, completion_tokens=500)


class Wire:
    """Batches as the client gives them; knows whether it was closed early."""

    def __init__(self, *batches: list[Event]) -> None:
        self.batches = batches
        self.given = 0
        self.closed = False

    def events(self) -> Generator[list[Event]]:
        try:
            for batch in self.batches:
                self.given += 1
                yield list(batch)
        finally:
            self.closed = True


def shaped(shape: Shape, wire: Wire) -> list[Event]:
    return [event for batch in shape(wire.events()) for event in batch]


def test_nothing_is_done_unasked() -> None:
    batches: list[list[Event]] = [
        [Text("a")],
        [Finished("stop"), UsageReported(USAGE)],
        [Done()],
        [],
    ]
    assert shaped(Shape(), Wire(*batches)) == [event for batch in batches for event in batch]


def test_a_stop_text_ends_the_stream_and_closes_it() -> None:
    wire = Wire([Text("one E")], [Text("ND two")], [Text("three")], [Done()])
    events = shaped(Shape(stops=("END",)), wire)
    assert events == [Text("one "), Finished("stop", "stop text"), Notice(HUNG_UP), Done()]
    assert wire.closed
    assert wire.given == 2


def test_a_host_that_has_come_to_its_end_as_well_keeps_its_usage() -> None:
    wire = Wire([Text("one END two"), Finished("length"), UsageReported(USAGE), Done()])
    events = shaped(Shape(stops=("END",)), wire)
    assert events == [Text("one "), Finished("stop", "stop text"), UsageReported(USAGE), Done()]


@pytest.mark.parametrize("last", [Done(), Failed(NetworkError("cut"))])
def test_what_was_held_back_comes_before_the_end(last: Done | Failed) -> None:
    assert shaped(Shape(stops=("END",)), Wire([Text("an EN"), last])) == [
        Text("an "),
        Text("EN"),
        last,
    ]


def test_a_price_gives_an_estimate_and_no_cost() -> None:
    builder = ReplyBuilder()
    shape = Shape(price=Price(Decimal("0.5"), Decimal("1.5")))
    builder.feed(shaped(shape, Wire([Text("a"), UsageReported(USAGE), Done()])), 1.0)
    reply = builder.reply()
    assert reply.cost is None
    assert reply.estimate == Decimal("0.00125")


def test_the_server_s_own_cost_needs_no_estimate() -> None:
    told = Usage(prompt_tokens=1, completion_tokens=1, cost=Decimal("0.1"))
    shape = Shape(price=Price(Decimal(1), Decimal(1)))
    assert shaped(shape, Wire([UsageReported(told)])) == [UsageReported(told)]


def test_unknown_tokens_have_no_estimate() -> None:
    assert Price(Decimal(1), Decimal(1)).estimate(Usage(prompt_tokens=1)) is None


def test_notes_come_first_and_late_ones_before_the_end() -> None:
    shape = Shape(notes=("first",), late_notes=lambda: ["late"])
    events = shaped(shape, Wire([Text("a")], [Finished("stop"), Done()]))
    assert events == [Notice("first"), Text("a"), Finished("stop"), Notice("late"), Done()]

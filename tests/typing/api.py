"""The types of what `hermes_magic` gives to Python code: mypy is the test, nothing runs this."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, TypedDict, assert_type

import hermes_magic
from hermes_magic import HermesError, Reply, Result, Stopped, aask, ask, dry_run


class City(TypedDict):
    name: str


def replies() -> None:
    reply = ask("Why?")
    assert_type(reply, Reply)
    assert_type(reply.text, str)
    assert_type(reply.cost, Decimal | None)
    assert_type(reply.data, Any)
    assert_type(dry_run("Why?"), str)
    assert_type(hermes_magic.ask("Why?"), Reply)


def batches() -> None:
    result = hermes_magic.map("About {{row}}", [1, 2], at_once=4, max_cost="0.5", schema=City)
    assert_type(result, Result)
    assert_type(result.cost, Decimal)
    assert_type(result.errors, dict[int, HermesError])
    assert_type(next(result.replies), Reply)
    assert_type(hermes_magic.map_dry_run("About {{row}}", (1, 2)), str)


async def awaited() -> None:
    assert_type(await aask("Why?", temperature=0.2), Reply)
    aask("Why?")  # type: ignore[unused-coroutine]


def errors() -> None:
    try:
        ask("Why?")
    except HermesError as error:
        assert_type(error.reply, Reply | None)
        assert_type(error.hint, str)
        assert_type(error.status, int | None)
    except Stopped as stopped:
        assert_type(stopped.reply, Reply | None)
        assert_type(stopped.result, Result | None)


def keywords() -> None:
    ask("Why?", temperature=0.2, max_tokens=100, think=False, thoughts="hidden", seed=None)
    ask("Why?", stop=["a"], provider="Nebius", max_price=(1, "3"), max_cost=Decimal("0.05"))
    ask("Why?", chat="plan", new=True, param={"min_p": 0.05}, values={"x": 1}, show=True)
    ask("Why?", with_={"x": object()})
    ask("Why?", with_=["notes.txt", Path("more.txt")])
    ask("Why?", with_=Path("notes.txt"))
    ask("Why?", schema=City)
    ask("Why?", tools=[len], max_steps=3)
    ask("Why?", tools=[3])  # type: ignore[list-item]
    ask("Why?", schema=list[City])
    ask("Why?", schema=[City])
    ask("Why?", schema={"type": "object"})


def wrong() -> None:
    ask()  # type: ignore[call-arg]
    ask(1)  # type: ignore[arg-type]
    ask("Why?", "How?")  # type: ignore[call-arg]
    ask("Why?", temprature=1)  # type: ignore[call-arg]
    ask("Why?", temperature="hot")  # type: ignore[arg-type]
    ask("Why?", think="no")  # type: ignore[arg-type]
    ask("Why?", thoughts="loud")  # type: ignore[arg-type]
    ask("Why?", with_=[1])  # type: ignore[list-item]
    ask("Why?", with_={1: "x"})  # type: ignore[dict-item]
    ask("Why?", out="answer")  # type: ignore[call-arg]
    ask("Why?").txt  # type: ignore[attr-defined]  # noqa: B018 - that is the test
    hermes_magic.nonsense  # type: ignore[attr-defined]  # noqa: B018 - that is the test

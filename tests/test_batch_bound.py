"""The bound on what is under way: halved by a refusal, raised by answers, never above the most."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.batch.bound import Bound


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def enter(bound: Bound) -> int:
    ticket = bound.enter()
    assert ticket is not None
    return ticket


def refuse(bound: Bound, tickets: list[int], seconds: float | None = None) -> None:
    for ticket in tickets:
        bound.refuse(ticket, seconds)
        bound.leave(ticket)


def test_refusals_of_one_volley_halve_once() -> None:
    clock = Clock()
    bound = Bound(16, clock)
    refuse(bound, [enter(bound) for _ in range(16)])
    assert bound.limit == 8
    clock.now += 5
    refuse(bound, [enter(bound) for _ in range(8)])
    assert bound.limit == 4


def test_it_never_falls_below_one() -> None:
    clock = Clock()
    bound = Bound(3, clock)
    for _ in range(5):
        refuse(bound, [enter(bound)])
        clock.now += 1000
    assert bound.limit == 1


def test_a_round_of_answers_raises_it_by_one_up_to_the_most() -> None:
    clock = Clock()
    bound = Bound(6, clock)
    refuse(bound, [enter(bound)])
    clock.now += 5
    assert bound.limit == 3
    for limit in (4, 5, 6, 6):
        for _ in range(bound.limit + 1):
            bound.leave(enter(bound), answered=True)
        assert bound.limit == limit


def test_the_servers_own_time_is_kept_by_all() -> None:
    clock = Clock()
    bound = Bound(4, clock)
    refuse(bound, [enter(bound)], 30)
    assert bound.rest == 30
    entered = threading.Event()

    def wait() -> None:
        bound.enter()
        entered.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not entered.wait(0.1)
    bound.close()
    waiting.join(10)


def test_without_a_time_rests_grow() -> None:
    clock = Clock()
    bound = Bound(64, clock)
    rests = []
    for _ in range(8):
        refuse(bound, [enter(bound)])
        rests.append(bound.rest)
        clock.now += bound.rest
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]
    bound.leave(enter(bound), answered=True)
    refuse(bound, [enter(bound)])
    assert bound.rest == 1


def test_who_waits_is_let_in_when_a_place_is_free_and_sent_away_at_the_end() -> None:
    bound = Bound(1)
    ticket = enter(bound)
    got: list[int | None] = []
    waiting = [threading.Thread(target=lambda: got.append(bound.enter())) for _ in range(2)]
    for thread in waiting:
        thread.start()
    bound.leave(ticket)
    deadline = threading.Event()
    while not got:
        deadline.wait(0.01)
    bound.close()
    for thread in waiting:
        thread.join(10)
    assert got == [0, None]


@given(st.lists(st.sampled_from(["enter", "answer", "refuse", "fail"]), max_size=60))
def test_never_more_than_the_most_and_never_less_than_one(steps: list[str]) -> None:
    clock = Clock()
    bound = Bound(5, clock)
    inside: list[int] = []
    for step in steps:
        clock.now += 100
        if step == "enter":
            if len(inside) < bound.limit:
                inside.append(enter(bound))
        elif inside:
            ticket = inside.pop()
            if step == "refuse":
                bound.refuse(ticket, None)
            bound.leave(ticket, answered=step == "answer")
        assert 1 <= bound.limit <= 5
        assert bound.running == len(inside)

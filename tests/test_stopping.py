"""A stop text ends the answer wherever it is cut, and nothing else does."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.reply import Event, Finished, Rethought, Text, Thought
from hermes_magic.wire.stopping import StopText


def fed(stops: list[str], pieces: list[str]) -> tuple[str, bool]:
    stop = StopText(stops)
    events: list[Event] = [one for piece in pieces for one in stop.feed(Text(piece))]
    events += stop.flush()
    assert all(isinstance(event, Text) and event.text for event in events)
    return "".join(event.text for event in events if isinstance(event, Text)), stop.found


def ended(text: str, stops: list[str]) -> tuple[str, bool]:
    """Do the same slowly: read on letter by letter until a stop text is complete."""
    for end in range(len(text) + 1):
        whole = [stop for stop in stops if stop and text[:end].endswith(stop)]
        if whole:
            return text[: end - max(map(len, whole))], True
    return text, False


@pytest.mark.parametrize("pieces", [["one END two"], ["one E", "ND two"], [*"one END two"]])
def test_the_answer_ends_before_the_stop_text(pieces: list[str]) -> None:
    assert fed(["END"], pieces) == ("one ", True)


def test_the_beginning_of_a_stop_text_is_held_back_and_then_given() -> None:
    stop = StopText(["END"])
    assert stop.feed(Text("the EN")) == [Text("the ")]
    assert stop.feed(Text("TIRELY")) == [Text("ENTIRELY")]
    assert stop.feed(Text("E")) == []
    assert stop.flush() == [Text("E")]


def test_nothing_is_held_back_without_a_stop_text() -> None:
    stop = StopText([])
    assert stop.feed(Text("all")) == [Text("all")]
    assert stop.flush() == []


def test_a_stop_text_in_the_thought_ends_nothing() -> None:
    stop = StopText(["END"])
    assert stop.feed(Thought("END")) == [Thought("END")]
    assert stop.feed(Finished("stop")) == [Finished("stop")]
    assert not stop.found


def test_what_is_held_back_becomes_thought_with_the_rest() -> None:
    stop = StopText(["END"])
    stop.feed(Text("why EN"))
    assert stop.feed(Rethought()) == [Text("EN"), Rethought()]


def test_of_two_the_one_that_is_complete_first_ends_the_answer() -> None:
    assert fed(["abcd", "c"], ["xabcd"]) == fed(["abcd", "c"], ["xab", "cd"]) == ("xab", True)


@given(
    st.text("abé\n", max_size=40),
    st.lists(st.text("abé\n", min_size=1, max_size=4), max_size=3),
    st.lists(st.integers(0, 40), max_size=8),
)
def test_every_cut_gives_the_same(text: str, stops: list[str], cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(places)]
    assert fed(stops, pieces) == ended(text, stops)

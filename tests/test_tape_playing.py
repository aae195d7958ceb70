"""What was recorded is what is played: the reply, its cost then, its times, its pace."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.reply import (
    WRITTEN_BY_HAND,
    Done,
    Event,
    Failed,
    Finished,
    Notice,
    Replayed,
    Reply,
    ReplyBuilder,
    Rethought,
    Started,
    Text,
    Thought,
    Timing,
    ToolDelta,
    Usage,
    UsageReported,
)
from hermes_magic.tape import episode as episodes
from hermes_magic.tape import request
from hermes_magic.tape.episode import Recorded, recorded_now
from hermes_magic.tape.layout import layout
from hermes_magic.tape.pieces import Gatherer, Piece
from hermes_magic.tape.player import Player, stream

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from hermes_magic.tape.episode import Episode

ASKED = request.asked({"messages": [{"role": "user", "content": "Why?"}]})
NOW = datetime(2026, 11, 22, 17, 35, 14, tzinfo=UTC)
TEXT = st.text(min_size=1) | st.sampled_from(
    ["<think>", "</think>", "\r\n", "&lt;think&gt;", "\n", "`", "\u2028", "🎈", "data: [DONE]"]
)
SAID = st.lists(st.builds(Thought, TEXT) | st.builds(Text, TEXT), min_size=1)
GAPS = st.floats(0, 2)


def recorded(events: Iterable[tuple[float, Event]], **fields: Any) -> Episode:
    """Record events, and read what stands on the tape of them."""
    gatherer, end = Gatherer(), 0.0
    for at, event in events:
        gatherer.feed([event], at)
        end = at
    reply = Recorded(tuple(gatherer.pieces), round(end, 2), model="hermes", provider="Nebius")
    written = recorded_now(ASKED, replace(reply, **fields), NOW).written
    return episodes.read(json.loads(layout(written), parse_float=Decimal))


def played(episode: Episode) -> Reply:
    builder = ReplyBuilder()
    batches = list(Player(episode, speed=0).chat())
    for events in batches:
        builder.feed(events, at=99.0)
    assert isinstance(batches[-1][-1], Done)
    return builder.reply()


def by_hand(**reply: Any) -> Episode:
    messages = [{"role": "user", "content": "Why?"}]
    return episodes.read(
        {"by_hand": True, "recorded": "2026-11-22", "request": {"messages": messages}}
        | {"reply": reply}
    )


@given(SAID, st.lists(GAPS, min_size=1))
def test_text_thought_and_pieces_are_those_that_came(said: list[Event], gaps: list[float]) -> None:
    times = list(accumulate(gaps[number % len(gaps)] for number in range(len(said))))
    original = ReplyBuilder()
    for at, event in zip(times, said, strict=True):
        original.feed([event], at)
    first, again = original.reply(), played(recorded(zip(times, said, strict=True)))
    assert (again.text, again.thinking, again.deltas) == (first.text, first.thinking, first.deltas)
    assert again.timing.first == pytest.approx(first.timing.first, abs=0.006)
    assert again.timing.total == pytest.approx(first.timing.total, abs=0.006)
    if first.timing.answer is not None:
        assert again.timing.answer == pytest.approx(first.timing.answer, abs=0.006)


@given(st.text(min_size=1), st.integers(1, 60))
def test_the_pieces_of_a_line_make_up_its_text(text: str, count: int) -> None:
    times, texts = zip(*Piece("answer", text, 1.0, 2.0, count).deltas(), strict=True)
    assert "".join(texts) == text
    assert all(texts)
    assert len(texts) == min(count, len(text))
    assert times[0] == 1.0
    assert list(times) == sorted(times)
    assert times[-1] == (2.0 if len(texts) > 1 else 1.0)


def test_an_answer_of_five_hundred_words_is_a_few_dozen_lines() -> None:
    words = [(number / 40, Text(f"word{number % 9} ")) for number in range(500)]
    lines = layout(recorded(words).written).splitlines()
    assert 30 < len(lines) < 70
    assert max(map(len, lines)) < 160


def test_a_pause_begins_a_line_and_is_played() -> None:
    episode = recorded([(1.0, Text("Well")), (1.1, Text(", ")), (3.0, Text("yes."))])
    assert [(one.at, one.to, one.text) for one in episode.reply.pieces] == [
        (1.0, 1.1, "Well, "),
        (3.0, 3.0, "yes."),
    ]


def test_answer_that_turned_out_to_be_thought_is_recorded_as_thought() -> None:
    came: list[Event] = [Text("Hm. "), Text("Ah."), Rethought(), Text("Yes.")]
    reply = played(recorded((number / 10, event) for number, event in enumerate(came)))
    assert (reply.thinking, reply.text, reply.deltas) == ("Hm. Ah.", "Yes.", (2, 1))


def test_tool_calls_come_again() -> None:
    calls = [
        ToolDelta(0, "call-1", "roll"),
        ToolDelta(0, arguments='{"sides"'),
        ToolDelta(0, arguments=": 6}"),
        ToolDelta(1, "call-2", "toss", "{}"),
    ]
    original = ReplyBuilder()
    original.feed(calls, 1.0)
    reply = played(recorded(((1.0, call) for call in calls), finish_reason="tool_calls"))
    assert reply.tool_calls == original.reply().tool_calls
    assert reply.finish_reason == "tool_calls"


def test_usage_and_cost_then_to_the_last_digit_and_no_cost_now() -> None:
    raw = {"prompt_tokens": 12, "cost": Decimal("0.00002700"), "x": {"y": Decimal("1E-30")}}
    reply = played(recorded([(1.0, Text("Yes."))], usage=raw, finish_reason="stop"))
    assert reply.usage.cost == Decimal("0.000027")
    assert str(reply.usage.raw["cost"]) == "0.00002700"
    assert reply.usage.raw["x"] == {"y": Decimal("1E-30")}
    assert (reply.usage.prompt_tokens, reply.finish_reason) == (12, "stop")
    assert reply.cost == 0
    assert (reply.model, reply.provider, reply.id) == ("hermes", "Nebius", "")
    assert repr(reply) == "Reply('Yes.', model='hermes', cost=$0, replayed)"


def test_an_estimate_of_then_stays_one() -> None:
    estimate = Decimal("0.0004")
    reply = played(recorded([(1.0, Text("Yes."))], usage={"prompt_tokens": 3}, estimate=estimate))
    assert reply.estimate == estimate
    assert reply.usage.cost is None
    assert reply.cost == 0


def test_the_times_are_the_tapes_not_the_clocks() -> None:
    episode = recorded([(1.0, Thought("Hm.")), (3.2, Text("Yes.")), (4.0, Text(" No."))])
    reply = played(episode)
    assert reply.timing == Timing(1.0, 3.2, 4.0)
    assert reply.replayed == Replayed("2026-11-22T17:35:14Z", by_hand=False, timing=reply.timing)


def test_a_reply_without_a_proper_end_says_so_again() -> None:
    reply = played(recorded([(1.0, Text("Yes."))]))
    assert reply.notices == ("The server gave no finish reason: the answer may be cut off.",)


def test_it_plays_at_the_pace_that_is_wanted() -> None:
    episode = recorded([(0.1, Text("a")), (0.9, Text("b")), (1.0, Finished("stop"))])
    for speed, least, most in ((0.0, 0.0, 0.4), (4.0, 0.24, 0.9)):
        started = time.perf_counter()
        events = list(Player(episode, speed).chat())
        assert least <= time.perf_counter() - started < most
        assert isinstance(events[0][0], Replayed)


def test_it_can_be_stopped_from_another_thread() -> None:
    episode = recorded([(0.0, Text("a")), (60.0, Text("b"))])
    player = Player(episode)
    threading.Timer(0.1, player.abort).start()
    started = time.perf_counter()
    events = [event for events in player.chat() for event in events]
    assert time.perf_counter() - started < 30
    assert isinstance(events[-1], Failed)
    assert [event.text for event in events if isinstance(event, Text)] == ["a"]
    assert player.aborted
    assert not player.busy


def test_it_has_what_a_client_has() -> None:
    from hermes_magic.wire.client import Client

    public = {name for name in dir(Client) if not name.startswith("_")}
    assert public <= set(dir(Player)) | {"draining", "is_open", "is_stale"}


class TestByHand:
    def test_a_thought_and_an_answer_are_enough(self) -> None:
        reply = played(by_hand(thought="Hm, well.", answer=["It is", "so."]))
        assert (reply.thinking, reply.text) == ("Hm, well.", "It is\nso.")
        assert reply.deltas == (2, 3)
        assert (reply.finish_reason, reply.notices) == ("stop", ())
        assert reply.replayed is not None
        assert reply.replayed.by_hand

    def test_no_model_is_named_whatever_the_tape_says(self) -> None:
        reply = played(by_hand(answer="Yes.", model="nousresearch/hermes-4-405b", provider="X"))
        assert (reply.model, reply.provider) == (WRITTEN_BY_HAND, "")

    def test_nobody_has_timed_it(self) -> None:
        assert played(by_hand(thought="Hm.", answer="Yes.")).timing == Timing()

    def test_it_comes_word_by_word(self) -> None:
        times = [at for at, data in stream(by_hand(answer="One two three.")) if b"content" in data]
        assert times == pytest.approx([0.4, 0.43, 0.46])

    @pytest.mark.parametrize("missing", ["recorded", "with"])
    def test_what_does_not_say_when_and_by_what_it_was_recorded_counts_as_such(
        self, missing: str
    ) -> None:
        written = dict(recorded([(1.0, Text("Yes."))]).written)
        assert not episodes.read(written).by_hand
        del written[missing]
        assert episodes.read(written).by_hand


def test_notices_of_the_run_are_not_recorded_with_it() -> None:
    events: list[Event] = [Started("gen-1", "m"), Notice("/home/alice"), Text("Yes.")]
    events += [UsageReported(Usage())]
    episode = recorded((1.0, event) for event in events)
    assert "alice" not in layout(episode.written)
    assert "gen-1" not in layout(episode.written)

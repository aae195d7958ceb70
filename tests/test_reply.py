"""Events become a reply; a reply that breaks off is still a reply."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.reply import (
    OFFLINE_DEMO,
    Done,
    Event,
    Finished,
    Notice,
    Reply,
    ReplyBuilder,
    Rethought,
    Started,
    Text,
    Thought,
    Timing,
    ToolCall,
    ToolDelta,
    Usage,
    UsageReported,
)

USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 30,
    "cost": Decimal("0.0000594"),
    "completion_tokens_details": {"reasoning_tokens": 20},
    "prompt_tokens_details": {"cached_tokens": 4},
    "new_key": 1,
}


def built(*events: Event) -> Reply:
    builder = ReplyBuilder()
    for at, event in enumerate(events, start=1):
        builder.feed([event], float(at))
    return builder.reply()


def test_a_whole_reply() -> None:
    usage = Usage.from_wire(USAGE)
    reply = built(
        Started("gen-1"),
        Started("gen-1", "m", "p"),
        Thought("Hm"),
        Thought("m."),
        Text("\nYes"),
        Text(". "),
        Finished("stop", "end_turn"),
        UsageReported(usage),
        Notice("mind"),
        Done(),
    )
    assert (reply.thinking, reply.text, str(reply)) == ("Hmm.", "\nYes. ", "\nYes. ")
    assert (reply.id, reply.model, reply.provider) == ("gen-1", "m", "p")
    assert (reply.usage, reply.cost) == (usage, Decimal("0.0000594"))
    assert (reply.finish_reason, reply.state, reply.notices) == ("stop", "complete", ("mind",))
    assert reply.deltas == (2, 2)
    assert reply.timing == Timing(first=3.0, answer=5.0, total=10.0)
    assert reply.timing.thinking == 2.0
    assert reply.tokens_per_second == pytest.approx(30 / 7)


def test_later_news_of_who_answers_fills_gaps_only() -> None:
    reply = built(Started("a", "m", ""), Started("", "", "p"), Started("b"))
    assert (reply.id, reply.model, reply.provider) == ("b", "m", "p")


def test_the_last_usage_holds() -> None:
    first, last = Usage(prompt_tokens=1), Usage(prompt_tokens=2)
    assert built(UsageReported(first), UsageReported(last)).usage == last


def test_answer_that_was_thought_moves() -> None:
    reply = built(Text("a"), Text("b"), Rethought(), Text("c"))
    assert (reply.thinking, reply.text, reply.deltas) == ("ab", "c", (2, 1))
    assert (reply.timing.first, reply.timing.answer) == (1.0, 4.0)


def test_a_reply_is_there_at_any_moment() -> None:
    builder = ReplyBuilder()
    assert builder.reply("failed") == Reply(state="failed")
    assert not builder.progress.begun
    builder.feed([Text("a")], 0.5)
    assert builder.progress.begun
    assert builder.reply("stopped").text == "a"
    builder.feed([Text("b")], 0.6)
    assert builder.reply().text == "ab"


def test_tool_calls_come_in_pieces() -> None:
    reply = built(
        ToolDelta(1, "y", "g"),
        ToolDelta(0, "x", "f", ""),
        ToolDelta(0, "", "", '{"a":'),
        ToolDelta(0, arguments="1}"),
    )
    assert reply.tool_calls == (ToolCall("x", "f", '{"a":1}'), ToolCall("y", "g", ""))


def test_a_reply_without_answer_thinks_to_its_end() -> None:
    assert built(Thought("a"), Thought("b"), Done()).timing.thinking == 2.0
    assert Timing().thinking is None


@given(st.lists(st.sampled_from([Text("t"), Thought("h"), Rethought()]), max_size=12))
def test_no_delta_is_lost_or_doubled(events: list[Event]) -> None:
    reply = built(*events)
    written = sum(not isinstance(event, Rethought) for event in events)
    assert len(reply.text) + len(reply.thinking) == written == sum(reply.deltas)


def test_the_repr_is_one_short_line() -> None:
    reply = Reply("line\n" * 50, model="m", usage=Usage(cost=Decimal("6E-8")), state="stopped")
    assert repr(reply).endswith("…', model='m', cost=$0.00000006, stopped)")
    assert len(repr(reply)) < 120
    assert repr(Reply("short")) == "Reply('short', model='')"


def test_only_the_demo_server_is_a_demo() -> None:
    assert Reply(model=OFFLINE_DEMO).is_demo
    assert not Reply(model="nousresearch/hermes-4-405b").is_demo


@pytest.mark.parametrize(
    ("timing", "tokens"),
    [
        (Timing(), 5),
        (Timing(1.0, 1.0, 1.0), 5),
        (Timing(1.0, 1.0, 2.0), None),
        (Timing(0, 0, 2), 0),
    ],
)
def test_no_speed_is_made_up(timing: Timing, tokens: int | None) -> None:
    assert Reply(timing=timing, usage=Usage(completion_tokens=tokens)).tokens_per_second is None


def test_usage_is_read_and_kept_whole() -> None:
    usage = Usage.from_wire(USAGE)
    assert (usage.prompt_tokens, usage.completion_tokens) == (10, 30)
    assert (usage.reasoning_tokens, usage.cached_tokens, usage.answer_tokens) == (20, 4, 10)
    assert usage.raw == USAGE


def test_one_more_thought_token_than_in_all_leaves_no_answer_tokens() -> None:
    assert Usage(completion_tokens=10, reasoning_tokens=11).answer_tokens == 0
    assert Usage(reasoning_tokens=11).answer_tokens is None


NONSENSE: list[Any] = [
    None, True, "1", [], {}, -1, Decimal("-0.5"), Decimal("1e50"), Decimal("1e999999"),
    Decimal("1e-999999"), 10**40, float("nan"),
]  # fmt: skip


@pytest.mark.parametrize("value", NONSENSE)
def test_a_senseless_figure_is_no_figure(value: object) -> None:
    details = {"reasoning_tokens": value, "cached_tokens": value}
    usage = Usage.from_wire(
        {
            "prompt_tokens": value,
            "completion_tokens": value,
            "cost": value,
            "completion_tokens_details": details,
            "prompt_tokens_details": value,
        }
    )
    assert usage == Usage(raw=usage.raw)


@pytest.mark.parametrize("cost", ["0", "0.00006", "0.0076509169000000005", "12345.678", "1E-7"])
def test_a_cost_is_kept_digit_for_digit(cost: str) -> None:
    assert str(Usage.from_wire({"cost": Decimal(cost)}).cost) == cost
    assert Usage.from_wire({"cost": 2}).cost == Decimal(2)


def test_a_count_may_be_written_as_a_decimal() -> None:
    assert Usage.from_wire({"prompt_tokens": Decimal("10.0")}).prompt_tokens == 10
    assert Usage.from_wire({"prompt_tokens": Decimal("10.5")}).prompt_tokens is None

"""The figures of a reply as words, digit for digit where it is money."""

import dataclasses
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.reply import (
    OFFLINE_DEMO,
    WRITTEN_BY_HAND,
    Booked,
    Progress,
    Replayed,
    Reply,
    Timing,
    Usage,
)
from hermes_magic.view import readout

REPLY = Reply(
    text="Yes.",
    thinking="Hm.",
    usage=Usage(1234, 2214, 214, 34, Decimal("0.0000594")),
    model="nousresearch/hermes-4-405b",
    provider="Nebius",
    finish_reason="stop",
    id="gen-1",
    timing=Timing(0.61, 3.81, 10.61),
    deltas=(200, 1900),
)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("0", "$0.00"),
        ("0E-12", "$0.00"),
        ("0.1", "$0.10"),
        ("5", "$5.00"),
        ("100", "$100.00"),
        ("1234567.5", "$1,234,567.50"),
        ("0.00006", "$0.00006"),
        ("0.0000594", "$0.0000594"),
        ("6E-8", "$0.00000006"),
        ("0.000060000", "$0.00006"),
        ("0.0076509169000000005", "$0.007651"),
        ("0.0000000001", "$0.000001"),
    ],
)
def test_usd(amount: str, written: str) -> None:
    assert readout.usd(Decimal(amount)) == written


@given(st.decimals(0, 10**6, places=8))
def test_eight_decimals_are_never_rounded(amount: Decimal) -> None:
    assert Decimal(readout.usd(amount)[1:].replace(",", "")) == amount


@pytest.mark.parametrize(
    ("span", "written"),
    [
        (0, "0.0 s"),
        (0.64, "0.6 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (60, "1 min 00 s"),
        (185.4, "3 min 05 s"),
        (3600, "60 min 00 s"),
    ],
)
def test_seconds(span: float, written: str) -> None:
    assert readout.seconds(span) == written


def test_tokens() -> None:
    assert readout.tokens(1) == "1 token"
    assert readout.tokens(2214) == "2,214 tokens"
    assert readout.tokens(0, about=True) == "~0 tokens"


def test_the_thought_s_heading() -> None:
    assert readout.thought_heading(REPLY, timed=True) == "Thought for 3.2 s · 214 tokens"
    assert readout.thought_heading(REPLY, timed=False) == "Thought · 214 tokens"
    untold = dataclasses.replace(REPLY, usage=Usage(), timing=Timing())
    assert readout.thought_heading(untold, timed=True) == "Thought · ~200 tokens"


def test_the_cost_line_names_all_figures() -> None:
    assert readout.cost_line(REPLY, timed=True) == (
        "$0.0000594 · 1,234 in · 2,214 out (214 thought) · 0.6 s to first token · 10.6 s in all"
        " · 221 tok/s · nousresearch/hermes-4-405b via Nebius"
    )
    assert readout.cost_line(REPLY, timed=False) == (
        "$0.0000594 · 1,234 in · 2,214 out (214 thought) · nousresearch/hermes-4-405b via Nebius"
    )


def test_what_the_server_did_not_say_is_left_out() -> None:
    assert readout.cost_line(Reply(), timed=True) == "cost not reported"
    assert readout.cost_line(Reply(usage=Usage(cost=Decimal(0))), timed=True) == "$0.00"


def test_a_demo_never_looks_like_a_bill_or_a_model() -> None:
    demo = dataclasses.replace(REPLY, model=OFFLINE_DEMO, provider=OFFLINE_DEMO)
    line = readout.cost_line(demo, timed=False)
    assert line.startswith("$0.0000594 if it were real · ")
    assert line.endswith(" · offline demo")
    assert "hermes-4" not in line
    free = dataclasses.replace(demo, usage=Usage())
    assert readout.cost_line(free, timed=True).startswith("demo, nothing billed · ")


def test_the_notes_of_each_end() -> None:
    def notes(**changes: object) -> list[str]:
        return readout.notes(dataclasses.replace(REPLY, **changes))  # type: ignore[arg-type]

    assert notes() == []
    assert notes(notices=("mind",)) == ["mind"]
    (cut,) = notes(finish_reason="length")
    assert "--max-tokens" in cut
    assert "content filter" in notes(finish_reason="content_filter")[0]
    (stopped,) = notes(state="stopped", finish_reason="length")
    assert "billed" in stopped
    assert notes(state="failed", notices=("mind",))[0] == "mind"
    assert "Incomplete" in notes(state="failed")[0]


@pytest.mark.parametrize(
    ("booked", "line"),
    [
        (Booked(Decimal("0.018")), "$0.0021 · this notebook $0.018"),
        (Booked(Decimal("0.018"), 2), "$0.0021 · this notebook ~$0.018 (2 calls estimated)"),
    ],
)
def test_the_notebook_s_total_says_what_is_estimated(booked: Booked, line: str) -> None:
    reply = Reply(usage=Usage(cost=Decimal("0.0021")), booked=booked)
    assert readout.cost_line(reply, timed=True) == line
    assert readout.cost_line(reply, timed=False) == "$0.0021"


def test_an_estimate_is_marked_and_says_why() -> None:
    reply = Reply(booked=Booked(Decimal(1), 1, Decimal("0.0004")))
    line = "~$0.0004 (our estimate: no figure from the server)"
    assert readout.cost_line(reply, timed=False) == line


@pytest.mark.parametrize(
    ("byok", "label"), [(False, "the provider asks"), (True, "and on your own key there")]
)
def test_a_discount_and_an_own_key_stand_in_the_details(label: str, *, byok: bool) -> None:
    raw = {
        "cost": Decimal("0.0000594"),
        "is_byok": byok,
        "cost_details": {"upstream_inference_cost": Decimal("0.0000699")},
    }
    rows = dict(readout.details(Reply(usage=Usage.from_wire(raw))))
    assert (rows["cost"], rows[label]) == ("$0.0000594", "$0.0000699")


def test_the_details_leave_out_what_is_unknown() -> None:
    assert dict(readout.details(REPLY)) == {
        "model": "nousresearch/hermes-4-405b",
        "provider": "Nebius",
        "generation": "gen-1",
        "finish reason": "stop",
        "prompt tokens": "1,234",
        "of them cached": "34",
        "thought tokens": "214",
        "answer tokens": "2,000",
        "cost": "$0.0000594",
    }
    assert readout.details(Reply()) == []


class TestReplayed:
    TAPED = dataclasses.replace(
        REPLY, replayed=Replayed("2026-11-22T17:35:14Z", by_hand=False, timing=REPLY.timing)
    )
    BY_HAND = dataclasses.replace(
        TAPED,
        model=WRITTEN_BY_HAND,
        provider="",
        replayed=Replayed("2026-11-22", by_hand=True, timing=Timing()),
        timing=Timing(),
    )

    def test_says_what_it_cost_then_and_that_it_costs_nothing_now(self) -> None:
        assert readout.cost_line(self.TAPED, timed=True) == (
            "replayed, recorded 2026-11-22, cost then $0.0000594, now $0.00 · 1,234 in"
            " · 2,214 out (214 thought) · 0.6 s to first token · 10.6 s in all · 221 tok/s"
            " · nousresearch/hermes-4-405b via Nebius"
        )
        assert self.TAPED.cost == 0

    @pytest.mark.parametrize(
        ("usage", "told"),
        [
            (Usage(), "cost then not reported"),
            (Usage(estimate=Decimal("0.0004")), "cost then ~$0.0004, now $0.00"),
            (Usage(cost=Decimal(0)), "cost then $0.00, now $0.00"),
        ],
    )
    def test_says_as_much_of_the_cost_as_is_known(self, usage: Usage, told: str) -> None:
        reply = dataclasses.replace(self.TAPED, usage=usage)
        assert told in readout.cost_line(reply, timed=True)

    def test_never_looks_as_if_a_model_had_written_what_a_person_has(self) -> None:
        line = readout.cost_line(self.BY_HAND, timed=True)
        assert line.startswith("replayed, written by hand 2026-11-22: no model was asked · 1,234")
        for told in (line, str(readout.details(self.BY_HAND))):
            assert "hermes-4" not in told
            assert "$" not in told
        undated = dataclasses.replace(
            self.BY_HAND, replayed=Replayed("", by_hand=True, timing=Timing())
        )
        line = readout.cost_line(undated, timed=True)
        assert line.startswith("replayed, written by hand: no model was asked")

    def test_a_recorded_demo_is_still_a_demo(self) -> None:
        demo = dataclasses.replace(self.TAPED, model=OFFLINE_DEMO, provider=OFFLINE_DEMO)
        assert readout.cost_line(demo, timed=False).startswith(
            "replayed, recorded 2026-11-22 from the offline demo: no model was asked"
        )

    def test_the_details_tell_when_to_the_second(self) -> None:
        rows = dict(readout.details(self.TAPED))
        assert rows["replayed"] == "recorded 2026-11-22T17:35:14Z"
        assert rows["cost then"] == "$0.0000594"
        assert "cost" not in rows

    def test_a_stop_is_no_reason_to_fear_a_bill(self) -> None:
        (note,) = readout.notes(dataclasses.replace(self.TAPED, state="stopped"))
        assert note == "Stopped: this answer is not whole."

    def test_it_is_said_while_it_comes(self) -> None:
        assert self.TAPED.replayed is not None
        assert readout.live_line(Progress(replayed=self.TAPED.replayed), 1) == "replay · 1.0 s"


def test_the_lines_while_it_comes() -> None:
    assert readout.live_line(Progress(), 0.32) == "0.3 s"
    progress = Progress(
        model="m", provider="m", thought_deltas=3, answer_deltas=4, timing=Timing(first=1.0)
    )
    assert readout.live_line(progress, 2.0) == "2.0 s · ~7 tokens · m"
    assert readout.live_heading(progress, 2.5) == "Thinking 1.5 s · ~3 tokens"
    assert readout.live_heading(Progress(), 2.5) == "Thinking · ~0 tokens"

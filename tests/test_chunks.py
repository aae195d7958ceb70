"""Chunks of every shape become the same events; a fault is an event, never an exception."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic import errors
from hermes_magic.reply import (
    Done,
    Event,
    Failed,
    Finished,
    Notice,
    Reply,
    ReplyBuilder,
    Started,
    Text,
    Thought,
    ToolCall,
)
from hermes_magic.wire.chunks import ChunkDecoder

STOP = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


def delta(**fields: object) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def decode(
    *chunks: object, ended: bool = True, cut: errors.HermesError | None = None
) -> tuple[list[Event], Reply]:
    decoder = ChunkDecoder()
    events: list[Event] = []
    for chunk in chunks:
        events += decoder.feed(chunk if isinstance(chunk, bytes) else json.dumps(chunk).encode())
    events += decoder.flush(ended=ended, cut=cut)
    builder = ReplyBuilder()
    builder.feed(events, 0.0)
    return events, builder.reply()


def read(*chunks: object) -> Reply:
    events, reply = decode(*chunks, STOP)
    assert isinstance(events[-1], Done)
    return reply


def failure(
    *chunks: object, ended: bool = True, cut: errors.HermesError | None = None
) -> errors.HermesError:
    events, _ = decode(*chunks, ended=ended, cut=cut)
    (failed,) = (event for event in events if isinstance(event, Failed))
    assert events[-1] is failed
    assert not any(isinstance(event, Done) for event in events)
    return failed.error


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning": "Hm."},
        {"reasoning_content": "Hm."},
        {"thinking": "Hm."},
        {"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "H"}, {"text": "m."}]},
        {
            "reasoning_details": [
                {"type": "reasoning.encrypted", "data": "x"},
                None,
                {"text": "Hm."},
            ]
        },
        {"content": "<think>Hm.</think>"},
        {"reasoning": "Hm.", "reasoning_content": "Hm.", "reasoning_details": [{"text": "Hm."}]},
        {"reasoning": None, "reasoning_content": "Hm."},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]},
        {"content": [{"type": "thinking", "thinking": "Hm."}]},
    ],
)
def test_thought_ends_in_the_same_place(fields: dict[str, Any]) -> None:
    reply = read(delta(**fields), delta(content="Yes."))
    assert (reply.thinking, reply.text) == ("Hm.", "Yes.")


def test_encrypted_details_alone_show_nothing() -> None:
    reply = read(delta(reasoning=None, reasoning_details=[{"data": "x"}], content="Yes."))
    assert (reply.thinking, reply.text) == ("", "Yes.")


def test_thought_comes_before_the_answer_of_its_chunk() -> None:
    events, _ = decode(delta(content="Yes.", reasoning="Hm."))
    assert events[:2] == [Thought("Hm."), Text("Yes.")]


def test_tags_are_text_once_thought_has_a_field() -> None:
    reply = read(delta(reasoning="Hm."), delta(content="<think> is a tag."))
    assert (reply.thinking, reply.text) == ("Hm.", "<think> is a tag.")


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": []},
        {"choices": None},
        {"choices": {}},
        {"choices": [None]},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": []}]},
        {"choices": [{"delta": {"content": None, "tool_calls": None}, "finish_reason": ""}]},
        {"choices": [{"delta": {"content": 5, "reasoning": 5, "tool_calls": "x"}}]},
        {"usage": None},
        {"usage": []},
        {"error": None},
        {"error": {}},
        {"id": 5, "model": None, "provider": []},
        {"debug": {"echo_upstream_body": {}}, "choices": []},
        {},
    ],
)
def test_an_odd_chunk_changes_nothing(chunk: dict[str, Any]) -> None:
    reply = read(delta(content="a"), chunk, delta(content="b"))
    assert (reply.text, reply.thinking, reply.notices) == ("ab", "", ())


@pytest.mark.parametrize(
    "content", ["Yes.", [{"type": "text", "text": "Yes."}], [{"text": "Y"}, None, {"text": "es."}]]
)
@pytest.mark.parametrize("key", ["delta", "message"])
def test_content_is_a_text_or_parts_in_a_delta_or_a_message(key: str, content: object) -> None:
    assert read({"choices": [{key: {"content": content}}]}).text == "Yes."


def test_a_refusal_is_the_answer() -> None:
    assert read(delta(content=None, refusal="I can't.")).text == "I can't."


@pytest.mark.parametrize(
    "carrier",
    [
        {"choices": [], "usage": {"cost": 0.00006}},
        {"choices": [{"delta": {}, "finish_reason": None}], "usage": {"cost": 0.00006}},
        STOP | {"usage": {"cost": 0.00006}},
        {"choices": [], "x_groq": {"usage": {"cost": 0.00006}}},
    ],
)
def test_usage_may_ride_on_any_chunk_and_the_last_holds(carrier: dict[str, Any]) -> None:
    early = delta(content="a") | {"usage": {"cost": 1, "prompt_tokens": 1}}
    reply = read(early, STOP, carrier)
    assert str(reply.cost) == "0.00006"
    assert reply.usage.prompt_tokens is None


def test_a_repeated_finish_reason_is_told_once() -> None:
    events, reply = decode(delta(content="a"), STOP, STOP)
    assert [event for event in events if isinstance(event, Finished)] == [Finished("stop")]
    assert reply.finish_reason == "stop"


def test_who_answers_is_told_when_it_is_news() -> None:
    who = {"id": "gen-1", "model": "m-20260101", "provider": "P"}
    events, reply = decode(who | delta(content="a"), who | delta(content="b"), who | STOP)
    assert [event for event in events if isinstance(event, Started)] == [
        Started("gen-1", "m-20260101", "P")
    ]
    assert (reply.id, reply.model, reply.provider) == ("gen-1", "m-20260101", "P")


def test_tool_calls_are_put_together() -> None:
    first = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    reply = read(
        delta(content=None, tool_calls=[first]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"x":'}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}, None, {"index": "?"}]),
    )
    assert reply.tool_calls[0] == ToolCall("a", "f", '{"x":1}')


ERROR = {"code": 502, "message": "Provider fell over"}


@pytest.mark.parametrize(
    "chunk",
    [
        {"error": ERROR},
        {"error": ERROR, "choices": []},
        {"error": ERROR, "choices": [{"delta": {"content": ""}, "finish_reason": "error"}]},
        {"error": ERROR, "choices": [{"delta": {"content": ""}, "finish_reason": None}]},
        {"choices": [{"delta": {"content": ""}, "error": ERROR}]},
        {"choices": [{"message": {"content": ""}, "error": ERROR, "finish_reason": "stop"}]},
        {"error": "Provider fell over"},
        {"error": ERROR | {"code": "server_error"}},
        {"error": {"message": "Provider fell over", "http_status": 502}},
    ],
)
def test_an_error_ends_the_reply_and_keeps_what_came(chunk: dict[str, Any]) -> None:
    events, reply = decode(delta(content="part"), STOP, chunk, delta(content="never"))
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, errors.ProviderError)
    assert "Provider fell over" in failed.error.message
    assert reply.text == "part"


def test_text_and_usage_of_the_failing_chunk_are_kept() -> None:
    _, reply = decode(delta(content="part </thi") | {"error": ERROR, "usage": {"cost": 1}})
    assert (reply.text, reply.cost) == ("part </thi", Decimal(1))


@pytest.mark.parametrize(
    "data", [b'{"message": "overloaded"}', b'{"error": {"message": "overloaded"}}', b"overloaded"]
)
def test_an_event_named_error_is_one(data: bytes) -> None:
    decoder = ChunkDecoder()
    (failed,) = decoder.feed(data, "error")
    assert isinstance(failed, Failed)
    assert "overloaded" in failed.error.message
    assert decoder.flush(ended=True) == []


def test_an_error_names_the_stream_s_provider() -> None:
    error = failure(delta(content="a") | {"provider": "Nebius"}, {"error": ERROR})
    assert error.message == "Nebius answered 502: Provider fell over."
    assert (error.provider, error.status, error.code) == ("Nebius", 502, "502")


@pytest.mark.parametrize("broken", [b"{", b"null", b"5", b'"x"', b"[1]", b"\xff", b"[" * 100_000])
def test_one_broken_chunk_among_good_ones_is_skipped_and_said(broken: bytes) -> None:
    events, reply = decode(delta(content="a"), broken, delta(content="b"), STOP)
    assert reply.text == "ab"
    assert reply.notices == ("1 unreadable piece(s) of the reply were skipped.",)
    assert isinstance(events[-1], Done)


@pytest.mark.parametrize("blank", [b"", b"  ", b"\n\n"])
def test_an_empty_chunk_is_a_keep_alive(blank: bytes) -> None:
    assert read(delta(content="a"), blank).notices == ()


def test_chunks_without_a_blank_line_between_them_are_read() -> None:
    lines = b"\n".join(json.dumps(delta(content=text)).encode() for text in "ab")
    assert read(lines).text == "ab"


@pytest.mark.parametrize(
    ("chunks", "ended", "kind"),
    [
        ([], True, errors.ProtocolError),
        ([b"hello"], True, errors.ProtocolError),
        ([delta(content="a")], False, errors.TruncatedError),
        ([delta(reasoning="a")], False, errors.TruncatedError),
        ([delta(content="")], False, errors.TruncatedError),
        ([delta(content="")], True, errors.EmptyReplyError),
        ([delta(content=""), STOP], True, errors.EmptyReplyError),
        ([STOP], False, errors.EmptyReplyError),
    ],
)
def test_a_reply_without_its_end_or_words_has_failed(
    chunks: list[object], kind: type[errors.HermesError], *, ended: bool
) -> None:
    assert type(failure(*chunks, ended=ended)) is kind


@pytest.mark.parametrize(
    ("reason", "native"), [("error", ""), ("stop", "network_error"), ("stop", "error")]
)
def test_a_finish_reason_may_hide_that_the_provider_broke_off(reason: str, native: str) -> None:
    end = {"choices": [{"finish_reason": reason, "native_finish_reason": native}]}
    assert type(failure(delta(content="a"), end)) is errors.TruncatedError


def test_a_cut_before_the_finish_reason_is_the_failure() -> None:
    cut = errors.NetworkError("cut")
    assert failure(delta(content="a"), ended=False, cut=cut) is cut
    events, _ = decode(delta(content="a"), STOP, ended=False, cut=cut)
    assert isinstance(events[-1], Done)


def test_an_end_without_a_finish_reason_is_whole_but_said() -> None:
    events, reply = decode(delta(content="a"))
    assert isinstance(events[-1], Done)
    assert reply.notices == ("The server gave no finish reason: the answer may be cut off.",)


def test_length_with_no_words_is_a_reply() -> None:
    events, reply = decode({"choices": [{"delta": {}, "finish_reason": "length"}]})
    assert isinstance(events[-1], Done)
    assert not any(isinstance(event, Notice) for event in events)
    assert reply.finish_reason == "length"


def test_senseless_numbers_do_no_harm() -> None:
    chunk = (
        b'{"choices":[{"delta":{"content":"a"}}],"usage":{"cost":1e999999,"prompt_tokens":1e99}}'
    )
    assert read(chunk).cost is None
    huge = b'{"choices":[],"usage":{"cost":' + b"9" * 5000 + b"}}"
    assert read(delta(content="a"), huge).text == "a"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "reasoning",
                    "reasoning_details",
                    "error",
                    "usage",
                    "tool_calls",
                    "function",
                    "index",
                    "finish_reason",
                    "code",
                    "metadata",
                    "raw",
                    "cost",
                    "completion_tokens_details",
                    "x_groq",
                    "text",
                    "availability",
                    "retry_after",
                    "previous_errors",
                    "provider",
                    "id",
                    "thinking",
                    "http_status",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(chunks=st.lists(JSON | st.binary(max_size=8), max_size=4), ended=st.booleans())
def test_whatever_comes_it_never_raises_and_ends_once(chunks: list[object], *, ended: bool) -> None:
    events, _ = decode(*chunks, ended=ended)
    assert [isinstance(event, Done | Failed) for event in events].count(True) == 1
    assert isinstance(events[-1], Done | Failed)

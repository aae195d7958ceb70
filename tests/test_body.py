"""Recorded and made-up bodies give the same reply, cut anywhere, stream or JSON."""

import itertools
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_magic import errors
from hermes_magic.reply import Done, Event, Failed, Reply, ReplyBuilder
from hermes_magic.wire.body import BodyDecoder

WIRE = Path(__file__).parents[2] / "shared" / "wire"
EXPECTED: dict[str, dict[str, Any]] = (
    json.loads((WIRE / "EXPECTED.json").read_text(), parse_float=Decimal)
    if (WIRE / "EXPECTED.json").exists()
    else {}
)
RECORDED = sorted(
    name for name, one in EXPECTED.items() if one["http_status"] == 200 and "usage" in one
)
SMALL = [name for name in RECORDED if (WIRE / name).stat().st_size < 2500]
UNFINISHED = {
    "or_stream_error_token_limit.sse": "The server answered 400: Token limit reached.",
    "or_stream_nebius_fragment.sse": "The answer broke off before its end.",
}

needs_recordings = pytest.mark.skipif(not RECORDED, reason=f"no recorded replies in {WIRE}")


def decode(*pieces: bytes, cut: errors.HermesError | None = None) -> tuple[Reply, Event]:
    decoder, builder, last = BodyDecoder(), ReplyBuilder(), None
    for piece in pieces:
        if decoder.ended:
            break
        events = decoder.feed(piece)
        builder.feed(events, 0.0)
        last = events[-1] if events else last
    events = decoder.flush(cut)
    builder.feed(events, 0.0)
    last = events[-1] if events else last
    assert last is not None
    return builder.reply(), last


def outcome(*pieces: bytes) -> tuple[object, ...]:
    """Give all that must not depend on the cuts."""
    reply, last = decode(*pieces)
    end = str(last.error) if isinstance(last, Failed) else last
    who = (reply.id, reply.model, reply.provider, reply.finish_reason)
    content = (reply.text, reply.thinking, reply.tool_calls)
    return (*content, *who, reply.usage, reply.notices, end)


def split_think(content: str) -> tuple[str, str]:
    thought, closing, answer = content.partition("</think>")
    return (thought.removeprefix("<think>"), answer) if closing else ("", content)


@needs_recordings
@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_reply_is_read_as_expected(name: str) -> None:
    expected = EXPECTED[name]
    reply, last = decode((WIRE / name).read_bytes())
    inline, text = split_think(expected.get("content") or "")
    assert reply.text == text
    assert reply.thinking == expected["reasoning"] + inline
    assert reply.finish_reason == (expected["finish"] or [""])[-1]
    assert [(call.id, call.name, call.arguments) for call in reply.tool_calls] == [
        (call["id"], call["name"], call["arguments"]) for call in expected["tool_calls"]
    ]
    assert reply.usage.raw == expected["usage"]
    assert reply.cost == expected["usage"].get("cost")
    assert reply.model == expected["models"][0]
    assert reply.provider == ((expected["providers"] or [""])[0] or "")
    if name in UNFINISHED:
        assert isinstance(last, Failed)
        assert last.error.message.endswith(UNFINISHED[name].removeprefix("The server"))
    else:
        assert (last, reply.notices) == (Done(), ())


@needs_recordings
@pytest.mark.parametrize("name", SMALL)
def test_a_small_recording_at_every_cut(name: str) -> None:
    body = (WIRE / name).read_bytes()
    whole = outcome(body)
    assert outcome(*(body[place : place + 1] for place in range(len(body)))) == whole
    for place in range(1, len(body)):
        assert outcome(body[:place], body[place:]) == whole


@needs_recordings
@settings(max_examples=40)
@given(st.data())
def test_any_recording_at_any_cuts(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(RECORDED))
    body = (WIRE / name).read_bytes()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=30)))
    places = [0, *cuts, len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(places)]
    assert outcome(*pieces) == outcome(body)


@needs_recordings
@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
@pytest.mark.parametrize("name", [name for name in RECORDED if name.endswith(".sse")])
def test_a_recording_with_other_line_ends(name: str, end: bytes) -> None:
    body = (WIRE / name).read_bytes()
    assert outcome(body.replace(b"\n", end)) == outcome(body)


@needs_recordings
@pytest.mark.parametrize("name", RECORDED)
def test_a_cut_recording_keeps_a_beginning_and_fails(name: str) -> None:
    body = (WIRE / name).read_bytes()
    reply, _ = decode(body)
    cut = errors.NetworkError("cut")
    finish = body.find(b'"finish_reason":"')
    for end in range(0, min(finish, 20_000), 97):
        part, last = decode(body[:end], cut=cut)
        assert reply.text.startswith(part.text)
        assert last == Failed(cut)
        assert part.notices == ()
    part, last = decode(body[:finish], cut=cut)
    assert reply.text.startswith(part.text)
    assert reply.thinking.startswith(part.thinking)
    assert isinstance(last, Failed)
    assert last.error is cut


def sse(*chunks: dict[str, Any], end: str = "\n\n", done: bool = True) -> bytes:
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}" for chunk in chunks]
    return "".join(line + end for line in [*lines, *(["data: [DONE]"] if done else [])]).encode()


def delta(text: str, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}, "finish_reason": finish}]}


OBJECT = json.dumps({"choices": [{"message": {"content": "hü\u2028"}, "finish_reason": "stop"}]})
STREAM = sse(delta("h"), delta("ü\u2028"), delta("", "stop"))
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "body",
    [
        OBJECT.encode(),
        b"\n         \n" * 30 + OBJECT.encode(),
        BOM + OBJECT.encode(),
        OBJECT.encode() + b"\n \n",
        json.dumps(json.loads(OBJECT), indent=2).encode(),
        STREAM,
        BOM + STREAM,
        b"\n\n" + STREAM,
        b": x\n\n:\n\nevent: message\nid: 1\n" + STREAM,
        STREAM.replace(b"\n", b"\r"),
        STREAM.replace(b"\n", b"\r\n"),
        STREAM.replace(b"data: ", b"data:"),
        STREAM.replace(b', "', b',\ndata: "'),
        STREAM.replace(b"data: [DONE]\n\n", b""),
        STREAM.replace(b"data: [DONE]\n\n", b"data: [DONE]"),
        STREAM.replace(b"\n\n", b"\n"),
        STREAM.replace(b"\n\n", b"\n") + b"\n",
        STREAM + sse(delta("never")),
        STREAM.replace(b"data: [DONE]", b"data:\n\ndata: [DONE] "),
        sse(delta("hü\u2028", "stop")) + b"trailing garbage",
    ],
)
def test_each_way_to_write_a_reply_at_every_cut(body: bytes) -> None:
    expected = ("hü\u2028", "", (), "", "", "", "stop", (), Done())

    def essence(*pieces: bytes) -> tuple[object, ...]:
        seen = outcome(*pieces)
        return (*seen[:7], *seen[8:])

    assert essence(body) == expected
    for place in range(1, len(body)):
        assert essence(body[:place], body[place:]) == expected


def test_reading_can_stop_at_the_mark_of_the_end() -> None:
    decoder = BodyDecoder()
    decoder.feed(sse(delta("a", "stop"), done=False))
    assert not decoder.ended
    decoder.feed(b"data: [DONE]\n\n")
    assert decoder.ended
    assert decoder.feed(sse(delta("never"))) == []
    assert decoder.flush() == [Done()]


def test_reading_can_stop_at_an_error() -> None:
    decoder = BodyDecoder()
    (failed,) = decoder.feed(b'data: {"error":{"code":429,"message":"slow down"}}\n\n')
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, errors.RateLimitError)
    assert decoder.ended
    assert decoder.flush() == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", errors.ProtocolError),
        (b" \n\n ", errors.ProtocolError),
        (b"<!doctype html><html>Log in</html>", errors.ProtocolError),
        (b"\n<html>data: {}</html>", errors.ProtocolError),
        (b"It works!", errors.ProtocolError),
        (b"[]", errors.ProtocolError),
        (b"{", errors.ProtocolError),
        (b"\x00\xff\x1f\x8b", errors.ProtocolError),
        (b"data: nonsense\n\ndata: [DONE]\n\n", errors.ProtocolError),
        (b"data: [DONE]\n\n", errors.ProtocolError),
        (b'{"object":"list","data":[]}', errors.EmptyReplyError),
        (b'  {"error":{"code":402,"message":"Insufficient credits"}}', errors.CreditsError),
        (b'{"choices":[{"error":{"code":503,"message":"down"}}]}', errors.ProviderError),
        (b"event: error\ndata: broken\n\n", errors.ProviderError),
        (b"event: error\ndata: broken", errors.ProviderError),
    ],
)
def test_what_is_no_reply_is_a_typed_failure_at_every_cut(
    body: bytes, kind: type[errors.HermesError]
) -> None:
    for place in range(len(body) + 1):
        reply, last = decode(body[:place], body[place:])
        assert isinstance(last, Failed)
        assert type(last.error) is kind
        assert reply.text == reply.thinking == ""


def test_a_json_body_that_was_cut_is_the_cut() -> None:
    cut = errors.NetworkError("cut")
    _, last = decode(OBJECT.encode()[:-5], cut=cut)
    assert last == Failed(cut)
    _, last = decode(b"", cut=cut)
    assert last == Failed(cut)


@given(st.lists(st.text(max_size=8), min_size=1, max_size=6), st.integers(1, 40))
def test_any_text_comes_through_any_cut(texts: list[str], size: int) -> None:
    clean = ["x" + text.replace("think", "") for text in texts]
    body = sse(*map(delta, clean), delta("", "stop")) if utf8(clean) else b""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    if body:
        assert decode(*pieces)[0].text == "".join(clean)


def utf8(texts: list[str]) -> bool:
    return not any("\ud800" <= char <= "\udfff" for text in texts for char in text)


@given(st.lists(st.binary(max_size=12), max_size=6))
def test_garbage_never_raises_and_has_one_end(pieces: list[bytes]) -> None:
    _, last = decode(*pieces)
    assert isinstance(last, Done | Failed)


def test_a_long_stream_leaves_nothing_behind_in_the_decoder() -> None:
    decoder = BodyDecoder()
    piece = sse(delta("word "), done=False)
    for _ in range(20_000):
        decoder.feed(piece)
    kept = [decoder._object, decoder._sse._parts, decoder._sse._data]
    assert kept == [[], [], []]
    assert len(decoder._chunks._think._held) < 20

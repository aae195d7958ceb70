"""Server-sent events: WHATWG's grammar, whatever the line ends and wherever the bytes are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.wire.sse import ServerEvent, SSEDecoder


def decode(*pieces: bytes) -> list[ServerEvent]:
    decoder = SSEDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.flush()


def data(*pieces: bytes) -> list[bytes]:
    return [event.data for event in decode(*pieces)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"data: a", b"", b"data:b", b""], [b"a", b"b"]),
        ([b"data:  a ", b""], [b" a "]),
        ([b"data: a", b"data: b", b""], [b"a\nb"]),
        ([b": PROCESSING", b":", b"data: a", b": now", b"data: b", b"", b":", b""], [b"a\nb"]),
        ([b"", b"", b"data: a", b"", b"", b""], [b"a"]),
        ([b"id: 7", b"retry: 5", b"data: a", b"unknown", b"other: x", b""], [b"a"]),
        ([b"data", b"", b"data:", b""], [b"", b""]),
        ([b"id: 7", b"", b"event: ping", b""], []),
        ([b"database: x", b" data: y", b"DATA: z", b""], []),
    ],
)
def test_the_grammar_at_every_cut(lines: list[bytes], expected: list[bytes], end: bytes) -> None:
    body = b"".join(line + end for line in lines)
    assert data(body) == expected
    for cut in range(len(body) + 1):
        assert data(body[:cut], body[cut:]) == expected
    assert data(*(body[place : place + 1] for place in range(len(body)))) == expected


def test_an_event_has_its_name_and_the_next_one_none() -> None:
    body = b"event: error\ndata: a\n\ndata: b\n\nevent:x\n\ndata: c\n\n"
    assert [event.name for event in decode(body)] == ["error", "", ""]


def test_an_event_that_lacks_only_its_blank_line_is_given_at_the_end() -> None:
    assert data(b"data: a\n\ndata: b") == data(b"data: a\n\ndata: b\n") == [b"a", b"b"]


def test_an_event_is_given_as_soon_as_it_is_whole() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\ndata") == [ServerEvent(b"a")]
    assert decoder.feed(b": b\r\r") == [ServerEvent(b"b")]


@pytest.mark.parametrize("cut", range(5))
def test_a_byte_order_mark_is_skipped(cut: int) -> None:
    body = b"\xef\xbb\xbfdata: a\n\n"
    assert data(body[:cut], body[cut:]) == [b"a"]


def test_a_line_is_not_cut_where_unicode_would() -> None:
    text = "data: a\u2028b\u0085c\x0bd\x0ce\x1cf\u2029\n\n".encode()
    assert data(text) == [text[6:-2]]


BODIES = st.lists(
    st.sampled_from([b"data: ", b"data:", b"\n", b"\r", b"\r\n", b"x", b":", b"event: e", b"\xff"])
    | st.binary(max_size=4),
    max_size=30,
).map(b"".join)


@given(BODIES, st.lists(st.integers(0, 100), max_size=8))
def test_no_cut_changes_anything(body: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(places)]
    assert decode(*pieces) == decode(body)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=5))
def test_what_is_written_is_read(texts: list[str]) -> None:
    clean = [text.encode().replace(b"\r", b" ") for text in texts]
    body = b"".join(b"data: " + text.replace(b"\n", b"\ndata: ") + b"\n\n" for text in clean)
    assert data(body) == clean

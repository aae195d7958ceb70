"""Every recorded body comes through the real HTTP client as it should, however it is cut.

`tests/test_body.py` shows the same of the decoder alone, at every cut.
"""

from __future__ import annotations

import gc
import itertools
import json
import sys
import tracemalloc
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hermes_magic import errors
from hermes_magic.offline import Cut, Response
from hermes_magic.offline import Server as Loopback
from hermes_magic.reply import Done, Event, Failed, Reply, ReplyBuilder
from hermes_magic.wire.body import BodyDecoder
from hermes_magic.wire.catalog import Catalog
from hermes_magic.wire.client import Client
from hermes_magic.wire.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hermes_magic.offline.messages import Step

WIRE = Path(__file__).parents[2] / "shared" / "wire"
EXPECTED: dict[str, dict[str, Any]] = (
    json.loads((WIRE / "EXPECTED.json").read_text(), parse_float=Decimal)
    if (WIRE / "EXPECTED.json").exists()
    else {}
)
MODELS = "or_models_nous.json"
REPLIES = sorted(
    name for name, one in EXPECTED.items() if one["http_status"] == 200 and name != MODELS
)
ENDED_BADLY = {
    "or_stream_error_token_limit.sse": (errors.TruncatedError, "Minimax", "Token limit reached."),
    "or_stream_nebius_fragment.sse": (errors.TruncatedError, "", "broke off before its end."),
}


class Refusal(NamedTuple):
    kind: type[errors.HermesError]
    provider: str
    message: str
    affordable: int | None = None


REFUSALS = {
    "or_error_400_context_length.json": Refusal(
        errors.ContextLengthError,
        "",
        "The server answered 400: This endpoint's maximum context length is 200000 tokens. "
        "However, you requested about 2500021 tokens (2500021 of text input). Please reduce the "
        "length of either one, or use the context-compression plugin to compress your prompt "
        "automatically.",
    ),
    "or_error_400_model.json": Refusal(
        errors.NotFoundError,
        "",
        "The server answered 400: meta-llama/llama-3.3-70b is not a valid model ID.",
    ),
    "or_error_401.json": Refusal(
        errors.AuthenticationError, "", "The server answered 401: Missing Authentication header."
    ),
    "or_error_402_max_tokens.json": Refusal(
        errors.CreditsError,
        "",
        "The server answered 402: This request requires more credits, or fewer max_tokens. You "
        "requested up to 8192 tokens, but can only afford 779. To increase, visit "
        "https://openrouter.ai/settings/credits and add more credits.",
        affordable=734,
    ),
    "or_error_403_moderation.json": Refusal(
        errors.ModerationError,
        "",
        "The server answered 403: meta-llama/llama-3.3-8b-instruct:free requires moderation on "
        'Meta. Your input was flagged for "misc". No credits were charged.',
    ),
    "or_error_404_no_endpoints.json": Refusal(
        errors.NotFoundError,
        "",
        "The server answered 404: No endpoints found for nousresearch/nous-hermes-llama2-13b:free.",
    ),
    "or_error_429_provider.json": Refusal(
        errors.RateLimitError,
        "Google",
        "Google answered 429: google/gemini-2.0-flash-exp:free is temporarily rate-limited "
        "upstream. Please retry shortly, or add your own key to accumulate your rate limits: "
        "https://openrouter.ai/settings/integrations.",
    ),
}

needs_recordings = pytest.mark.skipif(not EXPECTED, reason=f"no recorded bodies in {WIRE}")


class Wire:
    """A client, and the server on the loopback whose next answer is laid down here."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.answer = Response(200, {}, ())

    def read(self, *steps: Step, status: int = 200) -> tuple[Reply, Event]:
        """Send a request; give the reply made of these steps, and how it ended."""
        self.answer = Response(status, {}, steps)
        builder, last = ReplyBuilder(), None
        for events in self.client.chat({}):
            builder.feed(events, 0.0)
            last = events[-1] if events else last
        assert last is not None
        return builder.reply(), last


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with (
        Loopback(lambda _: opened.answer) as server,
        closing(Client(Server("test", server.base_url), "sk-or-not-a-key")) as client,
    ):
        opened = Wire(client)
        yield opened


def recorded(name: str) -> bytes:
    return (WIRE / name).read_bytes()


def cut_up(body: bytes, places: Iterable[int]) -> list[bytes]:
    ends = [0, *sorted(places), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(ends)]


def assert_as_expected(name: str, reply: Reply, last: Event) -> None:
    expected = EXPECTED[name]
    inline, closing_tag, answer = (expected.get("content") or "").rpartition("</think>")
    thought = inline.removeprefix("<think>") if closing_tag else ""
    assert (reply.text, reply.thinking) == (answer, expected["reasoning"] + thought)
    assert reply.usage.raw == expected["usage"]
    assert reply.cost == expected["usage"].get("cost")
    assert reply.finish_reason == (expected["finish"] or [""])[-1]
    assert reply.model == expected["models"][0]
    assert reply.provider == ((expected["providers"] or [""])[0] or "")
    called = [(call.id, call.name, call.arguments) for call in reply.tool_calls]
    assert called == [(one["id"], one["name"], one["arguments"]) for one in expected["tool_calls"]]
    if name not in ENDED_BADLY:
        assert (last, reply.notices) == (Done(), ())
        return
    kind, provider, end = ENDED_BADLY[name]
    assert isinstance(last, Failed)
    assert (type(last.error), last.error.provider) == (kind, provider)
    assert last.error.message.endswith(end)


@needs_recordings
def test_no_recording_is_left_out() -> None:
    files = {path.name for path in WIRE.iterdir()} - {"EXPECTED.json"}
    assert files == set(EXPECTED) == {*REPLIES, *REFUSALS, MODELS}


@needs_recordings
@pytest.mark.parametrize("name", REPLIES)
def test_a_recorded_reply_in_one_piece_and_in_many(wire: Wire, name: str) -> None:
    body = recorded(name)
    for size in (len(body), 4096, 7):
        pieces = cut_up(body, range(size, len(body), size))
        assert_as_expected(name, *wire.read(*pieces))


@needs_recordings
@pytest.mark.parametrize("name", [name for name in REPLIES if len(recorded(name)) < 2500])
def test_a_small_recording_byte_by_byte(wire: Wire, name: str) -> None:
    body = recorded(name)
    assert_as_expected(name, *wire.read(*cut_up(body, range(1, len(body)))))


@needs_recordings
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_recording_at_any_cuts(wire: Wire, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(REPLIES))
    body = recorded(name)
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=20))
    assert_as_expected(name, *wire.read(*cut_up(body, places)))


@needs_recordings
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_connection_that_breaks_anywhere_loses_nothing_that_came(
    wire: Wire, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(REPLIES))
    body = recorded(name)
    whole, _ = wire.read(body)
    part, last = wire.read(body[: data.draw(st.integers(0, len(body)))], Cut())
    assert whole.text.startswith(part.text) or part.text.startswith("<think")
    assert whole.thinking.startswith(part.thinking)
    assert isinstance(last, Failed) or (part.text, part.thinking) == (whole.text, whole.thinking)


@needs_recordings
@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("size", [1, 10_000])
def test_a_recorded_refusal_has_type_status_provider_and_message(
    wire: Wire, name: str, size: int
) -> None:
    body, status = recorded(name), EXPECTED[name]["http_status"]
    reply, last = wire.read(*cut_up(body, range(size, len(body), size)), status=status)
    assert isinstance(last, Failed)
    error = last.error
    seen = Refusal(type(error), error.provider, error.message, error.affordable)
    assert seen == REFUSALS[name]
    assert (error.status, error.code) == (status, str(status))
    assert reply == Reply(timing=reply.timing)


@needs_recordings
def test_the_recorded_list_of_models() -> None:
    with Loopback(lambda _: Response(200, {}, (recorded(MODELS),))) as server:
        models = Catalog(Server("test", server.base_url)).models()
    assert [model.id for model in models] == EXPECTED[MODELS]["models"]


EVENT = b'data: {"id":"gen-1","choices":[{"delta":{"content":"word "},"finish_reason":null}]}\n\n'
END = b'data: {"id":"gen-1","choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def held_bytes(*roots: object) -> int:
    """Add up the objects that these hold, however deep."""
    sizes: dict[int, int] = {}
    waiting: list[object] = list(roots)
    while waiting:
        one = waiting.pop()
        if id(one) not in sizes and not isinstance(one, type | ModuleType | FunctionType):
            sizes[id(one)] = sys.getsizeof(one)
            waiting += gc.get_referents(one)
    return sum(sizes.values())


def memory_of(tokens: int) -> tuple[int, int]:
    """Read that many tokens; give the bytes held by then, and those used by 100 more."""
    decoder, builder = BodyDecoder(), ReplyBuilder()
    batch = EVENT * 100
    for _ in range(tokens // 100):
        builder.feed(decoder.feed(batch), 0.0)
    held = held_bytes(decoder, builder)
    tracemalloc.start()
    builder.feed(decoder.feed(batch), 0.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    builder.feed(decoder.feed(END) + decoder.flush(), 0.0)
    assert len(builder.reply().text) == (tokens + 100) * len("word ")
    return held, peak


def test_a_long_reply_takes_memory_in_proportion_to_its_text() -> None:
    few, more = memory_of(50_000)
    many, more_later = memory_of(200_000)
    assert 3.5 < many / few < 4.5
    assert many < 200_000 * len("word ") * 15
    assert more_later < more + 200_000 * 16  # the list of pieces may have to grow by an eighth

"""When a request is sent again, after which wait, and when never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic.errors import (
    AuthenticationError,
    BadRequestError,
    CreditsError,
    EmptyReplyError,
    HermesError,
    NetworkError,
    NotFoundError,
    ProtocolError,
    ProviderError,
    RateLimitError,
    ServerTimeoutError,
    TruncatedError,
)
from hermes_magic.reply import Done, Event, Failed, Notice, Retrying, Started, Text, Thought
from hermes_magic.wire.retry import Policy, affordable_tokens, chat

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

GOOD: list[Event] = [Text("hello"), Done()]
BODY = {"model": "m", "max_tokens": 8192}


class Sender:
    """Answers with what a test laid down; notes what was sent and how long was waited."""

    def __init__(self, *tries: list[Event]) -> None:
        self.tries = list(tries)
        self.sent: list[Mapping[str, Any]] = []
        self.waits: list[float] = []
        self.aborted = False
        self.abort_in_wait = False

    def chat(self, body: Mapping[str, Any]) -> Generator[list[Event]]:
        self.sent.append(body)
        yield [Started(id="gen-1")]
        yield self.tries.pop(0)

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.aborted = self.abort_in_wait


def ask(sender: Sender, retries: int = 2) -> list[Event]:
    policy = Policy(retries, jitter=lambda most: most)
    return [event for events in chat(sender, BODY, policy) for event in events]


def failed(error: HermesError) -> list[Event]:
    return [Failed(error)]


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError("busy", status=429),
        ProviderError("down", status=503),
        ServerTimeoutError("slow", status=408),
        NetworkError("refused"),
        EmptyReplyError("nothing"),
        BadRequestError("odd", retryable=True),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_sent_again(error: HermesError) -> None:
    sender = Sender(failed(error), GOOD)
    events = ask(sender)
    assert len(sender.sent) == 2
    assert events[-2:] == GOOD
    assert [type(event) for event in events].count(Retrying) == 1
    assert not any(isinstance(event, Failed) for event in events)


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("no", status=401),
        NotFoundError("gone", status=404),
        BadRequestError("odd", status=400),
        ProtocolError("page"),
        TruncatedError("limit"),
        ProviderError("never", status=503, retryable=False),
        ServerTimeoutError("silent for minutes", retryable=False),
        RateLimitError("come back tomorrow", retry_after=3600),
    ],
    ids=lambda error: f"{type(error).__name__}-{error.message}",
)
def test_what_will_not_pass_is_not_sent_again(error: HermesError) -> None:
    sender = Sender(failed(error))
    assert ask(sender)[-1] == Failed(error)
    assert len(sender.sent) == 1
    assert "Tried" not in error.message


@pytest.mark.parametrize("delta", [Text("a"), Thought("b")])
def test_nothing_is_sent_again_after_a_delta(delta: Event) -> None:
    error = ProviderError("down", status=502)
    sender = Sender([delta, Failed(error)], GOOD)
    assert ask(sender)[-2:] == [delta, Failed(error)]
    assert len(sender.sent) == 1


def test_waits_grow_and_end_with_the_last_try() -> None:
    errors = [ProviderError("down", status=503) for _ in range(4)]
    sender = Sender(*map(failed, errors))
    events = ask(sender, retries=3)
    assert sender.waits == [2, 4, 8]
    assert events[-1] == Failed(errors[-1])
    assert errors[-1].message == "down Tried 4 times."


def test_the_servers_own_wait_is_kept() -> None:
    sender = Sender(failed(RateLimitError("busy", provider="Nebius", retry_after=7)), GOOD)
    events = ask(sender)
    assert sender.waits == [7]
    assert Retrying("Nebius is rate-limited", 7, 2, 3) in events


def test_an_empty_reply_is_asked_for_once_more_only() -> None:
    sender = Sender(*(failed(EmptyReplyError("nothing")) for _ in range(2)))
    assert isinstance(ask(sender, retries=5)[-1], Failed)
    assert len(sender.sent) == 2


def test_no_retries_means_one_try() -> None:
    sender = Sender(failed(ProviderError("down", status=503)))
    ask(sender, retries=0)
    assert len(sender.sent) == 1


def test_an_abort_in_the_wait_sends_nothing_more() -> None:
    sender = Sender(failed(ProviderError("down", status=503)), GOOD)
    sender.abort_in_wait = True
    events = ask(sender)
    assert isinstance(events[-1], Retrying)
    assert len(sender.sent) == 1


class TestOnABalanceThatCoversLess:
    def test_asks_once_for_what_it_covers(self) -> None:
        sender = Sender(failed(CreditsError("poor", status=402, affordable=1000)), GOOD)
        events = ask(sender, retries=0)
        assert [body["max_tokens"] for body in sender.sent] == [8192, 900]
        assert [event.text for event in events if isinstance(event, Notice)] == [
            "Your balance does not cover max_tokens 8,192: asked again with 900."
        ]
        assert events[-1] == Done()

    def test_asks_not_twice(self) -> None:
        errors = [CreditsError("poor", status=402, affordable=number) for number in (1000, 800)]
        sender = Sender(*map(failed, errors))
        assert ask(sender)[-1] == Failed(errors[1])
        assert len(sender.sent) == 2

    @pytest.mark.parametrize(
        ("affordable", "expected"),
        [(None, None), (100, None), (222, None), (223, 200), (20_000, None)],
    )
    def test_asks_only_where_that_is_useful(
        self, affordable: int | None, expected: int | None
    ) -> None:
        error = CreditsError("poor", status=402, affordable=affordable)
        assert affordable_tokens(error, 8192) == expected

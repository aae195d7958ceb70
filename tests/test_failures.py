"""What a server says of a fault becomes a typed, one-line error with the best message."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic import errors
from hermes_magic.wire.failures import failure, failure_of_response, one_line

WIRE = Path(__file__).parents[2] / "shared" / "wire"


def response(status: int, error: object, **headers: str) -> errors.HermesError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return failure_of_response(status, json.dumps({"error": error}).encode(), named)


RECORDED = {
    "or_error_400_context_length.json": (errors.ContextLengthError, 400, "200000 tokens"),
    "or_error_400_model.json": (errors.NotFoundError, 400, "not a valid model ID"),
    "or_error_401.json": (errors.AuthenticationError, 401, "Missing Authentication header"),
    "or_error_402_max_tokens.json": (errors.CreditsError, 402, "fewer max_tokens"),
    "or_error_403_moderation.json": (errors.ModerationError, 403, 'flagged for "misc"'),
    "or_error_404_no_endpoints.json": (errors.NotFoundError, 404, "No endpoints found"),
    "or_error_429_provider.json": (errors.RateLimitError, 429, "temporarily rate-limited upstream"),
}


@pytest.mark.skipif(not WIRE.exists(), reason=f"no recorded errors in {WIRE}")
@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_error_has_its_type_and_message(name: str) -> None:
    kind, status, part = RECORDED[name]
    error = failure_of_response(status, (WIRE / name).read_bytes(), {})
    assert type(error) is kind
    assert (error.status, error.code) == (status, str(status))
    assert part in error.message
    assert "\n" not in str(error)
    assert error.hint


@pytest.mark.skipif(not WIRE.exists(), reason=f"no recorded errors in {WIRE}")
def test_the_smallest_affordable_number_of_tokens_is_kept() -> None:
    body = (WIRE / "or_error_402_max_tokens.json").read_bytes()
    assert failure_of_response(402, body, {}).affordable == 734


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (402, errors.CreditsError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (408, errors.ServerTimeoutError),
        (413, errors.ContextLengthError),
        (418, errors.BadRequestError),
        (422, errors.BadRequestError),
        (429, errors.RateLimitError),
        (500, errors.ProviderError),
        (502, errors.ProviderError),
        (503, errors.ProviderError),
        (504, errors.ServerTimeoutError),
        (524, errors.ServerTimeoutError),
        (529, errors.ProviderError),
    ],
)
def test_each_status_has_its_type_wherever_it_stands(
    status: int, kind: type[errors.HermesError]
) -> None:
    for error in (
        response(status, {"message": "Sorry"}),
        response(status, "Sorry"),
        failure_of_response(status, b'{"message":"Sorry"}', {}),
        failure_of_response(status, b'{"detail":"Sorry"}', {}),
        failure_of_response(status, b"Sorry", {}),
        failure({"code": status, "message": "Sorry"}),
        failure({"code": str(status), "message": "Sorry"}),
        failure({"http_status": status, "message": "Sorry"}),
        failure({"code": None, "http_status": status, "message": "Sorry"}),
    ):
        assert type(error) is kind
        assert error.message == f"The server answered {status}: Sorry."
        assert error.status == status


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Key limit exceeded (monthly limit)", errors.KeyLimitError),
        ("x requires moderation on y", errors.ModerationError),
        ("Request blocked: pattern", errors.ModerationError),
        ("This key may not", errors.PermissionDeniedError),
    ],
)
def test_the_kinds_of_403_are_told_apart(text: str, kind: type[errors.HermesError]) -> None:
    assert type(response(403, {"code": 403, "message": text})) is kind


@pytest.mark.parametrize(
    "text",
    [
        "Insufficient credits. Add more using https://openrouter.ai/credits",
        "Prompt tokens limit exceeded: 22000 > 9000. To increase, add credits",
    ],
)
def test_a_402_is_about_credits(text: str) -> None:
    error = response(402, {"code": 402, "message": text})
    assert type(error) is errors.CreditsError
    assert error.affordable is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("context_length_exceeded", errors.ContextLengthError),
        ("max_tokens_exceeded", errors.TruncatedError),
        ("authentication", errors.AuthenticationError),
        ("rate_limit_exceeded", errors.RateLimitError),
        ("provider_overloaded", errors.ProviderError),
        ("content_policy_violation", errors.ModerationError),
        ("server_error", errors.ProviderError),
        ("timeout", errors.ServerTimeoutError),
        ("something_new", errors.ProviderError),
    ],
)
def test_each_place_for_a_kind_is_read(kind: str, expected: type[errors.HermesError]) -> None:
    for error in (
        {"message": "x", "metadata": {"error_type": kind}},
        {"message": "x", "error_type": kind},
        {"message": "x", "code": kind},
        {"message": "x", "code": kind, "type": "invalid_request_error"},
        {"message": "x", "type": kind},
    ):
        assert type(failure(error)) is expected


@pytest.mark.parametrize(
    "raw",
    [
        "Inner.",
        {"error": {"message": "Inner."}},
        {"message": "Inner."},
        {"detail": "Inner."},
        json.dumps({"error": {"message": "Inner."}}),
        json.dumps({"error": json.dumps({"message": "Inner."})}),
    ],
)
def test_the_upstream_s_own_message_wins(raw: object) -> None:
    error = response(502, {"message": "Provider returned error", "metadata": metadata(raw)})
    assert error.message == "Nebius answered 502: Inner."
    assert error.provider == "Nebius"


def metadata(raw: object) -> dict[str, Any]:
    return {"provider_name": "Nebius", "raw": raw}


@pytest.mark.parametrize("raw", [None, "", {}, {"error": 5}, [], "<html>502</html>", {"a": "b"}])
def test_without_an_inner_message_the_outer_one_stands(raw: object) -> None:
    error = response(502, {"message": "Provider returned error", "metadata": metadata(raw)})
    assert error.message == "Nebius answered 502: Provider returned error."


def test_a_hint_of_the_server_is_better_than_nothing() -> None:
    assert "Add credits" in response(402, {"metadata": {"remedy_hint": "Add credits"}}).message


@pytest.mark.parametrize("body", [b"<html><h1>502 Bad Gateway", b"", b"[]", b"\n", b"{}"])
def test_a_page_or_nothing_says_only_the_status(body: bytes) -> None:
    assert failure_of_response(502, body, {}).message in {
        "The server answered 502.",
        "The server answered 502: [].",
    }


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("0", 0.0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_seconds(header: str, seconds: float | None) -> None:
    assert response(429, "x", retry_after=header).retry_after == seconds


def test_retry_after_may_stand_in_the_body_and_the_header_wins() -> None:
    error = {"message": "x", "availability": {"retryable": True, "retry_after": 3}}
    assert response(429, error).retry_after == 3
    assert response(429, error, retry_after="8").retry_after == 8
    assert failure({"message": "x", "availability": {"retry_after": 10**400}}).retry_after is None


def test_what_a_terminal_would_obey_is_dropped_everywhere() -> None:
    hostile = "a\x1b[31m\nb\u202ec\x00"
    error = failure({"code": 500, "message": hostile, "metadata": {"provider_name": hostile}})
    assert error.message.isprintable()
    assert error.provider.isprintable()


def test_a_long_message_is_cut_in_its_middle_between_words() -> None:
    text = one_line("begin " + "words and " * 500 + "end")
    assert len(text) <= 303
    assert text.startswith("begin words")
    assert text.endswith("and end")
    head, tail = text.split(" … ")
    assert set(head.split()) <= {"begin", "words", "and"}
    assert set(tail.split()) <= {"words", "and", "end"}


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_cut_never_leaves_half_a_key(before: int, behind: int) -> None:
    key = "sk-or-v1-0123456789abcdef"
    text = one_line("é " * before + key + " é" * behind)
    assert key in text or not any(key[start : start + 6] in text for start in range(len(key) - 6))


def test_a_text_without_spaces_is_not_lost() -> None:
    assert "错误" in one_line("错误" * 300)


DEEP = b'{"error":' * 5000
NESTED: dict[str, Any] = {}
for _ in range(200):
    NESTED = {"error": NESTED}


@pytest.mark.parametrize(
    "body", [DEEP, b"[" * 100_000, b'{"error":{"code":' + b"9" * 5000, b"\xff"]
)
def test_a_hostile_body_is_a_plain_failure(body: bytes) -> None:
    assert type(failure_of_response(500, body, {})) is errors.ProviderError


@pytest.mark.parametrize(
    "error", [NESTED, {"metadata": {"raw": NESTED}}, [], 0, True, {"code": True}]
)
def test_a_hostile_error_is_a_plain_failure(error: object) -> None:
    made = failure(error)
    assert type(made) is errors.ProviderError
    assert made.status is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "message",
                    "code",
                    "metadata",
                    "raw",
                    "provider_name",
                    "availability",
                    "retry_after",
                    "previous_errors",
                    "error_type",
                    "type",
                    "http_status",
                    "detail",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(JSON, st.integers(300, 599))
def test_whatever_a_server_says_makes_one_printable_line(error: object, status: int) -> None:
    for made in (failure(error), response(status, error)):
        assert made.message.isprintable()
        assert len(made.message) < 700


def test_llama_cpp_s_word_for_a_text_that_is_too_long_is_known() -> None:
    error = {"code": 400, "message": "too long", "type": "exceed_context_size_error"}
    assert type(failure(error, status=400)) is errors.ContextLengthError

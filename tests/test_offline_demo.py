"""The demo server: OpenRouter's shapes, prepared answers that own up to it, and every fault."""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.offline import DemoServer, Pause
from hermes_magic.offline.completion import OFFLINE, Answer, ChatRequest, Completion, Pace, tokens
from hermes_magic.offline.faults import FAULTS, Turn, long_text, respond_to_fault
from hermes_magic.offline.messages import Request
from hermes_magic.offline.script import CLOSING, Script

HERMES = "nousresearch/hermes-4-405b"
MEDIAN = "Explain why the median resists outliers."
CODES = [401, 402, 403, 404, 408, 429, 500, 502, 503, 529]
SCRIPT = Script.load()
PREPARED = [item for item in SCRIPT.prepared if item.phrases]


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=None) as server:
        yield server


@pytest.fixture
def client(demo: DemoServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer any"}
    with httpx.Client(base_url=demo.base_url, headers=headers, trust_env=False) as client:
        yield client


def request_body(text: str, **fields: object) -> dict[str, object]:
    return {"model": HERMES, "messages": [{"role": "user", "content": text}], **fields}


def post(client: httpx.Client, text: str, **fields: object) -> httpx.Response:
    return client.post("/chat/completions", json=request_body(text, **fields))


def chunks_of(body: bytes) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in body.decode().split("\n") if line[:1] == "d"]
    return [json.loads(line, parse_float=Decimal) for line in lines if line != "[DONE]"]


def stream(client: httpx.Client, text: str, **fields: object) -> list[dict[str, Any]]:
    return chunks_of(post(client, text, stream=True, **fields).content)


def joined(chunks: list[dict[str, Any]], key: str) -> str:
    return "".join(chunk["choices"][0]["delta"].get(key) or "" for chunk in chunks)


def asked(text: str, **fields: object) -> ChatRequest:
    body = json.dumps(request_body(text, **fields)).encode()
    return ChatRequest.read(Request.received("POST", "/api/v1/chat/completions", {}, body))


# --- The stream ---------------------------------------------------------------------------


def test_a_stream_has_openrouters_order(client: httpx.Client) -> None:
    reply = post(client, MEDIAN, stream=True, reasoning={"enabled": True})
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.content.startswith(b": OPENROUTER PROCESSING\n\n")
    assert reply.content.endswith(b"data: [DONE]\n\n")
    chunks = chunks_of(reply.content)
    assert {chunk["id"] for chunk in chunks} == {reply.headers["x-generation-id"]}
    kinds = [_kind(chunk) for chunk in chunks]
    assert re.fullmatch("t+c+fu", "".join(kinds))


def _kind(chunk: dict[str, Any]) -> str:
    (choice,) = chunk["choices"]
    assert choice["delta"]["role"] == "assistant"
    if "usage" in chunk:
        return "u" if choice["finish_reason"] == "stop" else "?"
    if choice["finish_reason"]:
        return "f"
    return "t" if "reasoning" in choice["delta"] else "c"


def test_a_thought_comes_as_text_and_as_details(client: httpx.Client) -> None:
    chunks = stream(client, MEDIAN, reasoning={"enabled": True})
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    thinking = [delta for delta in deltas if "reasoning" in delta]
    assert joined(chunks, "reasoning") == SCRIPT.named("median").thought
    for delta in thinking:
        (detail,) = delta["reasoning_details"]
        assert delta["content"] == ""
        assert (detail["type"], detail["format"]) == ("reasoning.text", "unknown")
        assert detail["text"] == delta["reasoning"]


@pytest.mark.parametrize(
    "reasoning", [{"enabled": False}, {}, None, {"effort": "none"}, {"enabled": False, "effort": 1}]
)
def test_without_thinking_there_is_no_thought(client: httpx.Client, reasoning: object) -> None:
    chunks = stream(client, MEDIAN, reasoning=reasoning)
    assert joined(chunks, "reasoning") == ""
    assert chunks[-1]["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0


def test_an_excluded_thought_is_billed_and_not_shown(client: httpx.Client) -> None:
    chunks = stream(client, MEDIAN, reasoning={"enabled": True, "exclude": True})
    assert joined(chunks, "reasoning") == ""
    details = chunks[-1]["usage"]["completion_tokens_details"]
    assert details["reasoning_tokens"] == len(tokens(SCRIPT.named("median").thought))


@pytest.mark.parametrize("model", [HERMES, "openai/gpt-5", None])
def test_nobody_takes_it_for_a_model(client: httpx.Client, model: str | None) -> None:
    chunks = stream(client, MEDIAN, model=model)
    body = post(client, MEDIAN, model=model).json()
    assert {(one["model"], one["provider"]) for one in [*chunks, body]} == {(OFFLINE, OFFLINE)}


def test_the_same_request_gives_the_same_bytes(client: httpx.Client) -> None:
    first, second = (post(client, MEDIAN, stream=True) for _ in range(2))
    other = post(client, MEDIAN, stream=True, temperature=0.1)
    assert (first.headers, first.content) == (second.headers, second.content)
    assert first.headers["x-generation-id"] != other.headers["x-generation-id"]
    assert re.fullmatch(r"gen-\d{10}-\w{20}", first.headers["x-generation-id"])


def test_a_whole_body_stands_after_padding(client: httpx.Client) -> None:
    reply = post(client, MEDIAN, reasoning={"enabled": True})
    body = reply.json()
    (choice,) = body["choices"]
    assert reply.content[:1].isspace()
    assert body["id"] == reply.headers["x-generation-id"]
    assert choice["message"]["content"] == SCRIPT.named("median").text
    assert choice["message"]["reasoning"] == SCRIPT.named("median").thought
    assert choice["message"]["reasoning_details"][0]["text"] == choice["message"]["reasoning"]
    assert choice["finish_reason"] == "stop"


def test_streamed_and_whole_agree(client: httpx.Client) -> None:
    chunks = stream(client, MEDIAN, reasoning={"enabled": True})
    whole = post(client, MEDIAN, reasoning={"enabled": True})
    body = json.loads(whole.content, parse_float=Decimal)
    assert joined(chunks, "content") == body["choices"][0]["message"]["content"]
    assert chunks[-1]["usage"] == body["usage"]


# --- Tokens, limits and money -------------------------------------------------------------


@given(st.text())
def test_tokens_join_to_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text


def test_tokens_are_about_four_characters_long() -> None:
    text = SCRIPT.named("median").text
    assert 3 <= len(text) / len(tokens(text)) <= 5


@given(st.integers(min_value=1, max_value=900), st.booleans())
def test_max_tokens_cuts_the_thought_first(limit: int, thinking: bool) -> None:  # noqa: FBT001
    answer = SCRIPT.named("median")
    request = asked(MEDIAN, max_tokens=limit, reasoning={"enabled": thinking})
    completion = Completion.of(request, answer, Pace(None))
    thought = tokens(answer.thought) if thinking else []
    produced = [*completion.thought, *completion.text]
    everything = [*thought, *tokens(answer.text)]
    assert produced == everything[:limit]
    assert len(completion.thought) == min(limit, len(thought))
    assert completion.finish_reason == ("stop" if limit >= len(everything) else "length")


def test_a_cut_answer_finishes_with_length(client: httpx.Client) -> None:
    chunks = stream(client, MEDIAN, max_tokens=5)
    assert joined(chunks, "content") == "".join(tokens(SCRIPT.named("median").text)[:5])
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == ["length"] * 2
    assert chunks[-1]["usage"]["completion_tokens"] == 5


def test_usage_adds_up_without_float_noise(client: httpx.Client) -> None:
    reply = post(client, "x" * 4001, stream=True, max_tokens=7)
    usage = chunks_of(reply.content)[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (1001, 7)
    assert usage["total_tokens"] == 1008
    assert b'"cost":0.001022,' in reply.content
    assert usage["cost_details"] == {
        "upstream_inference_cost": None,
        "upstream_inference_prompt_cost": Decimal("0.001001"),
        "upstream_inference_completions_cost": Decimal("0.000021"),
    }
    assert usage["is_byok"] is False
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0}


def test_every_message_and_part_counts_as_prompt() -> None:
    parts = [{"type": "text", "text": "12345"}, {"type": "text", "text": "678"}]
    messages = [{"role": "system", "content": "1234"}, {"role": "user", "content": parts}]
    request = asked("", messages=messages)
    assert (request.prompt_tokens, request.text) == (3, "12345678")


def test_the_pace_is_the_one_asked_for() -> None:
    completion = Completion.of(asked(MEDIAN), Answer("", "one two"), Pace(20.0, 0.5))
    pauses = [event.seconds for event in completion.events() if isinstance(event, Pause)]
    assert pauses == [0.5, 0.05, 0.05]
    hurried = Completion.of(asked(MEDIAN), Answer("", "one two"), Pace(None))
    assert not any(isinstance(event, Pause) for event in hurried.events())


# --- The answers --------------------------------------------------------------------------


@pytest.mark.parametrize("item", PREPARED, ids=lambda item: item.name)
def test_each_question_finds_its_answer(item: Any) -> None:
    assert SCRIPT.choose(item.question) == item.answer
    assert SCRIPT.choose(item.question.lower()) == item.answer


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("WHY are outliers no problem for a robust median?", "median"),
        ("Interpret a p-value of 0.03", "p_value"),
        ("how do I group by two columns in pandas", "group_by"),
        ("A haiku, please", "haiku"),
        ("my traceback ends in KeyError: 'x'", "traceback"),
        ("plot pandas values in a happy place", "group_by"),
        ("What is the capital of France?", "default"),
        ("", "default"),
    ],
)
def test_keywords_choose_the_answer(text: str, name: str) -> None:
    assert SCRIPT.choose(text) == SCRIPT.named(name)


def test_only_the_last_user_message_chooses(client: httpx.Client) -> None:
    turns = [
        ("user", "median"),
        ("assistant", "pandas"),
        ("user", "haiku"),
        ("assistant", "p-value"),
    ]
    messages = [{"role": role, "content": text} for role, text in turns]
    chunks = stream(client, "", messages=messages)
    assert joined(chunks, "content") == SCRIPT.named("haiku").text


@pytest.mark.parametrize("item", SCRIPT.prepared, ids=lambda item: item.name)
def test_every_answer_says_that_no_model_was_asked(item: Any) -> None:
    assert item.answer.text.endswith(f"\n\n{CLOSING}\n")
    assert CLOSING.strip("*").count("no model was asked") == 1
    assert item.answer.thought
    assert "<!--" not in item.answer.text


@pytest.mark.parametrize("item", SCRIPT.prepared, ids=lambda item: item.name)
def test_python_in_answers_compiles(item: Any) -> None:
    for code in re.findall(r"^( *)```python\n(.*?)```", item.answer.text, re.DOTALL | re.MULTILINE):
        indent, lines = code[0], code[1].splitlines()
        compile("\n".join(line.removeprefix(indent) for line in lines), item.name, "exec")


def test_the_answers_show_what_markdown_can_do() -> None:
    everything = "\n".join(item.answer.text for item in SCRIPT.prepared)
    for sign in (r"\(", r"\[", "$", "```python", "|---|", "\n- ", "\n1. ", "\n> "):
        assert sign in everything


def test_the_flagship_thinks_table_code_and_formula() -> None:
    flagship = SCRIPT.named("median")
    assert 150 <= len(flagship.thought.split()) <= 200
    for sign in (r"\[", "```python", "|---|"):
        assert sign in flagship.text


def test_the_default_answer_lists_the_questions_and_the_way_on() -> None:
    text = SCRIPT.named("default").text
    assert "offline demo server" in text
    assert all(f"- {item.question}\n" in text for item in PREPARED)
    assert text.index("OPENROUTER_API_KEY") < text.index("%hermes online")


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
@pytest.mark.parametrize("text", ["Extract name and date as JSON", MEDIAN])
def test_a_request_for_json_gets_json(client: httpx.Client, kind: str, text: str) -> None:
    body = post(client, text, response_format={"type": kind}).json()
    assert isinstance(json.loads(body["choices"][0]["message"]["content"]), dict)


# --- The other endpoints ------------------------------------------------------------------


OFFERED = {"type": "function", "function": {"name": "month_total"}}


def offering(tool: object, *messages: str) -> dict[str, object]:
    system = {"role": "system", "content": f"<tools>\nno json\n{json.dumps(tool)}\n</tools>"}
    return {"messages": [system, *({"role": "user", "content": text} for text in messages)]}


def test_the_function_it_knows_is_called(client: httpx.Client) -> None:
    text = joined(stream(client, "", **offering(OFFERED, "Which month?")), "content")
    assert text.count("<tool_call>") == text.count("</tool_call>") == 2
    assert '{"name": "month_total", "arguments": {"month": "March"}}' in text


def test_its_results_are_in_the_answer(client: httpx.Client) -> None:
    results = [json.dumps({"name": "month_total", "content": each}) for each in (209.5, "none")]
    told = "\n".join(f"<tool_response>\n{each}\n</tool_response>" for each in results)
    text = joined(stream(client, "", **offering(OFFERED, "Which month?", told)), "content")
    assert "| March | 209.5 |" in text
    assert "| April | none |" in text
    assert CLOSING in text
    assert "<tool_call>" not in text


@pytest.mark.parametrize("tool", [{"function": {"name": "delete_all"}}, {}, [1]])
def test_no_other_function_is_called(client: httpx.Client, tool: object) -> None:
    text = joined(stream(client, "", **offering(tool, MEDIAN)), "content")
    assert "<tool_call>" not in text
    assert "median" in text


def test_models_lists_hermes_with_its_prices(client: httpx.Client) -> None:
    (model,) = client.get("/models").json()["data"]
    assert (model["id"], model["name"]) == (HERMES, OFFLINE)
    assert model["pricing"] == {"prompt": "0.000001", "completion": "0.000003"}
    assert client.get(f"/model/{HERMES}").json() == {"data": model}
    assert client.get("/model/a/b").json()["data"]["id"] == "a/b"


def test_key_shows_no_limit(client: httpx.Client) -> None:
    data = client.get("/key").json()["data"]
    assert (data["label"], data["limit"], data["usage"]) == (OFFLINE, None, 0)


def test_generation_knows_what_was_answered(client: httpx.Client) -> None:
    chunks = stream(client, MEDIAN, max_tokens=9, reasoning={"enabled": True})
    found = client.get("/generation", params={"id": chunks[0]["id"]})
    data = json.loads(found.content, parse_float=Decimal)["data"]
    assert data["total_cost"] == chunks[-1]["usage"]["cost"]
    assert (data["id"], data["model"], data["provider_name"]) == (chunks[0]["id"], OFFLINE, OFFLINE)
    assert (data["native_tokens_completion"], data["native_tokens_reasoning"]) == (9, 9)
    assert (data["finish_reason"], data["streamed"]) == ("length", True)


def test_generation_after_a_cut_tells_the_whole_bill(client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        stream(client, "demo: cut", user="billed")
    body = client.build_request(
        "POST", "/x", json=request_body("demo: cut", stream=True, user="billed")
    )
    generation = ChatRequest.read(Request.received("POST", "/", {}, body.content)).id
    data = client.get("/generation", params={"id": generation}).json()["data"]
    assert data["native_tokens_completion"] == len(tokens(SCRIPT.named("median").text))


@pytest.mark.parametrize(
    "path", ["/generation", "/generation?id=gen-unknown", "/nothing", "/../etc"]
)
def test_the_unknown_is_not_found(client: httpx.Client, path: str) -> None:
    reply = client.get(path)
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, 404)


@pytest.mark.parametrize("authorization", [None, "Bearer"])
def test_without_a_key_only_the_models_are_open(
    demo: DemoServer, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    with httpx.Client(base_url=demo.base_url, headers=headers, trust_env=False) as client:
        refused = post(client, MEDIAN)
        assert refused.status_code == 401
        message = {"message": "Missing Authentication header", "code": 401}
        assert refused.json() == {"error": message}
        assert client.get("/key").status_code == 401
        assert client.get("/models").status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"messages": []}',
        b'{"messages": "median"}',
        b'{"messages": [{}], "max_tokens": 0}',
        b'{"messages": [{}], "max_tokens": "9"}',
    ],
)
def test_a_bad_request_is_http_400(client: httpx.Client, content: bytes) -> None:
    reply = client.post("/chat/completions", content=content)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, 400)


@pytest.mark.parametrize("content", [b'{"messages": [null]}', b'{"messages": [{"content": [1]}]}'])
def test_odd_messages_get_the_default_answer(client: httpx.Client, content: bytes) -> None:
    body = client.post("/chat/completions", content=content).json()
    assert body["choices"][0]["message"]["content"] == SCRIPT.named("default").text


# --- Faults on demand ---------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("streamed", [True, False])
def test_an_error_on_demand(client: httpx.Client, code: int, streamed: bool) -> None:  # noqa: FBT001
    reply = post(client, f"demo: error {code}", stream=streamed)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (code, code)
    assert error["message"]
    assert reply.headers["x-generation-id"].startswith("gen-")


def test_errors_carry_what_openrouter_sends(client: httpx.Client) -> None:
    afford = post(client, "demo: error 402", max_tokens=4096).json()["error"]
    assert "up to 4096 tokens, but can only afford 512" in afford["message"]
    assert afford["metadata"]["limit_source"] == "openrouter_credits"
    assert "Key limit exceeded" in post(client, "demo: error 403").json()["error"]["message"]
    gone = post(client, "demo: error 404", model='a/"b"').json()["error"]
    assert gone["message"] == 'No endpoints found for a/"b".'
    upstream = post(client, "demo: error 502").json()["error"]["metadata"]
    assert upstream["provider_name"] == OFFLINE
    assert json.loads(upstream["raw"])["error"]["message"]


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_stands_in_header_and_body(client: httpx.Client, code: int) -> None:
    reply = post(client, f"demo: error {code}")
    availability = reply.json()["error"]["availability"]
    assert int(reply.headers["retry-after"]) == availability["retry_after"] > 0
    assert availability["retryable"] is True


def test_an_error_in_mid_stream(client: httpx.Client) -> None:
    reply = post(client, "demo: error midstream", stream=True)
    chunks = chunks_of(reply.content)
    assert SCRIPT.named("median").text.startswith(joined(chunks, "content"))
    assert len(chunks) > 10
    assert chunks[-1]["error"]["code"] == "server_error"
    assert chunks[-1]["choices"][0]["finish_reason"] == "error"
    assert b"[DONE]" not in reply.content


def test_an_error_in_a_whole_body_comes_with_status_200(client: httpx.Client) -> None:
    reply = post(client, "demo: error midstream")
    assert reply.status_code == 200
    assert reply.json()["error"]["code"] == 502


@pytest.mark.parametrize("streamed", [True, False])
def test_a_cut_in_mid_answer(client: httpx.Client, streamed: bool) -> None:  # noqa: FBT001
    body = request_body("demo: cut", stream=streamed)
    seen: list[bytes] = []
    with (
        client.stream("POST", "/chat/completions", json=body) as reply,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        seen.extend(reply.iter_raw())
    assert reply.status_code == 200
    got = b"".join(seen)
    assert len(chunks_of(got)) > 10 if streamed else b"median looks at order" in got


def test_a_truncated_stream_ends_cleanly_and_says_nothing(client: httpx.Client) -> None:
    reply = post(client, "demo: truncated", stream=True)
    chunks = chunks_of(reply.content)
    assert len(chunks) > 10
    assert {chunk["choices"][0]["finish_reason"] for chunk in chunks} == {None}
    assert not any("usage" in chunk for chunk in chunks)
    assert b"[DONE]" not in reply.content


def test_a_truncated_body_is_no_json(client: httpx.Client) -> None:
    with pytest.raises(json.JSONDecodeError):
        post(client, "demo: truncated").json()


@pytest.mark.parametrize("streamed", [True, False])
def test_silence_lasts_until_the_client_leaves(streamed: bool) -> None:  # noqa: FBT001
    headers = {"Authorization": "Bearer any"}
    body = request_body("demo: silence", stream=streamed)
    with DemoServer(tokens_per_second=None) as server:
        url = f"{server.base_url}/chat/completions"
        with httpx.stream("POST", url, json=body, headers=headers, trust_env=False) as reply:
            first = next(reply.iter_raw())
        (exchange,) = server.wait_for_exchanges()
    assert first == b": OPENROUTER PROCESSING\n\n" if streamed else first.isspace()
    assert exchange.client_left


def turn(text: str) -> Turn:
    return Turn(asked(text, stream=True), SCRIPT, Pace(None), lambda _: None)


def test_silence_is_bounded() -> None:
    response = respond_to_fault(turn("demo: silence"))
    assert response is not None
    assert sum(step.seconds for step in response.steps if isinstance(step, Pause)) == 600


def test_slow_is_ten_tokens_per_second() -> None:
    response = respond_to_fault(turn("demo: slow"))
    assert response is not None
    steps = list(response.steps)
    pauses = [step.seconds for step in steps if isinstance(step, Pause)]
    assert set(pauses[1:]) == {0.1}
    assert len(pauses) - 1 == len(tokens(SCRIPT.named("median").text))


def test_empty_has_no_token_and_costs_nothing(client: httpx.Client) -> None:
    reply = post(client, "demo: empty", stream=True, reasoning={"enabled": True})
    chunks = chunks_of(reply.content)
    assert joined(chunks, "content") == joined(chunks, "reasoning") == ""
    assert {chunk["choices"][0]["finish_reason"] for chunk in chunks} == {None}
    usage = chunks[-1]["usage"]
    assert (usage["completion_tokens"], usage["cost"]) == (0, 0)
    assert reply.content.endswith(b"data: [DONE]\n\n")


def test_an_inline_thought_has_its_tags_cut_across_chunks(client: httpx.Client) -> None:
    chunks = stream(client, "demo: inline", reasoning={"enabled": True})
    answer = SCRIPT.named("median")
    assert joined(chunks, "reasoning") == ""
    whole = f"<think>\n{answer.thought}\n</think>\n\n{answer.text}"
    assert joined(chunks, "content") == whole
    pieces = [chunk["choices"][0]["delta"]["content"] for chunk in chunks]
    assert not any("<think>" in piece or "</think>" in piece for piece in pieces)


@pytest.mark.parametrize(("command", "count"), [("long 3000", 3000), ("long", 1000), ("long 1", 1)])
def test_long_has_as_many_tokens_as_asked(client: httpx.Client, command: str, count: int) -> None:
    chunks = stream(client, f"demo: {command}")
    assert chunks[-1]["usage"]["completion_tokens"] == count
    assert len(chunks) == count + 2
    assert joined(chunks, "content") == long_text(count)


def test_long_text_mixes_markdown() -> None:
    text = long_text(3000)
    for sign in (
        "# Prep",
        "\n   - ",
        "\n     - ",
        "|:---|",
        "```python\n",
        r"\(",
        "\n\\[\n",
        "> >",
    ):
        assert sign in text
    assert "section 2" in text
    assert "%n%" not in text


@given(st.integers(min_value=0, max_value=5000))
def test_a_shorter_long_text_begins_a_longer_one(count: int) -> None:
    assert len(tokens(long_text(count))) == count
    assert long_text(5000).startswith(long_text(count))


def test_hostile_carries_every_payload(client: httpx.Client) -> None:
    text = joined(stream(client, "demo: hostile"), "content")
    payloads = ("<script>", "onerror=", "](javascript:", "![a remote image](http://127.0.0.1:9/")
    more = ("<iframe", "</div>", r"\href{javascript:", "\x1b]0;", "\u202e", "\u200b")
    for payload in (*payloads, *more):
        assert payload in text
    assert "%U+" not in text


def test_hostile_reaches_for_the_loopback_only(client: httpx.Client) -> None:
    text = joined(stream(client, "demo: hostile"), "content")
    assert set(re.findall(r"https?://([^/\s\"]+)", text)) == {"127.0.0.1:9"}


@pytest.mark.parametrize(
    "text", ["demo: help", "Demo: HELP", "  demo:help\n", "demo: no such thing"]
)
def test_help_is_the_table(client: httpx.Client, text: str) -> None:
    answer = joined(stream(client, text), "content")
    for fault in FAULTS:
        assert f"| `demo: {fault.usage}` | {fault.summary} |\n" in answer
    assert answer.endswith(f"{CLOSING}\n")


@pytest.mark.parametrize(
    "text", ["What does demo: cut do?", "demo: cut\nand then?", "demo:", MEDIAN]
)
def test_other_messages_are_no_faults(text: str) -> None:
    assert respond_to_fault(turn(text)) is None


def test_every_row_of_the_table_is_reachable() -> None:
    for fault in FAULTS:
        message = fault.usage.replace("CODE", "429").replace("N", "7")
        assert re.fullmatch(fault.pattern, message)
        others = [one for one in FAULTS if re.fullmatch(one.pattern, message)]
        assert others == [fault]


def test_faults_do_not_vary(client: httpx.Client) -> None:
    def seen(name: str) -> tuple[Mapping[str, str], bytes]:
        reply = post(client, f"demo: {name}", stream=True)
        return reply.headers, reply.content

    for name in ("hostile", "long 50", "truncated", "error midstream", "error 429", "help"):
        assert seen(name) == seen(name)

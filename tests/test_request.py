"""What a server is sent, and which notes the person gets on what it does not take."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from hermes_magic import prompt
from hermes_magic.offline import Request as Received
from hermes_magic.offline import Response
from hermes_magic.offline import Server as Loopback
from hermes_magic.options import HERMES_4_405B, Options, parse
from hermes_magic.wire.parameters import Lookups, built_in, not_listed
from hermes_magic.wire.request import Request, prepare
from hermes_magic.wire.servers import PROFILES, Server, openrouter

SOON = 5.0
NOBODY = openrouter("http://127.0.0.1:9/v1")
STANDARD = prompt.request_body(Options(), [])


class Models:
    """A server that knows models' parameters."""

    def __init__(self) -> None:
        self.listed: list[str] | None = None
        self.server = Loopback(self._respond)

    def _respond(self, request: Received) -> Response:
        if self.listed is None:
            return Response.json({"error": {"code": 404, "message": "none"}}, status=404)
        slug = request.path.removeprefix("/api/v1/model/")
        return Response.json({"data": {"id": slug, "supported_parameters": self.listed}})

    def asked(self, count: int) -> list[str]:
        return [one.request.path for one in self.server.wait_for_exchanges(count)]


@pytest.fixture
def models() -> Iterator[Models]:
    models = Models()
    with models.server:
        yield models


def prepared(server: Server, line: str, lookups: Lookups | None = None) -> Request:
    options, _ = parse(line)
    body = prompt.request_body(options, prompt.messages(options, "hi"))
    return prepare(server, "", body, STANDARD, lookups or Lookups())


def late(models: Models, line: str) -> list[str]:
    return prepared(openrouter(models.server.base_url), line).shape.late_notes()


def test_a_parameter_that_the_model_does_not_list_gets_a_note(models: Models) -> None:
    models.listed = ["temperature"]
    assert late(models, "-m x/y -t 0.1 --seed 3 --param min_p=0.1") == [
        "x/y does not list min_p, --seed: it may have been ignored."
    ]
    assert models.asked(1) == ["/api/v1/model/x/y"]


def test_what_the_model_lists_gets_none(models: Models) -> None:
    models.listed = ["temperature", "seed"]
    assert late(models, "-m x/y -t 0.1 --seed 3") == []


def test_what_is_no_model_s_matter_gets_none(models: Models) -> None:
    models.listed = []
    assert late(models, "-m x/y --provider a --fallback b --stop c --timeout 5 -o x") == []


def test_the_server_knows_better_than_what_is_built_in(models: Models) -> None:
    models.listed = ["seed"]
    assert late(models, "--seed 3") == []
    models.listed = None
    assert late(models, "--seed 4") == [
        "nousresearch/hermes-4-405b does not list --seed: it may have been ignored."
    ]


@pytest.mark.parametrize("line", ["", "-t 0 --top-k 5 --no-think", "-m 70b -t 0", "-m x/y"])
def test_nobody_is_asked_without_need(models: Models, line: str) -> None:
    models.listed = []
    assert late(models, line) == []
    assert models.asked(0) == []


def test_a_model_is_asked_about_once(models: Models) -> None:
    lookups = Lookups()
    server = openrouter(models.server.base_url)
    for line in ("--seed 1", "--seed 2", "-m x/y --seed 3"):
        prepared(server, line, lookups).shape.late_notes()
        for thread in threading.enumerate():  # late_notes itself waits a moment only
            if thread.name == "hermes-lookup":
                thread.join(SOON)
    assert models.asked(2) == [
        "/api/v1/model/nousresearch/hermes-4-405b",
        "/api/v1/model/x/y",
    ]


def test_other_servers_are_not_asked_about_models(models: Models) -> None:
    request = prepared(PROFILES["vllm"], "--seed 1")
    assert request.shape.late_notes() == []
    assert request.body["seed"] == 1
    assert models.asked(0) == []


@pytest.mark.parametrize(
    ("kind", "line", "notes"),
    [
        ("ollama", "", ()),
        ("ollama", "--top-k 5", ("ollama does not take --top-k: left out.",)),
        ("vllm", "--fallback x/y", ("vllm does not take --fallback: left out.",)),
        ("openrouter", "--provider a --zdr", ()),
    ],
)
def test_what_a_server_does_not_take_is_left_out_and_said(
    kind: str, line: str, notes: tuple[str, ...]
) -> None:
    server = NOBODY if kind == "openrouter" else PROFILES[kind]
    assert prepared(server, line).shape.notes == notes


def test_routing_that_is_left_out_is_named_by_its_options() -> None:
    (note,) = prepared(PROFILES["vllm"], "--max-price 1,3").shape.notes
    assert "--max-price" in note


def test_a_stop_text_is_ours_where_the_model_does_not_take_it() -> None:
    hermes = prepared(NOBODY, "--stop END")
    assert "stop" not in hermes.body
    assert "stop" not in prepared(NOBODY, f"-m {HERMES_4_405B}:nitro --stop END").body
    other = prepared(NOBODY, "-m x/y --stop END")
    assert other.body["stop"] == ["END"]
    assert prepared(PROFILES["vllm"], "--stop END").body["stop"] == ["END"]
    assert hermes.shape.stops == other.shape.stops == ("END",)


@pytest.mark.parametrize(
    ("value", "stops"), [('"END"', ("END",)), ('["a","b"]', ("a", "b")), ("3", ()), ("{}", ())]
)
def test_any_parameter_is_sent_and_breaks_nothing(value: str, stops: tuple[str, ...]) -> None:
    line = f"-m x/y --param 'stop={value}' --param provider=1 --param reasoning=null"
    for server in (NOBODY, *(PROFILES[kind] for kind in PROFILES if kind != "openrouter")):
        assert prepared(server, line).shape.stops == stops


def test_built_in_knowledge_is_about_hermes() -> None:
    fields: dict[str, Any] = dict.fromkeys(STANDARD)
    chosen = fields.keys() - {"model", "messages", "stream"}
    assert not_listed(chosen, built_in("nousresearch/hermes-4-405b")) == []
    assert not_listed(chosen, built_in("nousresearch/hermes-4-405b:nitro")) == []
    assert not_listed(chosen, built_in("x/y")) == []
    assert not_listed({"seed"}, frozenset()) == ["--seed"]

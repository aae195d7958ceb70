"""What a server tells of itself, and one typed line where it tells nothing."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from hermes_magic.errors import (
    AuthenticationError,
    HermesError,
    NetworkError,
    NotFoundError,
    ProtocolError,
    ProviderError,
    ServerTimeoutError,
)
from hermes_magic.offline import Cut, DemoServer, Pause, Request, Response, Server
from hermes_magic.wire.catalog import Catalog, KeyFigures, Model
from hermes_magic.wire.servers import openrouter

KEY = "sk-or-v1-not-a-real-key"
OPENROUTER_ROW = {
    "id": "nousresearch/hermes-4-405b",
    "context_length": 131072,
    "pricing": {"prompt": "0.000001", "completion": "0.000003"},
    "supported_parameters": ["temperature", "top_k"],
}


class Scripted:
    def __init__(self) -> None:
        self.answer = Response.json({})
        self.server = Server(self._respond)

    def _respond(self, _request: Request) -> Response:
        return self.answer

    def catalog(self, answer: object, *, status: int = 200, patience: float = 10) -> Catalog:
        if not isinstance(answer, Response):
            answer = Response.json(answer, status=status)
        self.answer = answer
        return Catalog(openrouter(self.server.base_url), KEY, patience=patience)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    script = Scripted()
    with script.server:
        yield script


def test_models_of_openrouter_have_prices_and_context(scripted: Scripted) -> None:
    (model,) = scripted.catalog({"data": [OPENROUTER_ROW]}).models()
    assert model == Model(
        "nousresearch/hermes-4-405b",
        131072,
        Decimal(1),
        Decimal(3),
        frozenset({"temperature", "top_k"}),
    )
    request = scripted.server.wait_for_exchanges()[0].request
    assert (request.method, request.path) == ("GET", "/api/v1/models")
    assert request.carries_key(KEY)


@pytest.mark.parametrize(
    ("row", "model"),
    [
        ({"id": "m", "max_model_len": 4096}, Model("m", 4096)),
        ({"id": "m", "meta": {"n_ctx": 2048, "n_ctx_train": 32768}}, Model("m", 2048)),
        ({"id": "m", "meta": {"n_ctx_train": 32768}}, Model("m", 32768)),
        ({"id": "hermes4:70b", "owned_by": "library"}, Model("hermes4:70b")),
        ({"id": "m", "pricing": {"prompt": "-1", "completion": "-1"}}, Model("m")),
        ({"id": "m", "pricing": {"prompt": "x", "completion": [1]}}, Model("m")),
        ({"id": "m", "pricing": "free", "context_length": "long"}, Model("m")),
        ({"id": "m\n\x1b[31mred"}, Model("m [31mred")),
    ],
)
def test_models_of_other_servers_say_less(scripted: Scripted, row: object, model: Model) -> None:
    assert scripted.catalog({"data": [row]}).models() == [model]


def test_what_is_no_model_is_left_out(scripted: Scripted) -> None:
    rows = [None, {}, {"id": 3}, {"id": ""}, "x", OPENROUTER_ROW]
    assert len(scripted.catalog({"data": rows}).models()) == 1


def test_one_model_is_asked_by_its_slug(scripted: Scripted) -> None:
    model = scripted.catalog({"data": OPENROUTER_ROW}).model("nousresearch/hermes-4-405b")
    assert model.parameters == frozenset({"temperature", "top_k"})
    request = scripted.server.wait_for_exchanges()[0].request
    assert request.path == "/api/v1/model/nousresearch/hermes-4-405b"


@pytest.mark.parametrize("slug", ["../key", "a b", "x?y=z", "x#y", "", "x%2f"])
def test_what_is_no_slug_is_not_asked(scripted: Scripted, slug: str) -> None:
    catalog = scripted.catalog({"data": OPENROUTER_ROW})
    if slug == "../key":
        slug = "x/\n../key"
    with pytest.raises(ProtocolError, match="no model's slug"):
        catalog.model(slug)
    assert scripted.server.exchanges == ()


def test_the_key_s_figures(scripted: Scripted) -> None:
    data = {"label": "team", "limit": 10, "limit_remaining": Decimal("7.5"), "usage": 2.5}
    figures = scripted.catalog({"data": {**data, "limit_reset": "monthly"}}).key_figures()
    assert figures == KeyFigures(
        "team", Decimal(10), Decimal("7.5"), reset="monthly", used=Decimal("2.5")
    )


def test_a_label_that_is_the_key_does_not_show_it(scripted: Scripted) -> None:
    assert KEY not in scripted.catalog({"data": {"label": f"a {KEY} b"}}).key_figures().label


def test_the_demo_server_answers_all_three() -> None:
    with DemoServer() as demo:
        catalog = Catalog(openrouter(demo.base_url), KEY)
        (first, *_) = catalog.models()
        assert catalog.model(first.id) == first
        assert catalog.key_figures().label


@pytest.mark.parametrize(
    ("answer", "status", "kind"),
    [
        ({"error": {"code": 401, "message": f"bad key {KEY}"}}, 401, AuthenticationError),
        ({"error": {"code": 404, "message": "gone"}}, 404, NotFoundError),
        ({"error": {"code": 502, "message": "down"}}, 502, ProviderError),
        ({"data": "none"}, 200, ProtocolError),
        ([], 200, ProtocolError),
        (Response(200, {}, [b"<html>"]), 200, ProtocolError),
        (Response(200, {}, [b"[" * 100_000]), 200, ProtocolError),
        (Response(200, {}, [b'{"data"', Cut()]), 200, NetworkError),
        (Response(302, {"Location": "http://127.0.0.1:1/"}, []), 302, HermesError),
    ],
)
def test_a_fault_is_one_typed_line(
    scripted: Scripted, answer: object, status: int, kind: type[HermesError]
) -> None:
    with pytest.raises(kind) as caught:
        scripted.catalog(answer, status=status).models()
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_silent_server_is_given_up(scripted: Scripted) -> None:
    catalog = scripted.catalog(Response(200, {}, [Pause(60)]), patience=0.05)
    with pytest.raises(ServerTimeoutError, match=r"did not answer in 0\.05 s"):
        catalog.models()


def test_no_server_at_all() -> None:
    with pytest.raises(NetworkError, match=r"No connection to 127\.0\.0\.1") as caught:
        Catalog(openrouter("http://me:secret@127.0.0.1:9/v1")).models()
    assert "secret" not in str(caught.value)

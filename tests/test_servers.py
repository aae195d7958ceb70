"""Where a server is, and which key it takes."""

import pytest

from hermes_magic.errors import AuthenticationError, OptionError
from hermes_magic.wire.servers import OPENROUTER_URL, Server, openrouter

KEY = "sk-or-v1-not-a-real-key"


@pytest.mark.parametrize("address", ["", " ", OPENROUTER_URL, OPENROUTER_URL + "/"])
def test_openrouter_is_the_default(address: str) -> None:
    assert openrouter(address) == Server("OpenRouter", OPENROUTER_URL, "OPENROUTER_API_KEY")


@pytest.mark.parametrize(
    ("address", "base_url", "name"),
    [
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1", "127.0.0.1:8000"),
        ("http://h/v1/chat/completions", "http://h/v1", "h"),
        ("https://h:9/v1/chat/completions/", "https://h:9/v1", "h:9"),
        ("https://user:secret@h/v1", "https://user:secret@h/v1", "h"),
        (" HTTP://[::1]:1/v1 ", "HTTP://[::1]:1/v1", "[::1]:1"),
    ],
)
def test_another_address_is_taken_and_named_by_its_host(
    address: str, base_url: str, name: str
) -> None:
    server = openrouter(address)
    assert (server.base_url, server.name) == (base_url, name)
    assert "secret" not in server.name


@pytest.mark.parametrize(
    "address",
    [
        "openrouter.ai",
        "ftp://h",
        "http://",
        "http://h:x",
        "http://h:99999",
        "http://[::",
        "file:///etc/passwd",
        "http://h:0",
        "//h/v1",
    ],
)
def test_what_is_no_address_is_refused_on_one_line(address: str) -> None:
    with pytest.raises(OptionError, match="is not an http") as caught:
        openrouter(address)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1:1", True), ("localhost", True), ("[::1]:1", True), ("127.0.0.1.evil.com", False)],
)
def test_this_machine_s_own_addresses_are_known(host: str, *, local: bool) -> None:
    assert openrouter(f"http://{host}/v1").is_local is local


def test_the_key_comes_from_the_server_s_variable() -> None:
    assert openrouter("").key({"OPENROUTER_API_KEY": f" {KEY}\n"}) == KEY
    assert Server("x", "http://h", "OTHER").key({"OTHER": "a", "OPENROUTER_API_KEY": KEY}) == "a"
    assert Server("x", "http://h", "").key({}) == ""


@pytest.mark.parametrize("environ", [{}, {"OPENROUTER_API_KEY": ""}, {"OPENROUTER_API_KEY": " \n"}])
def test_a_missing_key_names_its_variable(environ: dict[str, str]) -> None:
    with pytest.raises(AuthenticationError, match="OPENROUTER_API_KEY is not set") as caught:
        openrouter("").key(environ)
    assert "%hermes offline" in caught.value.hint


@pytest.mark.parametrize("key", ["sk-or v1", "sk-or\nv1", "sk-or\x00", "schlüssel", "“sk-or-v1”"])
def test_what_cannot_be_a_key_is_not_shown(key: str) -> None:
    with pytest.raises(AuthenticationError, match="not a key") as caught:
        openrouter("").key({"OPENROUTER_API_KEY": key})
    assert key not in str(caught.value)

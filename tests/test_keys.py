"""Keys: found in the documented order, stored where only their owner can read, never shown."""

from __future__ import annotations

import stat
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic.errors import AuthenticationError, PastedKeyError
from hermes_magic.money.keys import Key, KeyChain, refuse_pasted
from hermes_magic.wire.servers import PROFILES, openrouter

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "OPENROUTER_API_KEY"
SERVER = openrouter("")
KEY = "sk-or-v1-" + "0123456789abcdef" * 4


class Keyring(ModuleType):
    """A keyring that keeps its passwords in memory, keeps nothing, or fails."""

    def __init__(self, mood: str = "good") -> None:
        super().__init__("keyring")
        self.mood = mood
        self.passwords: dict[tuple[str, str], str] = {}
        self.reads = 0

    def get_password(self, service: str, name: str) -> str | None:
        self.reads += 1
        if self.mood == "failing":
            raise RuntimeError("no D-Bus here")
        return self.passwords.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        if self.mood == "failing":
            raise RuntimeError("no D-Bus here")
        if self.mood == "good":
            self.passwords[service, name] = password

    def delete_password(self, service: str, name: str) -> None:
        del self.passwords[service, name]


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never touch the keyring of the person who runs the tests."""
    monkeypatch.setitem(sys.modules, "keyring", Keyring("failing"))


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    fake = Keyring()
    monkeypatch.setitem(sys.modules, "keyring", fake)
    return fake


@pytest.fixture
def environ() -> dict[str, str]:
    return {}


@pytest.fixture
def chain(tmp_path: Path, environ: dict[str, str]) -> KeyChain:
    work = tmp_path / "work" / "deep"
    work.mkdir(parents=True)
    return KeyChain(environ, lambda: tmp_path / "data", lambda: work)


def colab(monkeypatch: pytest.MonkeyPatch, secret: object) -> None:
    def get(name: str) -> Any:
        if isinstance(secret, Exception):
            raise secret
        return secret if name == VARIABLE else None

    userdata = ModuleType("google.colab.userdata")
    userdata.get = get  # type: ignore[attr-defined]
    for name in ("google", "google.colab"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "google.colab.userdata", userdata)


def test_the_order_is_environment_keyring_file_colab_dotenv(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environ: dict[str, str], chain: KeyChain
) -> None:
    found = []

    def look() -> None:
        key = chain.find(SERVER)
        found.append((key.value, key.source))

    (tmp_path / "work" / ".env").write_text(f"{VARIABLE}=from-dotenv\n")
    look()
    colab(monkeypatch, "from-colab")
    look()
    chain.store(SERVER, "from-file")
    look()
    fake = Keyring()
    monkeypatch.setitem(sys.modules, "keyring", fake)
    chain.store(SERVER, "from-keyring")
    look()
    environ[VARIABLE] = "from-environment"
    look()
    assert found == [
        ("from-dotenv", f"{VARIABLE} in {tmp_path / 'work' / '.env'}"),
        ("from-colab", f"{VARIABLE} in Colab's secrets"),
        ("from-file", f"{VARIABLE} in {tmp_path / 'data' / 'keys.json'}"),
        ("from-keyring", f"{VARIABLE} in the system's keyring"),
        ("from-environment", VARIABLE),
    ]


def test_no_key_at_all_says_what_to_do(chain: KeyChain) -> None:
    with pytest.raises(AuthenticationError) as raised:
        chain.find(SERVER)
    assert str(raised.value).startswith(f"No key: {VARIABLE} is not set.")
    assert "%hermes login" in str(raised.value)


def test_a_server_without_a_key_needs_none(chain: KeyChain, environ: dict[str, str]) -> None:
    environ[VARIABLE] = KEY
    assert chain.find(PROFILES["ollama"]) == Key("", "no key needed")


def test_each_server_has_a_key_of_its_own(chain: KeyChain) -> None:
    chain.store(SERVER, KEY)
    chain.store(PROFILES["nous"], "nous-key")
    assert chain.find(PROFILES["nous"]).value == "nous-key"
    assert chain.forget(PROFILES["nous"]) != []
    assert chain.find(SERVER).value == KEY


@pytest.mark.parametrize("mood", ["failing", "null"])
def test_without_a_keyring_that_keeps_it_a_private_file_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chain: KeyChain, mood: str
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", Keyring(mood))
    where = chain.store(SERVER, KEY)
    path = tmp_path / "data" / "keys.json"
    assert where == f"{path}, which only you can read"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert chain.find(SERVER).value == KEY


def test_with_a_keyring_no_file_holds_the_key(
    tmp_path: Path, chain: KeyChain, keyring: Keyring
) -> None:
    assert chain.store(SERVER, f"  {KEY}\n") == "the system's keyring"
    assert chain.find(SERVER).value == KEY
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    assert keyring.passwords == {("hermes-magic", VARIABLE): KEY}


def test_the_keyring_is_asked_once(chain: KeyChain, keyring: Keyring) -> None:
    chain.store(SERVER, KEY)
    before = keyring.reads
    for _ in range(5):
        chain.find(SERVER)
    assert keyring.reads == before + 1


def test_logout_forgets_everywhere(tmp_path: Path, chain: KeyChain) -> None:
    chain.store(SERVER, KEY)
    fake = Keyring()
    sys.modules["keyring"] = fake
    chain.store(SERVER, KEY)
    path = tmp_path / "data" / "keys.json"
    assert chain.forget(SERVER) == ["the system's keyring", str(path)]
    assert chain.forget(SERVER) == []
    assert fake.passwords == {}
    assert not path.exists()
    with pytest.raises(AuthenticationError):
        chain.find(SERVER)


@pytest.mark.parametrize("key", ["two words", "umläut", "", "line\nline"])
def test_what_cannot_be_a_key_is_not_stored(tmp_path: Path, chain: KeyChain, key: str) -> None:
    with pytest.raises(AuthenticationError) as raised:
        chain.store(SERVER, key)
    assert not key or key not in str(raised.value)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"OPENROUTER_API_KEY": 3}', b"\xff"])
def test_a_spoilt_key_file_holds_no_key(tmp_path: Path, chain: KeyChain, content: bytes) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "keys.json").write_bytes(content)
    with pytest.raises(AuthenticationError):
        chain.find(SERVER)
    chain.store(SERVER, KEY)
    assert chain.find(SERVER).value == KEY


@pytest.mark.parametrize("secret", [RuntimeError("not allowed"), None, ""])
def test_colabs_refusal_is_no_key(
    monkeypatch: pytest.MonkeyPatch, chain: KeyChain, secret: object
) -> None:
    colab(monkeypatch, secret)
    with pytest.raises(AuthenticationError):
        chain.find(SERVER)


@pytest.mark.parametrize(
    "line",
    [
        f"{VARIABLE}={KEY}",
        f"export {VARIABLE} = {KEY}  ",
        f"{VARIABLE}='{KEY}' # mine",
        f'{VARIABLE}="{KEY}"',
        f"{VARIABLE}={KEY} # mine",
        f"OTHER=x\r\n{VARIABLE}={KEY}\r\n",
        f"#{VARIABLE}=no\n{VARIABLE}={KEY}\nX{VARIABLE}=no",
    ],
)
def test_a_dotenv_line_is_read_as_people_write_it(
    tmp_path: Path, chain: KeyChain, line: str
) -> None:
    (tmp_path / "work" / "deep" / ".env").write_text(line)
    assert chain.find(SERVER).value == KEY


def test_a_key_is_not_in_its_repr() -> None:
    assert KEY not in repr(Key(KEY, "somewhere"))


@pytest.mark.parametrize(
    ("text", "key"),
    [(f"my key: {KEY}", ""), (f"'{KEY}'?", "other"), ("use nous-0123456789", "nous-0123456789")],
)
def test_a_pasted_key_is_refused_without_being_shown(text: str, key: str) -> None:
    with pytest.raises(PastedKeyError) as raised:
        refuse_pasted(text, key)
    assert "save the notebook" in str(raised.value)
    assert "0123456789" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("What does a key that begins with sk-or-v1- look like?", ""),
        ("Is EMPTY a word?", "EMPTY"),
        ("anything", ""),
    ],
)
def test_talk_about_keys_is_none(text: str, key: str) -> None:
    refuse_pasted(text, key)

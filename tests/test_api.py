"""`ask` and `aask`: from a script, in threads, on an event loop."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

import pytest

import hermes_magic
from hermes_magic import aask, ask, dry_run
from hermes_magic.asking.keywords import ELSEWHERE, OPTION_KEYWORDS
from hermes_magic.errors import (
    AttachmentError,
    AuthenticationError,
    HermesError,
    NetworkError,
    OptionError,
    PastedKeyError,
    SchemaError,
    Stopped,
    TemplateError,
)
from hermes_magic.money.account import LEDGER_FILE
from hermes_magic.money.ledger import Ledger
from hermes_magic.money.place import data_folder
from hermes_magic.money.store import Store
from hermes_magic.offline import Cut, Pause, Request, Response, Server
from hermes_magic.options import HERMES_4_405B, TABLE
from tests.hostile import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hermes_magic.money.calls import Call
    from hermes_magic.offline import Exchange
    from hermes_magic.offline.messages import Event
    from hermes_magic.reply import Reply

KEY = "sk-or-v1-not-a-real-key"
LONG = 60.0
COST = Decimal("0.001")
WHO = {"id": "gen-1", "model": HERMES_4_405B, "provider": "Nebius"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "cost": COST}
ULM = '{"name": "Ulm", "people": 128000}'


def chunk(finish: str | None = None, **delta: object) -> dict[str, object]:
    return {**WHO, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def whole(text: str = "So.") -> list[Event]:
    end = {**WHO, "choices": [], "usage": USAGE}
    return [chunk(content=text), chunk("stop", content=""), end]


class Scripted:
    """A server that gives the events laid down, or answers each question with itself."""

    def __init__(self) -> None:
        self.next: list[list[Event]] = []
        self.together = threading.Barrier(1)
        self.sent: list[Any] = []
        self.arrived = threading.Event()
        self.server = Server(self._respond)

    def _respond(self, request: Request) -> Response:
        if request.method == "GET":
            return Response.json({"error": {"code": 404, "message": "Not found"}}, status=404)
        body: Any = request.json
        self.sent.append(body)
        self.arrived.set()
        self.together.wait(LONG)
        question = str(body["messages"][-1]["content"])
        return Response.sse(self.next.pop(0) if self.next else whole(question))

    @property
    def question(self) -> str:
        """The last message of the last request."""
        return str(self.sent[-1]["messages"][-1]["content"])

    def was_left(self) -> bool:
        """Wait for the question's end; tell whether the client hung up."""
        ended: list[Exchange] = []
        while not (posts := [one for one in ended if one.request.method == "POST"]):
            ended = list(self.server.wait_for_exchanges(len(ended) + 1))
        return posts[0].client_left

    def booked(self) -> list[Call]:
        """Give the calls to this server that the ledger holds."""
        ledger = Ledger(Store(data_folder() / LEDGER_FILE))
        try:
            address = self.server.base_url
            return [call for call in ledger.calls() if address.endswith(call.server)]
        finally:
            ledger.close()


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    script = Scripted()
    with script.server:
        monkeypatch.setenv("OPENROUTER_BASE_URL", script.server.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        yield script


@dataclass
class City:
    name: str
    people: int


class CityDict(TypedDict):
    name: str
    people: int


@pytest.mark.parametrize("text", ["{{x}} {y} $z$ %d \\{{", " spaces \n\n", "{% if %}\r\n\u2028"])
def test_the_text_is_sent_byte_for_byte(scripted: Scripted, text: str) -> None:
    reply = ask(text)
    assert scripted.question == text
    assert (reply.text, reply.state, reply.cost) == (text, "complete", COST)


def test_so_are_hostile_texts(scripted: Scripted) -> None:
    for text in filter(str.strip, HOSTILE):
        ask(text)
        assert scripted.question == text


def test_expressions_are_evaluated_with_the_values_given(scripted: Scripted) -> None:
    values = {"mean": 2 / 3}
    ask("Is {{mean:.1f}} much?", values=values)
    assert scripted.question == "Is 0.7 much?"
    assert list(values) == ["mean"]
    with pytest.raises(TemplateError, match="scripted"):
        ask("{{scripted}}", values={})
    assert len(scripted.sent) == 1


def test_each_option_of_the_table_is_a_keyword_or_has_another_place() -> None:
    names = {row.name for row in TABLE} - {"schema", "tools"}
    assert names == OPTION_KEYWORDS | ELSEWHERE.keys()
    assert not OPTION_KEYWORDS & ELSEWHERE.keys()


def test_options_reach_the_request(scripted: Scripted) -> None:
    ask(
        "Why?",
        model="70b",
        think=False,
        system="Brief.",
        temperature=0.2,
        top_k=5,
        max_tokens=100,
        seed=None,
        stop=["a,b", "c"],
        provider="Nebius",
        max_price=(1, 3),
        param={"min_p": 0.05},
        fallback=(),
    )
    body = scripted.sent[-1]
    assert body["model"] == "nousresearch/hermes-4-70b"
    assert body["messages"][0] == {"role": "system", "content": "Brief."}
    assert (body["temperature"], body["top_k"], body["max_tokens"]) == (0.2, 5, 100)
    assert body["reasoning"] == {"enabled": False}
    assert body["min_p"] == 0.05
    assert body["provider"]["order"] == ["Nebius"]
    assert "seed" not in body


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"temprature": 1}, "There is no keyword temprature: did you mean temperature?"),
        ({"temperature": 9}, "temperature takes a number from 0 to 2, not '9'."),
        ({"think": 1}, "think takes True or False, not 1."),
        ({"code": True}, "There is no keyword code. The blocks of code are in `.code`"),
        ({"attached": "df"}, r"There is no keyword attached. Say with_={name: thing}"),
        ({"with_": [1]}, "not a int without a name"),
        ({"with_": object()}, "not a object without a name"),
        ({"schema": "City"}, "--schema"),
        ({"max_cost": "much"}, "max_cost takes USD"),
        ({"server": "nowhere"}, "nowhere"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_sent(
    scripted: Scripted, keywords: Any, told: str
) -> None:
    with pytest.raises(OptionError) as caught:
        ask("Why?", **keywords)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert scripted.sent == []


def test_nothing_to_ask_and_a_key_are_refused(scripted: Scripted) -> None:
    with pytest.raises(OptionError, match="no question"):
        ask("  ")
    with pytest.raises(PastedKeyError):
        ask(f"Is {KEY} good?")
    assert scripted.sent == []


def test_things_are_attached_by_name(scripted: Scripted) -> None:
    ask("Why?", with_={"the limits": {"low": 1}, "rows": [1, 2]}, with_tokens=100)
    first, _, second = scripted.question.partition("`rows` (list of 2 items)")
    assert first.startswith("`the limits` (dict of 1 item)")
    assert second.endswith("\n\nWhy?")


def test_paths_are_read(scripted: Scripted, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("The pump failed at noon.")
    for paths in ([notes], str(notes), notes, (str(notes),), {"the log": notes}):
        ask("Why?", with_=paths)
        assert "The pump failed at noon." in scripted.question
    with pytest.raises(AttachmentError, match="cannot be read"):
        ask("Why?", with_=[tmp_path / "no.txt"])


def test_a_str_among_things_is_text(scripted: Scripted, tmp_path: Path) -> None:
    ask("Why?", with_={"note": str(tmp_path)})
    assert str(tmp_path) in scripted.question


CALL = '<tool_call>{"name": "warm", "arguments": {"city": "Oslo"}}</tool_call>'


def test_tools_are_the_functions_themselves(scripted: Scripted) -> None:
    asked: list[tuple[str, int]] = []

    def warm(city: str) -> int:
        """Tell the temperature."""
        asked.append((city, threading.get_ident()))
        return 7

    assert "Tell the temperature." in dry_run("How warm?", tools=[warm])
    scripted.next = [whole(CALL), whole("It is 7.")]
    reply = ask("How warm?", tools=[warm])
    assert (reply.text, reply.steps[0].result, reply.cost) == ("It is 7.", "7", 2 * COST)
    assert asked == [("Oslo", threading.get_ident())]
    scripted.next = [whole(CALL), whole("It is 7.")]
    assert asyncio.run(aask("How warm?", tools=[warm])).text == "It is 7."
    assert asked[1][1] != threading.get_ident()


@pytest.mark.parametrize("wrong", [3, str, "warm"])
def test_what_is_no_function_sends_nothing(scripted: Scripted, wrong: Any) -> None:
    with pytest.raises(OptionError, match="is not a function"):
        ask("How warm?", tools=[wrong])
    assert scripted.sent == []


@pytest.mark.parametrize(
    ("schema", "answer", "data"),
    [
        (City, ULM, City("Ulm", 128000)),
        (CityDict, ULM, {"name": "Ulm", "people": 128000}),
        (list[City], f"[{ULM}]", [City("Ulm", 128000)]),
        ([City], f"[{ULM}]", [City("Ulm", 128000)]),
        ({"type": "object", "required": ["name"]}, ULM, {"name": "Ulm", "people": 128000}),
    ],
)
def test_a_schema_is_the_thing_itself(
    scripted: Scripted, schema: object, answer: str, data: object
) -> None:
    scripted.next = [whole(f"Here:\n{answer}")]
    assert ask("A city?", schema=schema).data == data
    assert "schema" in scripted.sent[-1]["messages"][0]["content"]


def test_any_json_and_a_second_chance(scripted: Scripted) -> None:
    scripted.next = [whole("No."), whole("[1]"), whole("No."), whole("Still no.")]
    assert ask("Numbers?", json=True).data == [1]
    with pytest.raises(SchemaError) as caught:
        ask("Numbers?", json=True)
    assert caught.value.reply is not None
    assert caught.value.reply.text == "Still no."


def test_a_chat_goes_on_and_starts_over(scripted: Scripted) -> None:
    def said() -> list[str]:
        return [message["content"] for message in scripted.sent[-1]["messages"]]

    ask("A city?", chat="trip")
    ask("Big?", chat="trip")
    assert said() == ["A city?", "A city?", "Big?"]
    ask("Alone?")
    assert said() == ["Alone?"]
    ask("A river?", chat="trip", new=True)
    ask("Long?", chat="trip")
    assert said() == ["A river?", "A river?", "Long?"]
    ask("Here?", chat=True, new=True)
    ask("There?", chat=True)
    assert said() == ["Here?", "Here?", "There?"]


def test_a_dry_run_gives_what_would_be_sent(scripted: Scripted) -> None:
    told = dry_run("Why?", temperature=0.2, max_tokens=100)
    assert scripted.sent == []
    head, _, rest = told.partition("\n")
    body, _ = json.JSONDecoder().raw_decode(rest)
    ask("Why?", temperature=0.2, max_tokens=100)
    assert head.startswith("POST ")
    assert body == scripted.sent[-1]


def test_nothing_is_shown_unless_asked_for(
    scripted: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted.next = [whole("Forty-two.")] * 2
    ask("Why?")
    assert capsys.readouterr() == ("", "")
    ask("Why?", show=True)
    assert "Forty-two." in capsys.readouterr().out


def test_a_broken_answer_is_raised_with_what_came(scripted: Scripted) -> None:
    scripted.next = [[chunk(content="part"), Cut()]]
    with pytest.raises(NetworkError) as caught:
        ask("Why?")
    assert caught.value.reply is not None
    assert (caught.value.reply.text, caught.value.reply.state) == ("part", "failed")


def test_without_a_key_it_says_so(monkeypatch: pytest.MonkeyPatch, scripted: Scripted) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    with pytest.raises(AuthenticationError, match="OPENROUTER_API_KEY"):
        ask("Why?")
    assert scripted.sent == []


# --- Threads and event loops --------------------------------------------------------------


def costs(replies: list[Reply]) -> list[Decimal | None]:
    return [reply.cost for reply in replies]


def test_eight_threads_ask_at_once_and_all_is_booked(scripted: Scripted) -> None:
    scripted.together = threading.Barrier(8)
    questions = [f"Question {number}?" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(ask, questions))
    assert [reply.text for reply in replies] == questions
    booked = scripted.booked()
    assert [call.amount for call in booked] == [COST] * 8
    assert len({call.notebook for call in booked}) == 1


def test_twenty_are_awaited_at_once_and_all_is_booked(scripted: Scripted) -> None:
    scripted.together = threading.Barrier(20)
    questions = [f"Question {number}?" for number in range(20)]

    async def main() -> list[Reply]:
        return await asyncio.gather(*map(aask, questions))

    replies = asyncio.run(main())
    assert [reply.text for reply in replies] == questions
    assert [call.amount for call in scripted.booked()] == [COST] * 20


def test_a_conversation_loses_no_turn_to_another_thread(scripted: Scripted) -> None:
    scripted.together = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: ask(text, chat="many"), map(str, range(8))))
    scripted.together = threading.Barrier(1)
    ask("End?", chat="many")
    assert len(scripted.sent[-1]["messages"]) == 2 * 8 + 1


def test_the_loop_goes_on_meanwhile(scripted: Scripted) -> None:
    scripted.together = threading.Barrier(2)

    async def main() -> Reply:
        asking = asyncio.create_task(aask("Why?"))
        await asyncio.to_thread(scripted.together.wait, LONG)
        return await asking

    assert asyncio.run(main()).text == "Why?"


def test_cancelling_closes_the_connection_and_leaves_no_complaint(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.next = [[chunk(content="part"), Pause(LONG)]]

    async def main() -> None:
        asking = asyncio.create_task(aask("Why?"))
        await asyncio.to_thread(scripted.arrived.wait, LONG)
        asking.cancel()
        await asking

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert scripted.was_left()
    assert not [one for one in threading.enumerate() if one.name == "hermes-ask"]
    gc.collect()  # asyncio tells of an exception that nobody has taken when it is collected
    assert caplog.records == []


def test_a_timeout_of_the_loop_closes_the_connection(scripted: Scripted) -> None:
    scripted.next = [[chunk(content="part"), Pause(LONG)]]

    async def main() -> None:
        async with asyncio.timeout(0.5):
            await aask("Why?")

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert scripted.was_left()


def test_what_is_wrong_is_raised_where_it_is_awaited(scripted: Scripted) -> None:
    async def main() -> None:
        with pytest.raises(OptionError):
            await aask("Why?", temperature=9)
        scripted.next = [[chunk(content="part"), Cut()]]
        with pytest.raises(HermesError) as caught:
            await aask("Why?")
        assert caught.value.reply is not None
        assert caught.value.reply.text == "part"

    asyncio.run(main())


def test_a_stop_on_the_loop_is_a_cancellation(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hermes_magic.session import Answering

    iterate = Answering.__iter__

    def stopped(answering: Answering) -> Iterator[list[Any]]:
        answering.request_stop()
        return iterate(answering)

    monkeypatch.setattr(Answering, "__iter__", stopped)
    scripted.next = [[chunk(content="part"), Pause(LONG)]]
    with pytest.raises(asyncio.CancelledError) as caught:
        asyncio.run(aask("Why?"))
    assert isinstance(caught.value.__cause__, Stopped)


# --- A process of its own -----------------------------------------------------------------


def script(source: str, *, folder: Path, **environment: str) -> subprocess.Popen[str]:
    """Start a Python script that has no terminal."""
    file = folder / "script.py"
    file.write_text(source)
    return subprocess.Popen(  # noqa: S603 - this interpreter, our own source
        [sys.executable, str(file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def finished(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=LONG)
    assert (process.returncode, err) == (0, "")
    return out


def test_a_script_needs_no_ipython(scripted: Scripted, tmp_path: Path) -> None:
    source = (
        "import asyncio, sys\n"
        "import hermes_magic\n"
        "assert not {'hermes_magic.api', 'httpx', 'asyncio.x'} & sys.modules.keys()\n"
        "from hermes_magic import aask, ask\n"
        "reply = ask('Why?', show=True)\n"
        "assert asyncio.run(aask('How?', with_={'x': [1]}, json=False)).text\n"
        "assert 'IPython' not in sys.modules\n"
        "assert 'ipywidgets' not in sys.modules\n"
        "print(reply.cost)\n"
    )
    out = finished(script(source, folder=tmp_path))
    assert out.startswith("Why?\n\n")
    assert out.endswith("\n0.001\n")
    assert [call.notebook for call in scripted.booked()] == [str(tmp_path / "script.py")] * 2


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_an_interrupt_stops_a_script_s_answer(scripted: Scripted, tmp_path: Path) -> None:
    scripted.next = [[chunk(content="part"), Pause(LONG)]]
    source = (
        "from hermes_magic import Stopped, ask\n"
        "try:\n"
        "    ask('Why?')\n"
        "except Stopped as stopped:\n"
        "    print(stopped.reply.state)\n"
    )
    process = script(source, folder=tmp_path)
    assert scripted.arrived.wait(LONG)
    process.send_signal(signal.SIGINT)
    assert finished(process) == "stopped\n"
    assert scripted.was_left()


@pytest.mark.skipif(os.name != "posix", reason="forks")
def test_a_forked_process_asks_by_connections_of_its_own(
    scripted: Scripted, tmp_path: Path
) -> None:
    source = (
        "import os, warnings\n"
        "warnings.simplefilter('ignore')  # Python 3.12 warns of any fork beside a thread\n"
        "from hermes_magic import ask\n"
        "ask('Parent?')\n"
        "if os.fork() == 0:\n"
        "    ask('Child?')\n"
        "    os._exit(0)\n"
        "print(os.waitstatus_to_exitcode(os.wait()[1]), ask('Again?').text)\n"
    )
    assert finished(script(source, folder=tmp_path)) == "0 Again?\n"
    assert len(scripted.booked()) == 3


def test_the_package_names_what_is_public() -> None:
    assert {"ask", "aask", "dry_run", "Reply", "HermesError"} <= set(dir(hermes_magic))
    for name in hermes_magic.__all__:
        assert getattr(hermes_magic, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        hermes_magic.nonsense  # type: ignore[attr-defined]  # noqa: B018 - that is the test

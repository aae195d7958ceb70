"""A batch at the wire: every row asked once, paid once, kept at once; errors are the rows' own."""

from __future__ import annotations

import contextlib
import gc
import itertools
import stat
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic.errors import (
    AuthenticationError,
    BadRequestError,
    CreditsError,
    NetworkError,
    NotSentError,
    OptionError,
    ProviderError,
    SchemaError,
    Stopped,
    TemplateError,
)
from hermes_magic.offline import Cut, Response
from hermes_magic.prompt.schema import schema_of
from hermes_magic.wire import client
from tests.batch.jobs import KEY, Office, Watcher, settled_threads
from tests.batch.till import COST, HEADERS, Till, answer, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hermes_magic.batch.result import Result

CITY = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["name", "people"],
}


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HERMES_MAGIC_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    yield
    deadline = time.monotonic() + 10
    while settled_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert settled_threads() == []


def texts(result: Result) -> list[str]:
    return [reply.text for reply in result.replies]


def test_every_row_is_asked_once_and_the_answers_keep_their_order() -> None:
    with Till() as till:
        result = Office(till.base_url).run("About {{row}}", range(30))
        assert texts(result) == [f"On About {number}" for number in range(30)]
        assert till.paid() == {f"About {number}": 1 for number in range(30)}
    assert (len(result), result.done, result.errors) == (30, 30, {})
    assert result.cost == 30 * COST


def test_a_second_run_asks_nothing_and_gives_the_same() -> None:
    with Till() as till:
        office = Office(till.base_url)
        first = office.run("About {{row}}", range(10))
        again = office.run("About {{row}}", range(12))
        assert till.paid().total() == 12
    assert texts(again)[:10] == texts(first)
    assert [reply.cost for reply in again.replies] == [COST] * 12


def test_another_text_or_option_is_another_job() -> None:
    with Till() as till:
        office = Office(till.base_url)
        office.run("About {{row}}", range(3))
        office.run("About {{row}}", range(3), temperature=0.1)
        office.run("Of {{row}}", range(3))
        assert till.paid().total() == 9


def test_fresh_asks_all_of_its_rows_again() -> None:
    with Till() as till:
        office = Office(till.base_url)
        office.run("About {{row}}", range(4))
        result = office.run("About {{row}}", range(3), fresh=True)
        assert till.paid() == {"About 0": 2, "About 1": 2, "About 2": 2, "About 3": 1}
    assert result.done == 3


def test_equal_rows_are_asked_once() -> None:
    with Till() as till:
        result = Office(till.base_url).run("About {{row}}", ["a", "b", "a", "a"])
        assert till.paid() == {"About a": 1, "About b": 1}
    assert texts(result) == ["On About a", "On About b", "On About a", "On About a"]
    assert result.cost == 2 * COST
    assert [row["cost"] for row in result.table()] == [COST, COST, None, None]


def test_equal_rows_are_asked_each_if_that_is_wanted_and_only_once_over_two_runs() -> None:
    with Till() as till:
        office = Office(till.base_url)
        office.run("About {{row}}", ["a", "b", "a", "a"], dedupe=False)
        result = office.run("About {{row}}", ["a", "b", "a", "a"], dedupe=False)
        assert till.paid() == {"About a": 3, "About b": 1}
    assert result.cost == 4 * COST


def test_what_was_asked_once_counts_as_the_first_of_equal_rows() -> None:
    with Till() as till:
        office = Office(till.base_url)
        office.run("About {{row}}", ["a", "a"])
        office.run("About {{row}}", ["a", "a"], dedupe=False)
        assert till.paid() == {"About a": 2}


def fail_some(text: str, time_: int) -> Response | None:
    if text == "About 3":
        return refusal(400)
    if text == "About 5" and time_ == 1:
        return refusal(503)
    if text == "About 7":
        return refusal(500)
    return None


def test_an_error_is_its_rows_own_and_is_typed() -> None:
    with Till(fail_some) as till:
        result = Office(till.base_url).run("About {{row}}", range(10), retries=1)
        assert till.asked["About 5"] == 2
        assert till.asked["About 7"] == 2
    assert {place: type(error) for place, error in result.errors.items()} == {
        3: BadRequestError,
        7: ProviderError,
    }
    assert "no 400" in str(result.errors[3])
    row = result.table()[3]
    assert (row["answer"], row["cost"], row["tokens"]) == (None, None, None)
    assert row["error"].startswith("BadRequestError: ")
    assert (result.done, result.failed, result.not_sent) == (8, 2, 0)


def test_a_second_run_leaves_errors_alone_unless_told_to_try_again() -> None:
    with Till(fail_some) as till:
        office = Office(till.base_url)
        office.run("About {{row}}", range(10), retries=0)
        again = office.run("About {{row}}", range(10), retries=0)
        assert till.asked.total() == 10
        assert sorted(again.errors) == [3, 5, 7]
        last = office.run("About {{row}}", range(10), retries=0, retry_failed=True)
        assert till.asked.total() == 13
    assert sorted(last.errors) == [3, 7]


def test_a_refused_key_stops_the_job_and_is_raised_where_nothing_is_in_hand() -> None:
    with Till(lambda _text, _time: refusal(401)) as till:
        with pytest.raises(AuthenticationError):
            Office(till.base_url).run("About {{row}}", range(50), at_once=2)
        assert till.asked.total() <= 2


def test_spent_credits_stop_the_job_with_everything_in_hand() -> None:
    seen: list[str] = []

    def respond(text: str, _time: int) -> Response | None:
        seen.append(text)
        return refusal(402) if len(seen) > 5 else None

    with Till(respond) as till:
        office = Office(till.base_url)
        result = office.run("About {{row}}", range(30), at_once=1)
        assert till.asked.total() == 6
        assert isinstance(result.reason, CreditsError)
        assert (result.done, result.failed, result.not_sent) == (5, 0, 25)
        assert isinstance(result.errors[20], NotSentError)
        assert "no 402" in str(result.errors[20])


def test_a_server_out_of_reach_stops_the_job_instead_of_failing_every_row() -> None:
    with Till() as till:
        address = till.base_url
    with pytest.raises(NetworkError):
        Office(address).run("About {{row}}", range(500), at_once=4, retries=0)


def test_a_cut_connection_behind_the_headers_is_not_asked_again_unasked() -> None:
    """The model may have answered: to ask again by itself would pay twice."""

    def respond(text: str, time_: int) -> Response | None:
        if text == "About 1" and time_ == 1:
            return Response(200, HEADERS, (b"   ", Cut()))
        return None

    with Till(respond) as till:
        office = Office(till.base_url)
        result = office.run("About {{row}}", range(3))
        assert isinstance(result.errors[1], NetworkError)
        assert till.asked["About 1"] == 1
        assert office.run("About {{row}}", range(3), retry_failed=True).errors == {}
        assert till.asked["About 1"] == 2


def test_a_refusal_halves_the_bound_and_lets_all_rest() -> None:
    times: list[float] = []
    lock = threading.Lock()

    def respond(_text: str, _time: int) -> Response | None:
        with lock:
            times.append(time.monotonic())
            return refusal(429, **{"Retry-After": "0.7"}) if len(times) == 9 else None

    watcher = Watcher()
    with Till(respond, latency=0.02) as till:
        result = Office(till.base_url).run("About {{row}}", range(60), watcher, at_once=8)
        assert till.paid().total() == 60
    assert result.errors == {}
    rest = max(after - before for before, after in itertools.pairwise(times))
    assert rest > 0.5
    assert any(figures.rest for figures in watcher.seen)


def test_never_more_at_once_than_asked_for() -> None:
    with Till(latency=0.02) as till:
        Office(till.base_url).run("About {{row}}", range(60), at_once=7)
        assert till.most == 7


def test_openrouter_is_asked_for_whole_answers_and_others_for_streams() -> None:
    """A whole answer keeps OpenRouter's line alive, and leaves others' silent for minutes."""
    with Till() as till:
        own = {"mine": {"like": "vllm", "base_url": till.base_url}}
        office = Office(till.base_url, servers=own)
        office.run("About {{row}}", range(2))
        assert office.run("About {{row}}", range(2), server="mine", max_cost=None).done == 2
        asked: list[Any] = [each.request.json for each in till.exchanges if each.request.body]
    assert [body["stream"] for body in asked] == [False, False, True, True]
    assert asked[-1]["stream_options"] == {"include_usage": True}
    assert asked[-1]["model"] == "NousResearch/Hermes-4-405B"


def test_one_connection_for_each_that_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    original = client.Client.__init__

    def counted(one: client.Client, *arguments: Any) -> None:
        opened.append(one)
        original(one, *arguments)

    monkeypatch.setattr(client.Client, "__init__", counted)
    with Till(latency=0.01) as till:
        Office(till.base_url).run("About {{row}}", range(50), at_once=5)
        Office(till.base_url).run("Of {{row}}", range(3), at_once=5)
    assert len(opened) == 5 + 3


def test_data_is_checked_and_asked_for_once_more() -> None:
    def respond(text: str, _time: int) -> Response | None:
        if "not valid" in text:
            return Response.json(answer('{"name": "Rome", "people": 2}'))
        if text == "About 1":
            return Response.json(answer("no idea"))
        return Response.json(answer('{"name": "Paris", "people": 1}'))

    with Till(respond) as till:
        result = Office(till.base_url).run("About {{row}}", range(3), schema=schema_of(CITY))
        assert till.paid().total() == 4
    assert [row["name"] for row in result.table()] == ["Paris", "Rome", "Paris"]
    assert [row["people"] for row in result.table()] == [1, 2, 1]
    assert [reply.cost for reply in result.replies] == [COST, 2 * COST, COST]


def test_data_that_stays_wrong_is_a_rows_error_with_its_text_and_its_cost() -> None:
    with Till(lambda _text, _time: Response.json(answer("no idea"))) as till:
        office = Office(till.base_url)
        result = office.run("About {{row}}", range(2), schema=schema_of(CITY))
        assert till.paid().total() == 4
    assert isinstance(result.errors[0], SchemaError)
    assert result.table()[0]["answer"] == "no idea"
    assert result.cost == 4 * COST


def test_a_row_without_a_question_is_an_error_and_nothing_is_sent_for_it() -> None:
    with Till() as till:
        rows = [{"text": "a"}, {}, {"text": ""}, {"text": f"my key is {KEY}"}]
        result = Office(till.base_url).run("{{row.text}}", rows)
        assert till.asked == {"a": 1}
    assert sorted(result.errors) == [1, 2, 3]
    assert all(isinstance(error, OptionError) for error in result.errors.values())
    assert "no column text" in str(result.errors[1])
    assert KEY not in repr(result.table()[3]["error"])


def test_a_text_that_fails_for_every_row_is_raised_before_anything_is_sent() -> None:
    with Till() as till:
        with pytest.raises(TemplateError, match="nonsense"):
            Office(till.base_url).run("{{row.x + nonsense}}", [{"x": 1}, {"x": 2}])
        assert till.asked == {}


@pytest.mark.parametrize("text", ["Why?", "`{{row}}`", r"\{{row}}"])
def test_a_text_without_the_row_is_refused(text: str) -> None:
    with Till() as till, pytest.raises(OptionError, match="does not use the row"):
        Office(till.base_url).run(text, range(3))


def test_the_answers_are_their_owners_alone() -> None:
    with Till() as till:
        result = Office(till.base_url).run("About {{row}}", range(3))
    folder = result.path.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}


def test_no_key_is_in_any_file(tmp_path: Path) -> None:
    with Till() as till:
        Office(till.base_url).run("About {{row}}", range(3))
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert files
    assert not any(KEY.encode() in each.read_bytes() for each in files)


def test_a_stop_gives_what_is_in_hand_and_what_was_under_way_is_kept_and_not_asked_again() -> None:
    watcher = Watcher(stop_when=lambda figures: figures.done >= 10)
    with Till(latency=0.3) as till:
        office = Office(till.base_url)
        begun = time.monotonic()
        with pytest.raises(Stopped) as stopped:
            office.run("About {{row}}", range(40), watcher, at_once=5)
        assert time.monotonic() - begun < 30
        result = stopped.value.result
        assert result is not None
        under_way = till.asked.total()
        assert 10 <= under_way < 40
        whole = office.run("About {{row}}", range(40), at_once=5)
        assert till.paid() == {f"About {number}": 1 for number in range(40)}
    assert whole.done == 40


def test_answers_under_way_are_kept_even_if_nobody_holds_the_result() -> None:
    watcher = Watcher(stop_when=lambda figures: figures.done >= 2)
    with Till(latency=0.3) as till:
        office = Office(till.base_url)
        with contextlib.suppress(Stopped):
            office.run("About {{row}}", range(20), watcher, at_once=4)
        gc.collect()
        office.run("About {{row}}", range(20), at_once=4)
        assert till.paid() == {f"About {number}": 1 for number in range(20)}


def test_two_runs_of_one_job_do_not_pay_twice() -> None:
    with Till(latency=0.05) as till:
        office = Office(till.base_url)
        other = threading.Thread(target=lambda: office.run("About {{row}}", range(30), at_once=3))
        other.start()
        result = office.run("About {{row}}", range(30), at_once=3)
        other.join()
        assert till.paid() == {f"About {number}": 1 for number in range(30)}
    assert result.done == 30


def test_progress_tells_done_failed_cost_and_the_first_answers() -> None:
    watcher = Watcher()
    with Till(fail_some, latency=0.1) as till:
        Office(till.base_url).run("About {{row}}", range(40), watcher, at_once=4, retries=0)
    (last,) = watcher.closed
    assert (last.rows, last.done, last.failed, last.in_flight) == (40, 37, 3, 0)
    assert last.cost == 37 * COST
    halfway = next(each for each in watcher.seen if each.done >= 10)
    assert halfway.in_flight
    assert halfway.projected is not None
    assert halfway.left is not None
    assert halfway.projected > COST * 20
    assert len(halfway.first) == 3
    assert halfway.first[0].startswith("On About")

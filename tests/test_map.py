"""`hermes_magic.map`: a batch from Python, in a script, a thread and a notebook."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import pandas as pd
import pytest

import hermes_magic
from hermes_magic.errors import AuthenticationError, OptionError, PastedKeyError
from hermes_magic.offline import Response
from tests.batch.jobs import KEY
from tests.batch.till import COST, Till, answer, refusal
from tests.kernel import running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator


class City(TypedDict):
    name: str


def respond(text: str, _time: int) -> Response | None:
    if text.startswith("City"):
        return Response.json(answer('{"name": "Ulm"}'))
    return refusal(400) if text == "Odd 2" else None


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with Till(respond) as till:
        monkeypatch.setenv("OPENROUTER_BASE_URL", till.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        yield till


def test_it_asks_each_row_and_gives_replies_errors_and_cost(till: Till) -> None:
    result = hermes_magic.map("Odd {{row}}", range(4))
    assert isinstance(result, hermes_magic.Result)
    assert [reply.text for reply in result.replies] == ["On Odd 0", "On Odd 1", "", "On Odd 3"]
    assert list(result.errors) == [2]
    assert result.cost == 3 * COST
    assert repr(result) == "Result(4 rows: 3 done, 1 failed, cost $0.0003000000000000003)"
    assert till.paid().total() == 3
    assert list(result.to_frame().columns) == ["row", "answer", "error", "cost", "tokens"]


def test_frame_schema_values_and_things(till: Till) -> None:
    frame = pd.DataFrame({"n": [1, 2]})
    result = hermes_magic.map("City {{row.n + add}}", frame, schema=City, values={"add": 10})
    assert list(result.to_frame()["name"]) == ["Ulm", "Ulm"]
    assert set(till.asked) == {"City 11", "City 12"}
    hermes_magic.map("{{row}}?", ["a"], with_={"frame": frame})
    (asked,) = (text for text in till.asked if "frame" in text)
    assert asked.endswith("\n\na?")
    assert "2 rows by 1 column" in asked


def test_options_are_checked_as_on_the_magic_line(till: Till) -> None:
    with pytest.raises(OptionError, match="at_once takes 1 to 256"):
        hermes_magic.map("{{row}}", [1], at_once=1000)
    with pytest.raises(OptionError, match="did you mean retry_failed"):
        hermes_magic.map("{{row}}", [1], retry_faild=True)  # type: ignore[call-arg]
    with pytest.raises(OptionError, match="--chat"):
        hermes_magic.map("{{row}}", [1], chat="a")
    with pytest.raises(OptionError, match="tools"):
        hermes_magic.map("{{row}}", [1], tools=[len])
    with pytest.raises(OptionError, match=r"hermes_magic\.map"):
        hermes_magic.ask("Why?", at_once=3)  # type: ignore[call-arg]
    assert till.asked == {}


def test_a_dear_job_needs_a_limit_and_a_dry_run_tells_it(till: Till) -> None:
    with pytest.raises(OptionError, match="--max-cost"):
        hermes_magic.map("Dear {{row}}", range(500))
    told = hermes_magic.map_dry_run("Dear {{row}}", range(500))
    assert "500 questions to send." in told
    assert till.asked == {}
    assert hermes_magic.map("Dear {{row}}", range(500), max_cost=Decimal(20)).done == 500


def test_a_key_in_the_text_is_refused(till: Till) -> None:
    with pytest.raises(PastedKeyError):
        hermes_magic.map(f"{{{{row}}}} {KEY}", range(3))
    assert till.asked == {}


@pytest.mark.usefixtures("till")
def test_without_a_key_nothing_is_sent_but_a_dry_run_is_free(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    with pytest.raises(AuthenticationError):
        hermes_magic.map("{{row}}", range(3))
    assert "3 questions" in hermes_magic.map_dry_run("{{row}}", range(3))
    assert till.asked == {}


def test_it_works_on_any_thread(till: Till) -> None:
    done = []
    thread = threading.Thread(
        target=lambda: done.append(hermes_magic.map("In {{row}}", range(5)).done)
    )
    thread.start()
    thread.join(30)
    assert done == [5]
    assert till.paid().total() == 5


def test_a_star_import_leaves_the_built_in_map_alone() -> None:
    names: dict[str, object] = {}
    exec("from hermes_magic import *", names)  # noqa: S102 - the line itself
    assert "ask" in names
    assert "map" not in names
    assert "map" in dir(hermes_magic)


def test_a_script_writes_nothing_and_an_interrupt_ends_it_in_a_line(
    till: Till, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import hermes_magic\nprint(hermes_magic.map('Go {{row}}', range(30), at_once=4).done)\n"
    )
    ran = subprocess.run(  # noqa: S603 - this interpreter, our own script
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("30\n", "", 0)
    assert till.paid().total() == 30


def test_in_a_notebook_its_defaults_and_limits_count(till: Till, tmp_path: Path) -> None:
    environment = {
        "OPENROUTER_BASE_URL": till.base_url,
        "OPENROUTER_API_KEY": KEY,
        "HERMES_MAGIC_DATA": str(tmp_path / "kernel"),
    }
    with running_kernel(environment) as kernel:
        assert kernel.run("%load_ext hermes_magic\nimport hermes_magic").ok
        assert kernel.run("%config HermesMagics.budget = 0.03").ok
        ran = kernel.run("result = hermes_magic.map('Note {{row}}', range(20))", watched=True)
        assert ran.ok, ran.text()
        assert kernel.value("result.done") == "20"
        assert till.most == 1  # the budget leaves room for one worst case
        (bundle,) = ran.bundles()
        assert bundle["text/plain"].startswith("20 of 20 done")
        silent = kernel.run("hermes_magic.map('Hush {{row}}', range(2), show=False).done")
        assert [kind for kind, _ in silent.contents() if "display" in kind] == []
        told = kernel.run("hermes_magic.map('More {{row}}', range(500), max_cost=90)")
        assert "budget" in repr(told.bundles())

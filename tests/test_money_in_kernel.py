"""Money in a real kernel: limits, `%hermes cost`, login and logout, and no key in any file."""

from __future__ import annotations

import base64
import csv
import os
import re
import stat
import subprocess
import sys
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hermes_magic.offline import Request, Response, Server
from hermes_magic.options import HERMES_4_405B
from tests.kernel import Kernel, Ran, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEY = "sk-or-v1-" + "0123456789abcdef" * 4
PLAIN = "a-key-of-another-shape-0123456789"
TYPED = "sk-or-v1-" + "fedcba9876543210" * 4
COST = Decimal("0.0012300000000000001")
WHO = {"id": "gen-1", "model": HERMES_4_405B, "provider": "Nebius"}
PRICES = {"data": {"pricing": {"prompt": "0.000001", "completion": "0.000003"}}}


def chunk(finish: str | None = None, **delta: object) -> Mapping[str, object]:
    return {**WHO, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "cost": COST}
WHOLE = [chunk(content="So."), chunk("stop", content=""), {**WHO, "choices": [], "usage": USAGE}]


class Till:
    """A server that counts what it is asked, and whose keys are KEY and TYPED."""

    def __init__(self) -> None:
        self.questions = 0
        self.server = Server(self._respond)

    def _respond(self, request: Request) -> Response:
        if "/model/" in request.path:
            return Response.json(PRICES)
        if not (request.carries_key(KEY) or request.carries_key(TYPED)):
            return Response.json({"error": {"code": 401, "message": "No cookie"}}, status=401)
        if request.method == "GET":
            return Response.json({"data": {"label": "a key", "limit": None, "usage": 1}})
        self.questions += 1
        return Response.sse(WHOLE, headers={"X-Generation-Id": "gen-1"})


@pytest.fixture(scope="module")
def till() -> Iterator[Till]:
    till = Till()
    with till.server:
        yield till


@contextmanager
def kernel_at_home(till: Till, home: Path, **environment: str) -> Iterator[Kernel]:
    """Start a kernel whose every file is below this folder."""
    names = ("HERMES_MAGIC_DATA", "IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    folders = {name: str(home / name.lower()) for name in names}
    places = {"HOME": str(home), **folders, "OPENROUTER_BASE_URL": till.server.base_url}
    for folder in folders.values():
        Path(folder).mkdir(parents=True)
    with running_kernel({**places, **environment}) as kernel:
        kernel.run(f"import os; os.chdir({str(home)!r})")
        assert kernel.run("%load_ext hermes_magic").ok
        yield kernel


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def kernel(till: Till, home: Path) -> Iterator[Kernel]:
    with kernel_at_home(
        till, home, OPENROUTER_API_KEY=KEY, JPY_SESSION_NAME="/work/paper.ipynb"
    ) as kernel:
        yield kernel


def typing(kernel: Kernel, source: str, line: str) -> Ran:
    """Run a cell, and type a line when it asks for one."""

    def answer(_: Ran) -> bool:
        if kernel.client.stdin_channel.msg_ready():
            asked = kernel.client.get_stdin_msg(timeout=1)["content"]
            assert asked["password"]
            kernel.client.input(line)
        return False

    return kernel.run(source, watched=True, interrupt_when=answer)


def holding(home: Path, text: str) -> list[str]:
    """Give the names of the files that hold a text."""
    return [
        path.name
        for path in home.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


def test_the_readout_ends_with_this_notebooks_total(kernel: Kernel) -> None:
    ran = kernel.run("%%hermes -o told\nWhy?", watched=True)
    assert ran.ok, ran.text()
    assert kernel.value("told.booked.notebook % told.cost") == "0E-19"
    assert "this notebook" in str(ran.bundles()[0]["text/html"])


def test_a_cell_that_may_cost_too_much_fails_in_one_line(kernel: Kernel, till: Till) -> None:
    before = till.questions
    ran = kernel.run("%%hermes --max-cost 0.0004\nWhy?")
    assert ran.error["ename"] == "BudgetError"
    assert len(ran.error["traceback"]) == 1
    assert till.questions == before


@pytest.mark.parametrize("trait", ["budget", "daily_budget"])
def test_a_budget_holds_until_it_is_raised(kernel: Kernel, till: Till, trait: str) -> None:
    kernel.run("%%hermes\nWhy?")
    assert kernel.run(f"%config HermesMagics.{trait} = 0.001").ok
    before = till.questions
    refused = kernel.run("%%hermes\nWhy?")
    kernel.run(f"%config HermesMagics.{trait} = None")
    assert refused.error["ename"] == "BudgetError"
    assert f"{trait} ($0.00 of $0.001 left" in refused.error["evalue"]
    assert till.questions == before
    assert kernel.run("%%hermes\nWhy?").ok


def test_where_you_are_says_what_was_spent_and_what_is_left(till: Till, tmp_path: Path) -> None:
    with kernel_at_home(till, tmp_path, OPENROUTER_API_KEY=KEY) as kernel:
        assert kernel.run("%%hermes --chat plan\nWhy?").ok
        kernel.run("%config HermesMagics.budget = 2\n%config HermesMagics.daily_budget = 0.001")
        ran = kernel.run("%hermes")
    where, spent, *none = ran.stdout.splitlines()
    assert where.endswith(f"{HERMES_4_405B} · key from OPENROUTER_API_KEY")
    assert spent == (
        "spent in this notebook $0.00123 ($1.99877 left) · today $0.00123 ($0.00 left)"
        " · chat plan: 1 turn"
    )
    assert none == []
    assert KEY not in ran.text()


@pytest.mark.parametrize("value", ["-1", "'dear'", "float('nan')", "[1]"])
def test_what_is_no_amount_is_refused_as_a_budget(kernel: Kernel, value: str) -> None:
    kernel.run(f"%config HermesMagics.budget = {value}")
    assert kernel.value("get_ipython().find_line_magic('hermes').__self__.budget") == "None"


def test_a_dry_run_sends_no_question(kernel: Kernel, till: Till) -> None:
    before = till.questions
    ran = kernel.run("%%hermes --dry-run -t 0.25\nWhy?")
    assert ran.ok
    assert '"temperature": 0.25' in ran.stdout
    assert "at most $0.0250" in ran.stdout
    assert KEY not in ran.text()
    assert till.questions == before


def test_cost_shows_sums_and_a_picture_that_needs_no_kernel(kernel: Kernel) -> None:
    kernel.run("%%hermes\nWhy?")
    (bundle,) = kernel.run("%hermes cost").bundles()
    for label in ("this cell", "this notebook", "today", "this month", HERMES_4_405B):
        assert label in bundle["text/plain"]
        assert label in bundle["text/html"]
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', bundle["text/html"])
    assert found is not None
    assert base64.b64decode(found[1]).startswith(b"<svg xmlns")


def test_cost_is_a_value_to_go_on_with(kernel: Kernel) -> None:
    kernel.run("%%hermes -o told\nWhy?")
    ran = kernel.run("spent = %hermes cost")
    assert ran.ok
    assert ran.bundles() == []
    assert kernel.value("spent.rows()[0].usd == told.cost") == "True"
    assert kernel.value("spent.calls[-1].notebook") == "/work/paper.ipynb"


def test_cost_writes_csv(kernel: Kernel, home: Path) -> None:
    ran = kernel.run("%hermes cost --csv 'what I spent.csv'")
    assert ran.ok, ran.text()
    with (home / "what I spent.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["cost"] for row in rows} == {str(COST)}
    failed = kernel.run("%hermes cost --csv /no/such/folder/x.csv")
    assert failed.error["ename"] == "OptionError"


def test_a_question_about_cost_is_a_question(kernel: Kernel, till: Till) -> None:
    before = till.questions
    assert kernel.run("%hermes cost of living in Paris?").ok
    assert till.questions == before + 1


@pytest.mark.parametrize(
    "cell",
    [
        f"%%hermes\nMy key is {TYPED}",
        f"%hermes login {TYPED}",
        f"%%hermes -s {TYPED}\nWhy?",
        f"key = %hermes {TYPED}",
    ],
)
def test_a_pasted_key_is_refused_before_anything_is_sent(
    kernel: Kernel, till: Till, cell: str
) -> None:
    before = till.questions
    ran = kernel.run(cell)
    assert ran.error["ename"] == "PastedKeyError"
    assert "save the notebook" in ran.error["evalue"]
    assert TYPED not in repr(ran.error)
    assert till.questions == before


@pytest.mark.parametrize("pasted", [TYPED, PLAIN], ids=["any key", "the one in use"])
def test_a_pasted_key_does_not_stay_in_ipythons_history(
    till: Till, tmp_path: Path, pasted: str
) -> None:
    with kernel_at_home(till, tmp_path, OPENROUTER_API_KEY=PLAIN) as kernel:
        kernel.run("before = 1")
        kernel.run(f"%%hermes\nMy key is {pasted}")
        kernel.run("after = 2")
        assert pasted not in kernel.value("(In, _i, _ii, _iii)")
        assert kernel.run("%history -g 'before|after' -n").ok
    assert holding(tmp_path, pasted) == []
    assert "history.sqlite" in holding(tmp_path, "after = 2")


def test_status_says_which_key_without_showing_it(kernel: Kernel) -> None:
    ran = kernel.run("%hermes status")
    assert "key from OPENROUTER_API_KEY" in ran.text()
    assert KEY not in ran.text()


def test_no_key_is_in_any_file(till: Till, tmp_path: Path) -> None:
    """Answers, failures, looks at everything: neither our files nor Jupyter's hold the key."""
    with kernel_at_home(till, tmp_path, OPENROUTER_API_KEY=KEY) as kernel:
        for cell in (
            "%%hermes -o told\nWhy?",
            "%%hermes --max-cost 0.0001\nWhy?",
            "%%hermes --param key=1\nWhy?",
            "%%hermes --dry-run\nWhy?",
            "%hermes status",
            "%hermes cost --csv spent.csv",
            "%config HermesMagics",
            "told",
            "import pickle; pickle.dump(told.text, open('told.pickle', 'wb'))",
        ):
            ran = kernel.run(cell)
            assert KEY not in ran.text()
        kernel.run("%history -g -f history.txt")
        kernel.run("get_ipython().history_manager.writeout_cache()")
    assert {"ledger.sqlite3", "spent.csv", "history.sqlite"} <= {
        path.name for path in tmp_path.rglob("*")
    }
    assert holding(tmp_path, KEY) == []


def test_login_keeps_the_typed_key_in_one_private_file_alone(till: Till, tmp_path: Path) -> None:
    with kernel_at_home(till, tmp_path) as kernel:
        assert kernel.run("%%hermes\nWhy?").error["ename"] == "AuthenticationError"
        nobody = kernel.run("%hermes login")
        assert nobody.error["ename"] == "OptionError"
        wrong = typing(kernel, "%hermes login", "sk-or-v1-wrong")
        assert wrong.error["ename"] == "AuthenticationError"
        assert "Nothing was stored." in wrong.error["evalue"]
        right = typing(kernel, "%hermes login", TYPED)
        assert right.ok, right.text()
        assert TYPED not in right.text()
        assert kernel.run("%%hermes\nWhy?").ok
        assert "keys.json" in kernel.run("%hermes status").text()
        kernel.run("get_ipython().history_manager.writeout_cache()")
        assert holding(tmp_path, TYPED) == ["keys.json"]
        (path,) = tmp_path.rglob("keys.json")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "Removed from" in kernel.run("%hermes logout").stdout
        assert holding(tmp_path, TYPED) == []
        assert kernel.run("%%hermes\nWhy?").error["ename"] == "AuthenticationError"


def test_offline_books_nothing(till: Till, tmp_path: Path) -> None:
    with kernel_at_home(till, tmp_path) as kernel:
        kernel.run("%hermes offline")
        assert kernel.run("%%hermes --max-cost 0.0001\nWhy?").ok
        assert kernel.value("_.booked") == "None"
        assert list((tmp_path / "hermes_magic_data").iterdir()) == []


def test_loading_leaves_the_ledger_and_its_modules_alone(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "before = set(sys.modules)\n"
        "shell.run_line_magic('load_ext', 'hermes_magic')\n"
        "new = set(sys.modules) - before\n"
        "print(sorted(new & {'sqlite3', 'platformdirs', 'keyring', 'hermes_magic.money.store'}))"
    )
    environment = {**os.environ, "HERMES_MAGIC_DATA": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert not (tmp_path / "data").exists()

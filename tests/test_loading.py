"""What `%load_ext hermes_magic` does to a shell, and what it leaves alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from hermes_magic.magic.commands import COMMANDS
from hermes_magic.magic.prepared import EXPLAIN, FIX
from hermes_magic.options import FLAGS

HEAVY = {
    "httpx",
    "ssl",
    "ipywidgets",
    "anywidget",
    "pydantic",
    "rich",
    "markdown_it",
    "nh3",
    "sqlite3",
}


def in_a_fresh_shell(*steps: str) -> list[object]:
    """Run these steps in a new process with an IPython shell; give what they `tell`."""
    source = "\n".join(
        [
            "import json, sys",
            "from IPython.core.interactiveshell import InteractiveShell",
            "from traitlets.config import Config",
            "told = []",
            "tell = told.append",
            *steps,
            "print('TOLD' + json.dumps(told))",
        ]
    )
    done = subprocess.run(  # noqa: S603 - this interpreter, our own steps
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    told: list[object] = json.loads(done.stdout.rpartition("TOLD")[2])
    return told


LOAD = "shell.run_line_magic('load_ext', 'hermes_magic')"
SHELL = "shell = InteractiveShell.instance()"


def test_it_imports_nothing_heavy() -> None:
    (new,) = in_a_fresh_shell(
        SHELL,
        "before = set(sys.modules)",
        LOAD,
        "tell(sorted(set(sys.modules) - before))",
    )
    assert isinstance(new, list)
    assert "hermes_magic.magic" in new
    assert HEAVY.isdisjoint(new)
    assert "hermes_magic.session" not in new


def test_a_moment_later_the_first_cell_is_warm_and_nothing_was_sent() -> None:
    assert in_a_fresh_shell(
        "import socket",
        "socket.socket.connect = lambda *_: tell('sent')",
        SHELL,
        LOAD,
        "import threading",
        "warming = [each for each in threading.enumerate() if isinstance(each, threading.Timer)]",
        "[each.join(30) for each in warming]",
        "tell('httpx' in sys.modules and 'hermes_magic.view.live' in sys.modules)",
    ) == [True]


def test_settings_can_be_seen_and_made_in_the_very_cell_that_loads_it() -> None:
    result, temperature = in_a_fresh_shell(
        SHELL,
        "result = shell.run_cell('%load_ext hermes_magic\\n"
        "%config HermesMagics.temperature = 0.2\\n%config HermesMagics')",
        "tell(result.success)",
        "tell(shell.run_line_magic('config', 'HermesMagics.temperature'))",
    )
    assert (result, temperature) == (True, 0.2)


def test_the_configuration_file_sets_defaults() -> None:
    assert in_a_fresh_shell(
        "config = Config()",
        "config.HermesMagics.temperature = 0.3",
        "config.HermesMagics.think = False",
        "shell = InteractiveShell.instance(config=config)",
        LOAD,
        "tell(shell.run_line_magic('config', 'HermesMagics.temperature'))",
        "tell(shell.run_line_magic('config', 'HermesMagics.think'))",
    ) == [0.3, False]


def test_help_is_a_page_worth_reading() -> None:
    (page,) = in_a_fresh_shell(SHELL, LOAD, "tell(shell.object_inspect('%%hermes')['docstring'])")
    assert isinstance(page, str)
    assert "-o answer" in page
    assert "%hermes -h" in page
    assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", page)) <= set(FLAGS)
    commands = set(re.findall(r"%hermes ([a-z]+)", page.partition("Commands")[2]))
    assert (
        {"status", "cost", "history"}
        <= commands
        <= {command.name for command in COMMANDS} | {FIX, EXPLAIN}
    )
    assert max(map(len, page.splitlines())) <= 92


def test_unloading_leaves_nothing() -> None:
    assert in_a_fresh_shell(
        SHELL,
        LOAD,
        "shell.run_line_magic('unload_ext', 'hermes_magic')",
        "count = len(shell.configurables)",
        LOAD,
        "shell.run_line_magic('unload_ext', 'hermes_magic')",
        "tell(len(shell.configurables) - count)",
        "tell('hermes' in shell.magics_manager.magics['cell'])",
        "tell(shell.transform_cell('%hermes Why?').strip())",
        "tell(len(shell.Completer.custom_matchers))",
        "manager = shell.input_transformer_manager",
        "tell([each.__name__ for each in manager.cleanup_transforms if 'hermes' in repr(each)])",
    ) == [0, False, "get_ipython().run_line_magic('pinfo', 'Why')", 0, []]

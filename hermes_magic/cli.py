"""The `hermes-magic` command: a real `%%hermes` cell in a real IPython, offline."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

_QUESTION = "Why does the median resist outliers?"
_CELLS = ("%load_ext hermes_magic", "%hermes offline", f"%%hermes --think -o answer\n{_QUESTION}")
_NEXT = """
That was a prepared answer from the built-in offline server. To go on:

  in JupyterLab   pip install jupyterlab, then jupyter lab; open notebooks/01-quickstart.ipynb
                  or type the three cells above into a new notebook
  with Hermes 4   set OPENROUTER_API_KEY to your OpenRouter key and leave out %hermes offline
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit status."""
    parser = argparse.ArgumentParser(prog="hermes-magic", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="run a %%hermes cell on the built-in offline server")
    parser.parse_args(arguments)
    return demo()


def demo() -> int:
    """Run the three cells of a first visit in a terminal IPython; give 1 if one fails."""
    shell = _shell()
    for cell in _CELLS:
        sys.stdout.write("".join(f">>> {line}\n" for line in cell.splitlines()))
        sys.stdout.flush()
        if not shell.run_cell(cell).success:
            return 1
        sys.stdout.write("\n")
    shell.run_line_magic("unload_ext", "hermes_magic")
    sys.stdout.write(_NEXT.lstrip("\n"))
    return 0


def _shell() -> InteractiveShell:
    """Make a terminal IPython that leaves the person's own history alone."""
    from IPython.terminal.interactiveshell import TerminalInteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.TerminalInteractiveShell.simple_prompt = True
    return TerminalInteractiveShell.instance(config=config)

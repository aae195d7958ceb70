"""What the commands of `%hermes` work on: the desk, and the person in front of it."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Any

from hermes_magic.asking.desk import Desk, Settings
from hermes_magic.errors import OptionError
from hermes_magic.view.choose import has_viewer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermes_magic.session import Session


class Counter(Desk):
    """A desk at which a person stands; `commands.Notebook` in the flesh."""

    def __init__(self, settings: Settings, shell: Any, session: Session) -> None:
        super().__init__(settings, session)
        self._shell = shell

    def go_offline(self, *, paced: bool | None = None) -> None:
        """Ask the demo server from now on."""
        super().go_offline(paced=has_viewer(self._shell) if paced is None else paced)

    def ask_secret(self, question: str) -> str:
        """Ask the person for a line that is not shown.

        Raises:
            OptionError: nobody is there to answer.
        """
        if not has_viewer(self._shell):
            raise OptionError("Nobody is here to type a key: run this cell by hand.")
        return getpass.getpass(question)

    def say(self, text: str) -> None:
        """Write one line below the cell."""
        sys.stdout.write(text + "\n")

    def show(self, bundle: Mapping[str, str]) -> None:
        """Show a MIME bundle below the cell."""
        from IPython.display import display

        display(dict(bundle), raw=True)

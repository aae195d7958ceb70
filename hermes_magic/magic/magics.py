"""The front door: `%%hermes` and `%hermes`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, cast

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import Bool, Float, Int, TraitError, TraitType, Unicode
from traitlets.config import Configurable

from hermes_magic import options as grammar
from hermes_magic.errors import HermesError, OptionError
from hermes_magic.magic.interrupts import on_interrupt
from hermes_magic.session import Session
from hermes_magic.wire.servers import OPENROUTER_URL, Server, openrouter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from hermes_magic.offline import DemoServer
    from hermes_magic.reply import Reply


class SettingError(OptionError, TraitError):
    """A setting has a value that its option does not take; traitlets puts the old one back."""


class _Checked(TraitType[Any, Any]):
    """A trait that takes what its option takes on the magic line."""

    def validate(self, _obj: Any, value: Any) -> Any:
        try:
            return grammar.check(str(self.name), value)
        except OptionError as error:
            raise SettingError(error.message, hint=error.hint) from None


_TRAITS: Mapping[type, type[TraitType[Any, Any]]] = {
    bool: Bool,
    int: Int,
    float: Float,
    str: Unicode,
}
_TRAIT_ROWS = tuple(row for row in grammar.TABLE if row.spec.trait)


def _trait(row: grammar.Row) -> TraitType[Any, Any]:
    """Make a configurable trait of a row; `%config` shows its type by the class's name."""
    base = _TRAITS[type(row.default)]
    kind = type(base.__name__, (_Checked, base), {})
    return cast("TraitType[Any, Any]", kind(row.default, help=row.spec.help).tag(config=True))


_Defaults: Any = type("_Defaults", (Configurable,), {row.name: _trait(row) for row in _TRAIT_ROWS})


@magics_class
class HermesMagics(Magics, _Defaults):  # type: ignore[misc]  # made from the option table
    """Defaults of `%%hermes`, each of which a cell's own option overrides."""

    base_url = Unicode(
        OPENROUTER_URL,
        help="the server's address; OPENROUTER_BASE_URL stands in where this is the default",
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell=shell)
        self._shell = shell
        self._session = Session()
        self._demo: DemoServer | None = None
        self._shown: tuple[int, Reply] | None = None

    @no_var_expand
    @line_cell_magic
    def hermes(self, line: str, cell: str | None = None) -> Reply | None:
        """Ask Nous Hermes 4 405B: `%%hermes [options]` over a question, or `%hermes question`."""
        if cell is None and line.strip() in _COMMANDS:
            return _COMMANDS[line.strip()](self)
        options, rest = grammar.parse(line, self._defaults())
        if options.help:
            sys.stdout.write(grammar.help_text())
            return None
        reply = self._ask(options, _question(rest, cell))
        return reply if cell is None else None

    def close(self) -> None:
        """Close the connection, and the offline server if one runs."""
        self._session.close()
        if self._demo is not None:
            self._demo.close()
            self._demo = None

    def display(self, reply: Reply) -> None:
        """Show a reply that a cell evaluates, but not again in the cell that asked for it."""
        if self._shown is not None and self._shown[1] is reply:
            asked_in, _ = self._shown
            if asked_in == self._shell.execution_count:
                return
        from IPython.display import display

        from hermes_magic.view.static import bundle

        display(bundle(reply, thoughts=self.thoughts), raw=True)

    def _ask(self, options: grammar.Options, text: str) -> Reply:
        from hermes_magic.view.choose import open_view

        server = self._server()
        question = self._session.ask(server, server.key(os.environ), options, text)
        view = open_view(self._shell, options.thoughts, question.request_stop)
        with on_interrupt(question.request_stop):
            try:
                with question as answering:
                    for events in answering:
                        view.show(events, answering.progress, answering.elapsed)
            finally:
                reply = question.reply
                if reply.state != "failed" or question.progress.begun:
                    self._keep(reply, options.out)
                view.close(reply)
        return reply

    def _keep(self, reply: Reply, name: str) -> None:
        """Put the reply, whole or not, into `_`, `Out` and the variable of that name."""
        if name:
            self._shell.user_ns[name] = reply
        self._shell.displayhook.update_user_ns(reply)
        self._shown = (self._shell.execution_count, reply)

    def _defaults(self) -> dict[str, Any]:
        return {row.name: getattr(self, row.name) for row in _TRAIT_ROWS}

    def _server(self) -> Server:
        if self._demo is not None:
            return Server("offline demo server", self._demo.base_url, key_variable="")
        chosen = self.base_url
        if chosen == OPENROUTER_URL:
            chosen = os.environ.get("OPENROUTER_BASE_URL", "")
        return openrouter(chosen)

    def _offline(self) -> None:
        from hermes_magic.view.choose import has_viewer

        if self._demo is None:
            self._demo = _demo_server(paced=has_viewer(self._shell)).start()
        self._say(
            "Offline demo: prepared answers, no model is asked, nothing is billed. "
            "%hermes online goes back."
        )

    def _online(self) -> None:
        if self._demo is not None:
            self._demo.close()
            self._demo = None
        self._status()

    def _status(self) -> None:
        if self._demo is not None:
            self._say(
                "The offline demo server answers. %hermes online goes back, %hermes -h helps."
            )
            return
        server = self._server()
        try:
            key = f"key from {server.key_variable}" if server.key(os.environ) else "no key needed"
        except HermesError as error:
            key = str(error)
        self._say(f"{server.name} · {server.base_url} · {self.model} · {key}")

    def _say(self, text: str) -> None:
        sys.stdout.write(text + "\n")


_COMMANDS = {
    "": HermesMagics._status,  # noqa: SLF001 - the class's own table
    "offline": HermesMagics._offline,  # noqa: SLF001
    "online": HermesMagics._online,  # noqa: SLF001
}


def _question(rest: str, cell: str | None) -> str:
    if cell is None:
        return rest
    if rest:
        raise OptionError(
            f"Unexpected text behind the options: {rest[:40]!r}.",
            hint="Options start with a dash; the question goes into the cell below.",
        )
    return cell.removesuffix("\n")


def _demo_server(*, paced: bool) -> DemoServer:
    """Make the offline server; with nobody to watch it need not take its time."""
    from hermes_magic.offline import DemoServer

    if paced:
        return DemoServer(key_required=False)
    return DemoServer(key_required=False, tokens_per_second=None, first_token_seconds=0)

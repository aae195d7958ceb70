"""`%%hermes` and `%hermes`: parse, ask, show, keep."""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Any

from traitlets import Unicode

from hermes_magic import options as grammar
from hermes_magic.errors import OptionError, PastedKeyError
from hermes_magic.magic import commands
from hermes_magic.magic.composing import compose
from hermes_magic.magic.desk import Desk
from hermes_magic.magic.forgetting import forget_cell
from hermes_magic.magic.interrupts import on_interrupt
from hermes_magic.magic.settings import TRAIT_ROWS, Defaults, Servers, Usd
from hermes_magic.money.budget import Limits
from hermes_magic.money.keys import refuse_pasted
from hermes_magic.session import Session
from hermes_magic.view.unseen import Unseen
from hermes_magic.wire.servers import OPENROUTER_URL

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from hermes_magic.magic.structure import Structure
    from hermes_magic.prompt import Question
    from hermes_magic.reply import Reply
    from hermes_magic.wire.servers import Server


def _as_it_is(reply: Reply) -> Reply:
    return reply


class HermesMagics(Defaults):  # type: ignore[misc]  # made from the option table
    """Defaults of `%%hermes`, each of which a cell's own option overrides."""

    base_url = Unicode(
        OPENROUTER_URL,
        help="the server's address; OPENROUTER_BASE_URL stands in where this is the default",
    ).tag(config=True)
    servers = Servers(
        help="servers of your own by name: like, base_url, key_variable, model, price"
    ).tag(config=True)

    budget = Usd(
        None,
        help="USD that this notebook may spend in all; None for no limit",
    ).tag(config=True)
    daily_budget = Usd(
        None,
        help="USD that you may spend in a day, in all notebooks together; None for no limit",
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(parent=shell)
        self._shell = shell
        self._session = Session(functools.partial(notebook_path, shell))
        self._desk = Desk(self, shell, self._session)
        self._shown: tuple[int, Reply] | None = None
        self._unseen = Unseen(shell)

    def hermes(self, line: str, cell: str | None = None) -> object:
        """Run a magic line, with the cell's text below it if there is one."""
        try:
            return self._run(line, cell)
        except PastedKeyError:
            forget_cell(self._shell)
            raise

    def _run(self, line: str, cell: str | None) -> object:
        refuse_pasted(f"{line}\n{cell or ''}")
        command = commands.recognise(line) if cell is None else None
        if command is not None:
            return command(self._desk)
        bare = cell is not None
        options, rest = grammar.parse(line, self._defaults(), bare=bare)
        if options.help:
            sys.stdout.write(grammar.help_text(commands.help_rows()))
            return None
        server = self._desk.server(options.server)
        model = {"model": self._desk.model_at(server)}
        options, _ = grammar.parse(line, self._defaults() | model, bare=bare)
        data = self._structure(options)
        options = data.demand(options) if data is not None else options
        question = compose(options, _question(rest, cell), self._shell.user_ns)
        keep = None
        if options.chat or options.new:
            question, keep = self._go_on(options, question, f"{line}\n{cell or ''}")
        if options.dry_run:
            key, limits = self._desk.usable_key(server), self._limits(options)
            self._desk.say(self._session.dry_run(server, key, options, question, limits))
            return None
        ask = functools.partial(self._ask, server, options, keep)
        reply = ask(question) if data is None else data.ask(ask, question)
        if options.code:
            self._offer(reply)
        return reply if cell is None else None

    def close(self) -> None:
        """Close widgets and the connection, and the offline server if one runs."""
        self._unseen.close()
        self._session.close()
        self._desk.go_online()

    def display(self, reply: Reply) -> None:
        """Show a reply that a cell evaluates, but not again in the cell that asked for it."""
        if self._shown is not None and self._shown[1] is reply:
            asked_in, _ = self._shown
            if asked_in == self._shell.execution_count:
                return
        from IPython.display import display

        from hermes_magic.view.static import bundle

        display(bundle(reply, thoughts=self.thoughts), raw=True)

    def _ask(
        self,
        server: Server,
        options: grammar.Options,
        keep: Callable[[Reply], None] | None,
        asked: Question,
        fill: Callable[[Reply], Reply] = _as_it_is,
    ) -> Reply:
        from hermes_magic.view.choose import open_view

        key = self._desk.keys.find(server).value
        limits = None if self._desk.is_offline else self._limits(options)
        question = self._session.ask(server, key, options, asked, limits)
        rate = None if limits is None else self._session.account.rate(server, key, options.model)
        view = open_view(self._shell, options.thoughts, question.request_stop, rate, self._unseen)
        with on_interrupt(question.request_stop):
            try:
                with question as answering:
                    for events in answering:
                        view.show(events, answering.progress, answering.elapsed)
            finally:
                reply = fill(question.reply)
                if reply.state != "failed" or question.progress.begun:
                    self._keep(reply, options.out)
                if keep is not None:
                    keep(reply)
                view.close(reply)
        return reply

    def _go_on(
        self, options: grammar.Options, question: Question, text: str
    ) -> tuple[Question, Callable[[Reply], None]]:
        """Put the conversation before the question; give what keeps its turn."""
        from hermes_magic.magic.chats import cell_of

        chats = self._desk.chats
        thread = chats.thread(options, *cell_of(self._shell, text))
        asked = chats.go_on(thread, options, question)
        return asked, functools.partial(chats.keep, thread, question)

    def _structure(self, options: grammar.Options) -> Structure | None:
        """Give what the answer must be, or None for any text."""
        if not (options.json or options.schema):
            return None
        from hermes_magic.magic.structure import structure

        return structure(options, self._shell.user_ns)

    def _offer(self, reply: Reply) -> None:
        """Put the reply's code into one new cell: a front end takes no more in a run."""
        from hermes_magic.magic.offering import code_cell

        source, note = code_cell(reply)
        if source:
            self._shell.set_next_input(source, replace=False)
        if note:
            self._desk.say(note)

    def _keep(self, reply: Reply, name: str) -> None:
        """Put the reply, whole or not, into `_`, `Out` and the variable of that name."""
        if name:
            self._shell.user_ns[name] = reply
        self._shell.displayhook.update_user_ns(reply)
        self._shown = (self._shell.execution_count, reply)

    def _limits(self, options: grammar.Options) -> Limits:
        return Limits(options.max_cost, self.budget, self.daily_budget)

    def _defaults(self) -> dict[str, Any]:
        return {row.name: getattr(self, row.name) for row in TRAIT_ROWS}


def notebook_path(shell: InteractiveShell) -> str:
    """Give the notebook's path, or "" where the front end does not tell it."""
    told = os.environ.get("JPY_SESSION_NAME", "") or shell.user_ns.get("__vsc_ipynb_file__", "")
    return told if isinstance(told, str) and told.endswith(".ipynb") else ""


def _question(rest: str, cell: str | None) -> str:
    if cell is None:
        return rest
    if rest:
        raise OptionError(
            f"Unexpected text behind the options: {rest[:40]!r}.",
            hint="Options start with a dash; the question goes into the cell below.",
        )
    return cell.removesuffix("\n")

"""`%%hermes` and `%hermes`: parse, ask, show, keep."""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from traitlets import Unicode

from hermes_magic import options as grammar
from hermes_magic.asking.asker import Asker
from hermes_magic.asking.composing import compose
from hermes_magic.asking.naming import schema, tools
from hermes_magic.errors import OptionError, PastedKeyError
from hermes_magic.magic import commands, prepared
from hermes_magic.magic.cells import CellHost, cell_of
from hermes_magic.magic.counter import Counter
from hermes_magic.magic.failing import LastException
from hermes_magic.magic.forgetting import forget_cell
from hermes_magic.magic.settings import TRAIT_ROWS, Defaults, Servers, Speed, TapeMode, Usd
from hermes_magic.money.keys import refuse_pasted
from hermes_magic.session import Session
from hermes_magic.view.unseen import Unseen
from hermes_magic.wire.servers import OPENROUTER_URL

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from hermes_magic.asking.home import Home
    from hermes_magic.prompt import Question
    from hermes_magic.reply import Reply


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

    tape_mode = TapeMode(
        "",
        help="how tapes are used: once, new (the usual way), replay, draft or off; "
        "HERMES_TAPE_MODE in the environment goes before it",
    ).tag(config=True)
    tape_speed = Speed(
        1.0,
        help="how many times as fast as it was recorded a tape plays; 0 for at once",
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(parent=shell)
        self._shell = shell
        self._session = Session(functools.partial(notebook_path, shell))
        self._desk = Counter(self, shell, self._session)
        self._asker = Asker(self._desk, self._session)
        self._last_exception = LastException(shell)
        self._shown: tuple[object, Reply] | None = None
        self._unseen = Unseen(shell)

    def hermes(self, line: str, cell: str | None = None) -> object:
        """Run a magic line, with the cell's text below it if there is one."""
        try:
            return self._run(line, cell)
        except PastedKeyError:
            forget_cell(self._shell)
            raise

    @property
    def desk(self) -> Counter:
        """Who is asked, and what is known of them."""
        return self._desk

    def _run(self, line: str, cell: str | None) -> object:
        refuse_pasted(f"{line}\n{cell or ''}")
        command = commands.recognise(line) if cell is None else None
        if command is not None:
            return command(self._desk)
        asked = prepared.recognise(line, self._shell.user_ns) if cell is None else None
        if asked is not None:
            with self._last_exception.kept():
                return self._run_prepared(asked, line)
        options, rest = self._parsed(line, bare=cell is not None)
        if options.help:
            sys.stdout.write(_help())
            return None
        if options.each:
            return self._each(options, _question(rest, cell), cell)
        _refuse_batch_options(options)
        question = compose(options, _question(rest, cell), self._shell.user_ns)
        reply = self._ask(options, question, f"{line}\n{cell or ''}")
        return reply if cell is None else None

    def _run_prepared(self, asked: prepared.Prepared, line: str) -> object:
        """Ask a question that is written for the person."""
        from hermes_magic.magic import fixing

        options, words = self._parsed(asked.rest, bare=False)
        if options.help:
            sys.stdout.write(_help())
            return None
        namespace = self._shell.user_ns
        if asked.kind == prepared.EXPLAIN:
            question = fixing.explain(asked.name, options, words, namespace)
            return self._ask(options, question, line)
        written = fixing.fix(self._last_exception, options, words, namespace)
        if isinstance(written, str):
            self._desk.say(written)
            return None
        return self._ask(replace(options, code=True), written, line)

    def _ask(self, options: grammar.Options, question: Question, cell: str) -> Reply | None:
        """Ask a question that is ready, or show what would be sent."""
        namespace = self._shell.user_ns
        wanted, callable_ = schema(options, namespace), tools(options, namespace)
        host = CellHost(self._shell, cell, self._keep, self._unseen)
        if options.dry_run:
            self._desk.say(self._asker.dry_run(options, question, host, wanted, callable_))
            return None
        reply = self._asker.ask(options, question, host, wanted, callable_)
        if options.code:
            self._offer(reply)
        return reply

    def _each(self, options: grammar.Options, text: str, cell: str | None) -> object:
        from hermes_magic.magic.each import EachRow

        result = EachRow(self._shell, self._desk).run(options, text)
        return result if cell is None else None

    def _parsed(self, line: str, *, bare: bool) -> tuple[grammar.Options, str]:
        """Read a line; the model's default is the server's, which the line may name."""
        options, rest = grammar.parse(line, self._defaults(), bare=bare)
        if options.help:
            return options, rest
        model = {"model": self._desk.model_at(self._desk.server(options.server))}
        return grammar.parse(line, self._defaults() | model, bare=bare)

    def home(self) -> Home:
        """Give what Python code in this notebook asks by."""
        from hermes_magic.magic.home import NotebookHome

        def host_of(source: str) -> CellHost:
            return CellHost(self._shell, source, self._note_shown, self._unseen)

        return NotebookHome(self._shell, self._desk, self._asker, self._defaults, host_of)

    def close(self) -> None:
        """Close widgets and the connection, and the offline server if one runs."""
        self._unseen.close()
        self._session.close()
        self._desk.go_online()

    def display(self, reply: Reply) -> None:
        """Show a reply that a cell evaluates, but not again in the cell that asked for it."""
        if self._shown is not None and self._shown[1] is reply:
            asked_in, _ = self._shown
            if asked_in == self._running():
                return
        from IPython.display import display

        from hermes_magic.view.static import bundle

        display(bundle(reply, thoughts=self.thoughts), raw=True)

    def _offer(self, reply: Reply) -> None:
        """Put the reply's code into one new cell: a front end takes no more in a run."""
        from hermes_magic.magic.offering import code_cell

        source, note = code_cell(reply)
        if source:
            self._shell.set_next_input(source, replace=False)
        if note:
            self._desk.say(note)

    def _keep(self, reply: Reply, options: grammar.Options) -> None:
        """Put the reply, whole or not, into `_`, `Out` and the `-o` variable."""
        if options.out:
            self._shell.user_ns[options.out] = reply
        self._shell.displayhook.update_user_ns(reply)
        self._note_shown(reply, options)

    def _note_shown(self, reply: Reply, _options: grammar.Options) -> None:
        self._shown = (self._running(), reply)

    def _running(self) -> object:
        """Give what tells this run from others; nbval runs all cells under one number."""
        return cell_of(self._shell, "")[0]

    def _defaults(self) -> dict[str, Any]:
        return {row.name: getattr(self, row.name) for row in TRAIT_ROWS}


def _refuse_batch_options(options: grammar.Options) -> None:
    """Refuse what has no meaning for one question, since the person means a batch."""
    if options.retry_failed:
        raise OptionError("--retry-failed goes with --each NAME, which is missing.")


def notebook_path(shell: InteractiveShell) -> str:
    """Give the notebook's path, or "" where the front end does not tell it."""
    told = os.environ.get("JPY_SESSION_NAME", "") or shell.user_ns.get("__vsc_ipynb_file__", "")
    return told if isinstance(told, str) and told.endswith(".ipynb") else ""


def _help() -> str:
    return grammar.help_text([*commands.help_rows(), *prepared.help_rows()])


def _question(rest: str, cell: str | None) -> str:
    if cell is None:
        return rest
    if rest:
        raise OptionError(
            f"Unexpected text behind the options: {rest[:40]!r}.",
            hint="Options start with a dash; the question goes into the cell below.",
        )
    return cell.removesuffix("\n")

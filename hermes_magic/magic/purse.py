"""The commands that have to do with money: what was spent, and the key that pays."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from hermes_magic.errors import AuthenticationError, HermesError, OptionError
from hermes_magic.money.picture import spending_svg
from hermes_magic.money.report import Report
from hermes_magic.view.readout import usd
from hermes_magic.view.table import table
from hermes_magic.wire.catalog import Catalog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hermes_magic.magic.commands import Notebook
    from hermes_magic.money.report import Spending
    from hermes_magic.wire.servers import Server

_HEADINGS = ("", "calls", "in", "out", "USD")
_NUMBERS = (1, 2, 3, 4)
_PATIENCE_SECONDS = 3.0


class Cost(Report):
    """What `%hermes cost` gives: shows itself; `.dataframe()` and `.rows()` are for the curious."""

    def __repr__(self) -> str:
        """Give the table as text."""
        return _table(self)["text/plain"]

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Give table and picture as HTML, the table as text."""
        shown = _table(self)
        picture = spending_svg(self.calls, self.today)
        return {**shown, "text/html": shown["text/html"] + _image(picture)}


def cost(notebook: Notebook, csv: str, _server: str) -> Cost:
    """Give what was spent, after a last look for costs that are still open."""
    account = notebook.account
    if not notebook.is_offline:
        server = notebook.server()
        look = account.settle_others(server, notebook.usable_key(server))
        look.join(_PATIENCE_SECONDS)
    report = account.report()
    for line in account.ledger.take_news():
        notebook.say(line)
    if csv:
        _write(report, csv)
        notebook.say(f"{len(report.calls):,} calls written to {csv}.")
    return Cost(report.calls, report.today, report.notebook, report.cell)


def login(notebook: Notebook, _word: str, name: str) -> None:
    """Ask for a key without echo, and keep it."""
    server = notebook.server(name)
    if not server.key_variable:
        notebook.say(f"{server.name} needs no key.")
        return
    key = notebook.ask_secret(f"{server.key_variable} for {server.name} (not shown): ").strip()
    if not key:
        notebook.say("Nothing was typed, nothing was stored.")
        return
    _try(server, server.key({server.key_variable: key}))
    where = notebook.keys.store(server, key)
    notebook.say(f"Stored in {where}. %hermes logout removes it.")
    used = notebook.keys.find(server)
    if used.value != key:
        notebook.say(f"But the key in use is another: {used.source} comes first.")


def logout(notebook: Notebook, _word: str, name: str) -> None:
    """Remove the stored key."""
    server = notebook.server(name)
    places = notebook.keys.forget(server)
    notebook.say(f"Removed from {' and '.join(places)}." if places else "No key was stored.")
    try:
        left = notebook.keys.find(server)
    except HermesError:
        return
    if left.value:
        notebook.say(f"There still is a key: {left.source}.")


def _try(server: Server, key: str) -> None:
    """Refuse a key that the server refuses; one that cannot be tried now may be right."""
    if not server.is_openrouter:
        return
    try:
        Catalog(server, key, patience=_PATIENCE_SECONDS).key_figures()
    except AuthenticationError as error:
        raise AuthenticationError(error.message, hint="Nothing was stored.") from None
    except HermesError:
        return


def _write(report: Report, csv: str) -> None:
    try:
        report.write_csv(Path(csv).expanduser())
    except OSError as error:
        raise OptionError(f"{csv} cannot be written: {error.strerror}.") from None


def _table(report: Report) -> dict[str, str]:
    rows = report.rows()
    lines = [_line(row) for row in rows]
    lines += [_line(row, f"this month, {row.label}") for row in report.by_model()]
    estimated = rows[-1].estimated
    note = ""
    if estimated:
        calls = "1 call has" if estimated == 1 else f"{estimated:,} calls have"
        note = f"~ with an estimate: {calls} no figure from the server (yet)."
    return table(_HEADINGS, lines, note=note, numbers=_NUMBERS)


def _line(row: Spending, label: str = "") -> Sequence[str]:
    amount = usd(row.usd)
    return (
        label or row.label,
        f"{row.calls:,}",
        f"{row.prompt_tokens:,}",
        f"{row.completion_tokens:,}",
        f"~{amount}" if row.estimated else amount,
    )


def _image(svg: str) -> str:
    """Wrap the picture so that it survives the sanitizers of notebooks nobody has trusted yet."""
    data = base64.b64encode(svg.encode()).decode()
    name = escape("Spending by day")
    return f'<img alt="{name}" src="data:image/svg+xml;base64,{data}">'

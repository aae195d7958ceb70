"""Ask a text of many rows from Python: `map`, and `map_dry_run`, which sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from hermes_magic.api import home_here, running_shell, wanted_schema
from hermes_magic.asking.interrupts import on_interrupt
from hermes_magic.asking.keywords import (
    MAP_KEYWORDS,
    MapKeywords,
    attached_things,
    given_options,
)
from hermes_magic.batch.job import Job
from hermes_magic.batch.task import Written, task_of
from hermes_magic.errors import OptionError, PastedKeyError
from hermes_magic.options import Options
from hermes_magic.view.progress import SilentProgress, open_progress

if TYPE_CHECKING:
    from hermes_magic.asking.home import Home
    from hermes_magic.batch.result import Result

__all__ = ["MapKeywords", "map", "map_dry_run"]


def map(text: str, rows: Any, /, **keywords: Unpack[MapKeywords]) -> Result:  # noqa: A001 - what it is
    """Ask a text of each row, many at once; give the answers in the order of the rows.

    Each answer is kept in a file as it comes: called again, it goes on where it stopped and pays
    for nothing twice. A row's error is its own, see `Result.errors`.

    Args:
        text: the question, with `{{row}}` or `{{row.column}}` where the row's value belongs.
        rows: a list, a Series or DataFrame of pandas or polars, or any iterable.
        **keywords: as for `ask`, and `at_once`, `dedupe`, `retry_failed`, `fresh`; `max_cost` is
            what all rows together may cost, needed where that can be more than $1.

    Raises:
        HermesError: it cannot be asked, or nothing is in hand; its `.result` has what came.
        Stopped: an interrupt stopped it; its `.result` has what came.
    """
    home = home_here()
    try:
        job = _job(home, text, rows, keywords)
        view = open_progress(running_shell()) if keywords.get("show", True) else SilentProgress()
        return job.run(view, on_interrupt)
    except PastedKeyError:
        home.forget_source()
        raise


def map_dry_run(text: str, rows: Any, /, **keywords: Unpack[MapKeywords]) -> str:
    """Say what `map` would send and what it can cost; send nothing.

    Args:
        text: the question.
        rows: what it is asked of.
        **keywords: as for `map`.

    Raises:
        OptionError: it would not be sent.
    """
    return _job(home_here(), text, rows, keywords, dry_run=True).dry_run()


def _job(home: Home, text: str, rows: Any, keywords: MapKeywords, *, dry_run: bool = False) -> Job:
    if keywords.get("tools"):
        raise OptionError("map takes no tools: each row is one question.")
    given = given_options(keywords, MAP_KEYWORDS)
    model = home.desk.model_at(home.desk.server(given.get("server", "")))
    things = attached_things(keywords.get("with_"))
    settled = {**home.defaults(), "model": model, **given, "attached": tuple(things)}
    options = Options(**settled | {"vars": True, "dry_run": dry_run})
    schema = wanted_schema(options, keywords.get("schema"))
    values = dict(keywords.get("values") or {})
    written = Written(options, text, rows, values, schema, things, keywords.get("cluster"))
    return Job(task_of(home.desk, written), home.desk.account)

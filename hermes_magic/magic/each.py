"""`--each`: the cell runs once for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hermes_magic.asking.interrupts import on_interrupt
from hermes_magic.asking.naming import did_you_mean, schema
from hermes_magic.batch.job import Job
from hermes_magic.batch.task import Written, task_of
from hermes_magic.errors import Failure, OptionError
from hermes_magic.view.progress import open_progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermes_magic.batch.result import Result
    from hermes_magic.magic.counter import Counter
    from hermes_magic.options import Options


class EachRow:
    """Runs a cell once for each row, and keeps the table of answers.

    Args:
        shell: IPython's.
        desk: who is asked.
    """

    def __init__(self, shell: Any, desk: Counter) -> None:
        self._shell = shell
        self._desk = desk

    def run(self, options: Options, text: str) -> Result | None:
        """Run it; give the result, or None for a dry run.

        Raises:
            HermesError: it cannot be run, or nothing is in hand.
            Stopped: the person stopped it; what came is kept in the variables.
        """
        namespace = self._shell.user_ns
        data = rows_named(options.each, namespace)
        written = Written(options, text, data, namespace, schema(options, namespace))
        job = Job(task_of(self._desk, written), self._desk.account)
        if options.dry_run:
            self._desk.say(job.dry_run())
            return None
        try:
            result = job.run(open_progress(self._shell), on_interrupt)
        except Failure as failure:
            if failure.result is not None:
                self._keep(failure.result, options.out)
            raise
        self._keep(result, options.out)
        return result

    def _keep(self, result: Result, name: str) -> None:
        """Put the result into `_` and `Out`, and its table into the variable of that name."""
        if name:
            self._shell.user_ns[name] = result.table()
        self._shell.displayhook.update_user_ns(result)


def rows_named(name: str, namespace: Mapping[str, Any]) -> Any:
    """Give what the word after `--each` names.

    Raises:
        OptionError: no variable has that name.
    """
    if name not in namespace:
        suggestion = did_you_mean(name, namespace)
        raise OptionError(f"--each {name}: no variable has that name.{suggestion}")
    return namespace[name]

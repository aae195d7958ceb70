"""Ask from Python: `ask`, its asynchronous twin `aask`, and `dry_run`, which sends nothing."""

from __future__ import annotations

import atexit
import functools
import os
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Unpack

from hermes_magic.asking.attaching import attach
from hermes_magic.asking.composing import compose
from hermes_magic.asking.home import Home, ProcessHome
from hermes_magic.asking.interrupts import Stopper
from hermes_magic.asking.keywords import Keywords, attached_things, given_options
from hermes_magic.errors import PastedKeyError, Stopped
from hermes_magic.options import Options
from hermes_magic.view.base import NullView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from decimal import Decimal

    from hermes_magic.asking.asker import Host
    from hermes_magic.prompt import Question
    from hermes_magic.prompt.schema import Schema
    from hermes_magic.prompt.tools import Tool
    from hermes_magic.reply import Reply
    from hermes_magic.view.base import View

__all__ = ["Keywords", "aask", "ask", "dry_run"]

_HEARTBEAT_SECONDS: Final = 0.2
_GOODBYE_SECONDS: Final = 2.0
_FIRST: Final = threading.Lock()  # two threads may be the first to ask


def ask(text: str, **keywords: Unpack[Keywords]) -> Reply:
    """Ask, and give the reply when it is whole. Nothing is shown unless `show=True`.

    In a notebook that has loaded hermes_magic its server, defaults, keys, limits and
    conversations count; elsewhere the table's defaults and the environment. Safe in threads.

    Args:
        text: the question, sent byte for byte.
        **keywords: the options of the magic line (`temperature=0.2`, `chat="plan"`); and
            `with_={"df": df}` or paths, `schema=City`, `tools=[f]`, `values={"x": 1}`,
            `show=True`.

    Raises:
        HermesError: it failed; its `.reply` has what came.
        Stopped: an interrupt stopped it; its `.reply` has what came.
    """
    return _prepare(text, keywords).ask(Stopper())


async def aask(text: str, **keywords: Unpack[Keywords]) -> Reply:
    """Ask, and give the reply when it is whole, while the event loop goes on.

    Cancelling the task stops the answer and closes its connection. Each question under way has a
    connection and a thread of its own.

    Args:
        text: the question, sent byte for byte.
        **keywords: as for `ask`.

    Raises:
        HermesError: it failed; its `.reply` has what came.
        CancelledError: it was cancelled, or stopped: then its cause is `Stopped`.
    """
    import asyncio

    stopper = Stopper()
    under_way = asyncio.wrap_future(_on_a_thread(_prepare(text, keywords), stopper))
    try:
        while not under_way.done():  # a kernel's loop hears an interrupt only when it wakes
            await asyncio.wait([under_way], timeout=_HEARTBEAT_SECONDS)
        return under_way.result()
    except asyncio.CancelledError:
        stopper.stop()
        under_way.add_done_callback(lambda done: done.exception())  # else asyncio complains
        await asyncio.wait([under_way], timeout=_GOODBYE_SECONDS)
        raise
    except Stopped as stopped:  # a KeyboardInterrupt in a task would end the event loop
        raise asyncio.CancelledError(str(stopped)) from stopped


def dry_run(text: str, **keywords: Unpack[Keywords]) -> str:
    """Give the request that `ask` would send first, and what it can cost; send nothing.

    Args:
        text: the question.
        **keywords: as for `ask`.

    Raises:
        OptionError: it would not be sent.
    """
    return _prepare(text, keywords).dry_run()


@dataclass(frozen=True, slots=True)
class _Call:
    """A question that is ready to be asked."""

    home: Home
    options: Options
    question: Question
    schema: Schema | None
    tools: tuple[Tool, ...]
    show: bool

    def ask(self, stopper: Stopper) -> Reply:
        host = _CallHost(self.home.host(), stopper, show=self.show)
        try:
            return self.home.asker.ask(self.options, self.question, host, self.schema, self.tools)
        except PastedKeyError:
            self.home.forget_source()
            raise

    def dry_run(self) -> str:
        host = self.home.host()
        return self.home.asker.dry_run(self.options, self.question, host, self.schema, self.tools)


class _CallHost:
    """A host that shows and keeps a call's reply only if it is to be shown."""

    def __init__(self, host: Host, stopper: Stopper, *, show: bool) -> None:
        self._host = host
        self._stopper = stopper
        self._show = show

    def view(self, options: Options, stop: Callable[[], None], rate: Decimal | None) -> View:
        return self._host.view(options, stop, rate) if self._show else NullView()

    @contextmanager
    def stoppable(self, stop: Callable[[], None]) -> Iterator[None]:
        with self._host.stoppable(stop), self._stopper.listening(stop):
            yield

    def keep(self, reply: Reply, options: Options) -> None:
        if self._show:
            self._host.keep(reply, options)

    def place(self) -> tuple[object, str]:
        return self._host.place()


def home_here() -> Home:
    """Give the notebook that this code runs in, or the process."""
    return _notebook() or _process(os.getpid())


def _prepare(text: str, keywords: Keywords) -> _Call:
    """Check the keywords and make the question, on the caller's own thread."""
    given = given_options(keywords)
    home = home_here()
    model = home.desk.model_at(home.desk.server(given.get("server", "")))
    values = keywords.get("values")
    settled = {**home.defaults(), "model": model, **given, "vars": values is not None}
    options = Options(**settled)
    question = compose(options, text, dict(values or {}))
    if things := attached_things(keywords.get("with_")):
        question = attach(question, replace(options, attached=tuple(things)), things)
    schema, tools = wanted_schema(options, keywords.get("schema")), _tools(keywords)
    return _Call(home, options, question, schema, tools, keywords.get("show", False))


def wanted_schema(options: Options, target: object) -> Schema | None:
    """Give what the answer must be, or None for any text.

    Raises:
        OptionError: the target is no schema.
    """
    if target is None and not options.json:
        return None
    from hermes_magic.asking.naming import usable_schema

    return usable_schema(target)


def _tools(keywords: Keywords) -> tuple[Tool, ...]:
    functions = tuple(keywords.get("tools", ()))
    if not functions:
        return ()
    from hermes_magic.prompt.tools import tool

    return tuple(map(tool, functions))


def _on_a_thread(call: _Call, stopper: Stopper) -> Future[Reply]:
    """Ask on a new thread, which shows what it shows where the caller would."""
    import concurrent.futures
    import contextvars

    answer: Future[Reply] = concurrent.futures.Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            answer.set_result(context.run(call.ask, stopper))
        except BaseException as error:  # noqa: BLE001 - whoever awaits the answer gets it
            answer.set_exception(error)

    threading.Thread(target=run, name="hermes-ask", daemon=True).start()
    return answer


def running_shell() -> Any:
    """Give the running IPython shell, or None; IPython is not imported for it."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython() if get_ipython is not None else None


def _notebook() -> Home | None:
    """Give the notebook that this code runs in, if it has loaded the extension."""
    shell = running_shell()
    if shell is None or "hermes_magic.magic" not in sys.modules:
        return None
    from hermes_magic.magic.front import Front

    front = next((each for each in shell.configurables if type(each) is Front), None)
    return None if front is None else front.magics.home()


def _process(number: int) -> Home:
    """Give the home of this process: a forked one shares no connection with its parent."""
    with _FIRST:
        return _new_home(number)


@functools.cache
def _new_home(_process: int) -> Home:
    home = ProcessHome(running_shell)
    atexit.register(home.close)
    return home

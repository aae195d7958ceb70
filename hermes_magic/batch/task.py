"""What a job is, and how it is made from what a person has written."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hermes_magic.batch.form import Form
from hermes_magic.batch.plan import Text
from hermes_magic.batch.rows import source_of
from hermes_magic.errors import OptionError
from hermes_magic.prompt import refuse_empty

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hermes_magic.asking.desk import Desk
    from hermes_magic.batch.cluster import Cluster
    from hermes_magic.batch.rows import Source
    from hermes_magic.money.budget import Limits
    from hermes_magic.options import Options
    from hermes_magic.prompt.schema import Schema
    from hermes_magic.session import Session
    from hermes_magic.wire.servers import Server

_LONE = {"--chat": "chat", "--new": "new", "--code": "code", "--tools": "tools"}


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked, of whom, and how.

    Attributes:
        limits: on what may be spent, `cell` on the job with all its runs; None for a server that
            is no part of the books.
        at_once: how many requests may be under way.
        retries: how often a question is asked again that failed.
        dedupe: whether equal questions are one.
        retry_failed: whether rows are asked again that ended in an error.
        fresh: whether what is answered is asked again.
        cluster: makes what sends the requests in place of this process; None for this process.
    """

    server: Server
    key: str
    form: Form
    text: Text
    source: Source
    limits: Limits | None
    at_once: int = 16
    retries: int = 2
    dedupe: bool = True
    retry_failed: bool = False
    fresh: bool = False
    cluster: Callable[[], Cluster] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a person has written.

    Attributes:
        options: the cell's.
        text: the cell's.
        data: what has the rows.
        namespace: the notebook's variables.
        schema: what the answers must be, or None for any text.
        things: what is attached, by name; None for what the namespace has.
        cluster: a `dask.distributed.Client` whose workers send the requests, or None.
    """

    options: Options
    text: str
    data: Any
    namespace: dict[str, Any]
    schema: Schema | None = None
    things: Mapping[str, Any] | None = None
    cluster: Any = None


def task_of(desk: Desk, written: Written) -> Task:
    """Make the task that asks a text of each row.

    Raises:
        OptionError: an option or the data does not go with it, or a thing to attach is not there.
        AuthenticationError: there is no key.
    """
    options = written.options
    refuse_empty(written.text)
    wrong = [flag for flag, name in _LONE.items() if getattr(options, name)]
    if wrong:
        raise OptionError(f"{', '.join(wrong)} cannot go with --each: each row is one question.")
    if desk.tape(options) is not None:
        raise OptionError(
            "A batch uses no tape: it keeps its answers by itself, and asks for none twice.",
            hint="Leave --tape out, or go on without it: %hermes tape off.",
        )
    source = source_of(written.data)
    server = desk.server(options.server)
    key = desk.usable_key(server) if options.dry_run else desk.keys.find(server).value
    if options.timeout is not None:
        server = replace(server, silence=max(server.silence, options.timeout))
    limits = desk.limits(options, secrets.token_hex(6))
    return Task(
        server,
        key,
        _form(desk.session, server, key, written),
        Text(written.text, written.namespace, literal=not options.vars),
        source,
        None if desk.is_offline else limits,
        at_once=options.at_once,
        retries=options.retries,
        dedupe=options.dedupe,
        retry_failed=options.retry_failed,
        fresh=options.fresh,
        cluster=_cluster(written.cluster, server, options.at_once),
    )


def _cluster(client: Any, server: Server, at_once: int) -> Callable[[], Cluster] | None:
    if client is None:
        return None
    from hermes_magic.batch.cluster import Cluster

    return partial(Cluster, client, server, at_once)


def _form(session: Session, server: Server, key: str, written: Written) -> Form:
    """Make the request that all rows share, by one whose question is the text itself."""
    from hermes_magic.asking.composing import compose
    from hermes_magic.asking.structure import demand

    options, schema, text = written.options, written.schema, written.text
    if schema is not None:
        options = demand(schema, options)
    things = written.namespace if written.things is None else written.things
    blank = compose(replace(options, vars=False), text, dict(things))
    request = session.request(server, key, options, blank)
    body = dict(request.body)
    if server.is_openrouter:  # whole bodies are cheaper, and it keeps their line alive
        body["stream"] = False
    body["messages"] = body["messages"][:-1]
    prefix = blank.text.removesuffix(text)
    return Form(server.address, body, request.shape, schema, prefix)

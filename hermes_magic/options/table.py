"""The option table: what each option is called, takes and means."""

from __future__ import annotations

from dataclasses import dataclass

from hermes_magic.options import convert as to
from hermes_magic.options.request import RequestOptions
from hermes_magic.options.spec import option


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOptions(RequestOptions):
    """The options of one question, defaults filled in: the request's, and what is done here."""

    retries: int = option(
        "--retries",
        default=2,
        convert=to.whole(0),
        metavar="N",
        help="how often to ask again when no answer has begun: 429, 5xx, no connection",
    )
    out: str = option(
        "-o",
        "--out",
        default="",
        convert=to.variable_name,
        metavar="NAME",
        help="keep the Reply in this variable",
        trait=False,
    )
    chat: str = option(
        "--chat",
        default="",
        convert=to.chat_name,
        metavar="[NAME]",
        help="go on with the conversation, or the one of that name (on one line: --chat=NAME)",
        trait=False,
        alone="main",
    )
    new: bool = option(
        "--new",
        default=False,
        convert=None,
        help="start the conversation over",
        trait=False,
    )
    context: int = option(
        "--context",
        default=131_072,
        convert=to.whole(1),
        metavar="N",
        help="how many tokens the model can read; a conversation's oldest turns give way",
    )
    json: bool = option(
        "--json",
        default=False,
        convert=None,
        help="ask for JSON; it is checked, and stands in reply.data",
        trait=False,
    )
    schema: str = option(
        "--schema",
        default="",
        convert=to.schema,
        metavar="NAME",
        help="ask for data like this: a pydantic model, dataclass, TypedDict or JSON Schema, or "
        "list[NAME] of one",
        trait=False,
    )
    tools: tuple[str, ...] = option(
        "--tools",
        default=(),
        convert=to.functions,
        metavar="F,G",
        help="functions of the notebook that the model may call; no others can run",
        trait=False,
    )
    max_steps: int = option(
        "--max-steps",
        default=8,
        convert=to.whole(1),
        metavar="N",
        help="how many calls of --tools one cell may make",
    )
    tape: str = option(
        "--tape",
        default="",
        convert=to.text,
        metavar="PATH",
        help="a file or folder of recorded answers: what is on it is replayed, the rest recorded",
    )
    fresh: bool = option(
        "--fresh",
        default=False,
        convert=None,
        help="ask again for what is on the tape, or was answered for --each; keep that instead",
        trait=False,
    )
    code: bool = option(
        "--code",
        default=False,
        convert=None,
        help="put the answer's code into a new cell below, which nobody runs but you",
        trait=False,
    )
    dry_run: bool = option(
        "--dry-run",
        "--show-prompt",
        default=False,
        convert=None,
        help="show the request and what it can cost, and send nothing",
        trait=False,
    )
    help: bool = option(
        "-h",
        "--help",
        default=False,
        convert=None,
        help="show this help and send nothing",
        trait=False,
    )

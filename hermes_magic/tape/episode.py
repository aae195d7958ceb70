"""One request and its reply, as a tape holds them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from hermes_magic._version import __version__
from hermes_magic.reply import Timing
from hermes_magic.tape import request
from hermes_magic.tape.layout import Block, block
from hermes_magic.tape.pieces import Piece, timing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from hermes_magic.tape.pieces import Kind

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]+Z?)?")
_KINDS: Final[tuple[Kind, ...]] = ("thought", "answer", "arguments")
_WORDS: Final = re.compile(r"\s*\S+\s*?(?=\s|$)|\s+")
_LONGEST: Final = 1_000_000  # seconds
_INDENT: Final = "    "
_FIRST: Final = 0.4  # seconds to the first word of an answer that nobody timed
_WORD: Final = 0.03  # seconds from word to word
_OURS: Final = frozenset({"by_hand", "recorded", "with", "request", "reply"})


class EpisodeError(ValueError):
    """What is written there is no episode; one phrase says why."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A reply as a tape holds it; `end` is the second at which it was whole."""

    pieces: tuple[Piece, ...]
    end: float
    timed: bool = True
    model: str = ""
    provider: str = ""
    finish_reason: str = ""
    native_reason: str = ""
    usage: Mapping[str, Any] | None = None
    estimate: Decimal | None = None

    @property
    def timing(self) -> Timing:
        """The reply's times; none, if nobody measured them."""
        return timing(self.pieces, self.end) if self.timed else Timing()


@dataclass(frozen=True)
class Episode:
    """One request and its reply.

    Attributes:
        asked: the request in normal form.
        reply: what was answered.
        recorded: the date, or UTC date and time, in ISO's way; "" for none.
        by_hand: whether a person wrote the answer, so that no model was asked.
        written: the episode as it stands in its file, with fields that we do not know.
    """

    asked: request.Asked
    reply: Recorded
    recorded: str
    by_hand: bool
    written: Mapping[str, Any] = field(repr=False)

    @cached_property
    def key(self) -> str:
        """The key of its request."""
        return request.key(self.asked)

    @cached_property
    def text(self) -> Block:
        """The episode as a file has it."""
        return block(self.written, _INDENT)

    def in_place_of(self, other: Episode) -> Episode:
        """Give this episode with the fields of another that we do not know."""
        kept = {name: value for name, value in other.written.items() if name not in _OURS}
        return replace(self, written={**self.written, **kept})

    @property
    def is_draft(self) -> bool:
        """Whether its answer is still to be written."""
        return not any(one.text or one.kind == "arguments" for one in self.reply.pieces)


def recorded_now(asked: request.Asked, reply: Recorded, now: datetime) -> Episode:
    """Make the episode of a reply that has just come.

    Args:
        asked: the request in normal form.
        reply: what was answered.
        now: the time, in UTC.
    """
    recorded = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    written = {
        "recorded": recorded,
        "with": f"hermes-magic {__version__}",
        "request": request.to_tape(asked),
        "reply": _reply_to_tape(reply),
    }
    return Episode(asked, reply, recorded, by_hand=False, written=written)


def draft(asked: request.Asked, today: date) -> Episode:
    """Make an episode whose answer is still to be written by hand.

    Args:
        asked: the request in normal form.
        today: the date.
    """
    thinks = asked.get("reasoning") == request.STANDARD["reasoning"]
    written = {
        "by_hand": True,
        "recorded": today.isoformat(),
        "request": request.to_tape(asked),
        "reply": {**({"thought": ""} if thinks else {}), "answer": ""},
    }
    return read(written)


def read(written: Any) -> Episode:
    """Read an episode as it stands in a file.

    Raises:
        EpisodeError: it is none.
    """
    whole = _object(written, "the episode")
    asked = _object(whole.get("request"), "its request")
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise EpisodeError("there are no messages in its request")
    for one in messages:
        _object(one, "a message")
    recorded = whole.get("recorded", "")
    if recorded and not (isinstance(recorded, str) and _DATE.fullmatch(recorded)):
        raise EpisodeError("`recorded` is no date such as 2026-11-22")
    by_hand = whole.get("by_hand", False)
    if not isinstance(by_hand, bool):
        raise EpisodeError("`by_hand` is neither true nor false")
    return Episode(
        request.from_tape(asked),
        _reply(_object(whole.get("reply"), "its reply")),
        recorded,
        by_hand=by_hand or not (recorded and whole.get("with")),
        written=whole,
    )


def _reply_to_tape(reply: Recorded) -> dict[str, Any]:
    fields = {
        "model": reply.model,
        "provider": reply.provider,
        "stream": [_line(piece) for piece in reply.pieces],
        "end": round(reply.end, 2),
        "finish_reason": reply.finish_reason,
        "native_finish_reason": reply.native_reason,
        "usage": reply.usage,
        "estimate": None if reply.estimate is None else str(reply.estimate),
    }
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _line(piece: Piece) -> dict[str, Any]:
    line: dict[str, Any] = {"at": piece.at}
    if piece.to != piece.at:
        line["to"] = piece.to
    if piece.count > 1:
        line["pieces"] = piece.count
    if piece.call:
        line["call"] = dict(piece.call)
    return {**line, piece.kind: piece.text}


def _reply(written: Mapping[str, Any]) -> Recorded:
    pieces, timed = _pieces(written)
    usage = written.get("usage")
    reason = _text(written, "finish_reason")
    end = _seconds(written, "end", max((one.to for one in pieces), default=0.0))
    return Recorded(
        pieces,
        end,
        timed=timed and "end" in written,
        model=_text(written, "model"),
        provider=_text(written, "provider"),
        finish_reason=reason or ("" if "stream" in written else "stop"),
        native_reason=_text(written, "native_finish_reason"),
        usage=None if usage is None else _object(usage, "`usage`"),
        estimate=_estimate(_text(written, "estimate")),
    )


def _pieces(written: Mapping[str, Any]) -> tuple[tuple[Piece, ...], bool]:
    """Give the pieces, and whether all have a time of their own."""
    stream = written.get("stream")
    if stream is None:
        stream = [{kind: written[kind]} for kind in ("thought", "answer") if kind in written]
    if not isinstance(stream, list) or not stream:
        raise EpisodeError("its reply has neither `stream` nor `answer`")
    pieces: list[Piece] = []
    for line in stream:
        before = pieces[-1].to if pieces else _FIRST - _WORD
        pieces.append(_piece(_object(line, "a line of its stream"), before))
    return tuple(pieces), all("at" in line for line in stream)


def _piece(line: Mapping[str, Any], before: float) -> Piece:
    """Read one line; without times it comes word by word, after the one before."""
    kind = next((kind for kind in _KINDS if kind in line), None)
    if kind is None:
        raise EpisodeError("a line of its stream is neither `thought`, `answer` nor `arguments`")
    text = request.joined(line[kind])
    if not isinstance(text, str):
        raise EpisodeError(f"`{kind}` is neither a text nor a list of lines")
    timed = "at" in line
    count = line.get("pieces", 1 if timed else max(1, len(_WORDS.findall(text))))
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise EpisodeError("`pieces` is no whole number above 0")
    at = _seconds(line, "at", before + _WORD)
    to = _seconds(line, "to", at if timed else at + _WORD * (count - 1))
    if to < at or (timed and at < 0):
        raise EpisodeError("`to` comes before `at`")
    return Piece(kind, text, at, to, count, _object(line.get("call", {}), "`call`"))


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise EpisodeError(f"{what} is no object")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise EpisodeError(f"`{name}` is no text")
    return value


def _seconds(fields: Mapping[str, Any], name: str, default: float) -> float:
    value = fields.get(name, default)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | Decimal)
        or not 0 <= value <= _LONGEST
    ):
        raise EpisodeError(f"`{name}` is no number of seconds")
    return float(value)


def _estimate(text: str) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        raise EpisodeError("`estimate` is no amount") from None

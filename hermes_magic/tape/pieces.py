"""The lines of a tape's stream: pieces of a reply that came together, with their times."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from hermes_magic.reply import Rethought, Text, Thought, Timing, ToolDelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hermes_magic.reply import Event

Kind = Literal["thought", "answer", "arguments"]
_ENOUGH: Final = 72  # characters on a line
_PAUSE: Final = 0.5  # seconds that are worth a line of their own


@dataclass(frozen=True, slots=True)
class Piece:
    """One line of the stream.

    Attributes:
        kind: what it is a piece of.
        text: the text of it.
        at: seconds from sending the request to its first delta.
        to: the same for its last delta.
        count: how many deltas it came in.
        call: index, id and name of the tool call that arguments belong to.
    """

    kind: Kind
    text: str
    at: float = 0.0
    to: float = 0.0
    count: int = 1
    call: Mapping[str, Any] = field(default_factory=dict)

    def deltas(self) -> Iterator[tuple[float, str]]:
        """Give its text in that many deltas, each with its time; both are spread evenly."""
        count = max(1, min(self.count, len(self.text)))
        for number in range(count):
            share = number / (count - 1) if count > 1 else 0.0
            begin, end = (round(len(self.text) * place / count) for place in (number, number + 1))
            yield self.at + (self.to - self.at) * share, self.text[begin:end]


class Gatherer:
    """Eat events with their times, give pieces; a piece ends with its line or about there."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []

    def feed(self, events: Iterable[Event], at: float) -> None:
        """Take events that came `at` seconds after the request was sent."""
        at = round(at, 2)
        for event in events:
            match event:
                case Thought(text):
                    self._add(Piece("thought", text, at, at))
                case Text(text):
                    self._add(Piece("answer", text, at, at))
                case ToolDelta(index, id_, name, arguments):
                    call = {"index": index} | ({"id": id_} if id_ else {})
                    call |= {"name": name} if name else {}
                    self._add(Piece("arguments", arguments, at, at, 1, call))
                case Rethought():
                    self.pieces = [
                        replace(one, kind="thought") if one.kind == "answer" else one
                        for one in self.pieces
                    ]

    def _add(self, piece: Piece) -> None:
        last = self.pieces[-1] if self.pieces else None
        if last is None or not _belongs(last, piece):
            self.pieces.append(piece)
            return
        call = {**last.call, **piece.call}
        self.pieces[-1] = replace(
            last, text=last.text + piece.text, to=piece.at, count=last.count + 1, call=call
        )


def _belongs(last: Piece, piece: Piece) -> bool:
    """Tell whether a delta goes on with the line before it."""
    if last.kind != piece.kind or piece.at - last.to > _PAUSE:
        return False
    if piece.kind == "arguments":
        return last.call.get("index") == piece.call.get("index") and "name" not in piece.call
    return len(last.text) < _ENOUGH and not last.text.endswith("\n")


def timing(pieces: Iterable[Piece], end: float) -> Timing:
    """Give the times of a reply that came in these pieces."""
    said = [one for one in pieces if one.kind != "arguments"]
    answers = [one.at for one in said if one.kind == "answer"]
    return Timing(said[0].at if said else None, answers[0] if answers else None, end)

"""Split an inline think trace from the answer, wherever the stream is cut.

For servers that have no reasoning field: a block `<think>…</think>` at the very start of the
content is thought. Anywhere else the tag is text, as in an answer that explains the tag. A bare
`</think>` (the chat template had opened the block) turns what came before it into thought.
"""

from __future__ import annotations

import copy
import re

from hermes_magic.reply import Event, Notice, Rethought, Text, Thought

_OPENING = ("<think>", "&lt;think&gt;")
_CLOSING = re.compile(r"</think>|&lt;/think&gt;")
_TAGS = ("</think>", "&lt;/think&gt;")
_LONGEST = max(map(len, _TAGS))
_MOST_UNSEEN = 200
_TICKS = re.compile("`+")

UNTERMINATED = "The answer never came: the thought did not end. A larger --max-tokens may help."


# An Enum's members would be looked up thrice for each token, slowly before Python 3.12.
_START = 0  # nothing but white space and perhaps a piece of the opening tag
_THOUGHT = 1  # behind an opening tag
_OPEN = 2  # answer, as it seems; a bare closing tag may still turn it into thought
_ANSWER = 3  # answer for good


class ThinkSplitter:
    """Eat pieces of content, give `Thought`, `Text` and `Rethought` events."""

    def __init__(self) -> None:
        self._state = _START
        self._held = ""
        self._guard = _Guard()
        self._unseen: list[str] = []

    def feed(self, text: str) -> list[Event]:
        """Take the next piece; a piece of a tag at its end is held back."""
        if self._state == _ANSWER:
            return [Text(text)] if text else []
        if self._state == _OPEN and not self._held and not _may_hold_tag(text):
            return self._pass_on(text)
        self._held += text
        if self._state == _START:
            return self._start()
        return self._thought() if self._state == _THOUGHT else self._open()

    def flush(self) -> list[Event]:
        """Take the end of the content."""
        held, self._held = self._held, ""
        if self._state == _THOUGHT:
            return [*([Thought(held)] if held else []), Notice(UNTERMINATED)]
        return [Text(held)] if held else []

    def pass_through(self) -> list[Event]:
        """Stop looking for tags: thought comes in a field of its own."""
        if self._state == _THOUGHT:
            return []
        self._state = _ANSWER
        held, self._held = self._held, ""
        return [Text(held)] if held else []

    def _start(self) -> list[Event]:
        begin = self._held.lstrip()
        for tag in _OPENING:
            if begin.startswith(tag):
                self._state, self._held = _THOUGHT, begin[len(tag) :]
                return self._thought()
        if any(tag.startswith(begin) for tag in _OPENING):
            return []
        self._state = _OPEN
        return self._open()

    def _thought(self) -> list[Event]:
        closing = _CLOSING.search(self._held)
        if closing is None:
            return [Thought(piece)] if (piece := self._release()) else []
        thought, answer = self._held[: closing.start()], self._held[closing.end() :]
        self._state, self._held = _ANSWER, ""
        return [*([Thought(thought)] if thought else []), *([Text(answer)] if answer else [])]

    def _open(self) -> list[Event]:
        self._catch_up()
        for closing in _CLOSING.finditer(self._held):
            before = self._held[: closing.start()]
            if copy.copy(self._guard).saw(before).closes_thought:
                answer = self._held[closing.end() :]
                self._state, self._held = _ANSWER, ""
                return [
                    *([Text(before)] if before else []),
                    Rethought(),
                    *([Text(answer)] if answer else []),
                ]
        piece = self._release()
        self._guard.saw(piece)
        return [Text(piece)] if piece else []

    def _pass_on(self, text: str) -> list[Event]:
        """Give text that no tag can be in, nor a piece of one."""
        self._unseen.append(text)
        if len(self._unseen) > _MOST_UNSEEN:
            self._catch_up()
        return [Text(text)] if text else []

    def _catch_up(self) -> None:
        """Show the guard what was passed on since; piece by piece would cost more than the rest."""
        self._guard.saw("".join(self._unseen))
        self._unseen.clear()

    def _release(self) -> str:
        """Take what is held, but for a piece of a closing tag at its end."""
        keep = 0
        longest = min(_LONGEST - 1, len(self._held)) if _may_hold_tag(self._held[-_LONGEST:]) else 0
        for size in range(longest, 0, -1):
            if any(tag.startswith(self._held[-size:]) for tag in _TAGS):
                keep = size
                break
        cut = len(self._held) - keep
        piece, self._held = self._held[:cut], self._held[cut:]
        return piece


def _may_hold_tag(text: str) -> bool:
    return "<" in text or "&" in text


class _Guard:
    """Know whether a bare closing tag at this point would be markup, not an example of it."""

    def __init__(self) -> None:
        self._tail = ""
        self._begin = ""
        self._ticks = 0
        self._fence = ""
        self._opened = False

    def saw(self, text: str) -> _Guard:
        seen = self._tail + text
        self._opened = self._opened or any(tag in seen for tag in _OPENING)
        for place, line in enumerate(text.split("\n")):
            if place:
                self._end_line()
            self._grow(line)
        self._tail = seen[-_LONGEST:]
        return self

    @property
    def closes_thought(self) -> bool:
        return not self._opened and not self._fence and self._ticks % 2 == 0

    def _grow(self, text: str) -> None:
        runs = len(_TICKS.findall(text))
        self._ticks += runs - (self._tail.endswith("`") and text.startswith("`"))
        self._begin = (self._begin + text).lstrip()[:3]
        self._tail = text or self._tail

    def _end_line(self) -> None:
        if self._begin in {"```", "~~~"}:
            self._fence = "" if self._begin == self._fence else (self._fence or self._begin)
        self._begin, self._ticks, self._tail = "", 0, ""

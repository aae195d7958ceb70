"""Tell prose from code and math: where a cell's text is somebody else's syntax."""

from __future__ import annotations

import bisect
import re

from hermes_magic.reply.code import fenced_blocks

_NEXT = re.compile(
    r"(?P<escaped>\\[$`\\])"
    r"|(?P<ticks>`+)"
    r"|(?P<dollars>\$\$)"
    r"|(?P<dollar>\$(?![\s$]|\{\{)[^$\n]*(?<![\s\\])\$(?![\d{]))"
    r"|\\begin\{(?P<environment>[A-Za-z*]+)\}"
    r"|\\(?P<bracket>[(\[])"
    r"|(?P<command>\\[A-Za-z]+\*?(?=[\[{]))"
    r"|(?P<group>\^(?=\{))"
    r"|(?<!\w)(?P<prefix>[fF][rR]?|[rR][fF]|\$@?|@\$|[a-z]+!\()(?P<quote>\"\"\"|'''|\"|')"
    r"|(?P<tag>\{%|\{#|\{\{[#/>^!&]|\{\{-?\s*(?:if|range|with|define|template)\s+[.$\"])"
)
_GROUP = re.compile(r"[{}\[\]]|\\.")
_BLANK = re.compile(r"\n[ \t\r]*\n")
_GROUP_SIZE = 4000
_GROUP_DEPTH = 16
_TAG_END = {"{%": "%}", "{#": "#}"}


class Places:
    r"""Know which places of a text are code, math or a template of another language.

    Fenced blocks, `inline code`, $math$ (also $$…$$, \(…\), \[…\] and environments), the
    arguments of a TeX command, string literals with a prefix (f"…", $"…", println!("…")) and, if
    tags like {% … %}, {{#…}} or {{if .x}} stand outside of these, the whole text.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._paragraphs = [blank.start() for blank in _BLANK.finditer(text)]
        self._found: dict[str, int] = {}
        self._has_tags = False
        self._spans: list[tuple[int, int]] = []
        start = 0
        for fenced in fenced_blocks(text):
            self._scan(start, fenced.start)
            self._spans.append((fenced.start, fenced.end))
            start = fenced.end
        self._scan(start, len(text))
        self._starts = [span[0] for span in self._spans]

    def is_prose(self, place: int) -> bool:
        """Tell whether the text's author speaks at this place, and not code that he shows."""
        if self._has_tags:
            return False
        index = bisect.bisect_right(self._starts, place) - 1
        return index < 0 or place >= self._spans[index][1]

    def _scan(self, start: int, end: int) -> None:
        while found := _NEXT.search(self._text, start, end):
            stop = min(self._end(found, end), end)
            if stop > found.end() or found["dollar"]:
                self._spans.append((found.start(), stop))
            start = max(stop, found.end())

    def _end(self, found: re.Match[str], end: int) -> int:
        """Give where the construct that begins here ends; its own start if it never does."""
        after = found.end()
        if found["dollar"]:
            return after
        if found["tag"]:
            self._has_tags |= self._find(_TAG_END.get(found["tag"], "}}"), after, end) > after
            return found.start()
        if found["command"] or found["group"]:
            return self._groups(after, end)
        if found["quote"]:
            return self._literal(found["quote"], after, end)
        return self._find(_closer(found), after, self._paragraph_end(after, end))

    def _find(self, closer: str, start: int, end: int) -> int:
        """Give the end of the next closer, or -1; the same stretch is never searched twice."""
        place = self._found.get(closer, -1)
        if not closer or place == len(self._text):
            return -1
        if place < start:
            place = self._ticks(closer, start) if closer[0] == "`" else self._next(closer, start)
            self._found[closer] = place
        return place + len(closer) if place < end else -1

    def _next(self, closer: str, start: int) -> int:
        place = self._text.find(closer, start)
        return len(self._text) if place < 0 else place

    def _ticks(self, ticks: str, start: int) -> int:
        """Find a run of exactly so many backticks."""
        run = re.compile(rf"(?<!`){ticks}(?!`)").search(self._text, start)
        return run.start() if run else len(self._text)

    def _literal(self, quote: str, start: int, end: int) -> int:
        if len(quote) == 1:
            line_end = self._text.find("\n", start, end)
            end = end if line_end < 0 else line_end
            close = re.compile(rf"(?:[^{quote}\\]|\\.)*{quote}").match(self._text, start, end)
            return close.end() if close else -1
        return self._find(quote, start, end)

    def _groups(self, start: int, end: int) -> int:
        """Give the end of the TeX groups `[…]{…}{…}` that begin here, or -1."""
        depth, last = 0, -1
        end = min(self._paragraph_end(start, end), start + _GROUP_SIZE)
        for found in _GROUP.finditer(self._text, start, end):
            if found.group() in "{[":
                if depth == 0 and found.start() != max(last, start):
                    break
                depth += 1
            elif found.group() in "}]":
                depth -= 1
                last = found.end() if depth == 0 else last
            if not 0 <= depth <= _GROUP_DEPTH:
                break
        return last

    def _paragraph_end(self, place: int, end: int) -> int:
        index = bisect.bisect_left(self._paragraphs, place)
        return min(self._paragraphs[index], end) if index < len(self._paragraphs) else end


def _closer(found: re.Match[str]) -> str:
    if found["ticks"] or found["dollars"]:
        return found.group()
    if found["environment"]:
        return rf"\end{{{found['environment']}}}"
    return {"(": r"\)", "[": r"\]"}.get(found["bracket"] or "", "")

"""The prepared answers: read from ``answers/*.md`` and chosen by keywords."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from hermes_magic.offline.completion import Answer

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

ANSWERS: Final = "answers"
CLOSING: Final = "*A prepared demo answer: no model was asked.*"
THOUGHT_MARK: Final = "<!-- thought -->"
ANSWER_MARK: Final = "<!-- answer -->"
QUESTIONS_MARK: Final = "<!-- questions -->"
SHORTEST_PREFIX: Final = 4
JSON_BLOCK: Final = re.compile(r"^```json\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One answer file: a question that leads to it, the phrases it listens to, the answer."""

    name: str
    question: str
    phrases: tuple[str, ...]
    answer: Answer

    def matches(self, text: str) -> int:
        """Count the phrases of which every word begins (a short one: is) a word of `text`."""
        return sum(_occurs(phrase, text) for phrase in self.phrases)


@dataclass(frozen=True, slots=True)
class Script:
    """All prepared answers; the one without phrases is the default."""

    prepared: tuple[Prepared, ...]

    @classmethod
    def load(cls) -> Script:
        """Read the answer files that come with the package, in the order of their names."""
        folder = resources.files(__package__) / ANSWERS
        files = sorted((path for path in folder.iterdir() if _is_answer(path)), key=_name)
        read = [_parse(path.name, path.read_text(encoding="utf-8")) for path in files]
        questions = "\n".join(f"- {item.question}" for item in read if item.phrases)
        return cls(tuple(_with_questions(item, questions) for item in read))

    def choose(self, text: str) -> Answer:
        """Return the answer with the most matching phrases, the default one without any."""
        best = max(self.prepared, key=lambda item: item.matches(text))
        return best.answer if best.matches(text) else self.named("default")

    def named(self, name: str) -> Answer:
        """Return the answer of ``answers/NAME.md``. Raises LookupError."""
        for item in self.prepared:
            if item.name == name:
                return item.answer
        raise LookupError(f"no prepared answer is called {name!r}")


def fragment(name: str) -> str:
    """Read a file of the answers folder that is no answer of its own."""
    return (resources.files(__package__) / ANSWERS / name).read_text(encoding="utf-8")


def closed(text: str) -> str:
    """Add the line that says that no model was asked."""
    return f"{text.rstrip()}\n\n{CLOSING}\n"


def json_only(answer: Answer) -> Answer:
    """Keep only the answer's JSON block, for a request that wants nothing else."""
    found = JSON_BLOCK.search(answer.text)
    return Answer(answer.thought, found[1] if found else '{"note": "prepared demo answer"}')


def _parse(file_name: str, source: str) -> Prepared:
    head, _, rest = source.partition(THOUGHT_MARK)
    thought, _, text = rest.partition(ANSWER_MARK)
    fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    phrases = tuple(phrase.strip() for phrase in fields.get("Phrases", "").split(",") if phrase)
    answer = Answer(thought.strip(), closed(text.strip()))
    return Prepared(file_name.removesuffix(".md"), fields.get("Question", ""), phrases, answer)


def _with_questions(item: Prepared, questions: str) -> Prepared:
    text = item.answer.text.replace(QUESTIONS_MARK, questions)
    return Prepared(item.name, item.question, item.phrases, Answer(item.answer.thought, text))


def _occurs(phrase: str, text: str) -> bool:
    return all(re.search(_pattern(word), text, re.IGNORECASE) for word in phrase.split())


def _pattern(word: str) -> str:
    end = r"(?!\w)" if len(word) < SHORTEST_PREFIX else ""
    return rf"(?<!\w){re.escape(word)}{end}"


def _is_answer(path: Traversable) -> bool:
    return path.name.endswith(".md") and not path.name.startswith("_")


def _name(path: Traversable) -> str:
    return path.name

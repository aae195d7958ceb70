"""The notebook's conversations, and which turn a cell's is."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hermes_magic.prompt.history import Conversation, Turn, estimate

if TYPE_CHECKING:
    from hermes_magic.options import Options
    from hermes_magic.prompt import Question
    from hermes_magic.reply import Reply


@dataclass(frozen=True, slots=True)
class Thread:
    """One question's place in a conversation.

    Attributes:
        name: the conversation's.
        turn: the key of its turn: the same at each run of its cell.
        starts: whether it is the first turn whatever came before.
    """

    name: str
    turn: str
    starts: bool = False


class Chats:
    """Conversations by name; they live as long as the kernel; safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, Conversation] = {}
        self._run: object = None
        self._asked: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        """The names of the conversations that have a turn, in the order of their first."""
        return list(self._kept)

    def __getitem__(self, name: str) -> Conversation:
        """Give a conversation, an empty one where there is none of that name."""
        return self._kept.get(name, Conversation())

    def thread(self, options: Options, run: object, cell: str) -> Thread:
        """Give the place of the next question of this cell.

        A cell may ask more than once, in a loop: each time in a run is a turn of its own, and the
        next run replaces them one by one.

        Args:
            options: the cell's.
            run: what is the same for all questions of one run only.
            cell: what is the same for all runs of one cell only.
        """
        with self._lock:
            if run != self._run:
                self._run, self._asked = run, {}
            count = self._asked[cell] = self._asked.get(cell, 0) + 1
        return Thread(options.chat or "main", f"{cell}#{count}", starts=options.new)

    def go_on(self, thread: Thread, options: Options, question: Question) -> Question:
        """Put the turns before it before a question: as many of the last as the model can read."""
        earlier = Conversation() if thread.starts else self[thread.name].before(thread.turn)
        taken = estimate(options.system) + estimate(question.text) + options.max_tokens
        fitted = earlier.fit(options.context - taken)
        notes = (*question.notes, *filter(None, [fitted.notice]))
        return replace(question, before=tuple(fitted.conversation.messages()), notes=notes)

    def keep(self, thread: Thread, question: Question, reply: Reply) -> None:
        """Keep the turn if the reply is whole, or stopped with something said."""
        if reply.state == "failed" or not reply.text.strip():
            return
        with self._lock:
            earlier = Conversation() if thread.starts else self[thread.name]
            self._kept[thread.name] = earlier.add(Turn(thread.turn, question.text, reply.text))

    def forget(self, name: str = "") -> int:
        """Forget one conversation, or all; give how many turns they had."""
        names = [name] if name else self.names
        return sum(len(self._kept.pop(each, ())) for each in names)

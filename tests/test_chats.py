"""Which turn a cell's question is, and what is kept of it."""

from __future__ import annotations

from types import SimpleNamespace

from hermes_magic.asking.chats import Chats
from hermes_magic.magic.cells import cell_of
from hermes_magic.options import Options
from hermes_magic.prompt import Question
from hermes_magic.reply import Reply

CHAT = Options(chat="main")


def ask(chats: Chats, run: int, cell: str, text: str, options: Options = CHAT) -> list[str]:
    """Ask and keep; give the contents of the messages that went before."""
    thread = chats.thread(options, run, cell)
    asked = chats.go_on(thread, options, Question(text))
    chats.keep(thread, Question(text), Reply(text=text.upper()))
    return [message["content"] for message in asked.before]


def test_in_a_terminal_the_same_line_again_is_a_new_turn() -> None:
    chats = Chats()
    before: list[str] = []
    for count in (1, 2):
        run, cell = cell_of(SimpleNamespace(execution_count=count), "go on")
        assert run == count
        before = ask(chats, count, cell, "go on")
    assert before == ["go on", "GO ON"]


def test_a_front_end_s_id_tells_cells_apart_and_their_text_stands_in() -> None:
    def shell(**metadata: str) -> SimpleNamespace:
        parent = {"header": {"msg_id": "run"}, "metadata": metadata}
        return SimpleNamespace(kernel=1, get_parent=lambda: parent)

    assert cell_of(shell(cellId="a"), "text") == ("run", "a")
    assert cell_of(shell(), "text") == ("run", "text")


def test_a_loop_s_questions_are_turns_and_the_next_run_replaces_them() -> None:
    chats = Chats()
    for run in (1, 2):
        assert ask(chats, run, "a", "x") == []
        assert ask(chats, run, "a", "y") == ["x", "X"]
    assert len(chats["main"]) == 2


def test_what_was_stopped_is_kept_and_what_failed_is_not() -> None:
    chats = Chats()
    thread = chats.thread(CHAT, 1, "a")
    chats.keep(thread, Question("q"), Reply(text="half", state="failed"))
    chats.keep(thread, Question("q"), Reply(text=" ", state="stopped"))
    assert chats.names == []
    chats.keep(thread, Question("q"), Reply(text="half", state="stopped"))
    assert chats["main"].turns[0].answer == "half"


def test_a_new_one_that_fails_leaves_the_old_one() -> None:
    chats = Chats()
    ask(chats, 1, "a", "old")
    thread = chats.thread(Options(new=True), 2, "b")
    assert chats.go_on(thread, Options(new=True), Question("new")).before == ()
    chats.keep(thread, Question("new"), Reply(state="failed"))
    assert ask(chats, 3, "c", "more") == ["old", "OLD"]

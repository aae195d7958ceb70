"""A conversation grows, replaces a cell's turn and drops its oldest ones, all visibly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.prompt.history import Conversation, Turn, estimate

ONE = Turn("a", "q1", "r1")
TWO = Turn("b", "q2", "r2")
THREE = Turn("c", "q3", "r3")
THREE_TURNS = Conversation((ONE, TWO, THREE))

turns = st.builds(Turn, st.sampled_from(["", "a", "b", "c"]), st.text(), st.text())
conversations = st.lists(turns, max_size=8).map(lambda some: Conversation(tuple(some)))


def test_messages_alternate() -> None:
    assert Conversation().add(ONE).add(TWO).messages() == [
        {"role": "user", "content": "q1"},
        {"role": "assistant", "content": "r1"},
        {"role": "user", "content": "q2"},
        {"role": "assistant", "content": "r2"},
    ]


def test_a_cell_run_again_replaces_its_turn_where_it_stands() -> None:
    again = Turn("b", "q2", "better")
    assert THREE_TURNS.add(again).turns == (ONE, again, THREE)


def test_a_cell_run_again_goes_on_from_what_came_before_it() -> None:
    assert THREE_TURNS.before("b").turns == (ONE,)
    assert THREE_TURNS.before("new").turns == THREE_TURNS.turns
    assert THREE_TURNS.before("a").turns == ()


def test_without_cell_ids_every_turn_is_new() -> None:
    turn = Turn("", "q", "r")
    twice = Conversation().add(turn).add(turn)
    assert twice.turns == (turn, turn)
    assert twice.before("").turns == (turn, turn)


def test_equal_turns_of_different_cells_are_kept() -> None:
    same = Conversation().add(Turn("a", "q", "r")).add(Turn("b", "q", "r"))
    assert [message["role"] for message in same.messages()] == ["user", "assistant"] * 2


def test_a_turn_without_an_answer_is_not_sent() -> None:
    assert Conversation((ONE, Turn("x", "q", " \n"), TWO)).messages() == [
        *ONE.messages(),
        *TWO.messages(),
    ]


@pytest.mark.parametrize(
    "answer", ["<think>no</think>\nyes", "\n<think>\nno\n</think>\n\nyes", "yes"]
)
def test_thought_is_not_kept(answer: str) -> None:
    assert Turn("a", "q", answer).answer == "yes"


def test_an_unfinished_thought_is_no_answer() -> None:
    assert not Turn("a", "q", "<think>hm").is_answered


def test_an_answer_that_speaks_of_the_tag_is_kept_whole() -> None:
    text = "The tag <think>…</think> holds thought."
    assert Turn("a", "q", text).answer == text


def test_steps_stand_between_question_and_answer() -> None:
    step = {"role": "user", "content": "<tool_response>…"}
    assert Turn("a", "q", "r", (step,)).messages()[1] == step


def test_the_oldest_turns_are_dropped_first_and_counted() -> None:
    fitted = THREE_TURNS.fit(TWO.tokens + THREE.tokens)
    assert fitted.conversation.turns == (TWO, THREE)
    assert fitted.dropped == 1
    assert fitted.notice.startswith("The oldest turn was not sent")


def test_a_newest_turn_that_does_not_fit_drops_all() -> None:
    fitted = THREE_TURNS.fit(0)
    assert fitted.conversation.turns == ()
    assert fitted.notice.startswith("The 3 oldest turns were not sent")


def test_nothing_dropped_is_not_mentioned() -> None:
    assert THREE_TURNS.fit(10**6).notice == ""


@given(conversations, st.integers(0, 200))
def test_what_fits_is_the_longest_end_that_does(conversation: Conversation, tokens: int) -> None:
    fitted = conversation.fit(tokens)
    kept = fitted.conversation.turns
    assert kept == conversation.turns[fitted.dropped :]
    assert sum(turn.tokens for turn in kept) <= tokens
    if fitted.dropped:
        longer = conversation.turns[fitted.dropped - 1 :]
        assert sum(turn.tokens for turn in longer) > tokens


@given(conversations, turns)
def test_adding_never_makes_a_second_turn_of_a_cell(conversation: Conversation, turn: Turn) -> None:
    grown = Conversation()
    for each in (*conversation.turns, turn, turn):
        grown = grown.add(each)
    cells = [each.cell for each in grown.turns if each.cell]
    assert len(cells) == len(set(cells))
    assert turn in grown.turns


@given(st.text())
def test_an_estimate_rounds_up(text: str) -> None:
    assert (estimate(text) - 1) * 4 < len(text) <= estimate(text) * 4 or not text

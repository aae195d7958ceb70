"""Which lines are commands, and which are questions."""

import pytest

from hermes_magic.errors import OptionError
from hermes_magic.magic.commands import COMMANDS, help_rows, recognise
from hermes_magic.options import help_text


@pytest.mark.parametrize(
    ("line", "name", "word", "server"),
    [
        ("", "", "", ""),
        ("  ", "", "", ""),
        ("status", "status", "", ""),
        (" status  --server vllm ", "status", "", "vllm"),
        ("models", "models", "", ""),
        ("models nous", "models", "nous", ""),
        ("models hermes-4 --server=team", "models", "hermes-4", "team"),
        ("models --server llama.cpp gemma", "models", "gemma", "llama.cpp"),
        ("models of", "models", "of", ""),
        ("models openai/gpt", "models", "openai/gpt", ""),
        ("servers", "servers", "", ""),
        ("cost", "cost", "", ""),
        ("cost --csv spent.csv", "cost", "spent.csv", ""),
        ("cost --csv=~/a/b.csv ", "cost", "~/a/b.csv", ""),
        ("cost --csv 'what I spent.csv'", "cost", "what I spent.csv", ""),
        ('cost --csv "C:\\a b.csv"', "cost", "C:\\a b.csv", ""),
        ("login", "login", "", ""),
        ("login --server nous", "login", "", "nous"),
        ("logout --server=nous", "logout", "", "nous"),
        ("record tapes/lesson-1.json", "record", "tapes/lesson-1.json", ""),
        ("record ~/tapes", "record", "~/tapes", ""),
        ("replay C:\\tapes\\one", "replay", "C:\\tapes\\one", ""),
        ("tape", "tape", "", ""),
        ("tape off", "tape", "off", ""),
        ("offline", "offline", "", ""),
        ("online ", "online", "", ""),
    ],
)
def test_a_command(line: str, name: str, word: str, server: str) -> None:
    call = recognise(line)
    assert call is not None
    assert (call.command.name, call.word, call.server) == (name, word, server)


@pytest.mark.parametrize(
    "line",
    [
        "models of the atom?",
        "models?",
        "models atom?",
        "models, please",
        "Models",
        "status quo",
        "status of things?",
        "status --server",
        "status -t 1",
        "servers in restaurants",
        "servers --server vllm",
        "offline first?",
        "online --server x",
        "model",
        "-t 1 models",
        "--server vllm models",
        "why?",
        "cost of living?",
        "cost estimate",
        "login screens",
        "logout?",
        "record players of the eighties",
        "replay that?",
        "tape or disk?",
        "models --word x",
        "models -x",
    ],
)
def test_a_question(line: str) -> None:
    assert recognise(line) is None


@pytest.mark.parametrize("line", ["cost --csv", "cost --csv ", "cost --csv a b", "cost --csv= a"])
def test_csv_without_one_file_is_no_question_either(line: str) -> None:
    with pytest.raises(OptionError, match="--csv needs one file"):
        recognise(line)


def test_the_help_page_lists_them() -> None:
    page = help_text(help_rows())
    for command in COMMANDS:
        assert f"%hermes {command.typed}".strip() in page
        assert command.help.split(";")[0][:40] in page

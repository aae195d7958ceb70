"""Which lines ask a prepared question, and which are the person's own."""

import pytest

from hermes_magic.errors import OptionError
from hermes_magic.magic.prepared import EXPLAIN, FIX, Prepared, help_rows, recognise
from hermes_magic.options import help_text

KNOWN = {"df": 1, "a": 2, "the": 3, "np": 4}


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("fix", ""),
        (" fix  ", ""),
        ("fix -t 0", "-t 0"),
        ("fix --no-think keep the type", "--no-think keep the type"),
        ("fix -- keep the type", "-- keep the type"),
        ("fix: keep the type", "-- keep the type"),
        ("fix: -1 is right", "-- -1 is right"),
        ("fix\nkeep the type", "-- keep the type"),
    ],
)
def test_fix(line: str, rest: str) -> None:
    assert recognise(line, KNOWN) == Prepared(FIX, rest)


@pytest.mark.parametrize(
    ("line", "name", "rest"),
    [
        ("explain df", "df", ""),
        ("explain df?", "df", ""),
        ("explain  df ?", "df", ""),
        ("explain dff", "dff", ""),
        ("explain np.linalg.svd", "np.linalg.svd", ""),
        ("explain df -t 0 why so many?", "df", "-t 0 why so many?"),
        ("explain dff --no-think", "dff", "--no-think"),
        ("explain df: why so many?", "df", "-- why so many?"),
        ("explain df -- why?", "df", "-- why?"),
        ("explain df\nwhy?", "df", "-- why?"),
        ("explain größe", "größe", ""),
    ],
)
def test_explain(line: str, name: str, rest: str) -> None:
    assert recognise(line, KNOWN) == Prepared(EXPLAIN, rest, name)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "fix my code please",
        "fix this for me",
        "fix?",
        "fix it: now",
        "fix - or not?",
        "fix :",
        "fixed",
        "fix-up of 3D printers",
        "Fix",
        "explain the median",
        "explain a bit more",
        "explain df to me",
        "explain entropy: what is it?",
        "explain entropy?",
        "explain lambda",
        "explain df.",
        "explain 3",
        "explain x-rays",
        "explains df",
        "-t 0 fix",
        "why?",
    ],
)
def test_a_question(line: str) -> None:
    assert recognise(line, KNOWN) is None


def test_explain_alone_is_no_question() -> None:
    with pytest.raises(OptionError, match="needs the name of a variable"):
        recognise("explain ", KNOWN)


def test_the_help_page_lists_them() -> None:
    page = help_text(help_rows())
    assert "%hermes fix [options] [words]" in page
    assert "%hermes explain NAME [options] [question]" in page

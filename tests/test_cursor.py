"""What the word at the cursor can become."""

import pytest

from hermes_magic.options import TABLE, Spot, flags, parse, spot


def place(typed: str, *, bare: bool = True) -> tuple[str, str] | None:
    """Give fragment and option, "" for a place where an option can stand."""
    found = spot(typed, bare=bare)
    return None if found is None else (found.fragment, found.row.name if found.row else "")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", ("", "")),
        ("-", ("-", "")),
        ("--th", ("--th", "")),
        ("--no-think --th", ("--th", "")),
        ("--unknown --th", ("--th", "")),
        ("-m", ("-m", "")),
        ("-m ", ("", "model")),
        ("-m 4", ("4", "model")),
        ("--model=4", ("4", "model")),
        ("--model=405b ", ("", "")),
        ("--with df,mo", ("df,mo", "attached")),
        ("-s 'be brief' --th", ("--th", "")),
        ('-s "be --th', ('"be --th', "system")),
        ("-s --th", ("--th", "system")),
        ("--think=", ("--think=", "")),
        ("Why --th", None),
        ("--think Why ", None),
        ("-- --th", None),
        ("--chat ", ("", "chat")),
        ("--chat pl", ("pl", "chat")),
        ("--chat --ne", ("--ne", "")),
    ],
)
def test_above_a_question(typed: str, expected: tuple[str, str] | None) -> None:
    assert place(typed) == expected


def test_before_a_question_a_word_behind_chat_is_the_question_s() -> None:
    assert place("--chat pl", bare=False) is None
    assert place("--chat ", bare=False) == ("", "")
    assert place("--chat=pl", bare=False) == ("pl", "chat")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_each_option_is_found_by_its_beginning(row: object) -> None:
    (flag,) = [each.spec.flags[-1] for each in TABLE if each is row]
    assert flag in dict(flags(Spot(flag[:-1])))


def test_a_list_s_quoted_commas_are_kept() -> None:
    def things(line: str) -> tuple[str, ...]:
        return parse(line)[0].attached

    assert things("--with df,notes.txt --with x") == ("df", "notes.txt", "x")
    assert things("--with df,'a,b.csv'") == ("df", "a,b.csv")
    assert things('--with="a,b.csv",df') == ("a,b.csv", "df")
    assert things("--with 'df, x'") == ("df, x",)

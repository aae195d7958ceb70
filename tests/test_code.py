"""The fenced blocks of an answer, as models really write them."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.reply import Reply
from hermes_magic.reply.code import CodeBlock, code_blocks, fenced_blocks


def blocks(text: str) -> list[tuple[str, str]]:
    return [(block.language, block.source) for block in code_blocks(textwrap.dedent(text))]


def test_blocks_come_in_order_with_their_language() -> None:
    text = """
    First:
    ```python
    a = 1

    b = 2
    ```
    then
    ```
    plain
    ```
    """
    assert blocks(text) == [("python", "a = 1\n\nb = 2"), ("", "plain")]


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("python", "python"),
        ("Python", "python"),
        (" py ", "py"),
        ("c++", "c++"),
        ("objective-c", "objective-c"),
        ("{.python .numberLines}", "python"),
        ("{python}", "python"),
        ("python title='a.py'", "python"),
        ("js {1,3}", "js"),
        ("python:app.py", "python"),
        ("title=x", ""),
        ("", ""),
    ],
)
def test_the_language_is_the_info_string_s_first_word(info: str, language: str) -> None:
    assert blocks(f"```{info}\nx\n```\n") == [(language, "x")]


def test_tildes_fence_and_backticks_inside_are_text() -> None:
    assert blocks("~~~sh\n```\necho\n```\n~~~\n") == [("sh", "```\necho\n```")]


def test_a_longer_fence_holds_a_shorter_one() -> None:
    assert blocks("````md\n```py\nx\n```\n````\n") == [("md", "```py\nx\n```")]


def test_a_markdown_block_may_hold_fences_of_its_own_length() -> None:
    text = "```markdown\n# T\n```python\nx\n```\nend\n```\nafter\n```py\ny\n```\n"
    assert blocks(text) == [("markdown", "# T\n```python\nx\n```\nend"), ("py", "y")]


def test_a_markdown_block_whose_fences_do_not_balance_ends_at_the_first() -> None:
    assert blocks("```md\n```py\nx\n```\nafter") == [("md", "```py\nx")]


def test_only_a_markdown_block_nests() -> None:
    assert blocks("```text\n```py\n```\nprose\n```py\ny\n```") == [("text", "```py"), ("py", "y")]


def test_a_block_without_an_end_is_a_block() -> None:
    assert blocks("```python\na = 1\nb =") == [("python", "a = 1\nb =")]


def test_a_fence_in_a_list_loses_its_indent_and_keeps_the_code_s() -> None:
    text = "1. Do:\n\n   ```python\n   if x:\n       y\n\n   z\n   ```\n\n2. Done\n"
    assert blocks(text) == [("python", "if x:\n    y\n\nz")]


def test_a_fence_on_a_list_item_s_own_line() -> None:
    assert blocks("- ```py\n  a\n    b\n  ```\n") == [("py", "a\n  b")]


def test_code_left_of_the_fence_s_indent_is_kept_whole() -> None:
    assert blocks("  ```\na\n    b\n  ```") == [("", "a\n  b")]


def test_a_fence_in_a_quote_loses_the_marks() -> None:
    assert blocks("> ```py\n> a > b\n>\n>     c\n> ```\n") == [("py", "a > b\n\n    c")]


def test_tabs_in_a_top_level_block_are_kept() -> None:
    assert blocks("```make\nall:\n\tcc x.c\n```") == [("make", "all:\n\tcc x.c")]


def test_windows_lines() -> None:
    assert code_blocks("```py\r\na\r\nb\r\n```\r\n") == [CodeBlock("py", "a\nb")]


@pytest.mark.parametrize(
    "text",
    ["", "no code", "`inline`", "```inline``` code", "``\nx\n``", "a ```\nx\n```b", "``` a`b\nx"],
)
def test_what_is_no_fenced_block(text: str) -> None:
    assert [block.source for block in code_blocks(text) if block.source == "x"] == []


def test_a_closing_fence_may_be_longer_and_followed_by_space() -> None:
    assert blocks("```\nx\n`````  \ny") == [("", "x")]


def test_an_empty_block() -> None:
    assert blocks("```py\n```\n") == [("py", "")]


def test_a_separator_of_lines_inside_code_is_no_line_end() -> None:
    assert blocks("```py\na = '\u2028'\n```") == [("py", "a = '\u2028'")]


def test_a_reply_gives_its_code() -> None:
    reply = Reply(text="Use\n```python\nx = 1\n```")
    assert reply.code == [CodeBlock("python", "x = 1")]
    assert str(reply.code[0]) == "x = 1"


@given(st.text(alphabet="`~ab>-\n\r\t 1.", max_size=60))
def test_blocks_lie_apart_within_any_text(text: str) -> None:
    end = 0
    for fenced in fenced_blocks(text):
        assert end <= fenced.start < fenced.end <= len(text)
        end = fenced.end


@given(st.lists(st.text(alphabet="abc =()\n\t'", max_size=30), max_size=4))
def test_what_is_fenced_comes_back(sources: list[str]) -> None:
    text = "\n".join(f"```py\n{source}\n```" for source in sources)
    assert [block.source for block in code_blocks(text)] == sources

"""A table shows any text as text."""

from hermes_magic.view.table import table

HOSTILE = "<script>alert(1)</script>\n\x1b[31m$x$"


def test_columns_stand_below_one_another() -> None:
    shown = table(("name", "price"), [("a", "$1.00"), ("long", "$10.00")], note="2", numbers=(1,))
    assert shown["text/plain"] == "name   price\na      $1.00\nlong  $10.00\n2"
    assert shown["text/html"].count("<tr>") == 3
    assert "<thead>" in shown["text/html"]


def test_no_head_and_no_rows() -> None:
    assert table((), [("key", "none")])["text/plain"] == "key  none"
    assert "<thead>" not in table((), [("key", "none")])["text/html"]
    assert table(("a", "b"), [])["text/plain"] == "a  b"
    assert table((), [])["text/plain"] == ""


def test_hostile_text_is_text() -> None:
    shown = table(("x",), [(HOSTILE,)], note=HOSTILE)
    assert "<script" not in shown["text/html"]
    assert "$x$" not in shown["text/html"]
    assert "\x1b" not in "".join(shown.values())
    assert len(shown["text/plain"].splitlines()) == 3

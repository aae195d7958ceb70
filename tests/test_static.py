"""The saved bundle: answer, folded thought and cost in HTML, Markdown and text; nothing runs."""

import re
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_magic.reply import Progress, Reply, Text, Timing, Usage
from hermes_magic.view import static
from hermes_magic.view.static import StaticView, bundle

REPLY = Reply(
    text="**Yes**, it costs $5.",
    thinking="Hm.\nSo.",
    usage=Usage(10, 30, 20, None, Decimal("0.0000594")),
    model="nousresearch/hermes-4-405b",
    provider="Nebius",
    finish_reason="length",
    id="gen-1",
    timing=Timing(0.6, 3.8, 4.0),
    deltas=(20, 10),
)
HOSTILE = (
    '<script>alert(1)</script><img src=x onerror="alert(1)"> [a](javascript:alert(1)) '
    '<style>*{}</style><iframe src="//x"></iframe><a href="data:text/html,x">b</a>'
)
VOID = {"br", "hr", "img", "input", "col"}


class Page(HTMLParser):
    """Reads elements, words and whether they nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def harmless(self) -> bool:
        names = {tag for tag, _ in self.tags}
        attributes = [(key, value or "") for _, given in self.tags for key, value in given.items()]
        return not names & {"script", "style", "iframe", "object", "form"} and not any(
            key.startswith("on")
            or re.match(r"\s*(javascript|data|vbscript):", value, re.IGNORECASE)
            for key, value in attributes
        )


def test_each_form_holds_answer_thought_and_cost() -> None:
    for form, content in bundle(REPLY).items():
        words = Page(content).words if form == "text/html" else content
        words = words.replace("\\", "")
        for part in (
            "Yes",
            "costs $5",
            "Hm.",
            "So.",
            "Thought for 3.2 s · 20 tokens",
            "$0.0000594",
        ):
            assert part in words, (form, part)
        for part in ("nousresearch/hermes-4-405b via Nebius", "--max-tokens"):
            assert part in words, (form, part)


def test_the_thought_is_folded_and_the_cost_has_its_details() -> None:
    page = Page(bundle(REPLY)["text/html"])
    folded = [given for tag, given in page.tags if tag == "details"]
    assert [given["class"] for given in folded] == ["hermes-thought", "hermes-cost"]
    assert not any("open" in given for given in folded)
    assert "gen-1" in page.words
    assert bundle(REPLY)["text/markdown"].startswith("<details><summary>Thought for 3.2 s")


def test_without_thought_there_is_no_fold_for_it() -> None:
    forms = bundle(Reply("Yes."))
    assert "Thought" not in "".join(forms.values())
    assert "<details" not in forms["text/markdown"]


def test_the_answer_is_rendered() -> None:
    assert "<strong>Yes</strong>" in bundle(REPLY)["text/html"]


def test_money_opens_no_formula() -> None:
    html = bundle(REPLY)["text/html"]
    dollars = [node for node in re.findall(r">([^<]*)", html) if "$" in node]
    assert dollars == ["$"] * 3


@pytest.mark.parametrize("place", ["text", "thinking", "model", "provider", "id", "notices"])
def test_nothing_of_the_model_s_runs(place: str) -> None:
    changes: dict[str, Any] = {place: (HOSTILE,) if place == "notices" else HOSTILE}
    forms = bundle(Reply(**changes))
    assert Page(forms["text/html"]).harmless()
    assert "<script" not in forms["text/markdown"]
    assert "<img" not in forms["text/markdown"]


@settings(max_examples=60)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_reply_gives_well_formed_harmless_html(text: str, thinking: str) -> None:
    assert Page(bundle(Reply(text, thinking))["text/html"]).harmless()


def test_equal_replies_without_a_clock_give_equal_bundles() -> None:
    slower = Reply(**{name: getattr(REPLY, name) for name in REPLY.__slots__ if name != "timing"})
    assert bundle(REPLY, timed=False) == bundle(slower, timed=False)
    assert bundle(REPLY) != bundle(slower)


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr(static, "display", lambda one, *, raw: shown.append(one) if raw else None)
    return shown


def test_the_view_shows_one_bundle_at_the_end(displayed: list[dict[str, str]]) -> None:
    view = StaticView()
    view.show([Text("Yes.")], Progress(), 1.0)
    assert displayed == []
    view.close(REPLY)
    assert displayed == [bundle(REPLY, timed=False)]


def test_the_view_shows_nothing_where_nothing_came(displayed: list[dict[str, str]]) -> None:
    StaticView().close(Reply(state="failed"))
    assert displayed == []
    StaticView().close(Reply("par", state="failed"))
    assert len(displayed) == 1

"""A function call is one line that folds open, live and saved; nothing of its result runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from hermes_magic.offline.messages import Response

from .cells import Scripted, setup
from .test_hostile import FOREIGN, OWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermes_magic.offline.messages import Event, Request

    from .lab import Flavour, Lab, Notebook, NotebookMaker

PAYLOAD = "".join(OWN) + "</code></pre></summary></details><script>window.hermesPwned = 1</script>"
CALL = '<tool_call>{"name": "warm", "arguments": {"city": "<b onclick=x>Oslo</b> $x$"}}</tool_call>'
FUNCTIONS = f"""\
def warm(city: str) -> str:
    return {PAYLOAD!a}

def broken(city: str) -> str:
    raise LookupError({PAYLOAD!a})
"""
FAILING = CALL.replace('"warm"', '"broken"')


class Calling(Scripted):
    """Calls both functions, and keeps its last answer back until it is let go on."""

    def __init__(self) -> None:
        super().__init__(pause=0.0)
        self.last = threading.Event()

    def _respond(self, request: Request) -> Response:
        body: Any = request.json
        told = str(body["messages"][-1]["content"]).startswith("<tool_response>")
        return Response.sse(
            self._answer() if told else self._events(f"Let me look. {CALL}{FAILING}")
        )

    def _answer(self) -> Iterator[Event]:
        events = list(self._events("It is **warm**."))
        yield from events[:-2]
        while not self.last.wait(0.05):
            yield "held"
        yield from events[-2:]


@pytest.fixture
def server() -> Iterator[Calling]:
    with Calling() as server:
        yield server


@pytest.mark.parametrize("flavour", ["lab", "notebook"])
def test_a_call_folds_open_and_nothing_of_it_runs(
    lab: Lab, notebook: NotebookMaker, server: Calling, flavour: Flavour
) -> None:
    asking = "%%hermes --tools warm,broken -o answer\nHow warm is it in Oslo?"
    book = notebook(f"tools-{flavour}.ipynb", [setup(server), FUNCTIONS, asking])
    book.open()
    book.run_all()
    live = book.output(2).locator(".hermes-live")
    expect(live.locator(".hermes-answer")).to_contain_text("It is warm.")
    assert_two_calls(book, ".hermes-live")
    live.locator(".hermes-tool > summary").first.click()
    expect(live.locator(".hermes-tool pre").first).to_contain_text("window.hermesPwned")
    book.screenshot(f"tools-live-{flavour}", cell=2)
    assert_nothing_ran(book)
    server.last.set()
    book.wait_idle()
    expect(book.output(2).locator(".hermes-live")).to_have_count(0)
    opened = book.output(2).locator(".hermes-tool[open]")
    expect(opened).to_have_count(1)  # as the person left it
    opened.locator("summary").click()
    assert_two_calls(book, ".hermes")
    assert_nothing_ran(book)
    book.screenshot(f"tools-{flavour}", cell=2)
    if flavour == "notebook":
        return
    book.save()
    book.open(kernel=False)
    assert_two_calls(book, ".hermes")
    assert_nothing_ran(book)
    lab.distrust(book.path)
    book.open(kernel=False)
    assert not book.trusted
    assert_two_calls(book, ".hermes")
    assert_nothing_ran(book)


def assert_two_calls(book: Notebook, root: str) -> None:
    """Look for all in order, each call folded, and no markup of a call as text."""
    shown = book.output(2).locator(f"{root} .hermes-answer")
    expect(shown).to_contain_text("It is warm.")
    lines = shown.locator("details > summary")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("warm(city='<b onclick=x>Oslo</b> $x$') → <script>")
    expect(lines.last).to_contain_text(
        "broken(city='<b onclick=x>Oslo</b> $x$') failed: LookupError"
    )
    for body in shown.locator("details > pre").all():
        expect(body).to_be_hidden()
    text = str(shown.text_content())
    places = [text.index(part) for part in ("Let me", "→ <script>", "failed:", "It is warm.")]
    assert places == sorted(places)
    assert "tool_call" not in text


def assert_nothing_ran(book: Notebook) -> None:
    assert book.page.evaluate(FOREIGN) == []
    assert (book.requests, book.console_errors) == ([], [])


def test_what_is_copied_leaves_the_calls_out(notebook: NotebookMaker, server: Calling) -> None:
    server.last.set()
    asking = "%%hermes --tools warm,broken\nHow warm is it in Oslo?"
    book = notebook("tools-copy.ipynb", [setup(server), FUNCTIONS, asking])
    book.open()
    book.page.evaluate("""() => {
        window.copied = [];
        navigator.clipboard.write = async ([item]) => {
          for (const type of item.types) {
            window.copied.push(await (await item.getType(type)).text());
          }
        };
    }""")
    book.run_all()
    book.wait_idle()
    book.output(2).locator(".hermes-tools button", has_text="Copy").first.click()
    book.page.wait_for_function("() => window.copied.length === 2")
    html, text = book.page.evaluate("window.copied")
    assert text == "Let me look. \n\nIt is **warm**."
    assert "Let me look." in html
    assert "<strong>warm</strong>" in html
    assert "LookupError" not in html

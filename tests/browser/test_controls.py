"""The buttons of a live answer: Stop, Copy, Copy Markdown; by mouse and by keyboard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .cells import MEDIAN, Scripted, median, setup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page

    from .lab import Flavour, Notebook, NotebookMaker

CODE = "```python\nx = 1\n\nprint(x)\n```"
FAR = 50  # more presses of Tab than there are stops in an answer
WITHOUT_INTERRUPT = """
() => {
  const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
  kernel.interrupt = undefined;
}
"""


@pytest.fixture(autouse=True)
def _clipboard(chromium: BrowserContext) -> None:
    chromium.grant_permissions(["clipboard-read", "clipboard-write"])


@pytest.fixture
def server() -> Iterator[Scripted]:
    with median() as server:
        server.hold()
        yield server
        server.release()


@pytest.mark.parametrize("flavour", ["lab", "notebook"])
def test_stop_keeps_what_came_and_run_all_goes_no_further(
    notebook: NotebookMaker, server: Scripted, flavour: Flavour
) -> None:
    book = notebook(f"stop-{flavour}.ipynb", [setup(server), MEDIAN, "print('reached')"])
    book.open()
    book.run_all()
    output = book.output(1)
    expect(output.locator(".hermes-answer")).to_contain_text("order, not at distance")
    output.get_by_role("button", name="Stop").click()
    book.wait_idle()
    expect(output).to_contain_text("Stopped: this answer is not whole")
    expect(output).to_contain_text("order, not at distance")
    expect(output.get_by_role("button", name="Stop")).to_have_count(0)
    expect(book.output(2)).not_to_contain_text("reached")
    assert book.console_errors == []
    book.save()
    kept = json.dumps(book.lab.read(book.path))
    assert "widget-view" not in kept
    assert "<button" not in kept


@pytest.mark.parametrize("key", ["Enter", " "])
def test_stop_by_keyboard_alone(notebook: NotebookMaker, server: Scripted, key: str) -> None:
    book = notebook("keys.ipynb", [setup(server), MEDIAN])
    book.open()
    book.run_all()
    output = book.output(1)
    expect(output.locator(".hermes-answer")).to_contain_text("A prepared demo answer")
    output.locator(".hermes-thought summary").focus()
    for _ in range(FAR):
        book.page.keyboard.press("Tab")
        if focused(book.page) == "Stop":
            break
    book.page.keyboard.press(key)
    book.wait_idle()
    expect(output).to_contain_text("Stopped: this answer is not whole")
    expect(output.get_by_role("button", name="Copy", exact=True).last).to_be_focused()
    assert book.page.locator(".jp-Notebook .jp-Cell").count() == 2


def focused(page: Page) -> str:
    """Give the text of what has the focus; it may be gone when the answer is drawn again."""
    return str(page.evaluate("() => document.activeElement.innerText"))


def test_no_stop_where_the_page_cannot_interrupt_and_a_busy_kernel_cannot_hear(
    notebook: NotebookMaker, server: Scripted
) -> None:
    book = notebook("subshell.ipynb", [setup(server), MEDIAN])
    book.open()
    book.run_cell(0)
    book.wait_idle()
    book.page.evaluate(WITHOUT_INTERRUPT)
    book.run_cell(1)
    output = book.output(1)
    expect(output.locator(".hermes-answer")).to_contain_text("order, not at distance")
    expect(output.get_by_role("button", name="Stop")).to_be_hidden()
    server.release()
    book.wait_idle()
    assert book.console_errors == []


def test_copy_gives_the_answer_as_it_is_now_and_when_it_is_whole(
    notebook: NotebookMaker, server: Scripted
) -> None:
    server.text = f"**Both** \\(x\\).\n\n{CODE}\n\nThe *end*."
    book = notebook("copy.ipynb", [setup(server), MEDIAN])
    book.open()
    book.run_all()
    output = book.output(1)
    expect(output.locator(".hermes-answer")).to_contain_text("The end.")
    check_copies(book, server)
    server.release()
    book.wait_idle()
    expect(output.locator(".hermes-live")).to_have_count(0)
    check_copies(book, server)


def check_copies(book: Notebook, server: Scripted) -> None:
    output, page = book.output(1), book.page
    output.get_by_role("button", name="Copy Markdown").click()
    expect(output.get_by_role("button", name="Copied")).to_be_visible()
    assert clipboard(page, "text/plain") == server.text
    expect(output.get_by_role("button", name="Copied")).to_have_count(0)
    output.locator(".hermes-tools").get_by_role("button", name="Copy", exact=True).click()
    expect(output.get_by_role("button", name="Copied")).to_be_visible()
    assert clipboard(page, "text/plain") == server.text
    assert "<strong>Both</strong>" in clipboard(page, "text/html")
    output.locator("pre").hover()
    output.locator(".hermes-copy-code").click()
    expect(output.locator(".hermes-copy-code")).to_have_text("Copied")
    assert clipboard(page, "text/plain") == "x = 1\n\nprint(x)\n"
    expect(output.get_by_role("button", name="Copied")).to_have_count(0)


def clipboard(page: Page, kind: str) -> str:
    return str(
        page.evaluate(
            "async kind => (await (await navigator.clipboard.read())[0].getType(kind)).text()", kind
        )
    )


def test_a_thought_that_the_person_has_unfolded_stays_so(
    notebook: NotebookMaker, server: Scripted
) -> None:
    server.text, server.thought = "Yes. " * 200, "Hm. " * 400
    book = notebook("unfolded.ipynb", [setup(server), MEDIAN])
    book.open()
    book.run_all()
    output = book.output(1)
    thought = output.locator(".hermes-thought")
    expect(thought).to_have_attribute("open", "")
    thought.locator("summary").click()
    thought.locator("summary").click()
    expect(output.locator(".hermes-answer")).to_contain_text("Yes.")
    expect(thought).to_have_attribute("open", "")
    server.release()
    book.wait_idle()
    expect(output.locator(".hermes-live")).to_have_count(0)
    expect(thought).to_have_attribute("open", "")
    book.save()
    assert "<details open" not in json.dumps(book.lab.read(book.path))


@pytest.mark.parametrize(("how", "count"), [("open", 1), ("hidden", 0)])
def test_thoughts_may_stay_open_or_be_left_out(
    notebook: NotebookMaker, server: Scripted, how: str, count: int
) -> None:
    book = notebook(f"thoughts-{how}.ipynb", [setup(server), f"%%hermes --thoughts {how}\nWhy?"])
    book.open()
    book.run_all()
    output = book.output(1)
    expect(output.locator(".hermes-answer")).to_contain_text("order, not at distance")
    visible = output.get_by_text("the reader needs the mechanism").filter(visible=True)
    expect(visible).to_have_count(count)
    server.release()
    book.wait_idle()
    expect(output.locator(".hermes-live")).to_have_count(0)
    expect(visible).to_have_count(count)


def test_a_screen_reader_hears_whole_sentences_and_never_the_ticking_figures(
    notebook: NotebookMaker, server: Scripted
) -> None:
    server.pause = 0.01
    book = notebook("speech.ipynb", [setup(server), MEDIAN])
    book.open()
    book.page.evaluate("""() => {
        window.said = [];
        new MutationObserver(records => records.forEach(record => {
            const region = record.target.closest?.('[aria-live], [role=status]');
            if (region?.closest('.hermes')) window.said.push(region.textContent);
        })).observe(document.body, {childList: true, subtree: true});
    }""")
    book.run_all()
    output = book.output(1)
    expect(output.locator(".hermes-answer")).to_contain_text("A prepared demo answer")
    book.page.wait_for_function("() => window.said.join(' ').includes('Two limits')")
    server.release()
    book.wait_idle()
    book.page.wait_for_function("() => window.said.join(' ').includes('The answer is complete.')")
    said: list[str] = book.page.evaluate("window.said")
    whole = " ".join(said)
    assert len(said) < 12
    for sentence in ("Hermes is thinking.", "Because the median looks at order", "Code, 6 lines."):
        assert whole.count(sentence) == 1
    assert "tokens" not in whole
    assert all(text.rstrip()[-1] in ".:" for text in said)

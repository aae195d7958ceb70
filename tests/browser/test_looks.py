"""How an answer looks: light, dark, high contrast, narrow, magnified, right to left.

The picture of the README is one of these screenshots; after a change of looks:
`cp tests/browser/screenshots/cell.png .github/cell.png`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from hermes_magic.offline import DemoServer

from .cells import MEDIAN, Scripted, median, setup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Locator

    from .lab import NotebookMaker

HEBREW = """\
החציון **עמיד** לערכים חריגים, כי הוא מביט בסדר ולא במרחק:

1. ראשון
2. שני, עם `code = 1`

| שם | ערך |
|---|---:|
| חציון | 5 |

```python
print("left to right")
```

נוסחה: \\(x_1\\) ועוד.
"""
WIDE = (
    "Wide: `" + "x" * 300 + "`\n\n| " + " | ".join(["a long heading"] * 12) + " |\n|" + "---|" * 12
)


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """Return a profile with a sharp screen."""
    made = browser.new_context(
        viewport={"width": 920, "height": 1400},
        device_scale_factor=2,
        service_workers="block",
        reduced_motion="reduce",
    )
    yield made
    made.close()


def test_the_picture_of_the_readme(notebook: NotebookMaker) -> None:
    with DemoServer(tokens_per_second=400, first_token_seconds=0.5) as server:
        book = notebook("picture.ipynb", [setup(server), MEDIAN, ""])
        book.open()
        book.hide_files()
        book.run_all()
        book.wait_idle()
    book.set_theme("JupyterLab Light")
    book.select_cell(0)
    expect(book.output(1).locator("mjx-container")).to_have_count(5)
    book.page.mouse.move(0, 0)
    assert book.screenshot("cell", cell=1).stat().st_size < 300_000
    for theme in ("JupyterLab Dark", "JupyterLab Dark High Contrast"):
        book.set_theme(theme)
        book.screenshot(f"cell-{theme.removeprefix('JupyterLab ').replace(' ', '-')}", cell=1)
    book.set_theme("JupyterLab Light")
    book.set_width(440)
    book.screenshot("cell-narrow", cell=1)
    assert_fits(book.output(1).locator(".hermes"))


@pytest.mark.parametrize("phase", ["live", "saved"])
def test_right_to_left_text_begins_on_the_right_but_its_code_on_the_left(
    notebook: NotebookMaker, phase: str
) -> None:
    with Scripted(HEBREW, "חושב על זה.") as server:
        server.hold()
        book = notebook("rtl.ipynb", [setup(server), MEDIAN])
        book.open()
        book.hide_files()
        book.run_all()
        output = book.output(1)
        expect(output.locator("mjx-container")).to_have_count(1)
        if phase == "saved":
            server.release()
            book.wait_idle()
            expect(output.locator(".hermes-live")).to_have_count(0)
            expect(output.locator("mjx-container")).to_have_count(1)
        book.screenshot(f"rtl-{phase}", cell=1)
        answer = output.locator(".hermes-answer")
        assert style(answer.locator("p").first, "direction") == "rtl"
        assert style(answer.locator("p").first, "textAlign") in {"right", "start"}
        assert style(answer.locator("ol"), "direction") == "rtl"
        assert style(answer.locator("pre"), "direction") == "ltr"
        assert style(answer.locator("td").first, "textAlign") in {"right", "start"}
        assert style(output.locator(".hermes-thought > div"), "direction") == "rtl"
        server.release()
        book.wait_idle()


def test_magnified_twice_nothing_hangs_over_the_edge(notebook: NotebookMaker) -> None:
    with median() as server:
        server.text = WIDE
        book = notebook("zoom.ipynb", [setup(server), MEDIAN])
        book.open()
        book.hide_files()
        book.set_width(640)  # what is left of 1280 pixels at 200 %
        server.hold()
        book.run_all()
        output = book.output(1)
        expect(output.locator(".hermes-live th").last).to_be_attached()
        assert_fits(output.locator(".hermes"))
        server.release()
        book.wait_idle()
        expect(output.locator(".hermes-live")).to_have_count(0)
        assert_fits(output.locator(".hermes"))
        book.screenshot("zoom", cell=1)


def test_the_sign_of_thinking_moves_unless_the_person_wants_no_motion(
    notebook: NotebookMaker,
) -> None:
    with Scripted("", "Hm.") as server:
        server.hold()
        book = notebook("motion.ipynb", [setup(server), MEDIAN])
        book.open()
        book.run_all()
        summary = book.output(1).locator(".hermes-live summary.hermes-busy")
        expect(summary).to_be_visible()
        still = summary.evaluate("one => getComputedStyle(one, '::after').animationName")
        book.page.emulate_media(reduced_motion="no-preference")
        moving = summary.evaluate("one => getComputedStyle(one, '::after').animationName")
        server.release()
        book.wait_idle()
    assert (still, moving) == ("none", "hermes-breathe")


def test_in_forced_colours_code_and_buttons_have_edges_and_nothing_is_faint(
    notebook: NotebookMaker,
) -> None:
    with median() as server:
        server.hold()
        book = notebook("forced.ipynb", [setup(server), MEDIAN])
        book.open()
        book.hide_files()
        book.page.emulate_media(forced_colors="active", color_scheme="dark")
        book.run_all()
        output = book.output(1)
        expect(output).to_contain_text("A prepared demo answer")
        stop = output.get_by_role("button", name="Stop")
        for edged in (stop, output.locator("pre.highlight").first):
            assert style(edged, "borderTopStyle") == "solid"
            assert style(edged, "borderTopColor") == style(edged, "color")
        for faint in (stop, output.locator(".hermes-line"), output.locator("summary")):
            assert style(faint, "opacity") == "1"
        stop.focus()
        book.page.keyboard.press("Shift+Tab")
        book.page.keyboard.press("Tab")
        expect(stop).to_be_focused()
        assert style(stop, "outlineStyle") == "solid"
        book.screenshot("forced-colours-live", cell=1)
        server.release()
        book.wait_idle()
        expect(output.locator(".hermes-live")).to_have_count(0)
        copy = output.get_by_role("button", name="Copy Markdown")
        assert style(copy, "borderTopStyle") == "solid"
        assert style(copy, "color") != style(copy, "backgroundColor")
        book.screenshot("forced-colours-done", cell=1)


def style(one: Locator, name: str) -> str:
    return str(one.evaluate(f"one => getComputedStyle(one).{name}"))


def assert_fits(root: Locator) -> None:
    over = root.evaluate(
        "root => [...root.querySelectorAll('p, li, pre, summary, button')]"
        ".filter(one => one.getBoundingClientRect().right"
        " > root.closest('.jp-Cell').getBoundingClientRect().right)"
        ".map(one => one.outerHTML.slice(0, 200))"
    )
    assert over == []

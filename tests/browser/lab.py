"""A notebook in a page of a real JupyterLab or Notebook 7."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Route, expect

from .server import WAIT, Lab

__all__ = ["Flavour", "Lab", "Notebook", "NotebookMaker"]

Flavour = Literal["lab", "notebook"]
NotebookMaker = Callable[[str, list[str]], "Notebook"]

KERNELSPECS = "**/api/kernelspecs*"
# What the page's side of every call starts from. `running` counts the commands under way.
PREAMBLE = """
const app = window.jupyterapp, panel = app?.shell?.currentWidget;
const run = command => {
  window.running = (window.running ?? 0) + 1;
  app.commands.execute(command).finally(() => { window.running -= 1; });
};
"""
# JupyterLab's splash covers the page at the start and while a theme loads.
REVEALED = "!document.getElementById('jupyterlab-splash')"
# Notebook 7.6 says these about itself, whatever the notebook does.
NOISE = re.compile(
    r"reading 'schema'\)\n.*/static/notebook/notebook_core\."
    r"|^(?:Error: )?Command 'filebrowser:open-path' not registered\."
)


class Notebook:
    """A notebook of `lab` in a page of its own; cells are numbered from 0.

    `console_errors` holds what the page complained of, `requests` the addresses that it asked
    for outside the server; the browser finds none of these (see ARGUMENTS). They are watched and
    not routed: a route switches the browser's cache off, and each page takes twice as long.
    """

    def __init__(
        self,
        lab: Lab,
        profile: BrowserContext,
        path: str,
        *,
        flavour: Flavour = "lab",
        screenshots: Path,
    ) -> None:
        self.lab = lab
        self.path = path
        self.flavour = flavour
        self.screenshots = screenshots
        self.console_errors: list[str] = []
        self.requests: list[str] = []
        self.page = profile.new_page()
        self._watch(self.page)

    def open(self, *, kernel: bool | Literal["busy"] = True) -> None:
        """Load the page (again); return when the cells are there and a wanted kernel is idle.

        A kernel that is "busy" is not waited for, only the connection to it is. Without a kernel,
        the server's kernels are ended and the choice "No Kernel" is taken.
        """
        self.lab.serve(self.flavour)
        folder = {"lab": "/lab/tree/", "notebook": "/notebooks/"}[self.flavour]
        self.page.unroute(KERNELSPECS)
        if not kernel:
            self.close()
            self.lab.shutdown_kernels()
            self.page.route(KERNELSPECS, without_kernels)
        self.page.goto(f"{self.lab.origin}{folder}{self.path}?reset&token={self.lab.token}")
        self._until(f"panel?.content?.widgets?.length > 0 && panel.context.isReady && {REVEALED}")
        if kernel == "busy":
            self._until("panel.sessionContext.session?.kernel?.connectionStatus === 'connected'")
        elif kernel:
            self.wait_idle()
        else:
            question = self.page.locator(".jp-Dialog")
            question.get_by_role("button", name="No Kernel").click()
            expect(question).to_have_count(0)

    def run_cell(self, index: int) -> None:
        """Start a cell without waiting for its end."""
        self._do(f"panel.content.activeCellIndex = {index}; run('notebook:run-cell')")

    def run_all(self) -> None:
        """Start all cells without waiting for their end."""
        self._do("run('notebook:run-all-cells')")

    def wait_idle(self) -> None:
        """Return when nothing runs and the kernel waits for work."""
        self._until("!window.running && panel.sessionContext.session?.kernel?.status === 'idle'")

    def output(self, index: int) -> Locator:
        """Return where a cell's output is shown."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".jp-Cell-outputArea")

    def save(self) -> None:
        """Return when the file is written."""
        self._do("return panel.context.save()")

    def interrupt(self) -> None:
        """Interrupt the kernel, as the stop button does."""
        self._do("return panel.sessionContext.session.kernel.interrupt()")

    def restart_kernel(self) -> None:
        """Restart the kernel without the question; return when it is idle.

        Not just after `open`: jupyter_server 2.21 loses a kernel that is restarted while it is
        still being connected, and nothing of the new one comes through.
        """
        self._do("return panel.sessionContext.session.kernel.restart()")
        self.wait_idle()

    @property
    def trusted(self) -> bool:
        """Tell whether every code cell is trusted."""
        return bool(self._do("return [...panel.model.cells].every(cell => cell.trusted)"))

    def set_theme(self, name: str) -> None:
        """Switch the theme; return when it is applied."""
        self._do(f"return app.commands.execute('apputils:change-theme', {{theme: '{name}'}})")
        self._until(f"document.body.dataset.jpThemeName === '{name}' && {REVEALED}")

    def set_width(self, pixels: int) -> None:
        """Make the window wider or narrower."""
        size = self.page.viewport_size or {"height": 900}
        self.page.set_viewport_size({"width": pixels, "height": size["height"]})

    def command(self, name: str, *, cell: int) -> None:
        """Run one of JupyterLab's commands on a cell; return when it is done."""
        self.select_cell(cell)
        self._do(f"return app.commands.execute('{name}').then(() => null)")

    def hide_files(self) -> None:
        """Fold the side bar away."""
        self._do("if (!app.shell.leftCollapsed) run('application:toggle-left-area')")
        self._until("!window.running && app.shell.leftCollapsed")

    def select_cell(self, index: int) -> None:
        """Make a cell the active one."""
        self._do(f"panel.content.activeCellIndex = {index}")

    def edit(self, index: int) -> None:
        """Put the cursor into a cell."""
        self.page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".cm-content").click()

    def source(self, index: int) -> str:
        """Give a cell's text."""
        return str(self._do(f"return panel.model.cells.get({index}).sharedModel.getSource()"))

    def write(self, index: int, text: str) -> None:
        """Give a cell another text."""
        self._do(f"panel.model.cells.get({index}).sharedModel.setSource({json.dumps(text)})")

    def place(self, name: str) -> int:
        """Give the number of the cell with that id."""
        cells = "[...panel.model.cells].map(cell => cell.id)"
        return int(self._do(f"return {cells}.indexOf({json.dumps(name)})"))

    def screenshot(self, name: str, cell: int | None = None) -> Path:
        """Save what the window shows, or all of a cell, as `name`.png."""
        target = self.screenshots / f"{name}.png"
        shown: Page | Locator = self.page
        if cell is not None:
            shown = self.page.locator(".jp-Notebook .jp-Cell").nth(cell)
        shown.screenshot(path=target)
        return target

    def close(self) -> None:
        """Leave the notebook, whose kernel lives on; `open()` comes back."""
        self.page.goto("about:blank")

    def _do(self, statements: str) -> Any:
        return self.page.evaluate(f"() => {{ {PREAMBLE} {statements} }}")

    def _until(self, condition: str) -> None:
        self.page.wait_for_function(f"() => {{ {PREAMBLE} return {condition} }}")

    def _watch(self, page: Page) -> None:
        page.set_default_timeout(WAIT * 1000)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._complained(error.stack or str(error)))
        page.on("websocket", lambda channel: self._asked(channel.url))
        page.on("request", lambda request: self._asked(request.url))

    def _is_remote(self, url: str) -> bool:
        own = (self.lab.origin, self.lab.origin.replace("http", "ws", 1), "data:", "blob:")
        return not url.startswith(own)

    def _asked(self, url: str) -> None:
        if self._is_remote(url):
            self.requests.append(url)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._complained(f"{message.text} [{message.location['url']}]")

    def _complained(self, text: str) -> None:
        if not NOISE.search(text):
            self.console_errors.append(text)


def without_kernels(route: Route) -> None:
    """Answer as a server would that has no kernels at all."""
    route.fulfill(json={"default": "", "kernelspecs": {}})

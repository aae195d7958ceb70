"""A JupyterLab server for the session, a fresh browser profile for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.__main__ import find_chromium

from .lab import Flavour, Lab, Notebook, NotebookMaker
from .server import WAIT

HERE = Path(__file__).parent
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lives here `browser`."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Return the running server; tests that `extend` its environment get it back as it was."""
    server = Lab(tmp_path_factory.mktemp("lab"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


# Not of the session's scope: while it lives, Playwright keeps an event loop running on this
# thread, and nothing outside this package may find one there.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Return the one Chromium; never skips, a missing browser is a failure."""
    found = find_chromium()
    if found is None:
        pytest.fail("no Chromium: install it, set HERMES_CHROMIUM, or run `python3 -m tests`")
    expect.set_options(timeout=WAIT * 1000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def chromium(browser: Browser) -> Iterator[BrowserContext]:
    """Return a fresh profile."""
    profile = browser.new_context(
        viewport={"width": 1280, "height": 900}, service_workers="block", reduced_motion="reduce"
    )
    yield profile
    profile.close()


@pytest.fixture
def flavour() -> Flavour:
    """Return the front end to open notebooks in; parametrize it to change it."""
    return "lab"


@pytest.fixture
def notebook(lab: Lab, chromium: BrowserContext, flavour: Flavour) -> Iterator[NotebookMaker]:
    """Return a maker of notebooks: `notebook("name.ipynb", ["1 + 1", ...])`, still closed."""
    environment = dict(lab.environment)
    screenshots = Path(os.environ.get("HERMES_SCREENSHOTS", HERE / "screenshots"))

    def make(path: str, cells: list[str]) -> Notebook:
        lab.write(path, cells)
        return Notebook(lab, chromium, path, flavour=flavour, screenshots=screenshots)

    yield make
    lab.shutdown_kernels()
    if lab.environment != environment:
        lab.environment = environment
        lab.restart()

"""A JupyterLab server for the session, a cleared browser profile for each test."""

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
    """Mark what lives here `browser`.

    In CI, where three Pythons share two cores, JupyterLab or Chromium itself gets stuck now and
    then: a test has a second try there, and the report names it (RERUN). Those with Notebook 7
    come last, since the server must be started anew to serve it.
    """
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    for item in ours:
        item.add_marker("browser")
        if os.environ.get("CI"):
            item.add_marker(pytest.mark.flaky(reruns=1))
    ordered = iter(sorted(ours, key=_flavour))
    items[:] = [next(ordered) if item in ours else item for item in items]


def _flavour(item: pytest.Item) -> str:
    call = getattr(item, "callspec", None)
    flavour: str = call.params.get("flavour", "lab") if call else "lab"
    return flavour


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


@pytest.fixture(scope="package")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """Return one profile for all: JupyterLab's 20 MB of code are loaded once."""
    made = browser.new_context(
        viewport={"width": 1280, "height": 900}, service_workers="block", reduced_motion="reduce"
    )
    yield made
    made.close()


@pytest.fixture
def chromium(profile: BrowserContext) -> Iterator[BrowserContext]:
    """Return the profile without pages, permissions and cookies."""
    yield profile
    for page in profile.pages:
        page.close()
    profile.clear_permissions()
    profile.clear_cookies()


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

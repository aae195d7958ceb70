"""What every test stands on: loopback only, no key and no profile of the person who runs it."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

LOOPBACK = ("127.0.0.1", "::1", "localhost", "", None)
PERSONAL = ("API_KEY", "_PROXY", "_proxy", "OPENROUTER_", "HERMES_")
HARNESS = ("HERMES_CHROMIUM", "HERMES_LLAMA_PYTHON", "HERMES_SCREENSHOTS")


def refuse_remote(event: str, arguments: tuple[object, ...]) -> None:
    """Raise where this process is about to reach beyond the machine."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if name not in LOOPBACK:
        raise RuntimeError(f"tests use loopback only, not {name}")


def pytest_configure() -> None:
    """Close the door; notebooks' kernels inherit the environment, so it is cleaned here."""
    sys.addaudithook(refuse_remote)
    for name in list(os.environ):
        if any(part in name for part in PERSONAL) and name not in HARNESS:
            del os.environ[name]
    settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
    settings.load_profile("tests")


@pytest.fixture(scope="session", autouse=True)
def personal_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep our, IPython's and Jupyter's files of this run apart from the person's own."""
    home = tmp_path_factory.mktemp("home")
    for name in (
        "HERMES_MAGIC_DATA",
        "IPYTHONDIR",
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_RUNTIME_DIR",
    ):
        folder = Path(home, name.lower())
        folder.mkdir()
        os.environ[name] = str(folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the fault matrix, if its tests have run."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    rows = [value for each in reports for name, value in each.user_properties if name == "fault"]
    if rows:
        terminalreporter.section("fault | what the user sees | what is kept | requests sent")
        for row in rows:
            terminalreporter.write_line(" | ".join(map(str, row)))

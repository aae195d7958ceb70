"""A real JupyterLab (and Notebook 7) server of our own."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil

WAIT = 60.0  # seconds; a bound for broken code, nothing that works comes near it
QUIET = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
# Each of these would ask the network, or the language servers, for something.
DISABLED = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/fileeditor-extension:language-server",
    "@jupyterlab/lsp-extension",
    "@jupyterlab/notebook-extension:language-server",
    # ... and this keeps the server busy for half a second, to list what a notebook converts to.
    "@jupyterlab/notebook-extension:export",
)
SERVER = {
    "ServerApp": {
        "jpserver_extensions": {"jupyter_lsp": False},
        "open_browser": False,
        "port_retries": 0,
        "allow_root": True,
        # To look whether JupyterLab should be built anew takes most of a second for each page.
        "tornado_settings": {"page_config_data": {"buildCheck": False, "buildAvailable": False}},
    },
    "LabApp": {"expose_app_in_browser": True, "news_url": None, "extension_manager": "readonly"},
    "JupyterNotebookApp": {"expose_app_in_browser": True},
    "KernelManager": {"shutdown_wait_time": 2.0},
}


class Lab:
    """One JupyterLab (and Notebook 7) server on a folder, a port and a token of its own.

    `environment` is what kernels see besides this process's own; `restart()` applies changes.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / "notebooks"
        self.token = secrets.token_hex(16)
        self.port = free_port()
        self.environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._serves = ""
        self.root.mkdir()
        self._configure()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return once the server answers.

        Raises:
            RuntimeError: it ended, or did not answer; the message holds the end of its log.
        """
        command = [sys.executable, "-m", "jupyterlab", f"--port={self.port}", "--ip=127.0.0.1"]
        command += [f"--ServerApp.root_dir={self.root}", f"--IdentityProvider.token={self.token}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.home,
                env=self._whole_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            poll(self._answers, f"JupyterLab on port {self.port}")
        except TimeoutError as error:
            self.stop()
            raise RuntimeError(f"{error}\n{self.log.read_text()[-2000:]}") from error

    def stop(self) -> None:
        """End the server and every kernel below it."""
        if self._process is None:
            return
        family: list[Any] = []
        if self._process.poll() is None:
            family = psutil.Process(self._process.pid).children(recursive=True)
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for orphan in family:
            if orphan.is_running():
                orphan.kill()
        psutil.wait_procs(family, timeout=WAIT)
        self._process = None

    def restart(self, **environment: str) -> None:
        """Stop and start on the same root and port, with more environment if given."""
        self.environment |= environment
        self.stop()
        self._serves = ""
        self.start()

    def serve(self, flavour: str) -> None:
        """Serve this front end, in a server that has not served the other one.

        jupyter_server 2.21 remembers where it found a static file by its bare name, so of a font
        that JupyterLab and Notebook 7 both bring, whoever asks second gets 403 Forbidden.
        """
        if self._serves not in {"", flavour}:
            self.restart()
        self._serves = flavour

    def write(self, path: str, cells: list[str]) -> Path:
        """Write a notebook of code cells below the root."""
        document = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}},
        )
        return self._dump(path, document)

    def read(self, path: str) -> nbformat.NotebookNode:
        """Return the notebook as it was last saved."""
        document: nbformat.NotebookNode = nbformat.read(self.root / path, as_version=4)
        return document

    def distrust(self, path: str) -> None:
        """Change the file so that its signature no longer fits: Jupyter trusts it no more."""
        document = self.read(path)
        document.metadata["touched_by"] = secrets.token_hex(8)
        self._dump(path, document)

    def shutdown_kernels(self) -> None:
        """End every kernel and its session."""
        for session in json.loads(self.ask("GET", "/api/sessions")):
            self.ask("DELETE", f"/api/sessions/{session['id']}")

    @property
    def is_idle(self) -> bool:
        """Tell whether no kernel runs anything."""
        kernels = json.loads(self.ask("GET", "/api/kernels"))
        return all(kernel["execution_state"] == "idle" for kernel in kernels)

    def ask(self, method: str, path: str) -> bytes:
        """Return the body of the server's answer.

        Raises:
            OSError: no answer, or not a successful one.
        """
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.origin + path, headers=headers, method=method)  # noqa: S310 - our own server
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=WAIT) as answer:
            body: bytes = answer.read()
        return body

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise TimeoutError("JupyterLab ended at its start")
        try:
            return bool(self.ask("GET", "/api/status"))
        except OSError:
            return False

    def _configure(self) -> None:
        labconfig = self.home / "config" / "labconfig"
        labconfig.mkdir(parents=True)
        disabled = {"disabledExtensions": dict.fromkeys(DISABLED, True)}
        (labconfig / "page_config.json").write_text(json.dumps(disabled))
        (labconfig / "default_setting_overrides.json").write_text(json.dumps(QUIET))
        (self.home / "config" / "jupyter_server_config.json").write_text(json.dumps(SERVER))

    def _whole_environment(self) -> dict[str, str]:
        own = {
            "IPYTHONDIR": "ipython",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        }
        folders = {name: str(self.home / folder) for name, folder in own.items()}
        return {**os.environ, "PYTHONWARNINGS": "default", **folders, **self.environment}

    def _dump(self, path: str, document: nbformat.NotebookNode) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(document, target)
        return target


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def poll(condition: Callable[[], bool], what: str) -> None:
    """Return once the condition holds.

    Raises:
        TimeoutError: it did not within `WAIT` seconds.
    """
    end = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come up in {WAIT:.0f} s")
        time.sleep(0.1)

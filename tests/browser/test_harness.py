"""The harness itself: plain Python cells in a real JupyterLab and a real Notebook 7."""

from playwright.sync_api import expect

from .lab import Lab, NotebookMaker


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

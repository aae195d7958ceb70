"""A notebook on a tape: it streams, and what is saved is the same at each run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from .lab import Lab, NotebookMaker

WHY = "Why does the median resist outliers?"
CELLS = [
    "%load_ext hermes_magic",
    "%hermes replay lesson.json",
    f"%%hermes -o answer\n{WHY}",
    "answer",
]
EPISODE = {
    "recorded": "2026-11-22T17:35:14Z",
    "with": "hermes-magic 0.1.0",
    "request": {"messages": [{"role": "user", "content": WHY}]},
    "reply": {
        "model": "nousresearch/hermes-4-405b",
        "provider": "Nebius",
        "stream": [
            {"at": 0.2, "to": 0.9, "pieces": 7, "thought": "It looks at ranks, not at sizes."},
            {
                "at": 1.0,
                "to": 1.6,
                "pieces": 9,
                "answer": "Because it asks **where**, not *how far*.",
            },
        ],
        "end": 1.7,
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 12, "completion_tokens": 16, "cost": 0.0021},
    },
}


def test_it_streams_and_is_byte_stable_when_run_again(lab: Lab, notebook: NotebookMaker) -> None:
    tape = {"format": "hermes-magic tape", "version": 1, "episodes": [EPISODE]}
    (lab.root / "lesson.json").write_text(json.dumps(tape), "utf-8")
    page = notebook("tape.ipynb", CELLS)
    page.open()
    saved = []
    for run in range(2):
        if run:
            page.restart_kernel()
        page.run_all()
        expect(page.output(2)).to_contain_text("replay ·")
        page.wait_idle()
        line = "replayed, recorded 2026-11-22, cost then $0.0021, now $0.00"
        expect(page.output(2)).to_contain_text(line)
        expect(page.output(3)).to_contain_text("Thought for 0.8 s")
        page.save()
        saved.append((lab.root / "tape.ipynb").read_bytes())
    assert saved[0] == saved[1]

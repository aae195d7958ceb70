"""Benchmarks, each side by side with its anchors: `python -m tests.bench [name …] [--rounds N]`.

A module of this folder is a benchmark if it has a function `run(rounds: int) -> Report` (see
`report.py`), or a `main(arguments: list[str])` that measures, prints and saves by itself. One whose
contestants are Python code can leave the children to `contest.py`.
"""

"""Benchmarks, each side by side with its anchors: `python -m tests.bench [name …] [--rounds N]`.

A module of this folder is a benchmark if it has a function `run(rounds: int) -> Report` (see
`report.py`). One whose contestants are Python code can leave the children to `contest.py`.
"""

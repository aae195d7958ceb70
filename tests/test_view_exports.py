"""What nbconvert makes of a saved answer: HTML, Markdown, LaTeX."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import nbformat
import pypandoc
import pytest

from hermes_magic.offline.script import Script
from hermes_magic.reply import Reply, Timing, ToolCall, ToolStep, Usage
from hermes_magic.view.static import bundle

MEDIAN = Script.load().named("median")
RESULT = "7 <b>of</b> $5 \\input{x}\n\n</details>\n# a_b [c](javascript:d) `e`"
CALL = ToolCall("1", "mean", '{"of": "a_b $5 \\\\input{x} *c* <script>d</script>"}')
REPLY = Reply(
    text="".join(MEDIAN.text) + "\n\nIt costs $5 to $10. 100 % & more_words #1.",
    thinking="First \\(a\\) thing.\nThen <b>another</b>.",
    usage=Usage(9, 643, 267, None, Decimal("0.001938")),
    model="nousresearch/hermes-4-405b",
    provider="Nebius",
    finish_reason="stop",
    timing=Timing(0.6, 3.8, 9.0),
    steps=(ToolStep(CALL, RESULT, said="First I *look*."),),
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    output = nbformat.v4.new_output("display_data", data=bundle(REPLY))
    cell = nbformat.v4.new_code_cell("%%hermes\nWhy?", outputs=[output], execution_count=1)
    file = tmp_path / "answer.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), file)
    return file


def converted(file: Path, to: str, extension: str) -> str:
    command = [sys.executable, "-m", "nbconvert", "--to", to, str(file)]
    subprocess.run(command, check=True, capture_output=True, env=with_pandoc())  # noqa: S603
    return file.with_suffix(extension).read_text("utf-8")


def with_pandoc() -> dict[str, str]:
    """Return the environment, with the pandoc of the test extra on its PATH."""
    folder = Path(pypandoc.get_pandoc_path()).parent
    return {**os.environ, "PATH": os.pathsep.join([str(folder), os.environ["PATH"]])}


def test_html_keeps_the_fold_the_table_the_code_and_leaves_math_to_mathjax(saved: Path) -> None:
    html = converted(saved, "html", ".html")
    assert re.search(r'<details class="hermes-thought"[^>]*><summary', html)
    assert "\\(c\\)" in html
    assert '<span class="kn">from</span>' in html
    assert '<td align="right">143.6</td>' in html
    assert "$</span>0.001938" in html
    assert re.search(r'<details class="hermes-tool"[^>]*><summary', html)
    assert "<script>d" not in html
    assert '<span class="hm-literal">$</span>5 to' in html


def test_markdown_keeps_answer_thought_and_cost(saved: Path) -> None:
    markdown = converted(saved, "markdown", ".md")
    for part in ("Because the median looks", "0.001938", "143.6", "Thought for", "another"):
        assert part in markdown
    assert "<script" not in markdown
    assert "<em>look</em>" in markdown
    assert "→ 7 &lt;b&gt;of" in markdown


def test_latex_has_formulas_as_formulas_and_prices_as_text(saved: Path) -> None:
    tex = converted(saved, "latex", ".tex")
    body = tex[tex.index(r"\begin{document}") :]
    assert r"\arg\min_c" in body
    assert r"\$5 to" in body
    assert r"100 \% \& more\_words \#1" in body
    assert r"\begin{longtable}" in body
    assert "median(spoiled)" in body
    assert re.search(r"\\\$0\.001938", body)
    assert "Thought for" in body
    assert "<details" not in body
    assert "\\input" not in body
    assert "First I" in body
    assert "mean(of=" in body

"""Markdown to try: blocks, what may stand between them, and long blocks of each kind."""

BLOCKS = (
    "A paragraph with **bold**, `code`\nand a second line, $x^2$, for $5.",
    "# A heading",
    "text\n===",
    "text\n---",
    "- a\n- b\n  - c\n    - d",
    "- a\n\n  b\n\n- c",
    "- [ ] open\n- [x] done",
    "1. x\n2. y",
    "5) z",
    "```py\nx = 1\n\n# $y$\n```",
    "~~~\n$$\n~~~",
    "```",
    "$$\na\n- b\n$$",
    "$$\nnever closed",
    "\\[\n# x\n\\]",
    "\\begin{align}\na &= b\n\\end{align}",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "a | b\n---|---",
    "> q\n> - w\nlazy",
    "---",
    "    code\n\n    more",
    "<div>\n\n<script>x</script>\n</div>",
    "[x](http://y) ![i](http://z)",
    "#tag",
    "a\r\nb\rc",
    "+",
)
GAPS = ("\n\n", "\n", "\n\n\n", "\n  ", "")

LINE = "item {} with **bold** text and `code`, $x_{{{}}}$"
LONG = {
    "code": "```python\n" + "".join(f"x{i} = f({i})\n" for i in range(1700)) + "```\nend\n",
    "text": "```\n" + "".join(f"line {i}\n" for i in range(900)),
    "table": "| a | b |\n|---|--:|\n" + "".join(f"| {i} | *b* |\n" for i in range(500)) + "\nend",
    "list": "".join(f"- {LINE.format(i, i)}\n" for i in range(300)) + "\nend\n",
    "loose list": "".join(f"7. {LINE.format(i, i)}\n\n" for i in range(300)) + "end\n",
    "quotation": "".join(f"> {LINE.format(i, i)}\n>\n" for i in range(300)) + "\nend\n",
    "paragraph": "words  and more, **bold** and so on. " * 600 + "\n\nend",
    "lines": "words  and more, **bold** and so on.  \n" * 600 + "\nend",
    "one word": "x" * 30_000,
    "nested list": "- top\n" + "".join(f"  - {LINE.format(i, i)}\n" for i in range(300)),
}

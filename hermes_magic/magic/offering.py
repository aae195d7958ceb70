"""What an answer offers to the notebook: its code, for a new cell that nobody runs but you."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hermes_magic.reply import Reply
    from hermes_magic.reply.code import CodeBlock

_PYTHON: Final = frozenset({"python", "python3", "py", "ipython"})


def code_cell(reply: Reply) -> tuple[str, str]:
    """Give the source for a new cell, or "", and what the person should know, or "".

    The Python blocks if any is called so, else all blocks, with an empty line between them.
    """
    if reply.state != "complete" or reply.finish_reason == "length":
        return "", "No cell for the code: the answer was cut off."
    blocks = reply.code
    chosen = [block for block in blocks if block.language in _PYTHON] or blocks
    chosen = [block for block in chosen if block.source.strip()]
    if not chosen:
        return "", "No cell for the code: the answer holds no code block."
    source = "\n\n".join(block.source.strip("\n") for block in chosen)
    return source, _left_out([block for block in blocks if block not in chosen])


def _left_out(blocks: list[CodeBlock]) -> str:
    if not blocks:
        return ""
    languages = ", ".join(dict.fromkeys(block.language or "unnamed" for block in blocks))
    noun = "block is" if len(blocks) == 1 else "blocks are"
    return f"{len(blocks)} {noun} not in the new cell: {languages}."

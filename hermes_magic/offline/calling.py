"""A question with functions: a prepared call of the one that the demo knows, then an answer.

The demo calls no other function: with made-up arguments it might do anything.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from hermes_magic.offline.completion import Answer
from hermes_magic.offline.script import ANSWER_MARK, THOUGHT_MARK, closed, fragment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermes_magic.offline.messages import Request

CALLING_MARK: Final = "<!-- calling -->"
HEAD: Final = re.compile(r"(Tool|Call): (.*)")
OFFERED: Final = re.compile(r"<tools>\n(.*)\n</tools>", re.DOTALL)
RESPONSE: Final = re.compile(r"<tool_response>\n(.*?)\n</tool_response>", re.DOTALL)
PLACE: Final = re.compile(r"%(\d)%")


def called(request: Request) -> Answer | None:
    """Answer a request that offers the function of ``answers/_calls.md``; None for any other.

    First come its calls; when their results are in the last message, the answer that has them in
    its places %1%, %2% and so on.
    """
    body: Any = request.json
    system, last = _text(body["messages"][0]), _text(body["messages"][-1])
    head, _, rest = fragment("_calls.md").partition(THOUGHT_MARK)
    thought, _, rest = rest.partition(CALLING_MARK)
    calling, _, text = rest.partition(ANSWER_MARK)
    fields = HEAD.findall(head)
    (name,) = (value for key, value in fields if key == "Tool")
    if name not in _offered(system):
        return None
    results = [_shown(found) for found in RESPONSE.findall(last)]
    if results:
        return Answer("", closed(PLACE.sub(lambda place: _at(results, place), text.strip())))
    calls = [_call(name, value) for key, value in fields if key == "Call"]
    return Answer(thought.strip(), "\n".join([calling.strip(), *calls]))


def _offered(system: str) -> Iterator[str]:
    found = OFFERED.search(system)
    for line in found[1].splitlines() if found else []:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            yield str(json.loads(line)["function"]["name"])


def _call(name: str, arguments: str) -> str:
    call = json.dumps({"name": name, "arguments": json.loads(arguments)})
    return f"<tool_call>\n{call}\n</tool_call>"


def _shown(response: str) -> str:
    try:
        content = json.loads(response)["content"]
    except (ValueError, KeyError, TypeError):
        return response
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _at(results: list[str], place: re.Match[str]) -> str:
    number = int(place[1])
    return results[number - 1] if number <= len(results) else "—"


def _text(message: Any) -> str:
    content = message.get("content") if isinstance(message, dict) else ""
    return content if isinstance(content, str) else ""

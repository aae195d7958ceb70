"""What all requests of a job have in common, and what makes one the same as another."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermes_magic.prompt.schema import Schema
    from hermes_magic.wire.shaping import Shape

_KEY_BYTES: Final = 16
_HOW_IT_COMES: Final = frozenset({"messages", "stream", "stream_options"})


@dataclass(frozen=True)
class Form:
    """A request with a blank for the user's message.

    Attributes:
        address: the server's.
        body: as the server wants it, its messages those before the user's.
        shape: what is done to the events of a reply.
        schema: what the answers must be; None for any text.
        prefix: what stands before each text, such as things attached.
    """

    address: str
    body: Mapping[str, Any]
    shape: Shape
    schema: Schema | None = None
    prefix: str = ""
    _hash: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        asked = {name: each for name, each in self.body.items() if name not in _HOW_IT_COMES}
        shared = [self.address, asked, self.body["messages"], self.prefix]
        text = json.dumps(shared, sort_keys=True, default=str)
        object.__setattr__(self, "_hash", hashlib.sha256(text.encode()))

    def request(self, text: str, *further: Mapping[str, Any]) -> dict[str, Any]:
        """Give the body that asks this, with what was said after it."""
        user = {"role": "user", "content": self.prefix + text}
        return {**self.body, "messages": [*self.body["messages"], user, *further]}

    def key(self, text: str) -> bytes:
        """Give the hash of the request with this text; the same request has the same."""
        made = self._hash.copy()
        made.update(b"\0" + text.encode("utf-8", "surrogatepass"))
        return bytes(made.digest()[:_KEY_BYTES])

    def job(self, template: str) -> str:
        """Give the name of the job that asks this template's questions."""
        return self.key(template).hex()

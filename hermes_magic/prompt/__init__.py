"""The cell becomes a request: its text, what goes with it, and the body that is sent.

Modules: `body` (messages and options), `template` (`{{expr}}`), `context` (`--with`), `schema`
(`--json`, `--schema`), `tools` (`--tools`), `history` (`--chat`). Only `body` is imported here:
a plain question needs no more.
"""

from hermes_magic.prompt.body import messages, request_body

__all__ = ["messages", "request_body"]

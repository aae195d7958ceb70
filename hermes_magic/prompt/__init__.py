"""The cell becomes a request: its text, what goes with it, and the body that is sent.

Modules: `body` (messages and options), `question` (what a cell asks), `template` (`{{expr}}`),
`context` (`--with`), `schema` (`--json`, `--schema`), `tools` (`--tools`), `history` (`--chat`).
Only `body` and `question` are imported here: a plain question needs no more.
"""

from hermes_magic.prompt.body import messages, refuse_empty, request_body
from hermes_magic.prompt.question import Question, question_of

__all__ = ["Question", "messages", "question_of", "refuse_empty", "request_body"]

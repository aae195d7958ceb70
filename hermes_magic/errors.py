"""What can go wrong, and what to do about it.

    Failure                        what every type below shares: one line, data as attributes
    ├── HermesError (Exception)
    │   ├── OptionError            the magic line or a setting is wrong; nothing was sent
    │   │   ├── PastedKeyError         an API key stands in the cell
    │   │   ├── TemplateError          a {{expression}} in the cell failed
    │   │   └── AttachmentError        a thing named after --with cannot be described
    │   ├── BudgetError            the worst case would pass a limit; nothing was sent
    │   ├── SchemaError            the answer is not what --json or --schema asked for
    │   ├── TapeError              a tape cannot be used, or the request is not on it
    │   ├── ToolLimitError         the model calls more functions than --max-steps allows
    │   ├── ApiError               the server said no
    │   │   ├── AuthenticationError    401, or no key at all
    │   │   ├── CreditsError           402: the balance does not cover the worst case
    │   │   ├── KeyLimitError          403: the key's own spending cap
    │   │   ├── ModerationError        403, or a content filter: the text was refused
    │   │   ├── PermissionDeniedError  403 for any other reason
    │   │   ├── NotFoundError          404: no such model, or no provider left for it
    │   │   ├── ContextLengthError     400, 413: the text is too long for the model
    │   │   ├── BadRequestError        400, 422 and other 4xx
    │   │   ├── RateLimitError         429
    │   │   └── ProviderError          5xx, or a failure of the provider behind the server
    │   ├── NetworkError           no connection, or it was cut
    │   │   └── ServerTimeoutError     408, 504, or nothing came for too long
    │   ├── ProtocolError          the answer is not a chat completion
    │   ├── TruncatedError         the stream ended before the answer did
    │   ├── EmptyReplyError        the model answered with nothing at all
    │   ├── NotSentError           a row of a batch that had to stop before it
    │   └── StorageError           a batch's answers cannot be kept: a full disk, no permission
    └── Stopped (KeyboardInterrupt)    the person stopped the answer

`Stopped` is a `KeyboardInterrupt`, so that `except Exception` in a loop does not swallow it.
Statuses and texts: OpenRouter's "Errors and debugging" page and its recorded replies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hermes_magic.batch.result import Result
    from hermes_magic.reply import Reply


class Failure(BaseException):
    """One line that says what is wrong and what to do.

    Attributes:
        message: what is wrong, one line, no secret in it.
        hint: what to do next, one line, or "".
        status: the HTTP status, or None when there was none.
        code: the server's own code for the fault, as text, or "".
        provider: the company that ran the model, or "".
        retry_after: seconds the server asked to wait, or None.
        affordable: tokens that the balance still covers (402), or None.
        retryable: whether sending the same again can help, or None if that is not known.
        reply: the `Reply` as far as it came, or None when no answer had begun.
        result: a batch's `Result` as far as it came, or None.
    """

    default_hint = ""

    def __init__(  # noqa: PLR0913 - each is one documented attribute
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        code: str = "",
        provider: str = "",
        retry_after: float | None = None,
        affordable: int | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint
        self.status = status
        self.code = code
        self.provider = provider
        self.retry_after = retry_after
        self.affordable = affordable
        self.retryable = retryable
        self.reply: Reply | None = None
        self.result: Result | None = None

    def __str__(self) -> str:
        """Give message and hint on one line."""
        return f"{self.message} {self.hint}".strip()

    def _render_traceback_(self) -> list[str]:
        """Show one line where IPython would show a traceback."""
        return [f"{type(self).__name__}: {self}"]


class HermesError(Failure, Exception):
    """Any failure that is not the person's own stop."""


class OptionError(HermesError):
    """The magic line, the cell or a setting is wrong; nothing was sent."""


class TemplateError(OptionError):
    """An expression between double braces has no value; nothing was sent.

    Attributes:
        expression: the expression as it stands in the cell.
    """

    default_hint = r"To send it as it stands: \{{ or --no-vars."

    def __init__(self, message: str, *, expression: str = "") -> None:
        super().__init__(message)
        self.expression = expression


class AttachmentError(OptionError):
    """A thing to attach cannot be described; nothing was sent."""

    default_hint = "Name a variable or a text file after --with."


class SchemaError(HermesError):
    """The answer is not the data that was asked for; its text is kept.

    Attributes:
        text: the answer as it came.
        problems: what is wrong, one line each, with its place in the data.
    """

    default_hint = "The answer is kept in `.text`; run the cell again, or loosen the schema."

    def __init__(self, message: str, *, text: str = "", problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.text = text
        self.problems = problems


class ToolLimitError(HermesError):
    """The model wants to call more functions than it may; what came is kept in `.reply`."""

    default_hint = "Allow more with --max-steps, or ask for less at once; `.reply` has what came."


class PastedKeyError(OptionError):
    """An API key stands in the magic line or the cell; nothing was sent."""

    default_hint = (
        "Delete it from the cell and save the notebook; if anybody has seen it, revoke it at "
        "openrouter.ai/keys. %hermes login keeps a key where it belongs."
    )


class BudgetError(HermesError):
    """The call could cost more than a limit of the person's own allows; nothing was sent."""

    default_hint = "Nothing was sent."


class TapeError(HermesError):
    """A tape cannot be used, or it is replayed only and the request is not on it.

    Attributes:
        diff: lines that show how the request differs from the nearest one on the tape.
    """

    default_hint = "Nothing was sent; %hermes tape off goes on without the tape."

    def __init__(
        self, message: str, *, hint: str | None = None, diff: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.diff = diff

    def _render_traceback_(self) -> list[str]:
        """Show the line, and the difference below it."""
        return [*super()._render_traceback_(), *self.diff]


class ApiError(HermesError):
    """The server said no."""


class AuthenticationError(ApiError):
    """There is no key, or the server refused it."""

    default_hint = (
        "Set OPENROUTER_API_KEY to a valid key before starting Jupyter, or store one with "
        "%hermes login; or try without one: %hermes offline"
    )


class CreditsError(ApiError):
    """The balance does not cover the worst case (prompt plus max_tokens)."""

    default_hint = "Add credits, or lower --max-tokens: the worst case must be affordable."


class KeyLimitError(ApiError):
    """The key has reached its own spending cap."""

    default_hint = "Raise the key's limit in OpenRouter's settings, or use another key."


class ModerationError(ApiError):
    """The text was refused by moderation, a guardrail or a content filter."""

    default_hint = "Rephrase the text; nothing was charged for a refused request."


class PermissionDeniedError(ApiError):
    """The key may not do this."""

    default_hint = "Check the key's permissions and your account's privacy settings."


class NotFoundError(ApiError):
    """There is no such model, or no provider is left for it."""

    default_hint = "Check the model's name (-m), or relax provider and privacy settings."


class ContextLengthError(ApiError):
    """Prompt and max_tokens together are longer than the model can read."""

    default_hint = "Shorten the text, or lower --max-tokens."


class BadRequestError(ApiError):
    """The server did not accept the request as it was."""

    default_hint = "Check the options of the magic line."


class RateLimitError(ApiError):
    """Too many requests, at the server or at the provider behind it."""

    default_hint = "Wait a little and run the cell again."


class ProviderError(ApiError):
    """The server or the provider behind it failed."""

    default_hint = "This is on their side: run the cell again in a moment."


class NetworkError(HermesError):
    """No connection could be made, or it was cut."""

    default_hint = "Check the network and run the cell again."


class ServerTimeoutError(NetworkError):
    """The server did not answer in time."""

    default_hint = "Run the cell again in a moment."


class ProtocolError(HermesError):
    """What the server sent is not a chat completion."""

    default_hint = "Check the server's address (OPENROUTER_BASE_URL or HermesMagics.base_url)."


class TruncatedError(HermesError):
    """The stream ended before the answer did."""

    default_hint = "What came is kept; run the cell again for a whole answer."


class EmptyReplyError(HermesError):
    """The model finished without a word."""

    default_hint = "Run the cell again; OpenRouter does not charge for empty answers."


class NotSentError(HermesError):
    """A row was not sent, for its batch had to stop before it."""

    default_hint = "Run it again to go on."


class StorageError(HermesError):
    """The answers of a batch cannot be kept, so that none is asked for."""

    default_hint = "Make room there and run it again: what is kept is not asked for twice."


class Stopped(Failure, KeyboardInterrupt):
    """The person stopped the answer; what came is kept in `.reply`."""

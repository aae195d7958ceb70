"""Ask Nous Hermes 4 405B from a notebook cell: `%load_ext hermes_magic`, then `%%hermes`.

From Python, in a notebook or without one: `from hermes_magic import ask, aask, map`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_magic._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from hermes_magic.api import aask, ask, dry_run
    from hermes_magic.batch.result import Result
    from hermes_magic.errors import (
        ApiError,
        AuthenticationError,
        BudgetError,
        HermesError,
        NetworkError,
        OptionError,
        RateLimitError,
        SchemaError,
        Stopped,
    )
    from hermes_magic.mapping import map as map  # noqa: A004 - what it is, for all
    from hermes_magic.mapping import map_dry_run
    from hermes_magic.reply import Reply

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BudgetError",
    "HermesError",
    "NetworkError",
    "OptionError",
    "RateLimitError",
    "Reply",
    "Result",
    "SchemaError",
    "Stopped",
    "__version__",
    "aask",
    "ask",
    "dry_run",
    "load_ipython_extension",
    "map_dry_run",
    "unload_ipython_extension",
]


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Register `%%hermes` and `%hermes`."""
    from hermes_magic import magic

    magic.load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take `%%hermes` and `%hermes` away."""
    from hermes_magic import magic

    magic.unload(ipython)


if not TYPE_CHECKING:  # a type checker would take any name for one of these

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used: loading the extension stays cheap."""
        if name not in {*__all__, "map"}:  # `import *` must not hide the built-in
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        homes = {"aask": "api", "ask": "api", "dry_run": "api", "Reply": "reply"}
        homes |= {"map": "mapping", "map_dry_run": "mapping", "Result": "batch.result"}
        return getattr(importlib.import_module(f"{__name__}.{homes.get(name, 'errors')}"), name)

    def __dir__() -> list[str]:
        """Name what is public, imported or not."""
        return sorted({*globals(), *__all__, "map"})

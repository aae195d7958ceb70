"""Ask Nous Hermes 4 405B from a notebook cell: `%load_ext hermes_magic`, then `%%hermes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__version__ = "0.1.0"
__all__ = ["__version__", "load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Register `%%hermes` and `%hermes`."""
    from hermes_magic import magic  # noqa: PLC0415 - importing hermes_magic stays free of cost

    magic.load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take `%%hermes` and `%hermes` away."""
    from hermes_magic import magic  # noqa: PLC0415

    magic.unload(ipython)

"""Ask Nous Hermes 4 405B from a notebook cell: `%load_ext hermes_magic`, then `%%hermes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_magic._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["__version__", "load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Register `%%hermes` and `%hermes`."""
    from hermes_magic import magic

    magic.load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take `%%hermes` and `%hermes` away."""
    from hermes_magic import magic

    magic.unload(ipython)

"""Strategies whose library is optional."""

from __future__ import annotations

import importlib
from typing import Any

from luthier.errors import MissingExtra


def optional(library: str, strategy: str) -> Any:
    """Import an optional library for a strategy; the extra that installs it has the library's name.

    Raises
    ------
    MissingExtra
        It is not installed; the fix is the command that installs it.
    """
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise MissingExtra(
            f"the strategy {strategy!r} needs the library {library!r}, which is not installed",
            fix=f"pip install 'luthier[{library}]'",
        ) from error

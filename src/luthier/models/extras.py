"""Model families whose library is optional."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from luthier.errors import MissingExtra

EXTRAS = ("xgboost", "catboost")
"""Families that need an extra of the same name, which installs a library of the same name."""


def installed(name: str) -> bool:
    """Whether the optional library can be imported, without importing it."""
    return importlib.util.find_spec(name) is not None


def optional(name: str) -> Any:
    """Import an optional library.

    Raises
    ------
    MissingExtra
        It is not installed; the fix is the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtra(
            f"the model family {name!r} needs a library that is not installed", fix=f"pip install 'luthier[{name}]'"
        ) from error

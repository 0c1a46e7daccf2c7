"""Rooms whose parts are imported when they are asked for.

Who lists studies or takes a champion back should not wait for the libraries that models are fitted with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazily(package: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package that imports a name's module when the name is first asked for (PEP 562).

    Parameters
    ----------
    package
        The package's name.
    homes
        What is to be had from each module, by its name without "luthier.".

    >>> get = lazily("luthier.space", {"space.ranges": ["Float"]})
    >>> get("Float").__name__
    'Float'
    >>> get("Flaot")
    Traceback (most recent call last):
    AttributeError: module 'luthier.space' has no attribute 'Flaot'
    """
    where = {name: module for module, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"luthier.{where[name]}"), name)

    return get

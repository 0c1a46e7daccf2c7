"""Strategies by name, those of other packages included."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from luthier.errors import UnknownChoice
from luthier.strategies.optuna_sampler import PREFIX, optuna_strategy
from luthier.strategies.strategy import Strategy

GROUP = "luthier.strategies"
"""The entry-point group in which other packages offer strategies: name = "package.module:Class"."""


def find_strategy(name: str, own: Mapping[str, type[Strategy]], others: Mapping[str, EntryPoint]) -> type[Strategy]:
    """Return our strategy of that name, else another package's, else, after `optuna:`, one of Optuna's samplers.

    Raises
    ------
    UnknownChoice
        Nobody offers the name, or what is offered cannot be loaded or is no strategy.
    MissingExtra
        Optuna is asked for and not installed.
    MissingExtra
        Optuna is asked for and not installed.
    """
    if name in own:
        return own[name]
    if name in others:
        return _loaded(others[name])
    if name.startswith(PREFIX):
        return optuna_strategy(name)
    names = sorted({*own, *others, f"{PREFIX}TPESampler"})
    alike = difflib.get_close_matches(name.lower(), names, n=1)
    raise UnknownChoice(
        f"there is no strategy {name!r}; there are: {', '.join(names)} (or another sampler)",
        fix=f"did you mean {alike[0]!r}?" if alike else "choose one of them",
    )


def offered() -> dict[str, EntryPoint]:
    """Return what installed packages offer, by name. Nothing is imported yet."""
    return {point.name: point for point in entry_points(group=GROUP)}


def _loaded(point: EntryPoint) -> type[Strategy]:
    try:
        found: Any = point.load()
    except Exception as error:  # whatever a stranger's module raises, the user needs to know whose it is
        raise UnknownChoice(
            f"the strategy {point.name!r} at {point.value!r} cannot be loaded: {type(error).__name__}: {error}",
            fix="repair or uninstall the package that offers it, or choose another strategy",
        ) from error
    missing = [part for part in ("name", "for_study", "ask") if not hasattr(found, part)]
    if missing:
        raise UnknownChoice(
            f"the strategy {point.name!r} at {point.value!r} has no {', '.join(missing)}",
            fix="run luthier.testing.strategies.check_strategy on it",
        )
    strategy: type[Strategy] = found
    return strategy

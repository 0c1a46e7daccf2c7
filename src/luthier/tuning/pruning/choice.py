"""Which pruner is meant: by name, by a range, or by what the objective takes."""

from __future__ import annotations

from typing import Any

from luthier.errors import UnknownChoice, UsageError
from luthier.tuning.pruning.halving import Halving
from luthier.tuning.pruning.hyperband import Hyperband
from luthier.tuning.pruning.median import MedianPruner
from luthier.tuning.pruning.pruner import Pruner

_FULL = 1.0
_LOWEST_SHARE = 1 / 9
"""Our judgement: two halvings by three below the full resource; lower, and few trainings have begun to tell."""

_NAMES = ("median", "halving", "asha", "hyperband")


def choose_pruner(wish: Any, *, takes_fidelity: bool) -> Pruner | None:
    """Return the pruner that is meant.

    Parameters
    ----------
    wish
        "auto"; a name: "median", "halving" (or "asha", which is the same), "hyperband"; a pair (lowest, full resource)
        for Hyperband over it; a `Pruner`; None never to stop.
    takes_fidelity
        Whether the objective is evaluated at fidelities; otherwise it reports steps on its way.

    Raises
    ------
    UsageError
        It is none of these, or cannot say at which fidelities to evaluate.
    """
    if isinstance(wish, str):
        pruner = _shares(wish) if takes_fidelity else _steps(wish)
    elif wish is None:
        return Halving(_FULL, _FULL) if takes_fidelity else None
    elif isinstance(wish, tuple | list) and len(wish) == 2:
        pruner = Hyperband(*wish)
    elif hasattr(wish, "stops"):
        pruner = wish
    else:
        raise UsageError(
            f"fidelity={wish!r} is no pruner", fix="give a name, a range such as (1, 81), or Hyperband(1, 81)"
        )
    if takes_fidelity and (not isinstance(pruner, Halving | Hyperband) or pruner.max_resource is None):
        raise UsageError(
            f"{pruner!r} does not say at which fidelities to evaluate an objective f(config, fidelity)",
            fix="give a range such as fidelity=(1, 81), or Halving or Hyperband with a max_resource",
        )
    return pruner


def _steps(name: str) -> Pruner:
    """A pruner by name, for objectives that report steps."""
    match name:
        case "auto" | "median":
            return MedianPruner()
        case "halving" | "asha":
            return Halving()
        case "hyperband":
            return Hyperband()
    raise UnknownChoice(f"there is no pruner {name!r}", fix=f"use one of {', '.join(_NAMES)}, or give a Pruner")


def _shares(name: str) -> Pruner:
    """A pruner by name, for objectives that take a share of the full resource."""
    match name:
        case "auto" | "hyperband":
            return Hyperband(_LOWEST_SHARE, _FULL)
        case "halving" | "asha":
            return Halving(_LOWEST_SHARE, _FULL)
    return _steps(name)

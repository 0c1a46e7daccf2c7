"""Stop a training that will not pay, at what it has reported so far: the fidelity layer under any strategy.

A pruner is a pure function of curves. For an objective that reports on its way it answers `should_prune`; for a
function of a fidelity, `Halving` and `Hyperband` also say at which fidelities to evaluate. A new one is a file of its
own, and its class in the line below.
"""

from __future__ import annotations

from luthier.tuning.pruning.halving import Halving
from luthier.tuning.pruning.hyperband import Hyperband
from luthier.tuning.pruning.median import MedianPruner
from luthier.tuning.pruning.percentile import PercentilePruner
from luthier.tuning.pruning.pruner import Curve, Pruner, Reported

PRUNERS: dict[str, type[Pruner]] = {p.name: p for p in (MedianPruner, PercentilePruner, Halving, Hyperband)}

__all__ = [
    "PRUNERS",
    "Curve",
    "Halving",
    "Hyperband",
    "MedianPruner",
    "PercentilePruner",
    "Pruner",
    "Reported",
]

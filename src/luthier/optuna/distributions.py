"""Our distributions as Optuna's. The way back is `luthier.space.optuna_form`."""

from __future__ import annotations

from typing import Any

from luthier.space import Bool, Categorical, Distribution, Fixed, Float, Int


def to_optuna(distribution: Distribution) -> Any:
    """Return Optuna's distribution over the same values.

    Optuna has no steps on a log scale: there the steps are left out. Quantiles become the range they span.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, Float):
        step = None if distribution.log else distribution.step
        return FloatDistribution(distribution.low, distribution.high, log=distribution.log, step=step)
    if isinstance(distribution, Int):
        step = 1 if distribution.log else distribution.step
        return IntDistribution(distribution.low, distribution.high, log=distribution.log, step=step)
    if isinstance(distribution, Categorical | Bool):
        return CategoricalDistribution(distribution.choices)
    if isinstance(distribution, Fixed):
        return CategoricalDistribution((distribution.value,))
    return FloatDistribution(distribution.from_unit(0.0), distribution.from_unit(1.0))

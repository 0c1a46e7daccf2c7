"""Optuna's distributions as ours, by their attributes (Optuna itself is not needed), and ours as Optuna's."""

from __future__ import annotations

from typing import Any

from luthier.errors import BadSpace
from luthier.space.choices import choose_from
from luthier.space.distributions import Bool, Categorical, Distribution, Fixed, Float, Int


def is_optuna(value: Any) -> bool:
    """Whether this is one of Optuna's distributions."""
    return any(c.__module__ == "optuna.distributions" and c.__name__ == "BaseDistribution" for c in type(value).__mro__)


def from_optuna(theirs: Any) -> tuple[Distribution, dict[str, Any]]:
    """Return the distribution in our terms, and the objects behind its labels.

    Raises
    ------
    BadSpace
        Its kind is not known.
    """
    kinds = {c.__name__ for c in type(theirs).__mro__}
    if "CategoricalDistribution" in kinds:
        return choose_from(theirs.choices)
    if "IntDistribution" in kinds:
        return Int(theirs.low, theirs.high, log=theirs.log, step=theirs.step), {}
    if "FloatDistribution" in kinds:
        return Float(theirs.low, theirs.high, log=theirs.log, step=theirs.step), {}
    raise BadSpace(
        f"the Optuna distribution {theirs!r} is of a kind not known here",
        fix="use FloatDistribution, IntDistribution or CategoricalDistribution",
    )


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

"""Optuna's distributions as ours, by their attributes (Optuna itself is not needed), and ours as Optuna's."""

from __future__ import annotations

from decimal import Decimal
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

    What Optuna cannot say is left out: steps on a log scale, steps that are no decimal fraction of the range (thirds),
    the weights of choices. Quantiles become the range they span, a fixed value the only choice. Optuna takes choices
    that Python finds equal (1 and True) for the same.

    Examples
    --------
    >>> to_optuna(Float(0.1, 0.9, step=0.2))
    FloatDistribution(high=0.9, log=False, low=0.1, step=0.2)
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, Float):
        step = distribution.step if _has_decimal_steps(distribution) else None
        return FloatDistribution(distribution.low, distribution.high, log=distribution.log, step=step)
    if isinstance(distribution, Int):
        step = 1 if distribution.log else distribution.step
        return IntDistribution(distribution.low, distribution.high, log=distribution.log, step=step)
    if isinstance(distribution, Categorical | Bool):
        return CategoricalDistribution(distribution.choices)
    if isinstance(distribution, Fixed):
        return CategoricalDistribution((distribution.value,))
    return FloatDistribution(distribution.low, distribution.high)


def _has_decimal_steps(distribution: Float) -> bool:
    """Whether Optuna, which counts steps in decimals, comes to `high` as we do."""
    if distribution.step is None or distribution.log:
        return False
    low, high, step = (Decimal(repr(x)) for x in (distribution.low, distribution.high, distribution.step))
    return (high - low) % step == 0

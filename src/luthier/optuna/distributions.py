"""Optuna's distributions beside ours, and the values of one as values of the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from luthier.space import Bool, Categorical, Distribution, Fixed, Float, Int, Scalar
from luthier.space.choices import label_of, plain
from luthier.space.optuna_form import from_optuna
from luthier.space.scalars import is_scalar


@dataclass(frozen=True, slots=True)
class Counterpart:
    """One of Optuna's distributions in our terms.

    Attributes
    ----------
    theirs, ours
        The distribution in either library's form.
    objects
        Label among our choices -> the choice of theirs that JSON cannot hold (NaN, a tuple, a function).

    Examples
    --------
    >>> import optuna
    >>> sizes = Counterpart.of(optuna.distributions.IntDistribution(16, 64, step=16))
    >>> sizes.ours
    Int(low=16, high=64, log=False, step=16)
    """

    theirs: Any
    ours: Distribution
    objects: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, theirs: Any) -> Self:
        """Read one of Optuna's distributions; `BadSpace` where it has no counterpart."""
        return cls(theirs, *from_optuna(theirs))

    def scalar(self, value: Any) -> Scalar:
        """Return a value of theirs as a value of ours; raise ValueError where there is none."""
        value = plain(value)
        if not is_scalar(value):
            named = label_of(value)  # after a database NaN is another object
            alike = [label for label, known in self.objects.items() if label_of(known) == named]
            value = next((label for label in alike if self.objects[label] is value), alike[0] if alike else named)
        return self.ours.normal(value)

    def value(self, scalar: Scalar) -> Any:
        """Return a value of ours as a value of theirs."""
        if isinstance(scalar, str) and scalar in self.objects:
            return self.objects[scalar]
        return scalar


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

"""Optuna's distributions beside ours, and the values of one as values of the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from luthier.space import Asked, Distribution, Scalar
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


def asked_of(trial: Any, counterpart: Callable[[Any], Counterpart] = Counterpart.of) -> Asked:
    """Return what a trial of Optuna's asked for.

    Optuna lets enqueued values lie outside their ranges. Such a one is left out: it is no value of the parameter, and
    nothing can be learned about the range from it.
    """
    asked = {}
    for name, distribution in trial.distributions.items():
        known = counterpart(distribution)
        with suppress(ValueError):
            asked[name] = (known.ours, known.scalar(trial.params[name]))
    return asked

"""Optuna's distributions as ours, by their attributes: Optuna itself is not needed."""

from __future__ import annotations

from typing import Any

from luthier.errors import BadSpace
from luthier.space.choices import choose_from
from luthier.space.distributions import Distribution, Float, Int


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

"""What every recalibrator is, and the logarithms they all read probabilities by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SURE = 1e-6
"""Probabilities nearer to 0 or 1 than this are taken for this: single precision can say no more of them."""


class Mapped(Protocol):
    """A learned map from predicted probabilities to probabilities; a frozen value."""

    def apply(self, p: NDArray[Any]) -> Floats:
        """Map (n, k) to (n, k)."""
        ...

    def to_json(self) -> dict[str, Any]:
        """JSON values, the `kind` among them."""
        ...


class Recalibrator(Mapped, Protocol):
    """A kind of map, and how it is learned.

    Attributes
    ----------
    name
        In the list of recalibrators.
    joint
        Whether it maps the probabilities of several classes together; others are learned for each class against the
        rest.
    """

    name: ClassVar[str]
    joint: ClassVar[bool]

    @classmethod
    def fit(cls, y: NDArray[np.int64], p: NDArray[Any], weights: Floats | None = None) -> Self:
        """Learn from coded classes (n,) and predictions (n, k)."""
        ...

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`; ValueError for numbers that make none."""
        ...


def within(p: NDArray[Any]) -> Floats:
    """Probabilities kept away from 0 and 1."""
    return np.clip(np.asarray(p, np.float64), SURE, 1 - SURE)


def log_odds(p: NDArray[Any]) -> Floats:
    """Logit of probabilities kept away from 0 and 1."""
    q = within(p)
    return np.log(q / (1 - q))


def checked(body: Mapping[str, Any], *names: str) -> tuple[float, ...]:
    """Finite numbers of these names, or ValueError."""
    numbers = tuple(float(body[name]) for name in names)
    if not np.isfinite(numbers).all():
        raise ValueError(f"a recalibrator needs finite numbers, not {dict(body)!r}")
    return numbers

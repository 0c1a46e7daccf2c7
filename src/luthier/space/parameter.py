"""A named distribution, and when it counts."""

from __future__ import annotations

from dataclasses import dataclass

from luthier.space.config import Scalar
from luthier.space.distributions import Distribution


@dataclass(frozen=True, slots=True)
class Parameter:
    """One tunable argument; active when every parent named in `when` is active and holds an allowed value."""

    name: str
    distribution: Distribution
    when: tuple[tuple[str, tuple[Scalar, ...]], ...] = ()

"""What values a parameter may take. (Skeleton, being filled.)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from luthier.space.config import Scalar


@dataclass(frozen=True, slots=True)
class Float:
    """A real number in [low, high]."""

    low: float
    high: float
    log: bool = False
    step: float | None = None


@dataclass(frozen=True, slots=True)
class Int:
    """A whole number in [low, high]."""

    low: int
    high: int
    log: bool = False
    step: int = 1


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of several choices."""

    choices: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Bool:
    """False or True."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """One value, passed on but not tuned."""

    value: Scalar


Distribution: TypeAlias = Float | Int | Categorical | Bool | Fixed

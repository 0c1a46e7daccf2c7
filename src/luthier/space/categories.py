"""Choices: one of several, yes or no, and no choice at all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

from luthier.errors import BadSpace
from luthier.space.bins import Bins, EqualBins, WeightedBins
from luthier.space.config import Scalar
from luthier.space.scalars import Typed, is_bool, is_number, is_scalar, typed


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of several choices.

    Parameters
    ----------
    choices
        JSON scalars, all different; 1, 1.0 and True count as different. `SearchSpace.parse` puts a label in the place
        of an object that JSON cannot hold.
    ordered
        The choices are numbers in rising order: neighbours are alike, and a model may treat them as a scale.
    weights
        How likely each choice is; empty: all alike.
    opaque
        Those choices that are labels of objects known only to the space they were parsed into.

    Raises
    ------
    BadSpace
        No choice, a choice twice, or one that is not a JSON scalar; weights that do not fit.
    """

    choices: tuple[Scalar, ...]
    ordered: bool = False
    weights: tuple[float, ...] = ()
    opaque: tuple[str, ...] = ()
    bins: Bins = field(init=False, repr=False, compare=False)
    _numbers: Mapping[Typed, int] = field(init=False, repr=False, compare=False)

    kind: ClassVar[str] = "categorical"

    def __post_init__(self) -> None:
        for part in ("choices", "weights", "opaque"):
            if isinstance(getattr(self, part), str):
                raise BadSpace(
                    f"Categorical {part} must be a sequence, not {getattr(self, part)!r}", fix="wrap it in [ ]"
                )
            object.__setattr__(self, part, tuple(getattr(self, part)))
        if not self.choices:
            raise BadSpace("Categorical has no choices", fix="give at least one choice, or leave the parameter out")
        numbers: dict[Typed, int] = {}
        for k, choice in enumerate(self.choices):
            if not is_scalar(choice):
                raise BadSpace(
                    f"the choice {choice!r} is not a JSON scalar (finite number, string, True, False or None)",
                    fix="build the space with SearchSpace.parse({...: [...]}), which labels other objects",
                )
            if typed(choice) in numbers:
                raise BadSpace(f"the choice {choice!r} is listed twice", fix="list every choice once")
            numbers[typed(choice)] = k
        if self.weights and (len(self.weights) != len(self.choices) or not all(0 < w < math.inf for w in self.weights)):
            raise BadSpace(
                f"{len(self.choices)} choices came with the weights {self.weights!r}",
                fix="give one finite weight above 0 per choice, or none at all",
            )
        if unknown := set(self.opaque) - set(self.choices):
            raise BadSpace(f"the labels {sorted(unknown)!r} are not among the choices", fix="label only choices")
        if self.ordered and not all(
            is_number(a) and is_number(b) and a < b  # type: ignore[operator]  # _is_number has just said so
            for a, b in pairwise(self.choices)
        ):
            raise BadSpace(f"the choices {self.choices!r} are no rising numbers", fix="sort them, or set ordered=False")
        object.__setattr__(self, "_numbers", numbers)
        bins = WeightedBins.of(self.weights) if self.weights else EqualBins(len(self.choices))
        object.__setattr__(self, "bins", bins)

    @property
    def n_values(self) -> float:
        """How many choices there are."""
        return len(self.choices)

    @property
    def expected(self) -> str:
        """The admissible values, in words."""
        return "one of " + ", ".join(map(repr, self.choices))

    def at(self, k: int) -> Scalar:
        """Return the k-th choice."""
        return self.choices[k]

    def index(self, value: Any) -> int:
        """Return the number of a choice."""
        return self._numbers[value.__class__, value]

    def from_unit(self, u: float) -> Scalar:
        """Return the choice at coordinate `u`."""
        return self.choices[self.bins.bin(u)]

    def to_unit(self, value: Any) -> float:
        """Return the coordinate of a choice."""
        return self.bins.centre(self._numbers[value.__class__, value])

    def normal(self, value: Any) -> Scalar:
        """Return a choice as it was listed; raise ValueError for anything else.

        Numbers are matched by type first (1 and 1.0 may both be choices), then by value.
        """
        try:
            return self.choices[self._numbers[value.__class__, value]]
        except (KeyError, TypeError):  # TypeError: the value cannot be hashed
            pass
        # numpy's strings and truth values are of classes of their own; 1 may stand for 1.0, but not for True
        kinds = (is_number, is_bool, lambda v: isinstance(v, str))
        alike = [c for c in self.choices if c == value and any(kind(c) and kind(value) for kind in kinds)]
        if len(alike) != 1:
            raise ValueError(value)
        return alike[0]

    def to_json(self) -> dict[str, Any]:
        """Return what `distribution_from_json` reads."""
        return {
            "kind": self.kind,
            "choices": list(self.choices),
            **({"ordered": True} if self.ordered else {}),
            **({"weights": list(self.weights)} if self.weights else {}),
            **({"opaque": list(self.opaque)} if self.opaque else {}),
        }


@dataclass(frozen=True, slots=True)
class Bool:
    """False or True."""

    kind: ClassVar[str] = "bool"
    ordered: ClassVar[bool] = False
    n_values: ClassVar[float] = 2
    bins: ClassVar[Bins] = EqualBins(2)
    expected: ClassVar[str] = "False or True"
    choices: ClassVar[tuple[bool, bool]] = (False, True)

    def at(self, k: int) -> bool:
        """Return False for 0 and True for 1."""
        return bool(k)

    def index(self, value: Any) -> int:
        """Return 0 for False and 1 for True."""
        return int(value)

    def from_unit(self, u: float) -> bool:
        """Return the value at coordinate `u`."""
        return u >= 0.5

    def to_unit(self, value: Any) -> float:
        """Return the coordinate of a value."""
        return 0.75 if value else 0.25

    def normal(self, value: Any) -> bool:
        """Return False or True as Python's own; raise ValueError for any other value."""
        if not is_bool(value):
            raise ValueError(value)
        return bool(value)

    def to_json(self) -> dict[str, Any]:
        """Return what `distribution_from_json` reads."""
        return {"kind": self.kind}


@dataclass(frozen=True, slots=True)
class Fixed:
    """One value, passed on but not tuned.

    Raises
    ------
    BadSpace
        The value is not a JSON scalar.
    """

    value: Scalar

    kind: ClassVar[str] = "fixed"
    ordered: ClassVar[bool] = False
    n_values: ClassVar[float] = 1
    bins: ClassVar[Bins] = EqualBins(1)

    def __post_init__(self) -> None:
        if not is_scalar(self.value):
            raise BadSpace(
                f"the value {self.value!r} is not a JSON scalar (finite number, string, True, False or None)",
                fix="build the space with SearchSpace.parse({...}), which labels other objects",
            )

    @property
    def expected(self) -> str:
        """The admissible value, in words."""
        return f"always {self.value!r}"

    def at(self, k: int) -> Scalar:  # noqa: ARG002  (the signature all distributions share)
        """Return the value."""
        return self.value

    def index(self, value: Any) -> int:  # noqa: ARG002
        """Return 0: there is only one."""
        return 0

    def from_unit(self, u: float) -> Scalar:  # noqa: ARG002
        """Return the value."""
        return self.value

    def to_unit(self, value: Any) -> float:  # noqa: ARG002
        """Return the middle of the interval."""
        return 0.5

    def normal(self, value: Any) -> Scalar:
        """Return the value; raise ValueError for any other."""
        if value.__class__ is self.value.__class__ and value == self.value:
            return self.value
        return Categorical((self.value,)).normal(value)

    def to_json(self) -> dict[str, Any]:
        """Return what `distribution_from_json` reads."""
        return {"kind": self.kind, "value": self.value}

"""A named distribution, and when it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from luthier.errors import BadSpace
from luthier.space.config import Scalar
from luthier.space.distributions import Distribution

When: TypeAlias = tuple[tuple[str, tuple[Scalar, ...]], ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing to set.

    Parameters
    ----------
    name
        Its name in configurations; unique in a space.
    distribution
        The values it may take.
    when
        (parent, allowed values) pairs. The parameter is active when every parent is active and holds an allowed value;
        without pairs it always is.
    argument
        The name the model knows it by (see `SearchSpace.params`), where that differs from `name`: parameters that are
        never active together may set the same argument. Empty: the parameter only selects a branch and sets nothing.
    """

    name: str
    distribution: Distribution
    when: When = ()
    argument: str | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise BadSpace("a parameter has an empty name", fix="name parameters by non-empty strings")
        when = tuple((parent, tuple(allowed)) for parent, allowed in self.when)
        for parent, allowed in when:
            if not allowed:
                raise BadSpace(
                    f"parameter {self.name!r} is active for no value of {parent!r}",
                    fix="name at least one value, or leave the parameter out",
                )
        object.__setattr__(self, "when", when)

    @property
    def sets(self) -> str:
        """The argument it sets; empty when it only selects a branch."""
        return self.name if self.argument is None else self.argument

    def to_json(self) -> dict[str, Any]:
        """Return what `SearchSpace.from_json` reads."""
        body: dict[str, Any] = {"name": self.name, **self.distribution.to_json()}
        if self.when:
            body["when"] = [[parent, list(allowed)] for parent, allowed in self.when]
        if self.argument is not None:
            body["argument"] = self.argument
        return body

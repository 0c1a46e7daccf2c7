"""What one run of an objective told, as the record keeps it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from luthier.space import Asked
from luthier.space.distributions import distribution_from_json


@dataclass(frozen=True, slots=True)
class Told:
    """What one run of an objective told.

    Attributes
    ----------
    config
        What was evaluated: the values it was given.
    asked
        Every parameter it asked for, with its distribution, in order; empty for a plain function of a configuration.
    values
        One for each objective, as returned; empty when it broke off.
    steps
        (step, value) pairs in the order reported, NaN included.
    pruned
        Whether it ended early because it does not pay.
    error
        In one line, what went wrong.
    user_attrs, constraints
        As set by the objective; a constraint is kept when its value is at most 0.
    """

    config: Mapping[str, Any]
    asked: Asked = field(default_factory=dict)
    values: tuple[float, ...] = ()
    steps: tuple[tuple[float, float], ...] = ()
    pruned: bool = False
    error: str | None = None
    user_attrs: Mapping[str, Any] = field(default_factory=dict)
    constraints: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "config": dict(self.config),
            # a list of triples, because the record sorts the keys of a mapping and the order asked matters
            "asked": [[name, distribution.to_json(), value] for name, (distribution, value) in self.asked.items()],
            "values": list(self.values),
            "steps": [[step, None if math.isnan(value) else value] for step, value in self.steps],
            "pruned": self.pruned,
            "error": self.error,
            "user_attrs": dict(self.user_attrs),
            "constraints": dict(self.constraints),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Told:
        """Inverse of `to_json`."""
        return cls(
            config=body["config"],
            asked={name: (distribution_from_json(parts), value) for name, parts, value in body["asked"]},
            values=tuple(body["values"]),
            steps=tuple((step, math.nan if value is None else value) for step, value in body["steps"]),
            pruned=body["pruned"],
            error=body["error"],
            user_attrs=body["user_attrs"],
            constraints=body["constraints"],
        )

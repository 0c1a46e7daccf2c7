"""What values a parameter may take, how likely each is, and where it lies in the unit interval.

Every distribution offers the same few things: `n_values`; `bins`, which shares the unit interval out among countable
values (None for a continuous distribution); `from_unit` and `to_unit`, which are each other's inverse on values;
`normal`, the one form of an admissible value; `expected`, the admissible values in words; `to_json`. Where there are
bins, `at` and `index` go from a value's number to the value and back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from luthier.errors import BadSpace
from luthier.space.categories import Bool, Categorical, Fixed
from luthier.space.quantiles import Quantiles
from luthier.space.ranges import Float, Int

__all__ = ["Bool", "Categorical", "Distribution", "Fixed", "Float", "Int", "Quantiles", "distribution_from_json"]

Distribution: TypeAlias = Float | Int | Categorical | Bool | Fixed | Quantiles
_KINDS: dict[str, Callable[..., Distribution]] = {c.kind: c for c in (Float, Int, Categorical, Bool, Fixed, Quantiles)}


def distribution_from_json(body: Mapping[str, Any]) -> Distribution:
    """Read what a distribution's `to_json` wrote.

    Raises
    ------
    BadSpace
        The kind is unknown, or its parts do not fit.
    """
    parts = {name: tuple(v) if isinstance(v, list) else v for name, v in body.items() if name != "kind"}
    try:
        return _KINDS[body["kind"]](**parts)
    except (KeyError, TypeError) as error:
        raise BadSpace(
            f"{dict(body)!r} describes no distribution: known kinds are {', '.join(_KINDS)}",
            fix="write it with to_json() of this version of luthier",
        ) from error

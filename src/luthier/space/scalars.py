"""What JSON can hold, and telling such values apart."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, TypeAlias

from luthier.errors import BadSpace
from luthier.space.config import Scalar

Typed: TypeAlias = tuple[type, Scalar]
"""A value together with its type, because Python takes 1, 1.0 and True for the same."""


def typed(value: Scalar) -> Typed:
    """Return the value together with its type."""
    return value.__class__, value


def is_scalar(value: Any) -> bool:
    """Whether the value is one that JSON gives back exactly: None, a bool, an int, a finite float or a string."""
    # exact classes: a numpy float is a float to isinstance, but its repr and its JSON differ between versions
    return value is None or value.__class__ in (bool, int, str) or (value.__class__ is float and math.isfinite(value))


def is_number(value: Any) -> bool:
    """Whether the value is a real number; truth values are not."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_bool(value: Any) -> bool:
    """Whether the value is a truth value, Python's or numpy's."""
    return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")  # numpy calls its own by either name


def number(value: Any, written: str, part: str) -> float:
    """Return a finite number as a float.

    Raises
    ------
    BadSpace
        It is something else; the message quotes what was `written` and names the `part`.
    """
    if not is_number(value) or not math.isfinite(value):
        raise BadSpace(f"{written}: {part} is {value!r}, but must be a finite number", fix="give a finite number")
    return float(value)

"""One byte form for a value, so that equal values have equal digests on every machine and under every Python."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> bytes:
    """The value as UTF-8 JSON with sorted keys and no spaces.

    Raises
    ------
    ValueError
        For NaN and infinities, which JSON cannot say: write `None` for a number that is not known.
    TypeError
        For anything that is not None, bool, int, float, str, list, tuple or a dict. Keys are strings: a number as a key
        comes back from JSON as a string.

    >>> canonical_json({"b": 1.0, "a": [None, "x"]})
    b'{"a":[null,"x"],"b":1.0}'
    """
    return _ENCODER.encode(value).encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def finite(number: float) -> float | None:
    """The number as JSON can say it: None where it is not finite.

    >>> finite(0.5), finite(float("nan"))
    (0.5, None)
    """
    return float(number) if math.isfinite(number) else None

"""`scipy.stats` distributions as ours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from luthier.errors import BadSpace
from luthier.space.distributions import Categorical, Distribution, Float, Int, Quantiles

N_QUANTILES = 256
TAIL = 5e-4
"""Probability left out at each unbounded end: a tuner that draws a few thousand values hardly misses it."""
MAX_LISTED = 1024


def is_scipy(value: Any) -> bool:
    """Whether this looks like a `scipy.stats` distribution with nothing left open; to find out takes no scipy."""
    frozen = all(hasattr(value, part) for part in ("dist", "args", "kwds", "ppf"))
    return frozen or (hasattr(value, "freeze") and getattr(value, "numargs", None) == 0)


def from_scipy(frozen: Any) -> tuple[Distribution, dict[str, Any]]:
    """Return the distribution in our terms.

    `uniform`, `loguniform` (`reciprocal`) and `randint` become ranges, which say them exactly. Any other continuous one
    becomes 256 quantiles, any other discrete one its values weighted by their probabilities; unbounded ends are cut
    where one value in two thousand lies beyond.

    Raises
    ------
    BadSpace
        Its parameters give no finite quantiles.
    """
    if not hasattr(frozen, "dist"):  # one without shape parameters, or made of listed values
        frozen = frozen.freeze()
    name = frozen.dist.name
    discrete = hasattr(frozen.dist, "pmf") or not hasattr(frozen.dist, "pdf")
    low, high = (float(end) for end in frozen.support())
    if not low <= high:
        raise BadSpace(f"scipy.stats.{name}{frozen.args!r} has no values", fix="mend its parameters")
    if name == "randint":
        return Int(int(low), int(high)), {}
    if name == "uniform":
        return Float(low, high), {}
    # a shifted loguniform is not uniform in the logarithm: loc shows in the median
    if name in ("loguniform", "reciprocal") and math.isclose(float(frozen.median()), math.sqrt(low * high)):
        return Float(low, high, log=True), {}
    low = low if math.isfinite(low) else float(frozen.ppf(TAIL))
    high = high if math.isfinite(high) else float(frozen.ppf(1 - TAIL))
    if discrete:
        return _listed(frozen, name, round(low), round(high)), {}
    u = np.linspace(0, 1, N_QUANTILES + 1)
    values = np.clip(np.r_[low, frozen.ppf(u[1:-1]), high], low, high)
    if not np.isfinite(values).all() or (np.diff(values) <= 0).any():
        raise BadSpace(
            f"the quantiles of scipy.stats.{name}{frozen.args!r} do not rise from one finite number to the next",
            fix="list the values to try, or give a range: (low, high) or (low, high, 'log')",
        )
    return Quantiles(tuple(values.tolist())), {}


def _listed(frozen: Any, name: str, low: int, high: int) -> Distribution:
    if high - low >= MAX_LISTED:
        raise BadSpace(
            f"scipy.stats.{name}{frozen.args!r} spreads over {high - low + 1} values; at most {MAX_LISTED} are listed",
            fix=f"give a range instead: ({low}, {high}) or ({low}, {high}, 'log')",
        )
    values = np.arange(low, high + 1)
    p = frozen.pmf(values)
    if p.sum() < 1 - 4 * TAIL:
        raise BadSpace(f"scipy.stats.{name} takes other values than whole numbers", fix="list its values: [a, b, ...]")
    values, p = values[p > 0], p[p > 0]
    return Categorical(tuple(values.tolist()), ordered=True, weights=tuple(p.tolist()))

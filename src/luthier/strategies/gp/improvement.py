"""Expected improvement on a log scale."""

from __future__ import annotations

import math

import numpy as np

from luthier.space.config import Floats

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


def log_expected_improvement(mean: Floats, sd: Floats, best: float) -> Floats:
    """Return log E[max(best - f, 0)] for f ~ N(mean, sd^2).

    On the log scale points far from any improvement still differ, so that a search over them has somewhere to go.

    Parameters
    ----------
    mean, sd
        (m,) predicted values, lower is better, and their standard deviations, positive.
    best
        What is to be improved on.

    Source: Ament et al. (2023), "Unexpected Improvements to Expected Improvement for Bayesian Optimization", eq. 9.
    """
    from scipy.special import erfcx, ndtr

    z = (best - mean) / sd
    out = np.empty_like(z)
    near = z > -1
    out[near] = np.log(np.exp(-0.5 * z[near] ** 2 - _LOG_SQRT_2PI) + z[near] * ndtr(z[near]))
    far = -z[~near]
    # phi(z) + z Phi(z) = phi(z) (1 - |z| sqrt(pi/2) erfcx(|z|/sqrt(2))): the difference cancels beyond about 1e4, where
    # its first asymptotic term 1/z^2 is exact to double precision's half
    ratio = 1.0 - far * math.sqrt(math.pi / 2) * erfcx(far / math.sqrt(2))
    ratio = np.where(far > 1e3, far**-2.0, np.maximum(ratio, np.finfo(np.float64).tiny))
    out[~near] = -0.5 * far**2 - _LOG_SQRT_2PI + np.log(ratio)
    return np.log(sd) + out

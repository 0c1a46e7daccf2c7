"""A table such as models are asked about: heavy tails, rare levels, counts, gaps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest


def mixed(n: int, rng: np.random.Generator, shift: float = 0.0) -> pd.DataFrame:
    """Twenty columns; `shift` moves the first, in standard deviations."""
    words = np.array([f"w{i}" for i in range(200)])
    columns: dict[str, object] = {"normal0": rng.normal(shift, 1, n)}
    columns |= {f"normal{k}": rng.normal(size=n) for k in range(1, 5)}
    columns |= {f"heavy{k}": rng.standard_t(1.5, n) for k in range(5)}
    columns |= {f"count{k}": rng.poisson(1 + k, n) for k in range(3)}
    columns |= {f"gaps{k}": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(size=n)) for k in range(2)}
    columns |= {f"rare{k}": pd.Categorical(words[rng.zipf(1.6, n).clip(1, 200) - 1]) for k in range(5)}
    return pd.DataFrame(columns)


@pytest.fixture(scope="session")
def table() -> Callable[..., pd.DataFrame]:
    return mixed

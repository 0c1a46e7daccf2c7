from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray


@pytest.fixture(autouse=True)
def nothing_is_written(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every test runs in an empty folder, and leaves it empty: TuneCV lives in memory."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="session")
def two_classes() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(160, 5))
    y = (X[:, 0] + 0.7 * X[:, 1] ** 2 + rng.normal(size=160) > 0.6).astype(np.int64)
    return X, y


@pytest.fixture(scope="session")
def three_classes() -> tuple[NDArray[np.float64], NDArray[Any]]:
    rng = np.random.default_rng(8)
    X = rng.normal(size=(150, 4))
    words = np.array(["low", "middle", "high"])
    return X, words[np.digitize(X[:, 0] + 0.6 * rng.normal(size=150), [-0.5, 0.5])]


@pytest.fixture(scope="session")
def values() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(9)
    X = rng.normal(size=(120, 6))
    return X, X @ [3.0, -2.0, 1.0, 0.0, 0.0, 0.0] + rng.normal(size=120) + 10.0


@pytest.fixture(scope="session")
def passengers() -> tuple[pd.DataFrame, pd.Series]:
    """A frame as people have it: words, holes, and labels that are words too."""
    rng = np.random.default_rng(10)
    n = 140
    sex = rng.choice(["female", "male"], n)
    fare = np.exp(rng.normal(3, 1, n))
    frame = pd.DataFrame({"sex": sex, "deck": rng.choice(np.array(["A", "B", None], dtype=object), n), "fare": fare})
    frame.loc[rng.random(n) < 0.2, "fare"] = np.nan
    lived = np.where((sex == "female") ^ (rng.random(n) < 0.25), "yes", "no")
    return frame, pd.Series(lived, name="survived")

"""Time-ordered tables, real ones by this project's own rooms, cut into a past and the stretch that came after it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from luthier.data import make_dataset
from luthier.models import FAMILIES, Config, Facts
from luthier.scoring import Metric, get_metric

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
NAMES = ("elec2", "hotel_rates", "vic_elec")
MOST_TREES = 400  # random configurations are cut here, to keep the study to minutes
Windows = list[tuple[NDArray[np.int64], NDArray[np.int64]]]


@dataclass(frozen=True)
class Episode:
    """A past of n rows and the stretch that followed; X, y hold both, times the past's (dates as seconds)."""

    name: str
    X: NDArray[np.float64]
    y: NDArray[Any]
    times: NDArray[np.float64]
    n: int
    facts: Facts
    metric: Metric

    def predict(self, config: Config, learned: NDArray[np.int64], judged: NDArray[np.int64]) -> NDArray[np.float64]:
        model = FAMILIES["lightgbm"]()
        fitted = model.fit(config, self.facts, self.X[learned], self.y[learned], seed=0, threads=1)
        return fitted.predict(self.X[judged])

    def future(self, config: Config) -> float:
        """What came: the score of the model of all the past on the stretch after it."""
        rows = np.arange(self.n, len(self.y))
        return self.metric.score(self.y[rows], self.predict(config, np.arange(self.n), rows))

    def shuffled(self, config: Config) -> float:
        """What popular tools report: five shuffled folds of the past, pooled."""
        p = np.empty((self.n, 1))
        for train, valid in KFold(5, shuffle=True, random_state=0).split(p):
            p[valid] = self.predict(config, train, valid)
        return self.metric.score(self.y[: self.n], p)

    def forward(self, config: Config, windows: Windows) -> list[NDArray[np.float64]]:
        """Predictions of every window from what it may learn from."""
        return [self.predict(config, train, valid) for train, valid in windows]


def find_table(name: str) -> tuple[dict[str, Any], pd.DataFrame]:
    """What the catalogue says of a table, and its rows in order of time."""
    catalogue = {d["name"]: d for d in json.loads((DATA / "datasets.json").read_text())["datasets"]}
    meta = catalogue[name]
    frame = pd.read_parquet(DATA / meta["file"])
    return meta, frame.sort_values(meta["time_column"], kind="stable").reset_index(drop=True)


def episode(name: str, cut: float = 0.7, *, clock: bool = False) -> Episode:
    """The first `cut` of a table as the past; the next 3/7 of its length as what came (the rest, for cut 0.7).

    `clock`: the running time is a feature too, as in popular tools.
    """
    meta, frame = find_table(name)
    n = int(len(frame) * cut)
    end = min(len(frame), n + round(n * 3 / 7) + 1)
    past = make_dataset(frame.iloc[:n], meta["target"], positive=meta["positive"], time=meta["time_column"])
    assert len(past.y) == n
    assert past.times is not None
    X = past.schema.encode(frame.iloc[:end])
    facts = Facts.of(past)
    if clock:
        t = frame[meta["time_column"]].iloc[:end]
        X = np.column_stack([X, (t - t.iloc[0]) / (t.iloc[n - 1] - t.iloc[0])]).astype(np.float64)
        facts = Facts(**{**{f: getattr(facts, f) for f in facts.__slots__}, "n_features": facts.n_features + 1})
    y = past.schema.encode_target(frame[meta["target"]].iloc[:end])
    return Episode(name, X, y, past.times, n, facts, get_metric(meta["metric"], past.schema.task))


def configurations(facts: Facts, n: int, seed: int = 0) -> list[Config]:
    """The library's default and n random ones."""
    model, rng = FAMILIES["lightgbm"](), np.random.default_rng(seed)
    space = model.space(facts)
    drawn = [dict(space.sample(rng)) for _ in range(n)]
    return [model.default(facts), *({**c, "n_estimators": min(c["n_estimators"], MOST_TREES)} for c in drawn)]

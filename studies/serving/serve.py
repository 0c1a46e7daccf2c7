"""Serve a small churn model on a free loopback port until stopped: what `fuzz` in the README is run against.

Usage: python studies/serving/serve.py PORT
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from luthier.data import make_dataset
from luthier.models import FAMILIES, Facts
from luthier.registry import pack
from luthier.scoring import Estimate
from luthier.store import write_model
from luthier.web import ServeSettings, serve_model


def people(n=400):
    """Every kind of column: numbers with gaps, whole numbers, words, yes or no, dates."""
    rng = np.random.default_rng(4)
    age = rng.normal(40, 12, n).round(1)
    city = rng.choice(["Bergen", "Oslo", "Tromsø"], n)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, age),
            "visits": rng.integers(0, 30, n),
            "city": city,
            "member": rng.choice(["yes", "no"], n),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "churned": np.where(10 * age + 300 * (city == "Oslo") > 450, "stays", "goes"),
        }
    )


def save_model(folder):
    dataset = make_dataset(people(), "churned", time=False)
    family, facts = FAMILIES["lightgbm"](), Facts.of(dataset)
    config = {**family.default(facts), "n_estimators": 20}
    files = pack(
        family.fit(config, facts, dataset.X, dataset.y).dump(),
        family=family.name,
        config=config,
        schema=dataset.schema,
        facts=facts,
        metric="log_loss",
        score=Estimate(0.5, 0.4, 0.6, len(dataset.y)),
        study="fuzzed",
        fingerprint=dataset.fingerprint,
        trained_on="all",
        created_at_utc="2026-01-01T00:00:00Z",
    )
    write_model(folder, files)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        save_model(Path(place) / "churn")
        serve_model(ServeSettings(str(Path(place) / "churn"), Path(place) / "traffic", port=int(sys.argv[1])))

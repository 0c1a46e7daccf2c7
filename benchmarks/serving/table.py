"""The table and the pipeline that every server in `serving_cost.py` answers with: 20 mixed columns, LightGBM."""

from __future__ import annotations

import numpy as np
import pandas as pd

NUMBERS, WORDS = 12, 8
ROUNDS = 100
LEVELS = [f"level {i}" for i in range(12)]


def made(n: int = 4000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=n).round(4) for i in range(NUMBERS)})
    for i in range(WORDS):
        frame[f"c{i}"] = rng.choice(LEVELS[: 3 + i], n)
    score = frame["x0"] * frame["x1"] + (frame["c0"] == "level 1") + rng.normal(size=n)
    frame["y"] = np.where(score > 0.3, "yes", "no")
    return frame


def pipeline(frame: pd.DataFrame):
    """What a practitioner would hand to MLflow, BentoML or LitServe."""
    from lightgbm import LGBMClassifier
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    words = [f"c{i}" for i in range(WORDS)]
    coded = ColumnTransformer(
        [("words", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), words)],
        remainder="passthrough",
    )
    model = LGBMClassifier(n_estimators=ROUNDS, n_jobs=1, verbosity=-1)
    return make_pipeline(coded, model).fit(frame.drop(columns="y"), frame["y"])

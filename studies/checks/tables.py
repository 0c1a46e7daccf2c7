"""Tables with one planted leak each, and clean ones beside them; seeded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

TASKS = ("binary", "multiclass", "regression")


@dataclass(frozen=True)
class Planted:
    """A table with a leak: the code that should find it, and what `luthier.check` is given besides."""

    kind: str
    code: str
    frame: pd.DataFrame
    column: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


def honest(rng: np.random.Generator, task: str, n: int = 1200, p: int = 8) -> pd.DataFrame:
    """Numbers and two categories, of which some tell of the target; rows in random order."""
    X = rng.normal(size=(n, p))
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(p)])
    frame["region"] = rng.choice(list("abcdef"), n)
    frame["grade"] = rng.choice(["low", "mid", "high"], n)
    signal = X[:, 0] + 0.7 * X[:, 1] * X[:, 2] + 0.5 * (frame["grade"] == "high") + rng.normal(0, 1.2, n)
    return frame.assign(y=_target(signal.to_numpy(), task))


def _target(signal: np.ndarray[Any, Any], task: str) -> Any:
    if task == "regression":
        return signal
    return pd.qcut(signal, [0, 0.65, 1] if task == "binary" else [0, 0.4, 0.7, 1], labels=False)


def disguise(rng: np.random.Generator, task: str) -> Planted:
    """The target under another name, a little noise on it."""
    frame = honest(rng, task)
    if task == "regression":
        frame["ref"] = np.exp(frame["y"] / 3) + rng.normal(0, 0.01, len(frame))
    else:
        flipped = rng.random(len(frame)) < 0.01
        frame["ref"] = np.where(flipped, rng.permutation(frame["y"]), frame["y"])
        frame["ref"] = "s" + frame["ref"].astype(str)
    return Planted("target", "leak.target", frame, "ref")


def copies(rng: np.random.Generator, task: str) -> Planted:
    """A quarter of the rows twice."""
    frame = honest(rng, task, 900)
    frame = pd.concat([frame, frame.sample(300, random_state=int(rng.integers(1e6)))])
    return Planted("duplicates", "leak.duplicates", _mixed(frame, rng))


def near_copies(rng: np.random.Generator, task: str) -> Planted:
    """Two fifths of the rows again, with noise of a thousandth."""
    frame = honest(rng, task, 800)
    again = frame.sample(500, random_state=int(rng.integers(1e6))).copy()
    numbers = [c for c in frame if c.startswith("x")]
    again[numbers] += rng.normal(0, 1e-3, again[numbers].shape)
    return Planted("near duplicates", "leak.near-duplicates", _mixed(pd.concat([frame, again]), rng))


def groups(rng: np.random.Generator, task: str) -> Planted:
    """About six rows of a patient, who are alike and have a level of their own."""
    n_groups, n = 200, 1200
    who = rng.integers(0, n_groups, n)
    own, level = rng.normal(size=(n_groups, 6)), rng.normal(0, 1.5, n_groups)
    frame = pd.DataFrame(own[who] + 0.3 * rng.normal(size=(n, 6)), columns=[f"x{j}" for j in range(6)])
    signal = 0.4 * frame["x0"].to_numpy() + level[who] + rng.normal(0, 0.7, n)
    return Planted("groups", "leak.groups", frame.assign(patient_id=who, y=_target(signal, task)), "patient_id")


def drifting(rng: np.random.Generator, task: str, n: int = 1500) -> pd.DataFrame:
    """Levels that wander: neighbours in time tell of each other, the past tells less of the future."""
    walk = np.cumsum(rng.normal(0, 0.15, (n, 2)), axis=0)
    X = rng.normal(size=(n, 5))
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(5)])
    frame["level"] = walk[:, 0] + 0.1 * rng.normal(size=n)
    frame["pressure"] = walk[:, 1] + 0.1 * rng.normal(size=n)
    mood = np.repeat(rng.normal(0, 1.5, n // 50 + 1), 50)[:n]
    return frame.assign(y=_target(0.6 * X[:, 0] + mood + rng.normal(0, 0.5, n), task))


def time(rng: np.random.Generator, task: str) -> Planted:
    """Dated rows in random order."""
    frame = drifting(rng, task)
    frame.insert(0, "day", pd.date_range("2020-01-01", periods=len(frame), freq="D"))
    return Planted("time", "leak.time", _mixed(frame, rng), "day")


def row_order(rng: np.random.Generator, task: str) -> Planted:
    """Rows in order of time, and no date."""
    return Planted("row order", "leak.row-order", drifting(rng, task))


def seen_before(rng: np.random.Generator, task: str) -> Planted:
    """A tenth of the test rows are training rows."""
    frame = honest(rng, task)
    train, test = frame.iloc[:900], pd.concat([frame.iloc[900:], frame.iloc[:30]])
    return Planted("test rows", "leak.test-rows", train, None, {"against": test})


def encoded(rng: np.random.Generator, task: str) -> Planted:
    """A category without meaning, replaced by the target's average over its rows."""
    frame = honest(rng, task)
    shop = rng.integers(0, 300, len(frame))
    of = frame["y"] == 1 if task == "multiclass" else frame["y"]
    frame["shop_rate"] = of.astype(float).groupby(shop).transform("mean")
    return Planted("target encoding", "leak.target-encoding", frame, "shop_rate")


def afterwards(rng: np.random.Generator, task: str) -> Planted:
    """A refund that is paid once the outcome is known."""
    frame = honest(rng, task)
    frame["refund_amount"] = frame["y"] * 20 + rng.gamma(2, 12, len(frame))
    return Planted("after the fact", "leak.after-the-fact", frame, "refund_amount")


def frozen(rng: np.random.Generator, task: str) -> Planted:
    """A Pipeline with a step fitted beforehand, one whose function brings such a step, or one that learns late."""
    from sklearn.frozen import FrozenEstimator
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    frame = honest(rng, task).drop(columns=["region", "grade"])
    fitted = StandardScaler().fit(frame.drop(columns="y"))
    step = {
        "binary": FrozenEstimator(fitted),
        "multiclass": FunctionTransformer(lambda X: np.clip(fitted.transform(X), -3, 3)),
        "regression": FunctionTransformer(lambda X: X - X.mean()),
    }[task]
    model = LinearRegression() if task == "regression" else LogisticRegression()
    return Planted("fit scope", "leak.fit-scope", frame, None, {"estimator": make_pipeline(step, model)})


KINDS: tuple[Callable[[np.random.Generator, str], Planted], ...] = (
    disguise,
    copies,
    near_copies,
    groups,
    time,
    row_order,
    seen_before,
    encoded,
    afterwards,
    frozen,
)


def planted(seed: int = 0) -> list[Planted]:
    """Every kind for every task."""
    return [
        kind(np.random.default_rng([seed, i, j]), task) for i, kind in enumerate(KINDS) for j, task in enumerate(TASKS)
    ]


def clean(seed: int = 0, n: int = 20) -> list[tuple[pd.DataFrame, dict[str, Any]]]:
    """Tables without a leak, some with an innocent group column, date or test rows."""
    tables = []
    for i in range(n):
        rng = np.random.default_rng([seed, 99, i])
        frame = honest(rng, TASKS[i % 3], int(rng.integers(300, 3000)), int(rng.integers(4, 20)))
        options: dict[str, Any] = {}
        if i % 4 == 1:
            frame["customer_id"] = rng.integers(0, len(frame) // 5, len(frame))
        if i % 4 == 2:
            frame["day"] = rng.permutation(pd.date_range("2019-01-01", periods=len(frame), freq="D").to_numpy())
        if i % 4 == 3:
            options["against"] = honest(rng, TASKS[i % 3], 300, sum(c.startswith("x") for c in frame))
        tables.append((frame, options))
    return tables


def _mixed(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)

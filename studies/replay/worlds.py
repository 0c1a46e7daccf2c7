"""Out-of-fold tables whose truth is known.

Predictions are drawn, not fitted, so the population score of every configuration is exact.

A configuration is a noisy reading of the target; readings of one row share part of their noise (some rows are hard for
every model), and configurations differ in true quality as the scenario says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import expit
from scipy.stats import norm

from luthier.scoring import OutOfFold, Splits

METRICS = {"accuracy": "accuracy", "roc_auc": "roc_auc", "log_loss": "log_loss", "rmse": "rmse"}
FOLDS = 5


@dataclass(frozen=True)
class Scenario:
    """How true quality is spread over the configurations, and how much noise they share."""

    name: str
    what: str
    shared: float

    def quality(self, C: int, rng: np.random.Generator) -> np.ndarray:
        """(C,): separation of the classes in standard deviations of the noise; 0: none. The first is the default."""
        if self.name.startswith("null"):
            return np.zeros(C)
        if self.name == "weak":
            return np.maximum(rng.normal(0.4, 0.15, C), 0.0)
        if self.name == "strong":
            return 2.4 - rng.gamma(1.0, 0.25, C)
        # A fifth of the configurations equally good (the default among them), the others far behind.
        good = max(C // 5, 5)
        return np.r_[np.full(good, 1.2), np.maximum(1.2 - rng.gamma(2.0, 0.4, C - good), 0.0)]


SCENARIOS = [
    Scenario("null", "pure noise, configurations independent", 0.0),
    Scenario("null shared", "pure noise, configurations share 70 % of it", 0.7),
    Scenario("weak", "AUC 0.61 +- 0.04, 60 % shared", 0.6),
    Scenario("strong", "AUC up to 0.955, a tail of worse ones, 80 % shared", 0.8),
    Scenario("cluster", "a fifth equally good (AUC 0.80), the rest far behind, 60 % shared", 0.6),
]

_nodes, _weights = hermegauss(80)
_weights = _weights / _weights.sum()


def _table(y: np.ndarray, values: np.ndarray) -> OutOfFold:
    m = len(y)
    rows = np.arange(m)
    valid = np.array_split(rows, FOLDS)  # rows are exchangeable, so blocks are as good as shuffled folds
    folds = tuple((np.setdiff1d(rows, v), v) for v in valid)
    splits = Splits("shuffled", "simulated", folds, 1, rows, rows, np.ones(m))
    return OutOfFold(splits, y, tuple(range(len(values))), values)


def draw_world(
    scenario: Scenario, metric: str, n: int, C: int, rng: np.random.Generator
) -> tuple[OutOfFold, np.ndarray]:
    """One table and the population score of every configuration, in the metric's own sign."""
    d = scenario.quality(C, rng)
    if metric == "rmse":
        return _regression(scenario, d, n, rng)
    y = (rng.random(n) < 0.5).astype(np.int64)
    noise = np.sqrt(scenario.shared) * rng.standard_normal((1, n)) + np.sqrt(1 - scenario.shared) * rng.standard_normal(
        (C, n)
    )
    reading = noise + np.where(y == 1, 0.5, -0.5) * d[:, None]
    # Thirty percent too sure of itself, as boosted trees often are: the tail of the log loss is then heavy.
    sureness = np.where(d > 0, 1.3 * d, 0.4)
    p = expit(sureness[:, None] * reading if metric == "log_loss" else reading)
    table = _table(y, p.astype(np.float32)[:, :, None])
    if metric == "accuracy":
        return table, norm.cdf(d / 2)
    if metric == "roc_auc":
        return table, norm.cdf(d / np.sqrt(2))
    margin = sureness * (_nodes[:, None] + d / 2)
    return table, _weights @ np.logaddexp(0, -margin)


def _regression(scenario: Scenario, d: np.ndarray, n: int, rng: np.random.Generator) -> tuple[OutOfFold, np.ndarray]:
    """Residuals with the tails of Student's t (6 df) in the shared part; the target has variance one.

    RMSE depends on the residuals alone, so the target may be anything: it is zero here, and predictions are residuals.
    """
    heavy = rng.standard_t(6, (1, n)) / np.sqrt(1.5)
    own = rng.standard_normal((len(d), n))
    if scenario.name.startswith(
        "null"
    ):  # the shared part is the target itself, the own part the noise of the prediction
        residual, truth = heavy + 0.3 * own, np.full(len(d), np.sqrt(1.09))
    else:
        explained = {"weak": 0.5 * np.clip(d, 0, 1) ** 2, "strong": np.clip(0.85 - 0.3 * (2.4 - d), 0, 0.95)}.get(
            scenario.name, 0.5 * d
        )
        truth = np.sqrt(1 - explained)
        residual = truth[:, None] * (np.sqrt(scenario.shared) * heavy + np.sqrt(1 - scenario.shared) * own)
    return _table(np.zeros(n), residual.astype(np.float32)[:, :, None]), truth

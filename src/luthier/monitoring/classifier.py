"""The classifier two-sample test: if no model can tell two tables apart, neither will yours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

Floats = NDArray[np.float64]

MOST_ROWS = 4_000
"""Rows of either sample that are used: twice as many cost twice as much and show differences a third smaller."""
TREES = 60
LEAST_LEVEL = 10.0
"""Rows of the smaller sample in which a level must be expected, or it is pooled with the other rare ones."""
_NORMAL = 50  # rows of either sample from which rank sums are normal also in the tails
_LEAST = 8  # rows of either sample: with fewer a half of it is no sample


@dataclass(frozen=True, slots=True)
class ClassifierTwoSample:
    """What a classifier, trained to tell two samples apart on one half of them, made of the other half.

    Attributes
    ----------
    auc
        ROC AUC on the half it has not seen: 0.5 if the samples look alike, 1 if every row gives itself away.
    p
        Permutation p-value of an AUC at least as high.
    n
        Rows on which it was tested, of both samples.
    importance
        (d,): share of every column in what the classifier learned, summing to 1; all 0 where it learned nothing.
    """

    auc: float
    p: float
    n: int
    importance: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"auc": self.auc, "p": self.p, "n": self.n, "importance": list(self.importance)}


def classifier_two_sample(
    X: Floats,
    Y: Floats,
    *,
    rng: np.random.Generator,
    categorical: Sequence[int] = (),
    n_permutations: int = 999,
    most_rows: int = MOST_ROWS,
) -> ClassifierTwoSample:
    """Whether two tables come from one joint distribution.

    Half of the rows of either train gradient-boosted trees to say which table a row is from. On the other half, which
    had no part in that, the null hypothesis makes every assignment of the rows to the tables equally likely, whatever
    the trees, the columns' tails and the sizes are: permuting the assignments gives the p-value, and its level is exact
    as long as rows are independent. It sees what one column at a time does not, such as a lost correlation.

    Parameters
    ----------
    X, Y
        (m, d), (n, d): the tables; NaN is a missing value. Of larger ones `most_rows` are drawn.
    rng
        Draws rows, halves and permutations.
    categorical
        Positions of columns that hold codes of categories, 0 or more; -1 for whatever is none of those that had a code.
        Rare ones are pooled, see the notes.
    n_permutations
        Permutations. Where none of them reaches the AUC, p is the tail of the normal distribution with the mean and the
        variance that rank sums have under permutation: levels of one in thousands need no thousands of permutations.

    Returns
    -------
    ClassifierTwoSample
        Samples of fewer than 8 rows are never told apart (p = 1).

    Notes
    -----
    Codes are often those of the levels that X holds. Then no row of X has another level, rows of Y have some even where
    nothing differs, and a column of many levels would give the samples away. So levels of which the smaller sample is
    expected to hold fewer than ten rows, by their share of both samples together, are one level with all that have no
    code: a level common enough to stay is missing from X once in 20,000 times. In simulation (studies/monitoring) the
    level holds, where without pooling four batches of five were told apart in which nothing had changed.

    References
    ----------
    Lopez-Paz, D. & Oquab, M. (2017). Revisiting classifier two-sample tests. ICLR. Their accuracy is replaced by ROC
    AUC, which needs no samples of equal size.
    """
    d = X.shape[1]
    if min(len(X), len(Y)) < _LEAST or d == 0:
        return ClassifierTwoSample(0.5, 1.0, 0, (0.0,) * d)
    X, Y = (rows[rng.permutation(len(rows))[:most_rows]] for rows in (X, Y))
    X, Y = _rare_pooled(X, Y, categorical)
    # Rows come in random order, so that every second one is a half drawn at random.
    train, test = (np.vstack([X[k::2], Y[k::2]]) for k in (0, 1))
    train_is_y, test_is_y = (np.repeat([False, True], [len(X[k::2]), len(Y[k::2])]) for k in (0, 1))
    booster = _learned(train, train_is_y, categorical, rng)
    scores = np.asarray(booster.predict(test, num_threads=1))
    ranks = rankdata(scores)
    n_y, n_x = int(test_is_y.sum()), int((~test_is_y).sum())
    observed = float(ranks[test_is_y].sum())
    # Sums of the ranks of n_y rows drawn without replacement: the first of a shuffled order.
    drawn = [float(rng.permutation(ranks)[:n_y].sum()) for _ in range(n_permutations)]
    reached = sum(total >= observed - 1e-6 for total in drawn)
    p = (1 + reached) / (n_permutations + 1)
    if reached == 0 and min(n_x, n_y) >= _NORMAL:
        n = n_x + n_y
        spread = np.sqrt(n_x * n_y / n * ranks.var(ddof=1))
        p = min(p, float(norm.sf((observed - n_y * (n + 1) / 2) / spread)))
    gain = np.asarray(booster.feature_importance("gain"), np.float64)
    importance = gain / gain.sum() if gain.sum() > 0 else gain
    auc = (observed - n_y * (n_y + 1) / 2) / (n_y * n_x)
    return ClassifierTwoSample(auc, p, n_x + n_y, tuple(float(share) for share in importance))


def density_ratio(
    X: Floats,
    Y: Floats,
    *,
    rng: np.random.Generator,
    categorical: Sequence[int] = (),
) -> tuple[Floats, Floats]:
    """How much more often rows like each occur in Y than in X, from classifiers that have not seen the row.

    Returns
    -------
    (m,), (n,) : ratios at the rows of X and of Y, from two classifiers, each asked about the half it did not learn.

    References
    ----------
    Sugiyama, M., Suzuki, T. & Kanamori, T. (2012). Density ratio estimation in machine learning, ch. 4.
    """
    X, Y = _rare_pooled(X, Y, categorical)
    ratios = [np.empty(len(rows)) for rows in (X, Y)]
    halves = [rng.permutation(len(rows)) % 2 for rows in (X, Y)]
    for k in (0, 1):
        learned = [
            rows[rng.permutation(np.flatnonzero(half == k))[:MOST_ROWS]]
            for rows, half in zip((X, Y), halves, strict=True)
        ]
        is_y = np.repeat([False, True], [len(rows) for rows in learned])
        booster = _learned(np.vstack(learned), is_y, categorical, rng)
        for rows, half, ratio in zip((X, Y), halves, ratios, strict=True):
            score = np.asarray(booster.predict(rows[half != k], num_threads=1)) if (half != k).any() else np.empty(0)
            ratio[half != k] = score / np.maximum(1 - score, 1e-6)
    return ratios[0], ratios[1]


def _rare_pooled(X: Floats, Y: Floats, categorical: Sequence[int]) -> tuple[Floats, Floats]:
    """Both tables with the frequent levels of every column of categories as 1, 2, ... and all others as 0."""
    both = np.vstack([X, Y])
    smaller_share = min(len(X), len(Y)) / max(len(both), 1)
    for j in categorical:
        here = np.flatnonzero(~np.isnan(both[:, j]))
        levels, which, counts = np.unique(both[here, j], return_inverse=True, return_counts=True)
        frequent = (levels >= 0) & (counts * smaller_share >= LEAST_LEVEL)
        both[here, j] = np.where(frequent, np.cumsum(frequent), 0)[which]
    return both[: len(X)], both[len(X) :]


def _learned(rows: Floats, is_y: NDArray[np.bool_], categorical: Sequence[int], rng: np.random.Generator) -> Any:
    """Boosted trees that tell rows apart; both samples weigh the same whatever their sizes."""
    import lightgbm

    return lightgbm.train(
        {
            "objective": "binary",
            "learning_rate": 0.1,
            "num_leaves": 8,
            "min_data_in_leaf": max(5, min(20, len(rows) // 20)),
            "cat_smooth": 10.0,
            "is_unbalance": True,
            "num_threads": 1,
            "seed": int(rng.integers(2**31)),
            "deterministic": True,
            "verbose": -1,
        },
        lightgbm.Dataset(
            rows,
            is_y.astype(np.float64),
            categorical_feature=list(categorical),
            params={"verbose": -1, "num_threads": 1, "max_bin": 63},
        ),
        num_boost_round=TREES,
    )

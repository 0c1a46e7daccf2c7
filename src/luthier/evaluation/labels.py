"""Which labels look wrong, how many are, and which rows to look at first: a reading of the out-of-fold table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from luthier.evaluation.noise import NoiseModel, fit_noise
from luthier.scoring.estimate import Estimate

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

LEVEL = 0.9
"""Of the interval for the number of wrong labels."""
NOT_OF_THIS_SHAPE = 0.4
"""Standard error that is added for every row the model itself is expected to mistake: how the classes overlap is known
only up to the shape assumed. Found by simulation (studies/label_errors)."""
LEAST_GAIN = 12.0
"""Log likelihood that the noise model must gain before labels count as wrong: without wrong labels it gained up to 10
in 160 tables of chance (n = 120 to 800), with 2 to 20 % of wrong labels 12 to 500."""
SURE = 0.9
FEWEST_ROWS = 50
"""Our judgement: below, a handful of rows decides what counts as sure."""
NEIGHBOURS = 101
"""Rows of like prediction by which the usual residual is measured."""
TAIL, FAR_TAIL = 0.1, 0.05
"""Shares of residuals, the largest: between them the tail is measured, and beyond the second it may be errors."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelReview:
    """What the out-of-fold predictions say of the labels.

    Parameters
    ----------
    task
        "binary", "multiclass" or "regression".
    given, suggested
        (n,) the label as it stands, and what it would be if the predictions are right: class codes or values.
    p_wrong
        (n,) probability that the label is wrong, in [0, 1].
    ranked
        (n,) rows, the likeliest errors first.
    count
        How many labels are wrong, with an interval that holds the true number with probability 0.9.
    sure
        Share of a class's rows that leave no doubt (q above 0.9), in the class where it is least; 1 for regression,
        where the question does not arise. Where it is small, chance in the outcome passes for wrong labels.
    transition
        (k, k) how often a class (row) is written down as another (column); None for regression.

    Notes
    -----
    Chance in the outcome itself, the same wherever a class is certain, cannot be told from wrong labels by any
    computation: a wrong label is one that nothing in its row explains.
    """

    task: Literal["binary", "multiclass", "regression"]
    given: NDArray[Any]
    suggested: NDArray[Any]
    p_wrong: Floats
    ranked: Indices
    count: Estimate
    sure: float
    transition: Floats | None

    @property
    def likely(self) -> Indices:
        """Rows whose label is more probably wrong than right, the likeliest first."""
        return self.ranked[self.p_wrong[self.ranked] > 0.5]

    def first(self, most: int) -> Indices:
        """The rows to look at first, when so many can be looked at."""
        return self.ranked[:most]

    def expected_in(self, most: int) -> float:
        """How many wrong labels are expected among the first so many."""
        return float(self.p_wrong[self.first(most)].sum())

    def to_dict(self, most: int = 100) -> dict[str, Any]:
        """As JSON values, with a review list of so many rows."""
        return {
            "task": self.task,
            "count": self.count.to_json(),
            "rows": len(self.given),
            "likely": len(self.likely),
            "expected_in_list": round(self.expected_in(most), 1),
            "list": [
                {
                    "row": int(row),
                    "given": self.given[row].item(),
                    "suggested": self.suggested[row].item(),
                    "p_wrong": round(float(self.p_wrong[row]), 4),
                }
                for row in self.first(most)
            ],
            "transition": None if self.transition is None else self.transition.round(4).tolist(),
        }


def review_labels(y: NDArray[Any], p: Floats, task: Literal["binary", "multiclass", "regression"]) -> LabelReview:
    """Judge every label by what models that had not seen it predicted.

    Parameters
    ----------
    y
        (n,) coded target: classes 0..k-1, or values.
    p
        (n, k) out-of-fold predictions in the shapes of the house: probabilities (binary: one column, of class 1), or
        values in one column.
    task
        What is predicted.

    Raises
    ------
    ValueError
        Shapes that do not fit, or predictions that are missing.

    Notes
    -----
    Classes: the noise model of `evaluation.noise`; a label is wrong with its posterior probability under it. The
    ranking takes the place of Northcutt's self-confidence: with equal noise in all classes it is as good, and where one
    class is written down wrongly more often than another it is much better (studies/label_errors). Values: residuals
    are set against the usual residual of rows of like prediction; see `_wrong_values`.

    Source: Northcutt, Jiang & Chuang (2021), "Confident Learning", J. Artificial Intelligence Research 70.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=1000)
    >>> p = np.clip(truth + rng.normal(0, 0.2, 1000), 0.02, 0.98)[:, None]
    >>> labels = np.where(np.arange(1000) < 40, 1 - truth, truth)
    >>> review = review_labels(labels, p, "binary")
    >>> 40 in review.count, int((review.first(40) < 40).sum())
    (True, 39)
    """
    p = np.asarray(p, np.float64).reshape(len(p), -1)
    if y.shape != (len(p),) or np.isnan(p).any():
        raise ValueError(f"every label needs a prediction: y is {y.shape}, p {p.shape}, {int(np.isnan(p).sum())} NaN")
    if task == "regression":
        return _review_values(np.asarray(y, np.float64), p[:, 0])
    return _review_classes(np.asarray(y, np.int64), np.c_[1 - p, p] if task == "binary" else p, task)


def _review_classes(y: Indices, p: Floats, task: Literal["binary", "multiclass"]) -> LabelReview:
    model = fit_noise(y, p)
    true = model.posterior(y, p)
    right = true[np.arange(len(y)), y]
    wrong = 1 - right
    truth = model.truth(p)
    of_class = np.maximum(truth.sum(axis=0), 1e-12)
    others = true.copy()
    others[np.arange(len(y)), y] = -1.0
    return LabelReview(
        task=task,
        given=y,
        suggested=others.argmax(axis=1),
        p_wrong=wrong,
        # Ties at 0 and 1 fall to the plain probability of the label.
        ranked=np.lexsort((p[np.arange(len(y)), y], right)),
        count=_count(wrong, true, model, mistakes=float((1 - truth.max(axis=1)).sum())),
        sure=float((np.where(truth > SURE, truth, 0.0).sum(axis=0) / of_class).min()),
        transition=model.transition,
    )


def _count(wrong: Floats, true: Floats, model: NoiseModel, *, mistakes: float) -> Estimate:
    """How many labels are wrong.

        se^2 = V / (1 - f) + 1 + (c M)^2,   V = sum p (1 - p),   f = V / sum over classes of n_j t_j (1 - t_j)

    p: probability that a label is wrong; t_j: share of class j written down wrongly, n_j: its rows. f is the share of
    the information on t that is lost because the true classes are not seen (Louis 1982, J. Royal Statistical Society B
    44): the first term is the exact variance of the number of errors about its estimate, at first order, when only t is
    estimated. The 1 is for the rounding of a count; M is the number of rows that the model is expected to mistake.
    Where chance in the outcome explains the labels about as well as wrong ones do, the interval begins at 0.
    """
    V = float((wrong * (1 - wrong)).sum())
    rate = 1 - np.diagonal(model.transition)
    complete = float((true.sum(axis=0) * rate * (1 - rate)).sum())
    f = min(V / complete, 0.95) if complete > 0 else 0.0
    se = np.sqrt(V / (1 - f) + 1 + (NOT_OF_THIS_SHAPE * mistakes) ** 2)
    value, half = float(wrong.sum()), float(stats.norm.ppf(0.5 + LEVEL / 2) * se)
    low = max(0.0, value - half) if model.gain >= LEAST_GAIN else 0.0
    high = min(float(len(wrong)), value + half)
    return Estimate(value, low, high, len(wrong), LEVEL, "noise model of the out-of-fold predictions")


# --- values ---


def _review_values(y: Floats, prediction: Floats) -> LabelReview:
    p_wrong, z, count = _wrong_values(y, prediction)
    return LabelReview(
        task="regression",
        given=y,
        suggested=prediction,
        p_wrong=p_wrong,
        ranked=np.argsort(-z, kind="stable"),
        count=count,
        sure=1.0,
        transition=None,
    )


def _wrong_values(y: Floats, prediction: Floats) -> tuple[Floats, Floats, Estimate]:
    """Values too far from their prediction: probability of each to be wrong, its distance z, and how many there are.

    z is |residual| over the median |residual| of the rows whose predictions are nearest. Its tail is taken to fall as a
    power, which few honest tails do more slowly: the exponent is read between the largest tenth and the largest
    twentieth of z (Hill 1975, Annals of Statistics 3), so that errors, if fewer than that, do not stretch the ruler
    they are measured by. Beyond z one expects n P(Z > z) rows; those there are more than expected are wrong:

        P(wrong | at least z) = max(0, 1 - expected(z) / observed(z))

    (the tail-area false discovery rate; Efron 2004, J. American Statistical Association 99). Only gross errors can be
    seen so: a value that is wrong by less than the model usually is leaves no trace.
    """
    z = np.abs(y - prediction) / _usual(np.abs(y - prediction), prediction)
    expected = len(z) * _tail(z)
    order = np.argsort(-z, kind="stable")
    observed = np.empty(len(z))
    observed[order] = np.arange(1, len(z) + 1)
    excess = np.maximum(0.0, 1 - expected / observed)
    excess[z <= np.quantile(z, 1 - FAR_TAIL)] = 0.0
    # The further out, the likelier wrong: what is nearer in may not count for more.
    excess[order] = np.maximum.accumulate(excess[order][::-1])[::-1]
    beyond = expected < 1.0  # where not even one honest row is expected, everything observed is wrong but one or so
    n, e = int(beyond.sum()), float(expected[beyond].max(initial=0.0))
    tail = (1 - LEVEL) / 2
    low = max(0.0, float(stats.chi2.ppf(tail, 2 * n)) / 2 - e) if n else 0.0
    high = max(float(n), float(stats.chi2.ppf(1 - tail, 2 * n + 2)) / 2 - e)
    count = Estimate(
        max(0.0, n - e), low, high, len(z), LEVEL, "residuals beyond the tail of the others (gross errors)"
    )
    return excess, z, count


def _usual(residual: Floats, prediction: Floats) -> Floats:
    """(n,) median |residual| of the rows whose predictions are nearest, never below a tenth of that of all."""
    order = np.argsort(prediction, kind="stable")
    width = min(NEIGHBOURS, len(residual) // 2 * 2 - 1)
    half = width // 2
    padded = np.pad(residual[order], half, mode="reflect") if half else residual[order]
    medians = np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)
    usual = np.empty_like(residual)
    usual[order] = medians
    floor = 0.1 * float(np.median(residual))
    return np.maximum(usual, floor if floor > 0 else float(residual.mean()) or 1.0)


def _tail(z: Floats) -> Floats:
    """P(Z > z) by a power law through the largest tenth of z; 1 below it."""
    edge, far = np.quantile(z, [1 - TAIL, 1 - FAR_TAIL])
    if not far > edge > 0:
        return np.ones(len(z))
    between = z[(z > edge) & (z <= far)]
    # Hill's estimator, the rows beyond known only to be beyond.
    exponent = len(between) / (np.log(between / edge).sum() + (z > far).sum() * np.log(far / edge))
    return np.asarray(np.where(z > edge, TAIL * (np.maximum(z, edge) / edge) ** -exponent, 1.0))

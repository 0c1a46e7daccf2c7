"""Metrics of hard decisions, from counts of rows right and wrong per class.

The decision is the class with the highest probability; between two classes the positive one needs more than one half,
as in scikit-learn's `predict`. A row whose probabilities are NaN is decided for no class, hence wrong. Where a quotient
has nothing below the line (no row predicted as the class, say) it counts 0.0, as in scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from luthier.scoring.metrics.metric import (
    BINARY,
    CLASSIFICATION,
    AdditiveMetric,
    Floats,
    Predictions,
    Target,
    as_columns,
    share,
)

Average = Literal["binary", "macro", "micro", "weighted"]


def decide(p: Predictions) -> NDArray[np.int64]:
    """The class each row of probabilities (n, k) is decided for; -1 where they are NaN."""
    p = as_columns(p)
    codes: NDArray[np.int64] = (p[:, 0] > 0.5 if p.shape[1] == 1 else p.argmax(axis=1)).astype(np.int64)
    codes[np.isnan(p).any(axis=1)] = -1
    return codes


def _hits(y: Target, p: Predictions) -> Floats:
    """(n, 2): right, and 1."""
    return np.column_stack([decide(p) == y, np.ones(len(p))]).astype(np.float64)


def _accuracy(sums: Floats) -> Floats:
    return share(sums[..., 0], sums[..., 1])


def _class_counts(y: Target, p: Predictions) -> Floats:
    """(n, 3 K): is class k and decided for it; is class k; decided for class k."""
    classes = np.arange(max(p.shape[1], 2))
    is_class = np.asarray(y)[:, None] == classes
    decided = decide(p)[:, None] == classes
    return np.hstack([is_class & decided, is_class, decided]).astype(np.float64)


def _by_class(sums: Floats) -> tuple[Floats, Floats, Floats]:
    counts = sums.reshape(*sums.shape[:-1], 3, -1)
    return counts[..., 0, :], counts[..., 1, :], counts[..., 2, :]


def _balanced_accuracy(sums: Floats) -> Floats:
    """Mean recall of the classes that have rows."""
    right, true, _ = _by_class(sums)
    return share(share(right, true, otherwise=0.0).sum(axis=-1), (true > 0).sum(axis=-1).astype(np.float64))


def _precision(right: Floats, _true: Floats, decided: Floats) -> Floats:
    return share(right, decided, otherwise=0.0)


def _recall(right: Floats, true: Floats, _decided: Floats) -> Floats:
    return share(right, true, otherwise=0.0)


def _f1(right: Floats, true: Floats, decided: Floats) -> Floats:
    return share(2 * right, true + decided, otherwise=0.0)


Quotient = Callable[[Floats, Floats, Floats], Floats]


def _averaged(sums: Floats, quotient: Quotient, average: Average) -> Floats:
    """One quotient per class, then an average: over classes seen ("macro"), or of rows pooled ("micro").

    A class is seen when it has rows or is decided for; NaN when there is no row at all.
    """
    right, true, decided = _by_class(sums)
    some_rows = true.sum(axis=-1) > 0
    if average == "micro":
        value = quotient(right.sum(axis=-1), true.sum(axis=-1), decided.sum(axis=-1))
    else:
        by_class = quotient(right, true, decided)
        if average == "binary":
            value = by_class[..., 1]
        elif average == "macro":
            seen = (true + decided) > 0
            value = share((by_class * seen).sum(axis=-1), seen.sum(axis=-1).astype(np.float64))
        else:
            value = share((by_class * true).sum(axis=-1), true.sum(axis=-1))
    result: Floats = np.where(some_rows, value, np.nan)
    return result


def f_beta(beta: float) -> AdditiveMetric:
    """F-beta of the positive class: recall counts beta times as much as precision.

    Source: van Rijsbergen (1979), "Information Retrieval", chapter 7; zero where nothing is right, as in scikit-learn.
    """

    def value(right: Floats, true: Floats, decided: Floats) -> Floats:
        return share((1 + beta**2) * right, beta**2 * true + decided, otherwise=0.0)

    return AdditiveMetric(
        f"f{beta:g}",
        greater_is_better=True,
        tasks=BINARY,
        row_stats=_class_counts,
        value=partial(_averaged, quotient=value, average="binary"),
    )


def _specificity(sums: Floats) -> Floats:
    """Share of the negative class that is decided for it: the recall of class 0."""
    right, true, _ = _by_class(sums)
    return np.where(true.sum(axis=-1) > 0, share(right[..., 0], true[..., 0], otherwise=0.0), np.nan)


def _mcc_counts(y: Target, p: Predictions) -> Floats:
    """(n, 2 + 2 K): right; 1; is class k; decided for class k."""
    counts = _class_counts(y, p)
    k = counts.shape[1] // 3
    return np.column_stack([counts[:, :k].sum(axis=1), np.ones(len(p)), counts[:, k:]])


def _mcc(sums: Floats) -> Floats:
    """Correlation of decision and truth, for any number of classes (R_K).

    Source: Gorodkin (2004), Computational Biology and Chemistry 28, eq. 8. 0.0 when either is constant.
    """
    # Shares instead of counts: the products below then stay of order one whatever the weights.
    counts = share(sums, sums[..., 1:2])
    right = counts[..., 0]
    true, decided = np.split(counts[..., 2:], 2, axis=-1)
    covariance = right - (true * decided).sum(axis=-1)
    spread = (1 - (true**2).sum(axis=-1)) * (1 - (decided**2).sum(axis=-1))
    # A constant margin leaves rounding of the order of 1e-16 where the spread is exactly zero.
    constant = ((true > 0).sum(axis=-1) <= 1) | ((decided > 0).sum(axis=-1) <= 1)
    value: Floats = np.where(constant, 0.0, covariance / np.sqrt(np.where(constant, 1.0, spread)))
    return np.where(np.isnan(right), np.nan, value)


def _family(name: str, quotient: Quotient) -> tuple[AdditiveMetric, ...]:
    binary = AdditiveMetric(
        name,
        greater_is_better=True,
        tasks=BINARY,
        row_stats=_class_counts,
        value=partial(_averaged, quotient=quotient, average="binary"),
        aliases=(f"{name}_score", f"{name}_binary"),
    )
    averages: tuple[Average, ...] = ("macro", "micro", "weighted")
    others = (
        AdditiveMetric(
            f"{name}_{average}",
            greater_is_better=True,
            tasks=CLASSIFICATION,
            row_stats=_class_counts,
            value=partial(_averaged, quotient=quotient, average=average),
        )
        for average in averages
    )
    return (binary, *others)


METRICS = (
    AdditiveMetric(
        "accuracy",
        greater_is_better=True,
        tasks=CLASSIFICATION,
        row_stats=_hits,
        value=_accuracy,
        aliases=("acc", "accuracy_score"),
    ),
    AdditiveMetric(
        "balanced_accuracy",
        greater_is_better=True,
        tasks=CLASSIFICATION,
        row_stats=_class_counts,
        value=_balanced_accuracy,
        aliases=("bacc", "balanced_accuracy_score"),
    ),
    *_family("precision", _precision),
    *_family("recall", _recall),
    *_family("f1", _f1),
    AdditiveMetric(
        "specificity",
        greater_is_better=True,
        tasks=BINARY,
        row_stats=_class_counts,
        value=_specificity,
        aliases=("tnr",),
    ),
    AdditiveMetric(
        "matthews_corrcoef",
        greater_is_better=True,
        tasks=CLASSIFICATION,
        row_stats=_mcc_counts,
        value=_mcc,
        aliases=("mcc", "matthews"),
    ),
)

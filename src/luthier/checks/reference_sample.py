"""Representativeness: the table against a sample of those the model is meant for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_applicable, not_enough_data
from luthier.checks.population import effective_rows, raked_weights
from luthier.data.columns import Feature
from luthier.monitoring import chi_square, ks
from luthier.monitoring.classifier import classifier_two_sample
from luthier.monitoring.two_sample import TwoSample

Floats = NDArray[np.float64]

CODE = "population.reference"
LEVEL = 0.05
LEAST_AUC = 0.55
LEAST_EFFECT = 0.05
"""A classifier's success, and share of the rows by which a column differs, from which it matters; our judgement."""
LEAST_ROWS = 50
BINS = 5
THIN = 30
MOST_RAKED = 5


def look(context: Context) -> Answer:
    """Rows unlike those of a reference sample (`--reference FILE`): of the population, or recent ones.

    A classifier tries to tell the two tables apart, on rows it was not trained on; the p-value is by permutation, so
    the chance of a false finding is 5 %, whatever the columns look like. Only when it succeeds, and well enough to
    matter (ROC AUC 0.55), is anything said. Then columns are named that differ by themselves (Kolmogorov-Smirnov, or
    chi-square with rare levels pooled; Benjamini-Hochberg at 5 %, at least 5 % of the rows), fifths of the reference
    that hold fewer than 30 rows of the table, and how many rows of equal weight are left when the columns that differ
    most are weighted back (raking).
    """
    reference, data = context.reference, context.dataset
    if reference is None:
        return not_applicable("no sample of those the model is meant for is given: --reference FILE")
    if min(data.n_rows, len(reference.X)) < LEAST_ROWS:
        return not_enough_data(f"either table needs {LEAST_ROWS} rows; they have {data.n_rows} and {len(reference.X)}")
    features = data.schema.features
    categorical = [j for j, feature in enumerate(features) if feature.kind == "categorical"]
    # From the table to the reference: "new" rows are those of the reference.
    X, Y = data.X.copy(), reference.X.copy()
    for rows in (X, Y):  # a level that is new to the table is read as missing, and would give the reference away
        rows[:, categorical] = np.where(np.isnan(rows[:, categorical]), -1.0, rows[:, categorical])
    told = classifier_two_sample(X, Y, rng=context.rng(CODE), categorical=categorical)
    if told.p > LEVEL or told.auc < LEAST_AUC:
        return ()
    tests = [_test(feature, data.X[:, j], reference.X[:, j]) for j, feature in enumerate(features)]
    q = false_discovery_control([test.p for test in tests])
    named = [
        j for j in np.argsort([-test.effect for test in tests]) if q[j] <= LEVEL and tests[j].effect >= LEAST_EFFECT
    ]
    thin, codes, shares = [], [], []
    for j in named[:MOST_RAKED]:
        here, there, labels = _slices(features[j], data.X[:, j], reference.X[:, j])
        counts = np.bincount(here[here >= 0], minlength=len(labels))
        share = np.bincount(there[there >= 0], minlength=len(labels)) / max((there >= 0).sum(), 1)
        thin += [
            {"column": features[j].source, "slice": label, "rows": int(rows), "reference_share": round(float(s), 4)}
            for label, rows, s in zip(labels, counts, share, strict=True)
            if rows < THIN and s >= LEAST_EFFECT
        ]
        codes.append(here)
        shares.append(share)
    columns = tuple(dict.fromkeys(features[j].source for j in named))
    w = raked_weights(codes, shares) if codes else np.ones(data.n_rows)
    return (
        Finding(
            CODE,
            f"the rows are unlike those of {reference.name}: a classifier tells them apart (ROC AUC {told.auc:.2f})"
            + (f", most by {', '.join(map(repr, columns[:3]))}" if columns else ", by no column alone"),
            "warning",
            columns,
            {
                "auc": round(told.auc, 4),
                "p": told.p,
                "rows_tested": told.n,
                "columns": [
                    {
                        "feature": features[j].name,
                        "effect": round(tests[j].effect, 4),
                        "q": float(q[j]),
                        "share_of_what_the_classifier_learned": round(told.importance[j], 3),
                    }
                    for j in named
                ],
                "thin": thin,
                "effective_rows_when_weighted": round(effective_rows(w)),
            },
            "collect rows like those, or weight the rows you have: add a column of weights and say --weight COLUMN",
        ),
    )


def _test(feature: Feature, here: Floats, there: Floats) -> TwoSample:
    if feature.kind in {"categorical", "boolean"}:
        return chi_square(*(np.where(np.isnan(x), -1, x) for x in (here, there)))
    return ks(here, there)


def _slices(feature: Feature, here: Floats, there: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """Slice of every row of either table, -1 where missing, and what the slices are called: levels, or fifths."""
    if feature.kind in {"categorical", "boolean"}:
        labels = list(feature.levels) if feature.kind == "categorical" else ["false", "true"]
        return *(np.where(np.isnan(x), -1, x).astype(np.int64) for x in (here, there)), labels  # type: ignore[return-value]
    edges = np.unique(np.nanquantile(there, np.linspace(0, 1, BINS + 1)[1:-1]))
    bounds = ["", *(f"{edge:.4g}" for edge in edges), ""]
    labels = [f"{low}..{high}" for low, high in pairwise(bounds)]
    return *(np.where(np.isnan(x), -1, np.searchsorted(edges, x)) for x in (here, there)), labels  # type: ignore[return-value]


CHECK = Check(
    CODE,
    "Are the rows those the model is meant for, by a sample of them?",
    look,
    lambda context: 0.0 if context.reference is None else 2.0 + 2e-6 * context.dataset.X.size,
)

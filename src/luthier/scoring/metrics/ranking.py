"""Metrics of order: does a positive row get a higher probability than a negative one?

Undefined, and then NaN, when the rows hold one class only (`roc_auc`) or no positive (`average_precision`; scikit-learn
warns and says 0.0 there, which would pass for a measurement).
"""

from __future__ import annotations

import numpy as np

from luthier.scoring.metrics.metric import BINARY, CLASSIFICATION, MULTICLASS, Floats, RankMetric, share


def roc_auc_of_places(positives: Floats, negatives: Floats) -> Floats:
    """P(a positive is placed above a negative) + P(they tie) / 2, rows drawn by weight.

        AUC = sum_g P_g (N_1 + ... + N_{g-1} + N_g / 2) / (P N)

    Source: Hanley & McNeil (1982), Radiology 143; equals the trapezoidal area under the ROC curve.
    """
    below = np.cumsum(negatives, axis=-1) - negatives / 2
    return share((positives * below).sum(axis=-1), positives.sum(axis=-1) * negatives.sum(axis=-1))


def average_precision_of_places(positives: Floats, negatives: Floats) -> Floats:
    """Precision at every place that holds positives, averaged by the recall it adds.

        AP = sum_g (R_g - R_{g+1}) Precision_g,   from the highest place down, without interpolation

    Source: scikit-learn's definition; Zhu (2004), "Recall, Precision and Average Precision".
    """
    hits = np.cumsum(positives[..., ::-1], axis=-1)[..., ::-1]
    shown = hits + np.cumsum(negatives[..., ::-1], axis=-1)[..., ::-1]
    return share((positives * share(hits, shown, otherwise=0.0)).sum(axis=-1), positives.sum(axis=-1))


METRICS = (
    RankMetric("roc_auc", BINARY, roc_auc_of_places, aliases=("auc", "auroc", "roc_auc_score")),
    RankMetric("roc_auc_ovr", MULTICLASS, roc_auc_of_places, aliases=("roc_auc_ovr_macro",)),
    RankMetric("roc_auc_ovr_weighted", MULTICLASS, roc_auc_of_places, average="weighted"),
    RankMetric(
        "average_precision",
        CLASSIFICATION,
        average_precision_of_places,
        aliases=("ap", "auprc", "pr_auc", "average_precision_score"),
    ),
)

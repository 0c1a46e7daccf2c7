"""A saved model and a file of new rows with their labels: what comes of the promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from luthier.data import read_rows
from luthier.errors import BadMetric, UnfitRows
from luthier.evaluation.new_rows import NewRows, judge_new_rows
from luthier.evaluation.operating import usual_metrics
from luthier.evaluation.thresholds import Fixed, Rule
from luthier.scoring import Metric, get_metric
from luthier.scoring.forward import time_blocks
from luthier.scoring.metrics import Costs
from luthier.serving import Predictor

if TYPE_CHECKING:
    import pandas as pd


def score_new_rows(
    predictor: Predictor,
    on: Any,
    *,
    metric: Metric | None = None,
    rule: Rule | None = None,
    costs: Costs | None = None,
    seed: int = 0,
) -> NewRows:
    """Score a model on new rows.

    Parameters
    ----------
    predictor
        The model.
    on
        Path or frame with the feature columns and the target.
    metric
        What was promised; found by its name in the manifest when None.
    rule, costs
        A threshold in numbers instead of the model's own, and what decisions cost.
    seed
        Of the draws of the intervals.

    Raises
    ------
    UnfitRows
        The target or a feature is missing.
    BadMetric
        The promised metric is a function of the user's, or a threshold is to be chosen on these rows.
    """
    schema, manifest = predictor.schema, predictor.manifest
    if rule is not None and not isinstance(rule, Fixed):
        raise BadMetric(
            "a threshold chosen on the rows that judge it would flatter it",
            fix="choose it on the study (leave out --on), then name the number here, as in --threshold 0.3",
        )
    frame = read_rows(on)
    if schema.target not in frame:
        raise UnfitRows(
            f"the rows have no column {schema.target!r}, so nobody knows what happened",
            fix=f"add the column {schema.target!r}, or only predict: luthier predict",
        )
    known = frame[schema.target].notna().to_numpy() & (frame[schema.target].astype(str).str.strip() != "").to_numpy()
    frame = frame[known].reset_index(drop=True)
    if frame.empty:
        raise UnfitRows(f"no row has a {schema.target!r}", fix="bring rows whose outcome is known")
    y = schema.encode_target(frame[schema.target])
    p = answers_of(predictor, frame)
    return judge_new_rows(
        y,
        p,
        metric=metric or get_metric(manifest.metric, schema.task),
        promise=manifest.score,
        others=usual_metrics(schema.task, p, predictor.manifest.threshold if rule is None else rule.threshold, costs),
        weights=_numbers(frame, schema.weight, np.ones(len(y))),
        units=_units(frame, predictor),
        classes=schema.task != "regression",
        n_without_label=int((~known).sum()),
        rng=np.random.default_rng(seed),
    )


def answers_of(predictor: Predictor, frame: pd.DataFrame) -> NDArray[Any]:
    """(n, k) in the shapes the house agrees on."""
    if predictor.schema.task == "regression":
        return np.asarray(predictor.predict(frame), np.float64)[:, None]
    p = predictor.predict_proba(frame)
    return p[:, 1:] if predictor.schema.task == "binary" else p


def _numbers(frame: pd.DataFrame, column: str | None, otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
    return frame[column].to_numpy(np.float64) if column is not None and column in frame else otherwise


def _units(frame: pd.DataFrame, predictor: Predictor) -> NDArray[np.int64]:
    """What rows belong to: their group, a stretch of time, or nothing but themselves."""
    schema, n = predictor.schema, len(frame)
    if schema.group is not None and schema.group in frame:
        return np.asarray(np.unique(frame[schema.group].astype(str), return_inverse=True)[1], np.int64)
    if schema.time is not None and schema.time in frame:
        units = np.empty(n, np.int64)
        units[np.argsort(frame[schema.time].to_numpy(), kind="stable")] = time_blocks([n])
        return units
    return np.arange(n)

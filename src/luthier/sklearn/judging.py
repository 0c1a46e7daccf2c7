"""The honest score of a search: the replay of its choice over the out-of-fold table, where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import BadMetric, BadSplit
from luthier.evaluation import Verdict, judge
from luthier.evaluation.cost import BESIDE, own_call_s, replay_s
from luthier.scoring import AdditiveMetric, Estimate, Metric, OutOfFold, OwnMetric, RankMetric, Splits, choose_splits
from luthier.scoring.replay import FEWEST_REPLAYS
from luthier.sklearn.coding import Coding, Floats, Response
from luthier.sklearn.fold_work import Fold
from luthier.sklearn.results import Candidates
from luthier.sklearn.scorers import replayed_metrics, response_of

MAX_JUDGED = 200
"""Configurations the replay chooses among, best first: those far below the best are never chosen and only cost time."""

MAX_BYTES = 2**30
"""Memory that the out-of-fold table may take."""

MAX_OWN_JUDGED = 50
MAX_OWN_CALLS = 3000
"""The same for a function of the user's, and how often it is called about: at a millisecond a call, a few seconds."""

SAME = 1e-6
"""Relative difference up to which two computations of a score are the same score."""


@dataclass(frozen=True, slots=True, eq=False)
class Replayable:
    """What the replay needs to know before the search, so that folds keep their answers.

    Attributes
    ----------
    coding
        Of the target.
    metrics
        Candidates for what the scorer measures; which it is, the measured scores will show.
    y
        (n,) coded.
    weights
        (n,) weights by which rows are scored, or None.
    splits
        The folds as a table.
    name
        Name of the score that decides.
    n_replays
        Draws.
    """

    coding: Coding
    metrics: Sequence[Metric]
    y: NDArray[Any]
    weights: Floats | None
    splits: Splits
    name: str
    n_replays: int

    @property
    def response(self) -> Response:
        """What the folds have to ask the model."""
        return response_of(self.metrics[0])

    def finish_s(self, n_complete: int) -> float:
        """Seconds that judging will take, from above: measured on one core, with room for a busy machine."""
        n_configs, m = max(1, min(n_complete, self.max_judged)), len(self.splits.rows)
        metric, outputs, units = self.metrics[0], self.coding.n_outputs, len(np.unique(self.splits.units))
        if isinstance(metric, AdditiveMetric | RankMetric):
            size = {"rows": m, "units": units, "outputs": outputs, "configs": n_configs}
            return 0.3 + replay_s(metric, **size, replays=self.n_replays)
        return 0.3 + self.draws(n_configs) * (n_configs + BESIDE) * own_call_s(m)

    @property
    def max_judged(self) -> int:
        """How many configurations to judge."""
        return MAX_OWN_JUDGED if isinstance(self.metrics[0], OwnMetric) else MAX_JUDGED

    def draws(self, n_configs: int) -> int:
        """How many draws to judge so many configurations by."""
        if isinstance(self.metrics[0], OwnMetric):
            return min(self.n_replays, max(MAX_OWN_CALLS // n_configs, FEWEST_REPLAYS))
        return self.n_replays


def prepare(
    coding: Coding | str,
    wanted: Any,
    y: Any,
    folds: Sequence[Fold],
    *,
    groups: Any,
    weights: Any,
    name: str,
    n_replays: int,
) -> Replayable | str:
    """Get ready for the replay; a reason in words where it cannot be made."""
    if isinstance(coding, str):
        return coding
    metrics = replayed_metrics(wanted, coding)
    if isinstance(metrics, str):
        return metrics
    coded = coding.code(y)
    # Folds that look forward in the order of the rows say that the order means something: neighbours go together.
    forward = len(folds) > 1 and all(train.max(initial=-1) < valid.min(initial=len(coded)) for train, valid in folds)
    try:
        splits = choose_splits(
            coded,
            coding.task,
            groups=None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1],
            times=np.arange(len(coded)) if forward else None,
            weights=weights,
            cv=folds,
        )
    except BadSplit as error:
        return error.what
    cells = len(splits.rows) * coding.n_outputs
    if 2 * cells * 8 > MAX_BYTES:
        size = f"{len(splits.rows)} rows, {coding.n_outputs} columns"
        return f"the predictions of two configurations ({size} each) take too much memory"
    weights = None if weights is None else np.asarray(weights, np.float64)
    return Replayable(coding, metrics, coded, weights, splits, name, n_replays)


def judged(
    ready: Replayable,
    rows: Candidates,
    order: Sequence[int],
    *,
    default: int | None,
    keep_default_above: float,
    seed: int,
) -> Verdict | str:
    """Judge the choice among the rows of `cv_results_`; a reason in words where that cannot be done.

    Parameters
    ----------
    ready, rows
        The question and the configurations; trials of the verdict are rows of `cv_results_`.
    order
        The complete rows, best first.
    default
        The row of the estimator as it was handed over, if it was evaluated.
    keep_default_above
        As `luthier.evaluation.judge` takes it.
    seed
        Where the draws come from.
    """
    kept = _affordable(ready, order, default)
    values = [_slab(rows, row) for row in kept]
    usable = [k for k, slab in enumerate(values) if slab is not None]
    if not usable:
        return "; ".join(_complaints(rows)) or "no configuration was evaluated in every fold"
    slab = OutOfFold(
        ready.splits,
        ready.y[ready.splits.rows],
        tuple(kept[k] for k in usable),
        np.stack([value for value in values if value is not None]),
    )
    metric = _measured_metric(ready, rows, slab)
    if metric is None:
        return (
            f"the replay reads {ready.metrics[0].name} from predictions, which does not give the scores that were "
            "measured; it would be an honest score of something else"
        )
    try:
        return judge(
            slab,
            metric,
            default_trial=default,
            rng=np.random.default_rng([seed, 1]),
            n_replays=ready.draws(len(slab)),
            keep_default_above=keep_default_above,
        )
    except (BadMetric, ValueError) as error:
        return error.what if isinstance(error, BadMetric) else str(error)


def in_their_sign(estimate: Estimate, *, greater_is_better: bool) -> Estimate:
    """An estimate in scikit-learn's sign, where greater is always better."""
    if greater_is_better:
        return estimate
    return replace(estimate, value=-estimate.value, low=-estimate.high, high=-estimate.low)


def _affordable(ready: Replayable, order: Sequence[int], default: int | None) -> list[int]:
    """The best rows the memory admits, the default among them."""
    cells = len(ready.splits.rows) * ready.coding.n_outputs
    kept = list(order[: max(2, min(ready.max_judged, MAX_BYTES // (8 * cells)))])
    if default is not None and default in order and default not in kept:
        kept[-1] = default
    return sorted(kept)


def _slab(rows: Candidates, row: int) -> Floats | None:
    """(m, k) answers of all folds; None where a fold has none or they are not numbers."""
    answers = [None if fold is None else fold.answers for fold in rows.measured(row)]
    if any(answer is None for answer in answers):
        return None
    slab = np.concatenate([answer for answer in answers if answer is not None])
    return slab if np.isfinite(slab).all() else None


def _measured_metric(ready: Replayable, rows: Candidates, table: OutOfFold) -> Metric | None:
    """The metric that gives, fold by fold, what the scorer gave."""
    for metric in ready.metrics:
        try:
            if _agrees(metric, ready, rows, table):
                return metric
        except BadMetric:
            continue
    return None


def _agrees(metric: Metric, ready: Replayable, rows: Candidates, table: OutOfFold) -> bool:
    sign = 1.0 if metric.greater_is_better else -1.0
    for trial, p in zip(table.trials, table.values, strict=True):
        for split, fold in enumerate(rows.measured(trial)):
            assert fold is not None
            here = table.splits.fold_slice(split)
            weights = None if ready.weights is None else ready.weights[table.splits.rows[here]]
            ours, theirs = sign * metric.score(table.y[here], p[here], weights), fold.test[ready.name]
            if not np.isclose(ours, theirs, rtol=SAME, atol=SAME, equal_nan=True):
                return False
    return True


def _complaints(rows: Candidates) -> list[str]:
    said = [text for fold in rows.found.folds.values() for text in fold.complaints if "predictions" in text]
    return list(dict.fromkeys(said))[:1]

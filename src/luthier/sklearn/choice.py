"""The end of a search: choose, judge the choice, fit what was chosen; and say what went wrong on the way."""

from __future__ import annotations

import math
import random
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning

from luthier.evaluation import Verdict
from luthier.evaluation.judging import KEEP_DEFAULT_FROM
from luthier.sklearn.judging import in_their_sign, judged
from luthier.sklearn.question import Question
from luthier.sklearn.results import Candidates, Results, row_of
from luthier.sklearn.search import Found
from luthier.sklearn.settings import Settings
from luthier.tuning import seed_of


def choose(settings: Settings, question: Question, rows: Candidates, results: Results) -> dict[str, Any]:
    """Everything a fitted `TuneCV` has, by attribute."""
    plan = question.plan
    name = settings.refit if rows.multimetric and isinstance(settings.refit, str) else rows.names[0]
    means = results[f"mean_test_{name}"]
    complete = [row for row in range(len(rows.trials)) if rows.complete(row)]
    order = sorted(complete, key=lambda row: -means[row])
    default = row_of(rows, plan.space, plan.starts[0] if plan.starts else None)
    verdict = _verdict(settings, question, rows, order, default)
    learned: dict[str, Any] = {}
    if settings.refit or not rows.multimetric:
        if callable(settings.refit):
            best = _chosen_by(settings.refit, results)
        else:
            kept = settings.keep_default and isinstance(verdict, Verdict) and verdict.default_kept
            # With nothing complete, what came furthest is the only row, or the first one is as good as any.
            best = default if kept and default is not None else order[0] if order else 0
            learned["best_score_"] = means[best]
        learned |= {"best_index_": best, "best_params_": results["params"][best]}
        if settings.refit:
            learned |= _refitted(question, learned["best_params_"])
    return learned | {
        "cv_results_": results,
        "n_splits_": rows.n_splits,
        "multimetric_": rows.multimetric,
        "scorer_": question.scorers.public,
        "default_index_": default,
        "ending_": rows.found.ending,
        **_honest(verdict, chosen=learned.get("best_index_")),
    }


def _verdict(
    settings: Settings, question: Question, rows: Candidates, order: list[int], default: int | None
) -> Verdict | str:
    if isinstance(question.ready, str):
        return question.ready
    return judged(
        question.ready,
        rows,
        order,
        default=default,
        keep_default_above=KEEP_DEFAULT_FROM if settings.keep_default else math.inf,
        seed=question.plan.seed,
    )


def _chosen_by(refit: Any, results: Results) -> int:
    index = refit(results)
    if not isinstance(index, Integral):
        raise TypeError(f"the callable refit returned {index!r}, not an integer")
    row = int(index)
    if not 0 <= row < len(results["params"]):
        raise IndexError(f"the callable refit returned {row}, and there are rows 0 to {len(results['params']) - 1}")
    return row


def _refitted(question: Question, params: Any) -> dict[str, Any]:
    """The chosen configuration, fitted on all rows."""
    work = question.work
    model = clone(work.estimator).set_params(**clone(params, safe=False))
    start = time.perf_counter()
    with _seeded(seed_of(question.plan.seed, "refit")):
        model.fit(work.X, *(() if work.y is None else (work.y,)), **question.routed.fit)
    learned = {"best_estimator_": model, "refit_time_": time.perf_counter() - start}
    if hasattr(model, "feature_names_in_"):
        learned["feature_names_in_"] = model.feature_names_in_
    return learned


def _honest(verdict: Verdict | str, *, chosen: int | None) -> dict[str, Any]:
    """How far to believe the choice."""
    if isinstance(verdict, str):
        return {"honest_score_": None, "honest_score_reason_": verdict, "naive_score_": None, "verdict_": None}
    up = verdict.greater_is_better
    estimate = verdict.score if verdict.default_kept and chosen == verdict.default else verdict.estimate
    return {
        "honest_score_": in_their_sign(estimate, greater_is_better=up),
        "honest_score_reason_": None,
        "naive_score_": verdict.naive if up else -verdict.naive,
        "verdict_": verdict,
    }


def warn_of_failures(found: Found, error_score: Any) -> None:
    """Say which fits and which scorers failed, each error once."""
    if found.failed:
        errors = Counter(outcome.error or outcome.state for outcome in found.failed.values())
        said = "\n".join(f"{n} of them with: {error}" for error, n in errors.most_common(5))
        warnings.warn(
            f"{len(found.failed)} fits failed out of a total of {len(found.failed) + len(found.folds)}. Their "
            f'configurations were given up, and count {error_score}. Debug them with error_score="raise".\n{said}',
            FitFailedWarning,
            stacklevel=4,
        )
    complaints = Counter(text for fold in found.folds.values() for text in fold.complaints)
    for text, n in complaints.most_common(5):
        warnings.warn(f"in {n} of {len(found.folds)} folds: {text}", UserWarning, stacklevel=4)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Set what estimators without a `random_state` draw from, and put it back afterwards."""
    legacy, python = np.random.get_state(), random.getstate()  # noqa: NPY002  (the generator they draw from)
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(legacy)  # noqa: NPY002
        random.setstate(python)

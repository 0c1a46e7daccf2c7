"""`TuneCV`: tune a scikit-learn estimator, and say honestly how good the best one is."""

from __future__ import annotations

import sys
import time
from copy import deepcopy
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from luthier.sklearn.choice import choose, warn_of_failures
from luthier.sklearn.delegates import AnswersAsBest
from luthier.sklearn.errors import as_value_errors
from luthier.sklearn.question import pose
from luthier.sklearn.results import candidates, tabulate
from luthier.sklearn.scorers import read_scoring
from luthier.sklearn.search import search
from luthier.sklearn.settings import Settings
from luthier.tuning import Trial
from sklearn import get_config


class TuneCV(AnswersAsBest, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Tune an estimator by cross-validation within a budget: GridSearchCV and RandomizedSearchCV, with an honest score.

    The best configuration's `best_score_` is flattered by having been chosen for it. `honest_score_` says, with an
    interval, what to expect of it instead: the choice is replayed over the out-of-fold predictions (see
    `luthier.scoring.replay`), without any further fit. Nothing is written to disk.

    Parameters
    ----------
    estimator
        Any estimator or Pipeline of scikit-learn's interface. It is cloned, and sees X and y as they are given.
    space
        What may be tuned: a dict, or a list of dicts, of lists, `scipy.stats` distributions, ranges ``(low, high)`` or
        ``(low, high, "log")``, or any other form `luthier.space.SearchSpace.parse` reads. Mind that a tuple is a range
        and a list is a list of choices; `SearchSpace.from_scikit_learn` reads tuples as choices.
    budget
        How much to spend: text such as "100 trials", "5m" or "10m, 200 trials", or a number of seconds. Time is counted
        from the call of `fit` to its end; with the inline executor it holds between folds, and a fold or a final fit
        that takes longer than foreseen is not cut short. None: the whole of a finite grid for strategy="grid",
        else 50 trials.
    strategy
        How configurations are proposed: "random", "grid", "sobol", "tpe" or another strategy that `luthier.tune` knows.
    scoring
        As in GridSearchCV: a scorer's name, a `make_scorer` object, a callable ``scorer(estimator, X, y)``, a list or a
        dict of them, or a callable that returns a dict; also Luthier's own names of metrics ("rmse", "auc", "mcc",
        "pinball@0.9"). Whatever its name, a score in `cv_results_` is greater when better.
    cv
        As in GridSearchCV: None for five folds, a number of folds, a splitter, or pairs of row numbers.
    refit
        As in GridSearchCV: True, False, the name of the score that decides, or a callable from `cv_results_` to the
        index of the best. With several scores and refit=False or a callable, the first score guides strategies that
        learn.
    n_jobs
        Folds fitted at the same time, as in scikit-learn: None for one unless a joblib context says otherwise, -1 for
        one per core.
    executor
        "inline" (in this process, one fold at a time), "processes" (supervised worker processes), or "auto": inline for
        one job, processes for more or when there is a `fold_limit_s`.
    random_state
        An int makes the whole run reproducible, for any `n_jobs`, when the budget is one of trials: the proposals, and
        what estimators without a `random_state` of their own draw from NumPy's global generator in folds and final fit.
    error_score
        What a failed fit counts, or "raise". A configuration is given up when one of its fits fails: its other
        folds are not run and count `error_score` as well, and it is never chosen.
    return_train_score
        Whether `cv_results_` shows scores on the training rows.
    keep_default
        Whether to choose the estimator as it was handed over when, by the replay, it may well be as good as the
        best one found. Off by default, because GridSearchCV always returns the highest mean score.
    n_replays
        Draws of the replay; 0 for no honest score, which saves its time in nested cross-validation. Functions of your
        own (`make_scorer`) are slow to replay, and get fewer draws.
    fold_limit_s
        Seconds after which a fit is given up as failed; needs worker processes.
    verbose
        1 or more: a line for every configuration.

    Attributes
    ----------
    cv_results_ : dict
        The columns of GridSearchCV's, masked arrays included. Rows are configurations in the order of their evaluation,
        and for strategy="grid" over a finite space in the order of GridSearchCV.
    best_index_, best_params_, best_score_, best_estimator_, refit_time_, scorer_, n_splits_, multimetric_
        As in GridSearchCV: best is the highest mean of the folds' scores, the first among equals.
    honest_score_ : luthier.scoring.Estimate or None
        What to expect of the chosen configuration on new rows, corrected for its having been chosen, with a 95 %
        interval; in the sign of `cv_results_`. Its choice is by the score of all rows pooled, which may prefer another
        of two configurations that are close in the mean of their folds.
    honest_score_reason_ : str or None
        Why there is no honest score.
    naive_score_ : float or None
        The best configuration's score before the correction, all rows pooled; in the sign of `cv_results_`.
    verdict_ : luthier.evaluation.Verdict or None
        All that the replay found, in the metric's own sign; its trials are rows of `cv_results_`.
    default_index_ : int or None
        The row of `cv_results_` that is the estimator as it was handed over; None when that is no point of the space.
        Where it is one it is evaluated first, and counts as a trial.
    ending_ : str
        Why the search ended: "trials", "exhausted", "budget" or "no time for another trial".
    classes_, n_features_in_, feature_names_in_
        Of `best_estimator_`.

    Notes
    -----
    The honest score needs one prediction per row that a metric can read. There is none, and `honest_score_reason_` says
    so, for callables that score a fitted model, for several targets, and for estimators that are neither classifiers
    nor regressors. Before it is given, the metric's reading of the predictions is compared with every score that was
    measured. Rows are drawn whole: with `groups` given to `fit` whole groups, and where all folds look forward
    in the order of the rows (`TimeSeriesSplit`) stretches of neighbours.

    Folds stopped at the deadline are no rows of `cv_results_`. Not taken over from GridSearchCV: `pre_dispatch` and
    callbacks.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"C": (0.01, 100.0, "log"), "kernel": ["linear", "rbf"]}
    >>> search = TuneCV(SVC(), space, budget="20 trials", random_state=0)
    >>> print(f"{search.fit(X, y).best_score_:.3f} at {search.best_params_}")
    0.980 at {'C': 0.3536..., 'kernel': 'linear'}
    >>> print(search.honest_score_)
    0.9... [0.9..., ...] (n=150)
    """

    def __init__(
        self,
        estimator: Any,
        space: Any,
        *,
        budget: Any = None,
        strategy: str = "random",
        scoring: Any = None,
        cv: Any = None,
        refit: Any = True,
        n_jobs: int | None = None,
        executor: str = "auto",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        keep_default: bool = False,
        n_replays: int = 1000,
        fold_limit_s: float | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.space = space
        self.budget = budget
        self.strategy = strategy
        self.scoring = scoring
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.executor = executor
        self.random_state = random_state
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.keep_default = keep_default
        self.n_replays = n_replays
        self.fold_limit_s = fold_limit_s
        self.verbose = verbose

    # --- the verbs ----------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Search, choose, judge the choice, and fit the chosen configuration on all rows.

        Parameters
        ----------
        X, y
            Rows and target in any form the estimator takes: arrays, frames, sparse matrices, lists.
        **params
            `groups` for the splitter, which also makes the replay draw whole groups; everything else for the
            estimator's `fit`. What has one entry per row is split along with the rows; `sample_weight` also weighs the
            scores. With scikit-learn's metadata routing enabled, parameters go where they were requested.

        Raises
        ------
        ValueError
            Something about the request is wrong, or every fit failed. Luthier's own errors are raised as such too
            (`luthier.errors`).
        KeyboardInterrupt
            The run was stopped: no process is left behind, and the estimator is as it was before.
        """
        with as_value_errors():
            return self._fit(X, y, params, started=time.monotonic())

    def _fit(self, X: Any, y: Any, params: dict[str, Any], *, started: float) -> Self:
        settings = Settings.of(self)
        X, y = indexable(X, y)
        question = pose(settings, X, y, params, owner=self)
        found = search(
            question.work,
            question.plan,
            executor=settings.executor,
            n_jobs=settings.n_jobs,
            started=started,
            finish_s=question.finish_s,
            watch=_say if settings.verbose else _be_quiet,
        )
        rows = candidates(
            found, question.plan.space, settings.space, settings.strategy, question.scorers.names, len(question.folds)
        )
        settings.check_refit(rows.names, several=rows.multimetric)
        warn_of_failures(found, settings.error_score)
        results = tabulate(rows, error_score=settings.error_score, train_scores=settings.return_train_score)
        # All that is learned is set at the end: an interrupted fit leaves nothing half-fitted.
        for attribute, value in choose(settings, question, rows, results).items():
            setattr(self, attribute, value)
        return self

    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Score of the best estimator on given rows, by `scoring` (where there are several, the one `refit` names)."""
        if not self.refit:
            raise AttributeError(f"score is not available on this {type(self).__name__}: it was built with refit=False")
        check_is_fitted(self)
        if params and not get_config()["enable_metadata_routing"]:
            raise ValueError(
                f"[{', '.join(params)}] are passed but are not explicitly set as requested or not requested for "
                f"{type(self).__name__}.score; enable metadata routing to pass them"
            )
        routed = process_routing(self, "score", **params).scorer.score if params else {}
        scorer = self.scorer_[self.refit] if isinstance(self.scorer_, dict) else self.scorer_
        found = scorer(self.best_estimator_, X, *(() if y is None else (y,)), **routed)
        return float(found[self.refit] if isinstance(found, dict) else found)

    # --- what scikit-learn asks ---------------------------------------------------------------------------------------

    def get_metadata_routing(self) -> Any:
        """Who may ask for which parameter of `fit` and `score`."""
        scorers = read_scoring(self.scoring, self.estimator, None, refit=self.refit, error_score=self.error_score)
        return (
            MetadataRouter(owner=self)
            .add(estimator=self.estimator, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
            .add(
                scorer=scorers.measure,
                method_mapping=MethodMapping().add(caller="score", callee="score").add(caller="fit", callee="score"),
            )
            .add(splitter=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
        )

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        for part in ("classifier_tags", "regressor_tags", "transformer_tags", "target_tags", "input_tags"):
            setattr(tags, part, deepcopy(getattr(inner, part)))
        tags.non_deterministic = inner.non_deterministic
        return tags


def _say(trial: Trial) -> None:
    score = "no score" if trial.score is None else f"{trial.score:.6g}"
    sys.stdout.write(f"trial {trial.number}: {score} in {trial.seconds:.2f} s, {dict(trial.config)}\n")


def _be_quiet(trial: Trial) -> None:
    del trial

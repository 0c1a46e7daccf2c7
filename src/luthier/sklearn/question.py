"""From what `fit` is handed to what a search needs: everything that can be wrong with it is found here."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import process_routing

from luthier.errors import BadSpace
from luthier.sklearn.coding import Coding, read_target
from luthier.sklearn.fold_work import EstimatorWork, Fold
from luthier.sklearn.judging import Replayable, prepare
from luthier.sklearn.scorers import SINGLE, Scorers, read_scoring
from luthier.sklearn.settings import Settings
from luthier.space import SearchSpace
from luthier.tuning import StudyPlan
from sklearn import get_config


@dataclass(frozen=True, slots=True)
class Routed:
    """Parameters of `fit`, by who gets them: the estimator, the splitter, the scorers."""

    fit: Mapping[str, Any]
    split: Mapping[str, Any]
    score: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A search made definite.

    Attributes
    ----------
    plan, work
        What the engine runs.
    folds
        Rows to learn from and rows to judge by.
    scorers
        What is measured.
    ready
        What the replay needs, or in words why there will be none.
    routed
        Parameters of `fit`.
    """

    plan: StudyPlan
    work: EstimatorWork
    folds: tuple[Fold, ...]
    scorers: Scorers
    ready: Replayable | str
    routed: Routed
    refits: bool

    def finish_s(self, n_complete: int, fit_s: float) -> float:
        """Seconds that judging and the final fit will take, given those of one fold's fit."""
        judging = self.ready.finish_s(n_complete) if isinstance(self.ready, Replayable) else 0.0
        learned = np.mean([len(train) for train, _ in self.folds])
        share = float(learned) / max(1, *(len(train) + len(valid) for train, valid in self.folds))
        return judging + (fit_s / max(share, 1e-3) if self.refits else 0.0)


def pose(settings: Settings, X: Any, y: Any, params: Mapping[str, Any], *, owner: Any) -> Question:
    """Read the target, the scores, the folds and the space.

    Parameters
    ----------
    settings
        Of the tuner.
    X, y, params
        What `fit` was handed.
    owner
        The tuner itself, which scikit-learn's metadata routing asks.

    Raises
    ------
    UsageError, ValueError, TypeError
        Something does not fit.
    """
    estimator = settings.estimator
    if y is None and get_tags(estimator).target_tags.required:
        raise ValueError(f"This {type(owner).__name__} estimator requires y to be passed, but the target y is None.")
    coding = read_target(estimator, y)
    known = coding if isinstance(coding, Coding) else None
    scorers = read_scoring(settings.scoring, estimator, known, refit=settings.refit, error_score=settings.error_score)
    if scorers.names is not None:
        settings.check_refit(scorers.names, several=scorers.by_name is not None)
    routed = _route(params, scorers, owner)
    folds = tuple(check_cv(settings.cv, y, classifier=is_classifier(estimator)).split(X, y, **routed.split))
    if not folds:
        raise ValueError("No fits were performed. Was the CV iterator empty?")
    space = _read_space(settings.space, estimator)
    plan = settings.plan(space, len(folds))
    ready = _prepared(settings, coding, scorers, y, folds, routed)
    work = EstimatorWork(
        estimator=clone(estimator),
        space=space,
        X=X,
        y=y,
        folds=folds,
        fit_params=routed.fit,
        score_params=routed.score,
        measure=scorers.measure,
        deciding=settings.refit if isinstance(settings.refit, str) else None,
        coding=known,
        response=ready.response if isinstance(ready, Replayable) else None,
        train_scores=settings.return_train_score,
        error_score=settings.error_score,
    )
    return Question(plan, work, folds, scorers, ready, routed, bool(settings.refit))


def _route(params: Mapping[str, Any], scorers: Scorers, owner: Any) -> Routed:
    if get_config()["enable_metadata_routing"]:
        routed = process_routing(owner, "fit", **params)
        return Routed(routed.estimator.fit, routed.splitter.split, routed.scorer.score)
    fit = dict(params)
    split = {"groups": fit.pop("groups", None)}
    if fit.get("sample_weight") is None:
        return Routed(fit, split, {})
    blind = scorers.weight_blind()
    if blind:
        warnings.warn(
            f"The scoring {', '.join(blind)} of {type(owner).__name__} does not support sample_weight: rows are "
            "learned from by their weights, but all count the same in its scores",
            UserWarning,
            stacklevel=5,
        )
    weighs = len(blind) < len(scorers.by_name or (SINGLE,))
    return Routed(fit, split, {"sample_weight": fit["sample_weight"]} if weighs else {})


def _read_space(source: Any, estimator: Any) -> SearchSpace:
    """The space, checked against what the estimator can set."""
    space = SearchSpace.parse(source)
    own = estimator.get_params(deep=True)
    for parameter in space.parameters:
        # Only the first part of a nested name: what stands behind it may be swapped by the space itself.
        if parameter.sets and parameter.sets.partition("__")[0] not in own:
            alike = difflib.get_close_matches(parameter.sets, own, n=1)
            raise BadSpace(
                f"Invalid parameter {parameter.sets!r} for estimator {type(estimator).__name__}",
                fix=f"did you mean {alike[0]!r}?" if alike else f"tune one of: {', '.join(own)}",
            )
    return space


def _prepared(
    settings: Settings, coding: Coding | str, scorers: Scorers, y: Any, folds: tuple[Fold, ...], routed: Routed
) -> Replayable | str:
    several = scorers.by_name is not None
    if not settings.n_replays:
        return "n_replays=0 asks for none"
    if callable(settings.refit):
        return "a function chose the configuration, and the replay can only repeat a choice by one score"
    if several and settings.refit is False:
        return "no configuration was chosen: refit=False with several scores"
    return prepare(
        coding,
        scorers.wanted,
        y,
        folds,
        groups=routed.split.get("groups"),
        weights=routed.score.get("sample_weight"),
        name=settings.refit if several else SINGLE,
        n_replays=settings.n_replays,
    )

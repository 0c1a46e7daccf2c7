"""Optuna's studies as ours, and ours as Optuna's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from luthier.api.optimized import Direction, EvaluatedTrial, OptimizeResult
from luthier.errors import MissingExtra, UsageError
from luthier.optuna.distributions import asked_of
from luthier.space import Distribution, SearchSpace
from luthier.space.optuna_form import to_optuna
from luthier.store import Store
from luthier.tuning import Budget, Event, History, StudyPlan, chained
from luthier.tuning.objectives import Told
from luthier.tuning.objectives.trial import as_json

_STATES = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}


def export_study(
    source: OptimizeResult | str,
    *,
    storage: Any = None,
    study_name: str | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Any:
    """Write a study of ours into a new study of Optuna's.

    Parameters
    ----------
    source
        What `luthier.optimize` returned, or the id or name of a study in the store, of an objective or of a table.
    storage, study_name
        As `optuna.create_study` takes them; by default in memory, under the name of the study's id.
    store
        Where our studies are kept. Default: `LUTHIER_STORE`, else `.luthier` in the current folder.

    Returns
    -------
    optuna.Study
        Trials in the same order, with values, intermediate values at whole steps, user attributes and constraints. A
        table's trials carry the score that its metric gives all rows, not corrected for selection.

    Raises
    ------
    MissingExtra
        Optuna is not installed.
    UnknownStudy
        There is no such study.
    """
    optuna = _optuna()
    result, space = (source, SearchSpace(())) if isinstance(source, OptimizeResult) else _read(source, store)
    study = optuna.create_study(
        storage=storage, study_name=study_name or result.study, directions=list(result.directions)
    )
    for trial in result.evaluated:
        distributions = {p.name: p.distribution for p in space} | dict(trial.distributions)
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState[_STATES[trial.state]],
                values=list(trial.values) or None,
                params=dict(trial.params),
                distributions={
                    name: to_optuna(_of(name, value, distributions)) for name, value in trial.params.items()
                },
                user_attrs=dict(trial.user_attrs),
                intermediate_values={int(s): v for s, v in trial.intermediate_values.items() if s == int(s)},
                constraints=dict(trial.constraints) or None,
            )
        )
    return study


def import_study(study: Any, *, name: str | None = None, store: str | os.PathLike[str] | None = None) -> OptimizeResult:
    """Write a study of Optuna's into the store, and return it as `luthier.optimize` would.

    Hand it to `luthier.optimize(..., warm=...)` to go on from what it knows.

    Parameters
    ----------
    study
        An `optuna.Study`. Trials that are not finished are left out.
    name
        What to call it; by default as it is called there.
    store
        Where to keep it. Default: `LUTHIER_STORE`, else `.luthier` in the current folder.

    Raises
    ------
    MissingExtra
        Optuna is not installed.
    UsageError
        The study has a trial whose distribution we do not know.
    """
    _optuna()
    directions = [direction.name.lower() for direction in study.directions]
    plan = StudyPlan(
        question={
            "task": "objective",
            "dataset": name or study.study_name,
            "target": ", ".join(directions),
            "directions": directions,
            "imported": "optuna",
        },
        space=SearchSpace(()),
        starts=(),
        strategy="random",
        n_folds=1,
        greater_is_better=directions[0] == "maximize",
        budget=Budget(trials=max(len(study.trials), 1)),
    )
    bodies = _bodies(study, plan)
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    with Store.open(store) as opened:
        log = opened.create_study(plan.to_json(), plan.identity, plan.question["dataset"])
        events: list[Event] = []
        for kind, body in bodies:
            events.append(chained(events[-1] if events else None, kind, body, now))
        with opened.lock(log.study):
            log.append(events)
    history = History(plan.space, 1, greater_is_better=plan.greater_is_better)
    history.replay(events)
    return OptimizeResult.of(log.study, plan, history)


def _bodies(study: Any, plan: StudyPlan) -> list[tuple[str, Mapping[str, Any]]]:
    """The events of a study as if it had been ours."""
    spent = 0.0
    bodies: list[tuple[str, Mapping[str, Any]]] = [("study.opened", {"plan": plan.to_json(), "spent_s": spent})]
    finished = [trial for trial in study.trials if trial.state.is_finished()]
    for number, trial in enumerate(finished):
        told = _told(trial)
        seconds = trial.duration.total_seconds() if trial.duration is not None else 0.0
        spent += seconds
        state = {"COMPLETE": "complete", "PRUNED": "dropped"}.get(trial.state.name, "failed")
        score = told.values[0] if told.values else None
        about = {"trial": number, "spent_s": spent}
        bodies += [
            (
                "trial.proposed",
                {**about, "config": dict(told.config), "mode": "explore", "why": "imported from Optuna", "twin": None},
            ),
            (
                "fold.finished",
                {
                    **about,
                    "fold": 0,
                    "state": "DONE",
                    "score": score,
                    "seconds": seconds,
                    "error": None,
                    "predictions": None,
                    "notes": told.to_json(),
                },
            ),
            ("trial.finished", {**about, "state": state, "score": score, "reason": told.error}),
        ]
    return [*bodies, ("search.ended", {"reason": "imported", "spent_s": spent}), ("study.ended", {"spent_s": spent})]


def _told(trial: Any) -> Told:
    asked = asked_of(trial)
    complete = trial.state.name == "COMPLETE"
    return Told(
        {name: value for name, (_, value) in asked.items()},
        asked=asked,
        values=tuple(trial.values) if complete else (),
        steps=tuple(sorted(trial.intermediate_values.items())),
        pruned=trial.state.name == "PRUNED",
        error=None
        if complete or trial.state.name == "PRUNED"
        else str(trial.system_attrs.get("fail_reason", "failed")),
        user_attrs=as_json(trial.user_attrs),
        constraints=dict(getattr(trial, "constraints", None) or {}),
    )


def _read(study: str, store: str | os.PathLike[str] | None) -> tuple[OptimizeResult, SearchSpace]:
    """A study of the store, and the space it was given."""
    with Store.open(store, create=False) as opened:
        log = opened.load(study)
        events = log.events()
        plan = StudyPlan.from_json(opened.plan_of(log.study))
    history = History(plan.space, plan.n_folds, greater_is_better=plan.greater_is_better)
    history.replay(events)
    if plan.question["task"] == "objective":
        return OptimizeResult.of(log.study, plan, history), plan.space
    trials = [
        EvaluatedTrial(
            trial.number,
            "complete" if trial.state == "complete" else "pruned" if trial.state == "dropped" else "failed",
            trial.config,
            (trial.score,) if trial.state == "complete" and trial.score is not None else (),
            trial.seconds,
            trial.mode,
            trial.why,
            error=trial.reason,
        )
        for trial in history.trials
        if trial.folds
    ]
    direction: Direction = "maximize" if plan.greater_is_better else "minimize"
    result = OptimizeResult(log.study, log.study, (direction,), tuple(trials), history.ended, history.spent_s)
    return result, plan.space


def _of(name: str, value: Any, distributions: Mapping[str, Distribution]) -> Distribution:
    if name not in distributions:
        raise UsageError(
            f"nothing is known of where {name}={value!r} was taken from",
            fix="export the study by its id, so that its space is read from the store",
        )
    return distributions[name]


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("Optuna is not installed", fix="pip install 'luthier[optuna]'") from error
    return optuna

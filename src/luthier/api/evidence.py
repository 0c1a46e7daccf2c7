"""From a study, a run or a saved model to what its evaluation reads: record, predictions and data, made to agree."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import Any

import numpy as np

from luthier.api.judging import MAX_JUDGED, best_trials, blender_for, chooser_of
from luthier.api.problem import Order, Problem, pose
from luthier.api.resolving import find_registered, folder_of
from luthier.errors import UnknownStudy, UsageError
from luthier.evaluation import Blender, Verdict
from luthier.evaluation.evidence import Evidence, Finish
from luthier.evaluation.simplest import Simplest
from luthier.evaluation.worst_group import WorstGroup
from luthier.registry import ModelPackage, unpack
from luthier.report import ReportFacts
from luthier.scoring import OutOfFold, Splits
from luthier.store import Store, read_model
from luthier.tuning import History, StudyLog, StudyPlan, Trial


def find_package(what: str | os.PathLike[str], *, store: str | os.PathLike[str] | None = None) -> ModelPackage | None:
    """The model of a registered name, of a folder, or of the folder that `--out` named, checked; None without any.

    Raises
    ------
    UnknownModel
        The name is registered, and has no such version or has retired it.
    BadSignature, DamagedModel
        The model is not what was signed, or not what its manifest says.
    """
    registered = find_registered(what, store=store)
    if registered is not None:
        return unpack(read_model(registered.folder))
    folder = folder_of(what)
    return None if folder is None else unpack(read_model(folder))


def package_of(study: str, *, store: str | os.PathLike[str] | None = None) -> ModelPackage:
    """The saved model of a study, from where the study wrote it.

    Raises
    ------
    UnknownStudy
        There is no such study, or its model is not where it was written.
    """
    with Store.open(store, create=False) as opened:
        log = opened.load(study)
        folders = [event.body["folder"] for event in log.events() if event.kind == "model.fitted"]
    package = find_package(folders[-1]) if folders else None
    if package is None:
        where = f"not at {folders[-1]} any more" if folders else "not made yet"
        raise UnknownStudy(f"the model of study {log.study} is {where}", fix="name the folder of the saved model")
    return package


def find_facts(study: str, *, store: str | os.PathLike[str] | None = None) -> ReportFacts:
    """What the report of a study says besides its evaluation.

    Raises
    ------
    UsageError
        The study has not come to its end.
    """
    with Store.open(store, create=False) as opened:
        log = opened.load(study)
        ended = [event.body["facts"] for event in log.events() if event.kind == "study.ended" and "facts" in event.body]
    if not ended:
        raise UsageError(
            f"study {log.study} has not come to its end, so there is nothing to report",
            fix=f"luthier runs resume {log.study}",
        )
    return ReportFacts.from_json(ended[-1])


def gather_evidence(
    study: str,
    *,
    problem: Problem | None = None,
    data: Any = None,
    store: str | os.PathLike[str] | None = None,
) -> tuple[Problem, Evidence]:
    """Gather what a study left behind, with the problem it was to solve.

    Parameters
    ----------
    study
        The id of the study.
    problem
        Its problem, where it is at hand.
    data
        Without it: the table of the study, where it is not (any more) at the place from which it was read.
    store
        Where the study is kept.

    Raises
    ------
    UnknownStudy
        There is no such study, it is a comparison or tuned a function, or its data are not on disk.
    UsageError
        The study has not come to its end, or the data are not those it was tuned on.
    """
    with Store.open(store, create=False) as opened:
        log = opened.load(study)
        events = log.events()
        plan = StudyPlan.from_json(opened.plan_of(log.study))
        _check_kind(log.study, plan)
        if problem is None:
            problem = _posed_again(log.study, plan, data)
        history = History(plan.space, plan.n_folds, greater_is_better=plan.greater_is_better)
        history.replay(events)
        if history.judged is None:
            raise UsageError(
                f"study {log.study} has not come to its end, so nothing has been chosen that could be evaluated",
                fix=f"luthier runs resume {log.study}",
            )
        log.check_predictions(events, problem.slab_starts)
        judged = history.judged
        verdict, left_s = Verdict.from_json(dict(judged)), judged.get("blend_fits_s")
        evidence = evidence_of(problem, log, history, verdict, math.inf if left_s is None else left_s)
        if "finish" in judged:
            evidence = replace(evidence, shipped_with=Finish.from_json(judged["finish"]))
        return problem, evidence


def _check_kind(study: str, plan: StudyPlan) -> None:
    if plan.question.get("task") == "objective" or "compared" in plan.question:
        raise UnknownStudy(
            f"study {study} did not tune a model on a table, so there are no predictions to evaluate",
            fix="name a study of `luthier tune`: `luthier runs` lists them",
        )


def _posed_again(study: str, plan: StudyPlan, data: Any) -> Problem:
    """The problem of a study, from the data it names or those given instead, and proof that it is the same."""
    source, order = plan.facts.get("source"), plan.facts.get("order")
    if order is None:
        raise UnknownStudy(
            f"study {study} was started from Python with objects that are not on disk",
            fix="evaluate the run itself: luthier.evaluate(run)",
        )
    if data is None and source is None:
        raise UnknownStudy(
            f"study {study} was started from a frame in memory, which only the program that started it has",
            fix="give the same table: --data FILE, or luthier.evaluate(study, data=frame)",
        )
    problem = pose(source if data is None else data, Order.from_json(order))
    told = {key: value for key, value in plan.question.items() if key != "dataset"}
    found = {key: value for key, value in problem.plan.question.items() if key != "dataset"}
    if told != found:
        differs = sorted(key for key in told if told[key] != found.get(key))
        raise UsageError(
            f"the data are not those of study {study}: they differ in {', '.join(differs)}",
            fix="give the table as it was when it was tuned (--data FILE), or score new rows with --on FILE",
        )
    return problem


def evidence_of(problem: Problem, log: StudyLog, history: History, verdict: Verdict, left_s: float) -> Evidence:
    """The evidence of a study whose problem, record and verdict are at hand.

    Parameters
    ----------
    left_s
        Seconds that the members of a blend might take together to be fitted.
    """
    needed = set(verdict.shipped_trials) | {verdict.winner}
    trials = sorted({*best_trials(history, problem.metric.greater_is_better, MAX_JUDGED), *needed})
    y, splits = problem.dataset.y[problem.splits.rows], problem.splits
    values = log.read_predictions(trials)
    done = _done_by_all([history.trials[number] for number in trials])
    if len(done) < len(splits.folds):  # the budget admitted less than one whole configuration
        rows = np.concatenate([np.arange(len(splits.rows))[splits.fold_slice(fold)] for fold in done])
        splits = _only(splits, done, rows)
        y, values = y[rows], values[:, rows]
    table = OutOfFold(splits, y, tuple(trials), values)
    chooser: Blender | Simplest | WorstGroup | None = chooser_of(problem, history, table, verdict.select)
    if verdict.blend is not None:
        chooser = blender_for(problem, history, trials, left_s)
    return Evidence(
        table=table,
        metric=problem.metric,
        dataset=problem.dataset,
        plan=problem.plan,
        history=history,
        verdict=verdict,
        chooser=chooser,
        seed=problem.plan.seed,
    )


def _done_by_all(trials: list[Trial]) -> list[int]:
    """The folds that all of these trials have finished."""
    done = [{number for number, fold in trial.folds.items() if fold.state == "DONE"} for trial in trials]
    return sorted(set.intersection(*done))


def _only(splits: Splits, folds: list[int], rows: np.ndarray) -> Splits:
    """The splits without the folds that were not run; `rows` are the slab rows that are left."""
    units = np.unique(splits.units[rows], return_inverse=True)[1]
    return replace(
        splits,
        folds=tuple(splits.folds[fold] for fold in folds),
        rows=splits.rows[rows],
        units=units,
        weights=splits.weights[rows],
    )

"""Begin a study where earlier ones of the store ended: `--warm`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from luthier.api.problem import Problem
from luthier.data import Note
from luthier.errors import UnknownChoice, UnknownStudy
from luthier.models.catalogue import MODEL
from luthier.space import Config
from luthier.store import Store
from luthier.strategies import Suggestion
from luthier.tuning import History, StudyPlan
from luthier.tuning.warm import EarlierStudy, TableTraits, best_of, likeness, warm_queue

MOST_READ = 5
"""Most studies whose record is read for a warm start; their plans say which are most alike."""


def read_warm(warm: str | Sequence[str]) -> str | tuple[str, ...]:
    """What was asked for: "auto", "off", or the studies named, separated by commas or as a list."""
    if warm in ("auto", "off"):
        return str(warm)
    names = warm.split(",") if isinstance(warm, str) else warm
    found = tuple(str(name).strip() for name in names if str(name).strip())
    if not found:
        raise UnknownChoice("no study was named to begin from", fix="say auto, off, or ids of studies: --warm ID,ID")
    return found


def warmed(problem: Problem, warm: str | tuple[str, ...], store: str | os.PathLike[str] | None) -> Problem:
    """Put what did best in earlier studies in front of what is tried after the default.

    Parameters
    ----------
    problem
        The study that begins.
    warm
        "auto": by the most alike of the store's finished studies, under the strategy `auto`, those of the very same
        rows left out; "off"; or ids or names of studies.
    store
        Where they are.

    Raises
    ------
    UnknownStudy
        A study that was named is not there.
    UnknownChoice
        A study that was named answers another kind of question.
    """
    if warm == "off" or (warm == "auto" and problem.plan.strategy != "auto"):
        return problem
    try:
        with Store.open(store, create=False) as opened:
            studies = _alike(problem, opened) if isinstance(warm, str) else _named(problem, opened, warm)
    except UnknownStudy:
        if warm == "auto":  # there is no store yet, so nothing was had before
            return problem
        raise
    plan = problem.plan
    first = {plan.space.key(config) for config in plan.starts}
    queue: dict[str, Suggestion] = {}
    for one in (*warm_queue(plan.space, studies), *plan.queue):
        if (key := plan.space.key(one.config)) not in first:
            queue.setdefault(key, one)
    facts = {**plan.facts, "warm": [study.study for study in studies]}
    return replace(problem, plan=replace(plan, queue=tuple(queue.values()), facts=facts))


def as_begun(problem: Problem, begun: StudyPlan) -> Problem:
    """The problem with the queue that its study was begun with, as the store may know more by now, and a note of it."""
    plan = replace(problem.plan, queue=begun.queue, facts={**problem.plan.facts, "warm": begun.facts.get("warm", [])})
    problem = replace(problem, plan=plan)
    if not (warm := _warm(problem)):
        return problem
    note = Note(
        None,
        "assumed",
        f"{len(warm)} configurations that did best in earlier studies were tried first; where rows of those studies "
        "are in this table too, the score is not corrected for their having been chosen on them",
    )
    return replace(problem, notes=(*problem.notes, note))


def warm_lines(problem: Problem) -> list[str]:
    """What the study begins with because earlier ones liked it, as lines for people."""
    return [f"begins with {one.config[MODEL]}: {one.why}" for one in _warm(problem)]


def _warm(problem: Problem) -> list[Suggestion]:
    """Those of the queue that earlier studies brought."""
    studies = problem.plan.facts.get("warm", [])
    return [one for one in problem.plan.queue if any(study in one.why for study in studies)]


def best_before(study: str, store: str | os.PathLike[str] | None) -> tuple[Config, ...]:
    """The configurations that did best in a study; none where it is gone or has tried none."""
    try:
        with Store.open(store, create=False) as opened:
            return _best(opened, study, StudyPlan.from_json(opened.plan_of(study)))
    except UnknownStudy:
        return ()


def _alike(problem: Problem, store: Store) -> list[EarlierStudy]:
    """The finished studies most alike, those of the same rows left out: they chose on what this one is judged by."""
    found: list[tuple[float, str, StudyPlan]] = []
    for row in reversed(store.list_studies()):
        if row.state != "finished":
            continue
        body = store.plan_of(row.id)
        if not _is_of_tables(body) or body["question"]["fingerprint"] == problem.dataset.fingerprint:
            continue
        plan = StudyPlan.from_json(body)
        found.append((_likeness(problem, plan), row.id, plan))
    most = sorted(found, key=lambda one: -one[0])[:MOST_READ]
    return [_earlier(store, study, plan, like) for like, study, plan in most if like > 0]


def _named(problem: Problem, store: Store, names: tuple[str, ...]) -> list[EarlierStudy]:
    found = []
    for name in names:
        study, body = store.load(name).study, store.plan_of(name)
        if not _is_of_tables(body) or body["question"]["task"] != problem.facts.task:
            raise UnknownChoice(
                f"study {study} cannot be begun from: it is no tuning of a {problem.facts.task} table",
                fix="name a study of the same task (see luthier runs list), or --warm off",
            )
        plan = StudyPlan.from_json(body)
        found.append(_earlier(store, study, plan, max(_likeness(problem, plan), 1 / 2)))
    return found


def _earlier(store: Store, study: str, plan: StudyPlan, like: float) -> EarlierStudy:
    return EarlierStudy(study, str(plan.question["dataset"]), like, _best(store, study, plan))


def _best(store: Store, study: str, plan: StudyPlan) -> tuple[Config, ...]:
    history = History(plan.space, plan.n_folds, greater_is_better=plan.greater_is_better)
    history.replay(store.load(study).events())
    return best_of(history, MODEL)


def _is_of_tables(plan: Mapping[str, Any]) -> bool:
    """Whether a study tuned models of a table, and its record says what the table was like."""
    return "compared" not in plan["question"] and plan["question"]["task"] != "objective" and "table" in plan["facts"]


def _likeness(problem: Problem, plan: StudyPlan) -> float:
    return likeness(problem.traits, TableTraits.from_json(plan.facts["table"]))

"""The studies of a store: list, look at, take up again, remove."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from luthier.errors import UnknownStudy
from luthier.store import Store
from luthier.tuning import History, StudyPlan, say_seconds


def list_studies() -> list[dict[str, Any]]:
    """Every study of the store, newest first; none where there is no store."""
    try:
        with Store.open(create=False) as store:
            return [asdict(row) for row in reversed(store.list_studies())]
    except UnknownStudy:
        return []


def find_study(study: str) -> str:
    """The id of the study that is meant by an id, a name or the beginning of an id."""
    with Store.open(create=False) as store:
        return store.load(study).study


def show_study(study: str) -> tuple[dict[str, Any], list[str]]:
    """What a study asked, tried and found: as JSON values, and as lines for people."""
    with Store.open(create=False) as store:
        log = store.load(study)
        events = log.events()
        (row,) = [row for row in store.list_studies() if row.id == log.study]
        plan = StudyPlan.from_json(store.plan_of(log.study))
    history = History(plan.space, plan.n_folds, greater_is_better=plan.greater_is_better)
    history.replay(events)
    trials = [
        {
            "trial": t.number,
            "state": t.state,
            "score": t.score,
            "seconds": t.seconds,
            "config": dict(t.config),
            "mode": t.mode,
            "why": t.why,
            "evidence": None if t.evidence is None else dict(t.evidence),
        }
        for t in history.trials
    ]
    body = {
        "study": log.study,
        "state": row.state,
        "created_at": row.created_at,
        "question": dict(plan.question),
        "strategy": plan.strategy,
        "budget": plan.budget.to_json(),
        "spent_s": history.spent_s,
        "fold_fits": history.n_fold_fits,
        "provenance": plan.facts.get("provenance"),
        "checks": next((event.body for event in events if event.kind == "data.checked"), None),
        "verdict": history.judged,
        "trials": trials,
    }
    question = plan.question
    asked = f"{question['target']} {question['dataset']}"
    if question["task"] != "objective":
        asked = f"{question['task']} of {question['target']} in {question['dataset']}, by {question['metric']}"
    lines = [
        f"{log.study}: {row.state}",
        f"  {asked}",
        f"  {plan.strategy}, {say_seconds(history.spent_s)} spent of {plan.budget}",
        f"  {history.n_evaluated} trials, {history.n_fold_fits} folds",
    ]
    if history.best is not None and history.best.score is not None:
        best = history.best
        lines.append(f"  best so far: trial {best.number} with {best.score:.5g} (not yet corrected for selection)")
    if events and "comparison" in events[-1].body:
        lines += ["", events[-1].body["comparison"]["advice"]]
    elif events and events[-1].kind == "study.ended" and "facts" in events[-1].body:
        from luthier.report import ReportFacts, summary  # brings pandas, which a list of studies does without

        lines += ["", *summary(ReportFacts.from_json(events[-1].body["facts"]))]
    return body, lines


def order_of(study: str) -> tuple[str, dict[str, Any]]:
    """The data and the arguments of an interrupted study: asked again, they continue it with what its budget has left.

    Raises
    ------
    UnknownStudy
        There is no such study, it has ended, or it was started from a frame or objects that only the program that
        started it has.
    """
    with Store.open(create=False) as store:
        log = store.load(study)
        events = log.events()
        plan = StudyPlan.from_json(store.plan_of(log.study))
    if events and events[-1].kind == "study.ended":
        raise UnknownStudy(
            f"study {log.study} has ended, so there is nothing to take up", fix=f"luthier runs show {log.study}"
        )
    if "compared" in plan.question:
        raise UnknownStudy(
            f"study {log.study} is a comparison of strategies, which `runs resume` does not take up",
            fix="run the same `luthier compare` command again: it goes on where it stopped",
        )
    source, order = plan.facts.get("source"), plan.facts.get("order")
    if source is None or order is None:
        raise UnknownStudy(
            f"study {log.study} was started from Python with data or objects that are not on disk",
            fix="call luthier.tune again with the same arguments: it continues the study",
        )
    return source, dict(order)


def remove_study(study: str) -> None:
    """Remove a study, its predictions, and its folder of results in the store."""
    import shutil

    with Store.open(create=False) as store:
        found = store.load(study).study
        store.remove(found)
        shutil.rmtree(store.folder / "runs" / found, ignore_errors=True)

"""What a store holds, at a glance: one row per study, read from its plan and a few of its events."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa

from luthier.store.tables import EVENTS, STUDIES

StudyState = Literal["running", "interrupted", "finished", "damaged"]

_STATES = ("study.opened", "study.resumed", "study.paused", "study.ended")
_ENDED = "study.ended"
_TRIAL = "trial.finished"


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One study in a list.

    Attributes
    ----------
    id, name
        What to call it; the name is the user's, if any.
    created_at
        ISO 8601, UTC.
    state
        "running" while a process holds its lock, "finished" once the record says it ended, else "interrupted";
        "damaged" when its record cannot be understood, which must not hide the other studies.
    n_trials
        Configurations evaluated, complete or failed.
    best_score
        Best score of a complete trial, before any correction for having been chosen; None when there is none.
    dataset, target
        As the plan's question names them.
    """

    id: str
    name: str | None
    created_at: str
    state: StudyState
    n_trials: int
    best_score: float | None
    dataset: str | None
    target: str | None


@dataclass(slots=True)
class _Seen:
    ended: bool = False
    damaged: bool = False
    n_trials: int = 0
    scores: list[float] = field(default_factory=list)

    def trial(self, body: str) -> None:
        """One trial was settled."""
        try:
            facts = json.loads(body)
            self.n_trials += facts["state"] in ("complete", "failed")
            if facts["state"] == "complete" and facts.get("score") is not None:
                self.scores.append(facts["score"])
        except (ValueError, KeyError, TypeError, AttributeError):
            self.damaged = True


def list_studies(connection: sa.Connection, is_running: Callable[[str], bool]) -> list[StudyRow]:
    """Every study, oldest first. Walks the few events that tell, by index, and no fold."""
    seen: dict[str, _Seen] = defaultdict(_Seen)
    telling = sa.select(EVENTS.c.study, EVENTS.c.kind, EVENTS.c.body).where(EVENTS.c.kind.in_((*_STATES, _TRIAL)))
    for study, kind, body in connection.execute(
        telling.where(EVENTS.c.study.in_(sa.select(STUDIES.c.id))).order_by(EVENTS.c.study, EVENTS.c.seq)
    ):
        if kind == _TRIAL:
            seen[study].trial(body)
        else:
            seen[study].ended = kind == _ENDED  # the latest of them tells
    studies = connection.execute(sa.select(STUDIES).order_by(STUDIES.c.created_at, STUDIES.c.id)).all()
    return [_row(study, seen[study.id], is_running) for study in studies]


def interrupted(connection: sa.Connection, question: str) -> str | None:
    """The newest study of that question whose record does not say it ended."""
    same = sa.select(STUDIES.c.id).where(STUDIES.c.question == question).order_by(STUDIES.c.created_at.desc())
    for study in connection.scalars(same).all():
        told = sa.select(EVENTS.c.kind).where(EVENTS.c.study == study, EVENTS.c.kind.in_(_STATES))
        if connection.scalar(told.order_by(EVENTS.c.seq.desc()).limit(1)) != _ENDED:
            return str(study)
    return None


def _row(study: sa.Row[Any], seen: _Seen, is_running: Callable[[str], bool]) -> StudyRow:
    plan: dict[str, Any] = {}
    try:
        plan = dict(json.loads(study.plan))
    except (ValueError, TypeError):
        seen.damaged = True
    question = plan.get("question") or {}
    best = max if plan.get("greater_is_better", True) else min
    state: StudyState = "damaged" if seen.damaged else "finished" if seen.ended else "interrupted"
    if state == "interrupted" and is_running(study.id):
        state = "running"
    return StudyRow(
        study.id,
        study.name,
        study.created_at,
        state,
        seen.n_trials,
        best(seen.scores, default=None),
        question.get("dataset"),
        question.get("target"),
    )

"""A response made for good: fitted on all labels, kept as a study of its own, and released as the challenger."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.api.baselines import KEPT
from luthier.api.refitting import Labelled, packed
from luthier.api.releasing import released
from luthier.api.study import now_utc
from luthier.api.watching import Observed
from luthier.data.times import latest
from luthier.errors import GateNotMet, UsageError
from luthier.lifecycle import Tried
from luthier.monitoring import Baseline
from luthier.monitoring.online import estimate
from luthier.registry import FittedMember, ModelVersion, unpack
from luthier.report import ReportFacts
from luthier.report.facts import VerdictFacts
from luthier.serving import Predictor
from luthier.store import Store, read_model, write_model
from luthier.tuning.record import Event, chained

BY = "lifecycle"
"""Who acts, in the record of aliases."""


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """A response that was tried, with what is needed to make it for good.

    Attributes
    ----------
    tried
        What came of trying it.
    p
        Its answers on the judging rows.
    build
        Makes it on all labels: the predictor, its members and recalibrator where they are new, and the rows.
    """

    tried: Tried
    p: NDArray[np.float64]
    build: Callable[[], tuple[Predictor, list[FittedMember] | None, Any, Labelled]]


def challenger_of(
    seen: Observed,
    recipe: Recipe,
    judge: Labelled,
    store: str | os.PathLike[str] | None,
    seed: int,
) -> ModelVersion:
    """Make the response for good, on all labels, keep it as a study of its own, and release it."""
    rng = np.random.default_rng(seed)
    score = estimate(seen.metric, judge.y, recipe.p, rng)
    predictor, members, recalibrator, window = recipe.build()
    features = [c.name for c in seen.predictor.schema.columns if c.role == "feature" and c.name in judge.frame]
    baseline = Baseline.of(judge.frame[features], judge.y, recipe.p, rng=rng)
    files = read_model(seen.found.folder)
    with Store.open(None if store is None else Path(store), create=False) as opened:
        parent = opened.load(seen.predictor.manifest.study)
        plan = opened.plan_of(parent.study)
        log = opened.create_study(plan, f"{recipe.tried.response} of {seen.name} {now_utc()}", seen.name)
        package = packed(
            predictor, members, recalibrator, rows=window, study=log.study, score=score, files=files,
            created_at_utc=now_utc(), trained_on=f"{len(window):,} rows: {recipe.tried.words}",
        )  # fmt: skip
        made = unpack(package).manifest
        mine = seen.predictor.manifest
        if (made.files, made.recalibrator, made.threshold) == (mine.files, mine.recalibrator, mine.threshold):
            opened.remove(log.study)
            raise GateNotMet("the challenger is the champion, byte by byte", fix="wait for more labels", gates=[])
        folder = opened.folder / "runs" / log.study / "model"
        write_model(folder, package)
        facts = _facts(parent.events(), log.study, score, recipe.tried)
        told: list[tuple[str, dict[str, Any]]] = [
            ("study.opened", {"plan": plan}),
            ("study.retuned", {"parent": parent.study, "response": recipe.tried.response, "words": recipe.tried.words}),
            (
                "model.fitted",
                {
                    "trial": 0,
                    "rows": made.trained_on,
                    "until": latest(predictor.schema.times(window.frame)),
                    "folder": str(folder),
                    "digest": made.digest,
                },
            ),
            (KEPT, {"object": log.keep(baseline.to_bytes())}),
            ("study.ended", {"reason": "retuned", "facts": facts.to_json()}),
        ]
        events: list[Event] = []
        for kind, body in told:
            events.append(chained(events[-1] if events else None, kind, body, now_utc()))
        log.append(events)
        study = log.study
    why = f"{recipe.tried.response}: {recipe.tried.words}"
    return released(study, seen.name, why=why, by=BY, store=store)[0]


def _facts(events: list[Event], study: str, score: Any, tried: Tried) -> ReportFacts:
    """What the parent's report says, with the outcome of the response in place of its own."""
    bodies = [event.body["facts"] for event in events if event.kind == "study.ended" and "facts" in event.body]
    if not bodies:
        raise UsageError("the champion's study says nothing of its end", fix="tune again with luthier tune")
    facts = ReportFacts.from_json(bodies[-1])
    return replace(
        facts,
        run=replace(facts.run, study=study),
        verdict=VerdictFacts(sentence=f"{tried.response}: {tried.words}", honest=score),
        best_config={},
        shipped_trial=None,
        default_trial=None,
        progress=(),
        trials=(),
        failures=(),
        final=None if facts.final is None else replace(facts.final, members=()),
    )

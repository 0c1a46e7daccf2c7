"""The whole tuning of a study done again, part by part, each judged on rows it has not seen."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.api.new_rows import answers_of
from luthier.api.problem import Problem
from luthier.api.study import Means, answer
from luthier.data import Dataset
from luthier.data.readers import frame_of, open_table
from luthier.errors import UsageError
from luthier.evaluation.audit import Audit, audit
from luthier.evaluation.evidence import Evidence
from luthier.scoring import choose_splits
from luthier.scoring.spoken import spoken
from luthier.serving import Predictor
from luthier.tuning import say_seconds, seed_of

PARTS = 3

Pairs = list[tuple[NDArray[np.int64], NDArray[np.int64]]]


def audit_of(
    problem: Problem,
    evidence: Evidence,
    *,
    data: Any = None,
    say: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Tune anew on two of three parts of the rows, three times, and judge each time on the third.

    Rows in order of time are cut into windows: each tuning learns from what came before the window that judges it.
    Everything is done in a store of its own, which is gone afterwards.

    Parameters
    ----------
    problem, evidence
        Of the study.
    data
        Its table, where that is not where it was read from.
    say
        Called first with what it will cost, then with what came of every part.

    Raises
    ------
    UsageError
        The study was not started from a table on disk, or joined features of views.
    """
    order, dataset = problem.order, problem.dataset
    source = evidence.plan.facts.get("source") if data is None else data
    if source is None or order.to_json() is None or order.features:
        raise UsageError(
            "a study that joined feature views, or was started from objects in memory, cannot be tuned anew here",
            fix="give its table (--data FILE), or leave out the audit",
        )
    parts = _parts(dataset, seed_of(problem.plan.seed, "audit"))
    limit_s = problem.plan.budget.limit_s
    each = str(problem.plan.budget) if limit_s is None else say_seconds(limit_s)
    say(f"tunes anew {len(parts)} times, with a budget of {each} each")
    frame = _known(source, problem)
    blend = evidence.verdict.blend is not None or not math.isnan(evidence.verdict.p_single_as_good)
    said = []
    means = Means(final="auto" if blend else "refit", select=evidence.verdict.select)
    weights = np.ones(dataset.n_rows) if dataset.weights is None else dataset.weights
    with tempfile.TemporaryDirectory() as box:
        for number, (learn, judge) in enumerate(parts, 1):
            run = answer(
                frame.iloc[learn].reset_index(drop=True),
                replace(order, name=f"audit {number}", warm="off", cv=order.cv if isinstance(order.cv, int) else None),
                replace(means, store=Path(box) / "store"),
                started=time.monotonic(),
                resume=False,
                on_progress=lambda _: None,
            )
            p = _aligned(run.predictor, frame.iloc[judge].reset_index(drop=True), dataset)
            said.append((judge, p))
            part = problem.metric.score(dataset.y[judge], p, weights[judge])
            say(f"part {number} of {len(parts)}: {spoken(problem.metric.name)} {part:.4g}")
    units = np.arange(dataset.n_rows)
    if dataset.groups is not None:
        units = np.unique(dataset.groups, return_inverse=True)[1].astype(np.int64)
    return audit(
        problem.metric,
        dataset.y,
        said,
        honest=evidence.verdict.score,
        units=units,
        weights=weights,
        share=float(np.mean([len(learn) for learn, _ in parts])) / dataset.n_rows,
        rng=evidence.rng("audit"),
    )


def _known(source: Any, problem: Problem) -> Any:
    """The rows of the table whose outcome is known, as the study read them."""
    with open_table(source) as (table, _):
        frame = frame_of(table)
    target = frame[problem.dataset.schema.target]
    known = target.notna() & (target.astype(str).str.strip() != "")
    frame = frame[known].reset_index(drop=True)
    if len(frame) != problem.dataset.n_rows:
        raise UsageError(
            f"the table has {len(frame)} rows with an outcome, and the study had {problem.dataset.n_rows}",
            fix="give the table as it was when it was tuned: --data FILE",
        )
    return frame


def _parts(dataset: Dataset, seed: int) -> Pairs:
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

    task, y, groups = dataset.schema.task, dataset.y, dataset.groups
    if dataset.times is not None:
        return list(choose_splits(y, task, times=dataset.times, groups=groups, n_folds=PARTS, seed=seed).folds)
    if groups is not None:
        return list(GroupKFold(PARTS, shuffle=True, random_state=seed % 2**32).split(y, y, groups))
    deal = KFold if task == "regression" else StratifiedKFold
    return list(deal(PARTS, shuffle=True, random_state=seed % 2**32).split(y, y))


def _aligned(predictor: Predictor, frame: Any, dataset: Dataset) -> NDArray[np.float64]:
    """(n, k): answers with the columns of all classes of the table; a part may have lacked a rare one."""
    p = np.asarray(answers_of(predictor, frame), np.float64)
    ours, theirs = dataset.schema.classes, predictor.schema.classes
    if dataset.schema.task != "multiclass" or ours == theirs:
        return p
    wide = np.zeros((len(p), len(ours)))
    wide[:, [ours.index(label) for label in theirs]] = p
    return wide

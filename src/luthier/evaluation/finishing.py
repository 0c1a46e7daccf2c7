"""What a model does between the probabilities of its members and its answer, chosen when the study ends."""

from __future__ import annotations

import numpy as np

from luthier.evaluation.calibration import FEWEST_UNITS
from luthier.evaluation.chain import Chain, replays_for
from luthier.evaluation.evidence import AS_IT_IS, Evidence, Finish
from luthier.evaluation.judging import FEWEST_OF_A_CLASS, looking_ahead, restated
from luthier.evaluation.recalibrating import choose_recalibrator
from luthier.evaluation.verdict import Verdict
from luthier.scoring.metrics.counts import decide
from luthier.scoring.replay import replay


def finish(evidence: Evidence, n_replays: int | None = None) -> tuple[Finish, Verdict]:
    """Choose the last steps, and state the verdict again where they change the score.

    A recalibrator is taken only where it lowers the log loss beyond doubt; a threshold only where one was asked for.
    `n_replays`: of all choices together, for the score; by default as many as so many rows deserve.
    """
    if evidence.task == "regression":
        return Finish(), evidence.verdict
    y, p, w = evidence.y, np.asarray(evidence.shipped, np.float64), evidence.weights
    units = evidence.table.splits.units
    kind, fitted = None, None
    if _enough(evidence):
        found = choose_recalibrator(y, p, weights=w, units=units, rng=evidence.rng("calibration"))
        kind, fitted = found.chosen, found.fitted
    given = p if fitted is None else fitted.apply(p)
    threshold = AS_IT_IS
    if evidence.rule is not None and evidence.task == "binary":
        threshold = evidence.rule.choose(y, given[:, 0], w)
    done = Finish(kind, fitted, threshold, "" if evidence.rule is None else str(evidence.rule))
    asked = evidence.rule is not None
    chain = Chain.of(evidence, recalibrator=kind, rule=evidence.rule if asked and reads_decisions(evidence) else None)
    table, metric = evidence.table, evidence.metric
    made = chain(table, metric, w)
    if metric.score(y, p, w) == metric.score(y, made, w):
        return done, evidence.verdict
    again = replay(table, metric, choose=chain, n_replays=n_replays or replays_for(len(y)), rng=evidence.rng("finish"))
    score = looking_ahead(again.estimate, table, metric, made)
    return done, restated(evidence.verdict, score, forward=table.splits.kind == "forward")


def reads_decisions(evidence: Evidence) -> bool:
    """Whether the metric looks at which class is decided for, and at nothing else."""
    p, metric, w = np.asarray(evidence.shipped, np.float64), evidence.metric, evidence.weights
    sure = decide(p).astype(np.float64)[:, None] if p.shape[1] == 1 else np.eye(p.shape[1])[decide(p)]
    return metric.score(evidence.y, p, w) == metric.score(evidence.y, sure, w)


def _enough(evidence: Evidence) -> bool:
    counts = np.bincount(evidence.y[evidence.weights > 0])
    return len(np.unique(evidence.table.splits.units)) >= FEWEST_UNITS and counts[counts > 0].min() >= FEWEST_OF_A_CLASS

"""What `luthier.tune` hands back: a model that predicts, and everything that was measured on the way to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luthier.api.evidence import gather_evidence
from luthier.api.problem import Problem
from luthier.errors import BadMetric
from luthier.evaluation import Blend, Verdict
from luthier.evaluation.evidence import Finish
from luthier.evaluation.topics import read_all
from luthier.registry import Member
from luthier.report import ReportFacts, render, summary
from luthier.scoring import Estimate
from luthier.scoring.pool import Pool
from luthier.serving import Predictor
from luthier.store import write_text_atomic
from luthier.tuning import TuningRun

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Shipped:
    """The models that answer together and what that costs.

    Attributes
    ----------
    members, pool
        As in the manifest; one member where no blend is shipped.
    predict_ms_per_1000
        Milliseconds to answer 1,000 rows in one call, as measured once after packing.
    size_mb
        Size of the saved model in millions of bytes.
    finish
        What is done to the members' chances: a recalibrator, where it helps, and a threshold.
    """

    members: tuple[Member, ...]
    pool: Pool
    predict_ms_per_1000: float
    size_mb: float
    finish: Finish

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "kind": "blend" if len(self.members) > 1 else "refit",
            "pool": self.pool,
            "members": [
                {"model": member.family, "config": dict(member.config), "weight": member.weight}
                for member in self.members
            ],
            "predict_ms_per_1000": self.predict_ms_per_1000,
            "size_mb": self.size_mb,
            "recalibrator": self.finish.kind,
            "threshold": self.finish.threshold,
            "threshold_rule": self.finish.rule or None,
        }


@dataclass(frozen=True)
class TunedModel:
    """The outcome of a tuning run.

    Attributes
    ----------
    run
        The study: its plan, trials and what they cost.
    verdict
        How far to believe the winner.
    predictor
        The fitted model.
    facts
        Everything the report says, as plain values.
    model_path
        Folder of the saved model; None when it was kept in memory only.
    greater_is_better
        Direction of every score here.
    final
        What is shipped, one model or a blend, and what it costs to ask.
    problem, store
        The data and the question, and what opens the store that has the record: what `luthier.evaluate` reads.
    """

    run: TuningRun
    verdict: Verdict
    predictor: Predictor
    facts: ReportFacts
    model_path: Path | None
    greater_is_better: bool
    final: Shipped
    problem: Problem
    store: Path | str

    @property
    def score(self) -> Estimate:
        """The honest score of the model that is shipped: corrected for having been selected, with its interval."""
        return self.verdict.score

    @property
    def naive_score(self) -> float:
        """The winner's plain cross-validated score: what others would have reported."""
        return self.verdict.naive

    @property
    def default_score(self) -> Estimate | None:
        """The untuned default's score, None when it could not be evaluated."""
        return self.verdict.default_estimate

    @property
    def best_config(self) -> dict[str, Any]:
        """The configuration that was shipped; of a blend, those of its members with their weights."""
        if self.verdict.blend is not None:
            return blend_config(self.run, self.verdict.blend)
        return dict(self.run.trial(self.verdict.shipped).config)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per trial: number, state, score, seconds, the fold scores and the configuration."""
        import pandas as pd

        rows = []
        for trial in self.run.trials:
            row: dict[str, Any] = {
                "trial": trial.number,
                "state": trial.state,
                "score": trial.score,
                "seconds": trial.seconds,
                "mode": trial.mode,
                "why": trial.why,
                "reason": trial.reason,
            }
            for fold in range(self.run.plan.n_folds):
                done = trial.folds.get(fold)
                row[f"fold_{fold}"] = done.score if done is not None else None
            rows.append(row | dict(trial.config))
        return pd.DataFrame(rows)

    @property
    def classes_(self) -> tuple[Any, ...]:
        """Class labels in the order of the columns of `predict_proba`; binary: (negative, positive).

        Raises
        ------
        BadMetric
            The model is a regression.
        """
        if not self.predictor.classes_:
            raise BadMetric("a regression has no classes", fix="use predict")
        return self.predictor.classes_

    def predict(self, frame: Any) -> Any:
        """Labels or values for every row of a frame that has the training table's feature columns."""
        return self.predictor.predict(frame)

    def predict_proba(self, frame: Any) -> Any:
        """(n, n_classes) probabilities, columns in the order of `classes_`."""
        return self.predictor.predict_proba(frame)

    def report(self, path: str | Path) -> Path:
        """Write the HTML report, with all that can be read off the study, and return where it is.

        Raises
        ------
        UnwritableFolder
            The folder does not take files.
        """
        target = Path(path)
        _, evidence = gather_evidence(self.run.study, problem=self.problem, store=self.store)
        write_text_atomic(target, render(self.facts, read_all(evidence)))
        return target

    def summary(self) -> str:
        """The outcome in a few lines of plain text."""
        return "\n".join(summary(self.facts))

    def to_json(self) -> dict[str, Any]:
        """The outcome as `luthier tune --json` prints it; scores in the metric's own sign."""
        run, facts = self.run, self.facts
        return {
            "study": run.study,
            "dataset": facts.data.name,
            "task": facts.data.task,
            "metric": facts.metric.name,
            "greater_is_better": self.greater_is_better,
            "strategy": run.plan.strategy,
            "budget_s": run.plan.budget.limit_s,
            "elapsed_s": run.spent_s,
            "trials": run.n_evaluated,
            "fold_fits": run.n_fold_fits,
            "score": self.score.to_json(),
            "naive_score": self.naive_score,
            "default_score": None if self.default_score is None else self.default_score.value,
            "default_kept": self.verdict.default_kept,
            "best_config": self.best_config,
            "final": self.final.to_json(),
            "model": None if self.model_path is None else str(self.model_path),
            "report": facts.usage.report_path,
            "findings": findings(facts),
        }

    def __repr__(self) -> str:
        return f"TunedModel({self.best_config.get('model', 'estimator')}, {self.facts.metric.name} {self.score})"


def blend_config(run: TuningRun, blend: Blend) -> dict[str, Any]:
    """A blend as a configuration: its members, heaviest first, and how they are averaged."""
    members = [
        {"weight": weight, **run.trial(trial).config}
        for trial, weight in zip(blend.members, blend.weights, strict=True)
    ]
    return {"model": "blend", "pool": blend.pool, "members": members}


def findings(facts: ReportFacts) -> list[Mapping[str, Any]]:
    """What a reader should know of the data and the run, one entry each."""
    noted: list[Mapping[str, Any]] = [
        {
            "code": f"data.{note.action}",
            "title": note.reason,
            "severity": "info",
            "columns": [] if note.column is None else [note.column],
            "evidence": {},
            "fix": None,
        }
        for note in facts.data.notes
    ]
    failed: list[Mapping[str, Any]] = [
        {
            "code": f"run.{failure.state.lower()}",
            "title": f"{failure.count} folds ended as {failure.state}",
            "severity": "warning",
            "columns": [],
            "evidence": {"count": failure.count, "first_error": failure.first_error},
            "fix": None,
        }
        for failure in facts.failures
    ]
    return [*(finding.to_dict() for finding in facts.findings), *noted, *failed]

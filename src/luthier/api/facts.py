"""Gather what a report says from the study, the data and the verdict."""

from __future__ import annotations

import math
import platform
from collections import Counter, defaultdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from luthier.api.problem import Problem, strategy_of
from luthier.api.result import Shipped, blend_config
from luthier.checks import Finding
from luthier.data import Column
from luthier.evaluation import Verdict
from luthier.report import (
    BaselineFacts,
    ColumnFacts,
    DataFacts,
    FailureFacts,
    FinalFacts,
    MemberFacts,
    MetricFacts,
    NoteFacts,
    ProgressPoint,
    ReportFacts,
    RunFacts,
    SourceFacts,
    SplitFacts,
    TrialFacts,
    UsageFacts,
    VerdictFacts,
)
from luthier.strategies.grid import GridSearch
from luthier.tuning import Trial, TuningRun

_VERSIONED = ("luthier", "numpy", "scipy", "pandas", "scikit-learn", "lightgbm")


def gather_facts(
    problem: Problem,
    run: TuningRun,
    verdict: Verdict,
    *,
    shipped: Shipped,
    model_path: Path | None,
    report_path: Path | None,
    n_jobs: int,
    finished_at_utc: str,
    findings: tuple[Finding, ...],
) -> ReportFacts:
    """Everything the report says, from one run."""
    plan, price = run.plan, run.plan.budget.price
    return ReportFacts(
        data=data_facts(problem),
        metric=MetricFacts(problem.metric.name, problem.metric.greater_is_better),
        run=RunFacts(
            strategy=plan.strategy,
            budget=str(plan.budget),
            elapsed_s=run.spent_s,
            money=None if price is None else price.of(run.spent_s),
            price_per_hour=None if price is None else price.per_hour,
            currency="" if price is None else price.currency,
            n_trials=run.n_evaluated,
            n_fold_fits=run.n_fold_fits,
            seconds_by_family=_seconds_by_family(problem, run),
            n_jobs=n_jobs,
            seed=plan.seed,
            machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            versions=library_versions(),
            study=run.study,
            finished_at_utc=finished_at_utc,
            grid=_grid(run),
        ),
        verdict=VerdictFacts(
            sentence=verdict.sentence,
            honest=verdict.score,
            naive=verdict.naive,
            default=verdict.default_estimate,
            default_kept=verdict.default_kept,
            p_default_as_good=verdict.p_default_as_good if math.isfinite(verdict.p_default_as_good) else None,
            n_replays=verdict.n_replays,
            corrected_t=None if verdict.corrected_t is None else verdict.corrected_t.t,
            corrected_p=None if verdict.corrected_t is None else verdict.corrected_t.p,
            baseline=_baseline(problem),
        ),
        splits=SplitFacts(
            kind=problem.splits.kind,
            reason=problem.splits.reason,
            n_folds=len(problem.splits.folds),
            n_repeats=problem.splits.n_repeats,
            forward=problem.splits.kind == "forward",
        ),
        best_config=(
            dict(run.trial(verdict.shipped).config) if verdict.blend is None else blend_config(run, verdict.blend)
        ),
        default_config=dict(run.trial(0).config),
        shipped_trial=verdict.shipped if verdict.blend is None else None,
        default_trial=0,
        progress=tuple(_progress(problem, run)),
        trials=tuple(_trial(problem, trial) for trial in run.trials if trial.folds),
        failures=tuple(_failures(run)),
        not_measured=verdict.not_measured,
        usage=_usage(model_path, report_path),
        final=FinalFacts(
            members=tuple(
                MemberFacts(trial, member.weight, member.family, run.trial(trial).config)
                for trial, member in zip(verdict.shipped_trials, shipped.members, strict=True)
            ),
            pool=shipped.pool,
            seconds_per_1000=shipped.predict_ms_per_1000 / 1000,
            size_mb=shipped.size_mb,
            recalibrator=shipped.finish.kind,
            threshold=shipped.finish.threshold,
            rule=shipped.finish.rule,
        ),
        findings=findings,
    )


def data_facts(problem: Problem) -> DataFacts:
    """Return what a report says of the data."""
    dataset, schema = problem.dataset, problem.dataset.schema
    return DataFacts(
        name=dataset.name,
        n_rows=dataset.n_rows,
        n_columns=sum(column.role == "feature" for column in schema.columns),
        target=schema.target,
        task=schema.task,
        classes=tuple(map(str, schema.classes)),
        positive=None if schema.positive is None else str(schema.positive),
        columns=tuple(_column(column, dataset.n_rows) for column in schema.columns),
        notes=tuple(NoteFacts(note.column, note.action, note.reason) for note in problem.notes),
        sources=tuple(
            SourceFacts(Path(file.path).name, file.sha256, file.rows, file.n_bytes) for file in dataset.provenance.files
        )
        or (SourceFacts(f"{dataset.provenance.kind} frame in memory", n_rows=dataset.provenance.rows_read),),
        fingerprint=dataset.fingerprint,
    )


def _column(column: Column, n_rows: int) -> ColumnFacts:
    return ColumnFacts(
        name=column.name,
        role=column.role,
        kind=column.kind,
        missing_share=column.missing,
        n_distinct=column.n_distinct,
        low=column.low,
        high=column.high,
        top=tuple((word, count / n_rows) for word, count in column.top),
    )


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that results may depend on."""
    known = {}
    for name in _VERSIONED:
        try:
            known[name] = version(name)
        except PackageNotFoundError:  # run from a source tree that was never installed
            known[name] = "not installed"
    return known


def _grid(run: TuningRun) -> str:
    strategy = strategy_of(run.plan)
    if not isinstance(strategy, GridSearch):
        return ""
    return strategy.covered(run.plan.space, [trial.config for trial in run.trials if trial.state != "running"])


def _seconds_by_family(problem: Problem, run: TuningRun) -> dict[str, float]:
    spent: dict[str, float] = defaultdict(float)
    for trial in run.trials:
        spent[problem.kind_of(trial.config)] += trial.seconds
    return {family: seconds for family, seconds in spent.items() if seconds > 0}


def _baseline(problem: Problem) -> BaselineFacts:
    """The score of a constant guess, learned from the very rows it is scored on: no other guess does better."""
    y, weights, task = problem.dataset.y, problem.dataset.weights, problem.facts.task
    if task == "regression":
        guess, label = np.full((len(y), 1), np.average(y, weights=weights)), "predict the average"
    elif task == "binary":
        share = np.average(y == 1, weights=weights)
        guess, label = np.full((len(y), 1), share), "give everyone the average chance"
    else:
        counts = np.bincount(y, weights=weights, minlength=problem.facts.n_classes)
        guess, label = np.tile(counts / counts.sum(), (len(y), 1)), "give everyone the average chances"
    return BaselineFacts(label, float(problem.metric.score(y, guess, weights)))


def _progress(problem: Problem, run: TuningRun) -> list[ProgressPoint]:
    sign, price = (1.0 if problem.metric.greater_is_better else -1.0), run.plan.budget.price
    points: list[ProgressPoint] = []
    best = -np.inf
    done = [t for t in run.trials if t.state == "complete" and t.score is not None and t.spent_s is not None]
    for trial in sorted(done, key=lambda t: t.spent_s or 0.0):
        assert trial.score is not None
        assert trial.spent_s is not None
        if sign * trial.score > best:
            best = sign * trial.score
            money = None if price is None else price.of(trial.spent_s)
            points.append(ProgressPoint(trial.spent_s, trial.score, money))
    return points


def _trial(problem: Problem, trial: Trial) -> TrialFacts:
    return TrialFacts(
        number=trial.number,
        family=problem.kind_of(trial.config),
        state="unfinished" if trial.state == "running" else trial.state,
        score=trial.score,
        fold_scores=tuple(trial.fold_scores),
        seconds=trial.seconds,
        config=dict(trial.config),
        mode=trial.mode,
    )


def _failures(run: TuningRun) -> list[FailureFacts]:
    folds = [fold for trial in run.trials for fold in trial.folds.values() if fold.state not in ("DONE", "STOPPED")]
    counts = Counter(fold.state for fold in folds)
    return [
        FailureFacts(state, count, next((fold.error for fold in folds if fold.state == state and fold.error), None))
        for state, count in sorted(counts.items())
    ]


def _usage(model_path: Path | None, report_path: Path | None) -> UsageFacts:
    if model_path is None:
        return UsageFacts(report_path=None if report_path is None else str(report_path))
    return UsageFacts(
        model_path=str(model_path),
        report_path=None if report_path is None else str(report_path),
        commands=(("Predict new rows", f"luthier predict {model_path} new_rows.csv"),),
        code=f'import luthier\n\nmodel = luthier.load("{model_path}")\npredictions = model.predict(new_rows)',
    )

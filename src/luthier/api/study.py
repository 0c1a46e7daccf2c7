"""Carry a study from its question to its answer: open or take up, search, judge, fit, save, say."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luthier.api.baselines import KEPT, baseline_of
from luthier.api.checking import check_problem
from luthier.api.evidence import evidence_of
from luthier.api.facts import gather_facts
from luthier.api.judging import WORST, HonestWatch, Judging, group_values, refit_s
from luthier.api.problem import Order, Problem, pose, searching
from luthier.api.result import Shipped, TunedModel
from luthier.api.warming import as_begun, warmed
from luthier.canonical import finite
from luthier.checks import Checkup
from luthier.data.times import latest
from luthier.errors import BudgetTooSmall, NoModel, StudyBusy, UnwritableFolder
from luthier.evaluation import Final, Verdict
from luthier.evaluation.blend import MOST_MEMBERS
from luthier.evaluation.evidence import Finish
from luthier.evaluation.finishing import finish
from luthier.evaluation.thresholds import read_wish
from luthier.evaluation.topics import read_within
from luthier.executors import make_executor
from luthier.executors.steering import steering_on_one_thread
from luthier.models import split_config
from luthier.registry import FittedMember, pack_blend
from luthier.report import prepare, render
from luthier.serving import Predictor
from luthier.store import Store, StoredStudyLog, predictions_digest, write_model, write_text_atomic
from luthier.tuning import Engine, History, Outcome, Progress, StudyPlan, Surroundings, Trial, TuningRun

if TYPE_CHECKING:
    import pandas as pd

FINISH_S = 0.4
"""Seconds for what the finish does besides judging, fitting and reporting: packing, hashing, writing."""

REPORT_S = 1.2
"""Seconds to draw and write the report on one core."""

LATE_S = 0.5
"""Seconds by which a study may be late rather than ship another model than the one it chose: half of what a budget may
be passed by."""

READINGS_SHARE, MOST_READINGS_S = 0.04, 15.0
"""Part of a budget of time, and most seconds, that are kept back to read the predictions for the report."""

MEMORY_SHARE = 0.8
"""Share of the machine's free memory that the folds may use together."""


@dataclass(frozen=True, slots=True)
class Means:
    """How a study is carried out, which changes nothing about its question.

    Attributes
    ----------
    n_jobs
        Folds at the same time; None for one per core.
    executor
        Name of the executor.
    out
        Folder for the model and the report; None for the study's own folder in the store.
    store
        Where the store is; None for the usual place.
    report
        Whether to write the HTML report.
    final
        Whether the model may be a blend.
    select
        Which configuration wins: "best", "simplest" or "worst:COLUMN".
    """

    n_jobs: int | None = None
    executor: str = "processes"
    out: Path | None = None
    store: str | os.PathLike[str] | None = None
    report: bool = False
    final: Final = "auto"
    select: str = "best"


def answer(
    data: Any,
    order: Order,
    means: Means,
    *,
    started: float,
    resume: bool,
    on_progress: Callable[[Progress], None],
    on_start: Callable[[Problem, StoredStudyLog], None] = lambda *_: None,
    on_checked: Callable[[Checkup], None] = lambda _: None,
) -> TunedModel:
    """Tune from a question to a saved model, within the budget that began to run at `started` (monotonic seconds).

    Raises
    ------
    UsageError
        The request cannot be carried out as asked; nothing was written.
    NoModel
        Every fit failed.
    """
    problem = warmed(pose(data, order, to_ship=True), order.warm, means.store)
    if means.out is not None:
        check_writable(means.out)
    if means.select.startswith(WORST):
        group_values(problem.dataset, means.select.removeprefix(WORST))
    with Store.open(means.store) as store:
        log, lock = open_study(store, problem, resume=resume)
        try:
            with lock:
                log.check_predictions(log.events(), problem.slab_starts)
                problem = as_begun(problem, StudyPlan.from_json(store.plan_of(log.study)))
                on_start(problem, log)
                return _carry_out(problem, data, store, log, means, started, on_progress, on_checked)
        except BudgetTooSmall:
            store.remove(log.study)
            raise


def open_study(store: Store, problem: Problem, *, resume: bool) -> tuple[StoredStudyLog, Any]:
    """The unfinished study of the same question, unless somebody is running it; else a new one."""
    question = problem.plan.identity
    if resume and (unfinished := store.find_open(question)) is not None:
        with contextlib.suppress(StudyBusy):
            return store.load(unfinished), store.lock(unfinished)
    shape = (len(problem.splits.rows), problem.facts.n_outputs)
    log = store.create_study(problem.plan.to_json(), question, problem.order.name, shape=shape)
    return log, store.lock(log.study)


def _carry_out(
    problem: Problem,
    data: Any,
    store: Store,
    log: StoredStudyLog,
    means: Means,
    started: float,
    on_progress: Callable[[Progress], None],
    on_checked: Callable[[Checkup], None],
) -> TunedModel:
    plan = problem.plan
    costs, rule = read_wish(problem.order.cost, problem.order.threshold)
    judging = Judging(problem, log, means.final, means.select)
    watch = HonestWatch(judging, on_progress)

    def reserve_s(history: History, refit_p90_s: float) -> float:
        report_s = _report_s(means, judging) + (_readings_s(problem) if means.report else 0.0)
        fits_s = refit_p90_s / problem.train_share
        if means.final != "refit":
            fits_s = max(fits_s, _blend_fits_s(problem, history))
        return fits_s + judging.seconds(len(history.complete)) + FINISH_S + report_s

    around = Surroundings(
        clock=time.monotonic,
        now_utc=now_utc,
        predictions_digest=predictions_digest,
        pooled_score=judging.pooled_score,
        work_hint=problem.work_hint,
        kind_of=problem.kind_of,
        has_path=problem.has_path,
        # A blend is made of the best of several families: each family then needs its own best whole.
        raced_among=(lambda _: "") if means.final == "refit" else problem.kind_of,
        reserve_s=reserve_s,
        on_progress=watch.see,
    )
    # Some libraries round differently with another number of threads, so identical trials need a fixed one.
    threads = 1 if plan.deterministic else None
    runner = make_executor(
        means.executor, problem.work, n_jobs=means.n_jobs, threads=threads, memory_mb=memory_mb(means)
    )
    with contextlib.closing(runner):
        if means.report:
            prepare()  # while the workers load their libraries
        engine = Engine(plan, searching(plan, problem), log, runner, around, problem.fold_policy, started)
        engine.open(problem.slab_starts, {"slots": runner.slots, "executor": means.executor})
        checked = _checked(problem, data, engine, log)
        on_checked(checked)
        with steering_on_one_thread(runner):
            engine.search()
        fits_s = _fits_s(engine, means, judging) - judging.seconds(len(engine.history.complete))
        fits = _fits_with_the_best(engine, problem, means, fits_s)
        engine.show("judging")
        verdicts = judging.verdicts(engine.history, left_s=fits_s)
        engine.show("final fit")
        verdict, members, rows = _final_models(engine, fits, problem, log, judging, verdicts, means)
        evidence = replace(evidence_of(problem, log, engine.history, verdict, fits_s), costs=costs, rule=rule)
        ending, verdict = finish(evidence, judging.finish_replays(len(engine.history.complete)))
        engine.note("study.judged", {**verdict.to_json(), "blend_fits_s": finite(fits_s), "finish": ending.to_json()})
        folder = means.out or store.folder / "runs" / log.study
        model_path = folder / "model"
        package = pack_blend(
            members,
            "linear" if verdict.blend is None else verdict.blend.pool,
            schema=problem.dataset.schema,
            facts=problem.facts,
            metric=problem.metric.name,
            score=verdict.score,
            study=log.study,
            fingerprint=problem.dataset.fingerprint,
            trained_on=rows,
            created_at_utc=now_utc(),
            recalibrator=None if ending.recalibrator is None else ending.recalibrator.to_json(),
            threshold=ending.threshold,
        )
        write_model(model_path, package)
        predictor = Predictor.of(package, families=problem.families)
        shipped = _shipped(problem, predictor, package, ending)
        engine.note(
            "model.fitted",
            {
                "trial": verdict.shipped,
                "rows": rows,
                "until": latest(problem.dataset.times),
                "folder": str(model_path),
                "digest": predictor.manifest.digest,
            },
        )
        if (baseline := baseline_of(evidence, ending)) is not None:
            engine.note(KEPT, {"object": log.keep(baseline.to_bytes())})
        report_path = folder / "report.html" if means.report else None
        run = TuningRun.of(log.study, plan, engine.history)
        facts = gather_facts(
            problem,
            replace(run, spent_s=engine.spent_s),
            verdict,
            shipped=shipped,
            model_path=model_path,
            report_path=report_path,
            n_jobs=runner.slots,
            finished_at_utc=now_utc(),
            findings=checked.findings,
        )
        ended: dict[str, Any] = {"reason": run.ending, "facts": facts.to_json()}
        if report_path is not None:
            judged = replace(evidence, verdict=verdict, shipped_with=ending)
            page = render(
                facts, read_within(judged, lambda: engine.left_s - _report_s(means, judging), pace=judging.pace)
            )
            write_text_atomic(report_path, page)
            ended["report"] = hashlib.sha256(page.encode()).hexdigest()
        engine.note("study.ended", ended)
    run = TuningRun.of(log.study, plan, engine.history)
    return TunedModel(
        run, verdict, predictor, facts, model_path, problem.metric.greater_is_better, shipped, problem, store.location
    )


def _readings_s(problem: Problem) -> float:
    limit_s = problem.plan.budget.limit_s
    return MOST_READINGS_S if limit_s is None else min(READINGS_SHARE * limit_s, MOST_READINGS_S)


def _checked(problem: Problem, data: Any, engine: Engine, log: StoredStudyLog) -> Checkup:
    """What the checks say of the table: as recorded when the study began, else now."""
    recorded = next((event.body for event in log.events() if event.kind == "data.checked"), None)
    if recorded is not None:
        return Checkup.from_dict(recorded)
    engine.show("checks")
    checked = check_problem(problem, data)
    engine.note("data.checked", checked.to_dict())
    return checked


BLEND_SHARE = 0.15
"""Most of a budget of time that is kept back for fitting the members of a blend."""


def _blend_fits_s(problem: Problem, history: History) -> float:
    """Seconds to keep for the members of a blend: a fit of the best of the leading families, within a share of all."""
    best: dict[str, Trial] = {}
    for number in history.complete:
        trial = history.trials[number]
        kind = problem.kind_of(trial.config)
        if kind not in best or history.loss(trial.score or 0.0) < history.loss(best[kind].score or 0.0):
            best[kind] = trial
    leading = sorted(best.values(), key=lambda trial: history.loss(trial.score or 0.0))[:MOST_MEMBERS]
    limit = problem.plan.budget.limit_s
    return min(sum(refit_s(problem, trial) for trial in leading), math.inf if limit is None else BLEND_SHARE * limit)


def _report_s(means: Means, judging: Judging) -> float:
    """Seconds to keep for the report, on this machine as it was so far."""
    return REPORT_S * judging.pace if means.report else 0.0


def _fits_s(engine: Engine, means: Means, judging: Judging) -> float:
    """Seconds left for fits on all rows, when what comes after them is kept back."""
    return engine.left_s - FINISH_S - _report_s(means, judging)


class _FinalFits:
    """Fits on all rows, none of them made twice."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._made: dict[int, Outcome] = {}

    def __contains__(self, trial: Trial) -> bool:
        return trial.number in self._made

    def of(self, trial: Trial, limit_s: float | None) -> Outcome:
        """A trial's fit: the one that was made, or one made now within `limit_s` seconds."""
        if trial in self:
            return self._made[trial.number]
        outcome = self._engine.fit_all(trial, limit_s)
        if outcome.result is not None and outcome.result.model is not None:
            self._made[trial.number] = outcome
        return outcome


def _fits_with_the_best(engine: Engine, problem: Problem, means: Means, fits_s: float) -> _FinalFits:
    """The fit of the best trial so far, before it is judged, where time is short.

    Nearly always it is shipped, alone or in a blend. Were it fitted afterwards, a machine that is suddenly busy, on
    which judging takes longer than was kept back for it, would leave nothing of the whole search to ship.
    """
    fits, best = _FinalFits(engine), engine.history.best
    if best is None or means.select != "best" or not engine.refit_s(best, problem.train_share) <= fits_s < math.inf:
        return fits
    engine.show("final fit")
    fits.of(best, fits_s)
    return fits


def _final_models(
    engine: Engine,
    fits: _FinalFits,
    problem: Problem,
    log: StoredStudyLog,
    judging: Judging,
    verdicts: tuple[Verdict, Verdict],
    means: Means,
) -> tuple[Verdict, list[FittedMember], str]:
    """The models to ship: the members of a blend if all are fitted in time, else one model."""
    verdict, spare = verdicts
    if verdict.blend is not None:
        fitted: list[FittedMember] = []
        for number, weight in zip(verdict.blend.members, verdict.blend.weights, strict=True):
            limit = _fits_s(engine, means, judging)
            trial = engine.history.trials[number]
            if limit <= 0 and trial not in fits:
                break
            outcome = fits.of(trial, None if math.isinf(limit) else limit)
            if outcome.result is None or outcome.result.model is None:
                break
            fitted.append(FittedMember(*split_config(trial.config), outcome.result.model, weight))
        if len(fitted) == len(verdict.blend.members):
            return verdict, fitted, "all"
    verdict, files, rows = _final_model(engine, fits, problem, log, judging, spare, means)
    return verdict, [FittedMember(*split_config(engine.history.trials[verdict.shipped].config), files)], rows


def _final_model(
    engine: Engine,
    fits: _FinalFits,
    problem: Problem,
    log: StoredStudyLog,
    judging: Judging,
    verdict: Verdict,
    means: Means,
) -> tuple[Verdict, Mapping[str, bytes], str]:
    """The model to ship: the chosen configuration on all rows, or the first fold's model when time is short."""
    kept = engine.history.first_model
    limit = _fits_s(engine, means, judging) + LATE_S
    trial = engine.history.trials[verdict.shipped]
    # A worker can be stopped when the time is up, so there it is tried whatever is predicted: not to try gives nothing.
    stoppable = means.executor != "inline" and limit > 0
    if kept is None or stoppable or trial in fits or engine.refit_s(trial, problem.train_share) <= limit:
        outcome = fits.of(trial, None if kept is None or math.isinf(limit) else max(limit, 0.01))
        if outcome.result is not None and outcome.result.model is not None:
            return verdict, outcome.result.model, "all"
        if kept is None or outcome.state != "TIMEOUT":
            raise NoModel(
                f"the final fit on all rows ended as {outcome.state}: {outcome.error}",
                fix="try again, or tune with more memory or without that family (--models)",
            )
    first = judging.verdict_on_one(engine.history, 0, passed_over=len(engine.history.complete))
    return first, {name: log.kept(digest) for name, digest in kept.items()}, "the training rows of the first fold"


def _shipped(problem: Problem, predictor: Predictor, package: Mapping[str, bytes], ending: Finish) -> Shipped:
    """What is shipped and what it costs to ask, measured on the table's own first rows."""
    rows = _asked(problem)
    ask = predictor.predict if problem.facts.task == "regression" else predictor.predict_proba

    def call_s() -> float:
        start = time.perf_counter()
        ask(rows)
        return time.perf_counter() - start

    spent_s = call_s()
    if spent_s < FINISH_S / 2:  # the first call also pays for what is imported on demand, which no later one does
        spent_s = min(spent_s, call_s())
    ms = 1e6 * spent_s / len(rows)
    size_mb = sum(map(len, package.values())) / 1e6
    return Shipped(predictor.manifest.members, predictor.manifest.pool, ms, size_mb, ending)


def _asked(problem: Problem) -> pd.DataFrame:
    """The first rows of the table as a user would ask about them."""
    import pandas as pd

    data = problem.dataset
    rows = data.frame.head(1000)
    if data.times is None:
        return rows
    # The time itself is no feature, but its month or hour may be.
    read = {feature.source for feature in data.schema.features} - set(rows.columns)
    return rows.assign(**{name: pd.to_datetime(data.times[: len(rows)], unit="s") for name in sorted(read)})


def memory_mb(means: Means) -> float | None:
    """What one fold may allocate: an even share of the memory that is free now."""
    import psutil

    from luthier.executors.cores import share_cores

    if means.executor == "inline":
        return None
    slots, _ = share_cores(means.n_jobs)
    return float(MEMORY_SHARE * psutil.virtual_memory().available / 2**20 / slots)


def check_writable(folder: Path) -> None:
    """Find out now, not after the budget is spent, that the results cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UnwritableFolder(
            f"{folder} does not take files: {error.strerror or error}",
            fix="name another folder with --out, or change its permissions",
        ) from error


def now_utc() -> str:
    """Return the time of day for a record, ISO 8601 with a trailing Z."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

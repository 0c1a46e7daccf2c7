"""`luthier.optimize`: the best parameters of any function, within a budget."""

from __future__ import annotations

import contextlib
import os
import time as clocks
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from luthier.api.optimized import Direction, OptimizeResult
from luthier.canonical import digest
from luthier.errors import BudgetTooSmall, NoModel, StudyBusy, UsageError
from luthier.executors import InlineExecutor, make_executor
from luthier.executors.steering import steering_on_one_thread
from luthier.space import Config, SearchSpace
from luthier.space.choices import label_of, plain
from luthier.space.scalars import is_scalar
from luthier.store import Store, StoredStudyLog
from luthier.strategies import AUTO, get_strategy
from luthier.tuning import Budget, Engine, Executor, Progress, StudyPlan, Surroundings, say_seconds
from luthier.tuning.objectives import Briefed, ObjectiveStrategy, ObjectiveWork, Told, form_of
from luthier.tuning.pruning.choice import choose_pruner

HINT_S = 0.01
"""What a first evaluation is taken to last: nothing is known, and too high a guess would keep short budgets waiting."""


def optimize(
    objective: Callable[..., Any],
    space: Any = None,
    *,
    budget: str | float | Budget = "10m",
    direction: str = "minimize",
    directions: Sequence[str] | None = None,
    strategy: str = "auto",
    fidelity: Any = "auto",
    constraints: Callable[[Any], Sequence[float]] | None = None,
    enqueue: Iterable[Any] = (),
    warm: OptimizeResult | Iterable[OptimizeResult] = (),
    target: float | None = None,
    n_jobs: int | None = 1,
    executor: str = "auto",
    trial_limit_s: float | None = None,
    deterministic: bool = False,
    seed: int = 0,
    price: str | float | None = None,
    store: str | os.PathLike[str] | None = None,
    name: str | None = None,
    resume: bool = True,
    on_progress: Callable[[Progress], None] | None = None,
) -> OptimizeResult:
    """Find the parameters of any function that make it best, within a budget.

    Parameters
    ----------
    objective
        What to optimise, in one of three forms, told apart by its signature:

        ``objective(trial)``
            an Optuna-style objective, unchanged: it calls ``trial.suggest_float``, ``suggest_int`` and
            ``suggest_categorical`` for its parameters, may ``report`` and ask ``should_prune``, set user attributes
            and constraints, and raise ``TrialPruned`` (Optuna's or ours). Taken for this form when its parameter is
            called ``trial``, or when no `space` is given.
        ``objective(config)``
            a function of a configuration, a dict, taken from `space`.
        ``objective(config, fidelity)``
            the same, with the resource it may use: two parameters without a default, or a second one called
            ``fidelity``. See `fidelity`.

        It returns a number, or one for each of `directions`. A trial whose objective raises an exception, or returns
        something that is no finite number, has failed, and the study goes on; it ends when the first ten all fail.
    space
        What may be tuned, as `SearchSpace.parse` reads it. Not needed for an objective that names its own parameters:
        their joint space, conditions included, is discovered from the trials.
    budget
        Seconds as a number, or text such as "30s", "5m", "200 trials", "$2.50" or several separated by commas.
    direction, directions
        "minimize" or "maximize"; `directions` has one for each of several objectives.
    strategy
        How configurations are proposed; `luthier.tune` explains. Several objectives are turned into one, in a new
        random direction for every question (Golovin & Zhang 2020), so that any strategy widens the Pareto front.
    fidelity
        When to give up on a training. For ``objective(trial)``: "median" (also "auto"), "halving" (the same as "asha"),
        "hyperband", or a pruner of `luthier.tuning.pruning` with its parameters; None never to stop. For
        ``objective(config, fidelity)``: the range of the resource, lowest and full, such as (1, 81) epochs, which
        Hyperband then spends; or `Hyperband` or `Halving` with parameters. By default a fidelity is a share of the full
        resource, in (0, 1]. Every fidelity is a call of its own: keep checkpoints if training can be taken up.
    constraints
        Called with the trial after it is complete; returns numbers of which every one should be at most 0. An objective
        may call ``trial.set_constraint`` instead. Feasible trials come before infeasible ones.
    enqueue
        Configurations to evaluate first: mappings, or trials of Optuna. What they leave open is drawn.
    warm
        Earlier results to go on from, of `optimize` or of `luthier.optuna.import_study`: strategies see their trials
        beside this study's own, as far as they fit its space.
    target
        End as soon as a feasible trial is at least as good as this (one objective only).
    n_jobs
        Trials evaluated at the same time; None for one per core.
    executor
        "processes" (supervised: time limits are enforced, a crash costs one trial), "inline" (in the calling process,
        one at a time; limits hold between trials), or "auto": inline only when there is one worker and no limit in
        seconds. What an objective changes in memory stays in the worker process: return it as a user attribute.
    trial_limit_s
        Seconds after which a trial is given up.
    deterministic
        Make suggestions and pruning depend on trial order only: the same trials for any number of workers.
    seed
        Root of all randomness. The global generators of `random` and NumPy are seeded for each trial.
    price
        Price of an hour of this machine ("0.40/h"); turns time into money.
    store
        Where studies are kept. Default: `LUTHIER_STORE`, else `.luthier` in the current folder.
    name
        What to call the study. Needed to take it up again: nobody can tell whether a function is still the same.
    resume
        Take up an unfinished study of the same name, space, directions, strategy, fidelity and seed, whatever budget it
        had.
    on_progress
        Called with a `Progress` after every change.

    Returns
    -------
    OptimizeResult
        The best trial, all trials, and the Pareto front of several objectives. Its values are not corrected for having
        been selected; see there.

    Raises
    ------
    UsageError
        The request cannot be carried out as asked; nothing was written.
    NoModel
        Every trial failed.
    KeyboardInterrupt
        Ctrl-C: what was finished is kept, and a study with a name can be taken up again.

    Notes
    -----
    A strategy proposes values for all parameters of the space it knows; the objective's calls are answered from them. A
    call for a parameter that was not proposed, or from a range that has not the proposed value, is drawn at random.
    `should_prune` compares with what other trials had reported when this one started: with one worker that is all of
    them.

    With one worker the same seed gives the same trials under a budget of trials; with several, `deterministic=True`
    does.

    Examples
    --------
    >>> import luthier, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> def objective(trial):
    ...     x = trial.suggest_float("x", -10, 10)
    ...     return (x - 2) ** 2
    >>> result = luthier.optimize(objective, budget="40 trials", store=folder.name)
    >>> result.best_value < 1
    True

    A function of a configuration:

    >>> result = luthier.optimize(
    ...     lambda config: (config["x"] - 2) ** 2, {"x": (-10.0, 10.0)}, budget="40 trials", store=folder.name
    ... )

    Trained for a while, judged, and trained on if it pays:

    >>> def train(config, fidelity):  # fidelity: epochs
    ...     return (config["x"] - 2) ** 2 + 1 / fidelity
    >>> result = luthier.optimize(
    ...     train, {"x": (-10.0, 10.0)}, fidelity=(1, 27), budget="20 trials", store=folder.name
    ... )
    >>> {trial.state for trial in result.evaluated} <= {"complete", "pruned"}
    True

    Two goals:

    >>> result = luthier.optimize(
    ...     lambda trial: ((x := trial.suggest_float("x", 0, 1)), (1 - x) ** 2),
    ...     directions=["minimize", "minimize"], budget="20 trials", store=folder.name,
    ... )
    >>> len(result.pareto_front) > 1
    True
    >>> folder.cleanup()
    """
    started = clocks.monotonic()
    asked = _Asked.of(
        objective,
        space,
        directions=(direction,) if directions is None else tuple(directions),
        fidelity=fidelity,
        constraints=constraints,
        enqueue=enqueue,
        warm=(warm,) if isinstance(warm, OptimizeResult) else tuple(warm),
        target=target,
    )
    _strategy_of(strategy)
    plan = StudyPlan(
        question=asked.question(name or _name_of(objective)),
        space=asked.space,
        starts=(),
        strategy=strategy,
        n_folds=1,
        greater_is_better=asked.work.signs[0] < 0,
        budget=Budget.parse(budget, price),
        seed=seed,
        deterministic=deterministic,
        fold_limit_s=trial_limit_s,
    )
    runner = _executor(executor, asked.work, plan, n_jobs)
    with contextlib.closing(runner), Store.open(store) as opened:
        log, lock = _open_study(opened, plan, resume=resume and name is not None)
        try:
            with lock:
                return _carry_out(asked, plan, log, runner, started, on_progress or (lambda _: None))
        except BudgetTooSmall:
            opened.remove(log.study)
            raise


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question, checked and understood."""

    work: ObjectiveWork
    space: SearchSpace
    directions: tuple[Direction, ...]
    enqueued: tuple[Config, ...]
    prior: tuple[Told, ...]
    target: float | None

    @classmethod
    def of(
        cls,
        objective: Callable[..., Any],
        space: Any,
        *,
        directions: tuple[Any, ...],
        fidelity: Any,
        constraints: Callable[[Any], Sequence[float]] | None,
        enqueue: Iterable[Any],
        warm: tuple[OptimizeResult, ...],
        target: float | None,
    ) -> _Asked:
        if not directions or set(directions) - {"minimize", "maximize"}:
            raise UsageError(
                f"{directions!r} are no directions", fix='give "minimize" or "maximize" for each objective'
            )
        form = form_of(objective, has_space=space is not None)
        if len(directions) > 1 and form == "config and fidelity":
            raise UsageError(
                "an objective of (config, fidelity) cannot have several directions",
                fix="report on one of them, or take the fidelity into the space",
            )
        if len(directions) > 1 and target is not None:
            raise UsageError("several objectives cannot have one target", fix="leave target out")
        parsed = SearchSpace(()) if space is None else SearchSpace.parse(space)
        signs = tuple(1.0 if direction == "minimize" else -1.0 for direction in directions)
        pruner = choose_pruner(fidelity, takes_fidelity=form == "config and fidelity")
        work = ObjectiveWork(objective, form, parsed, signs, pruner, constraints)
        queue = tuple(_as_config(one) for one in enqueue)
        for result in warm:
            if result.directions != directions:
                raise UsageError(
                    f"the result {result.name!r} has the directions {result.directions}, this study {directions}",
                    fix="go on from results of the same kind only",
                )
        prior = tuple(trial.told for result in warm for trial in result.evaluated)
        return cls(work, parsed, directions, queue, prior, None if target is None else signs[0] * target)

    def question(self, name: str) -> dict[str, Any]:
        """What identifies the study; the objective itself only by its name."""
        return {
            "task": "objective",
            "dataset": name,
            "target": ", ".join(self.directions),
            "directions": list(self.directions),
            "form": self.work.form,
            "fidelity": repr(self.work.pruner),
            "enqueued": [dict(config) for config in self.enqueued],
            "warm": digest([told.to_json() for told in self.prior]) if self.prior else None,
        }


def _carry_out(
    asked: _Asked,
    plan: StudyPlan,
    log: StoredStudyLog,
    runner: Executor,
    started: float,
    on_progress: Callable[[Progress], None],
) -> OptimizeResult:
    around = Surroundings(
        clock=clocks.monotonic,
        now_utc=lambda: datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        predictions_digest=lambda _: "",  # an objective shows no rows
        pooled_score=lambda _, scores: scores[0],
        work_hint=lambda _: HINT_S,
        reserve_s=lambda *_: 0.0,
        on_progress=on_progress,
    )
    strategy = ObjectiveStrategy(
        _strategy_of(plan.strategy),
        lambda: engine.history,
        asked.work.signs,
        seed=plan.seed,
        n_trials=plan.budget.trials,
        enqueued=asked.enqueued,
        prior=asked.prior,
        target=asked.target,
    )
    briefed = Briefed(runner, lambda: engine.history, asked.work.signs[0], plan.deterministic)
    engine = Engine(plan, strategy, log, briefed, around, started=started)
    engine.open([], {"slots": runner.slots})
    try:
        with steering_on_one_thread(runner):
            engine.search()
    except BudgetTooSmall as error:
        raise BudgetTooSmall(
            f"not one trial was done within the budget of {plan.budget}",
            fix=f"allow more than {say_seconds(plan.budget.limit_s or 0.0)}, or make a trial cheaper",
        ) from error
    except NoModel:
        _explain_failure(OptimizeResult.of(log.study, plan, engine.history))
        raise
    result = OptimizeResult.of(log.study, plan, engine.history)
    if not any(trial.state == "complete" for trial in result.evaluated):
        _explain_failure(result)
    engine.note("study.ended", {"reason": engine.history.ended})
    return result


def _explain_failure(result: OptimizeResult) -> None:
    errors = [trial.error for trial in result.evaluated if trial.error is not None]
    n = len(result.evaluated)
    if errors:
        raise NoModel(
            f"none of the {n} trials was completed; the first error was: {errors[0]}",
            fix='debug the objective with luthier.optimize(..., executor="inline", budget="1 trials")',
        )
    raise NoModel(f"all {n} trials were pruned", fix="leave pruning to should_prune(), or call with fidelity=None")


def _strategy_of(name: str) -> str:
    """The strategy behind a name, checked."""
    found = AUTO if name == "auto" else name
    get_strategy(found)
    return found


def _open_study(store: Store, plan: StudyPlan, *, resume: bool) -> tuple[StoredStudyLog, Any]:
    """The unfinished study of the same question, unless somebody is running it; else a new one."""
    question = plan.identity
    if resume and (unfinished := store.find_open(question)) is not None:
        with contextlib.suppress(StudyBusy):
            return store.load(unfinished), store.lock(unfinished)
    log = store.create_study(plan.to_json(), question, plan.question["dataset"])
    return log, store.lock(log.study)


def _executor(name: str, work: ObjectiveWork, plan: StudyPlan, n_jobs: int | None) -> Executor:
    if name == "auto":
        unlimited = plan.budget.limit_s is None and plan.fold_limit_s is None
        name = "inline" if n_jobs == 1 and unlimited else "processes"
    if name == "inline" and n_jobs in (None, 1):
        return InlineExecutor(work)  # built here, to leave the threads of numeric libraries as the caller has set them
    return make_executor(name, work, n_jobs=n_jobs)


def _name_of(objective: Callable[..., Any]) -> str:
    return str(getattr(objective, "__qualname__", type(objective).__qualname__))


def _as_config(given: Any) -> dict[str, Any]:
    """A configuration of JSON scalars, from a mapping or from a trial with `params`."""
    values = given if isinstance(given, Mapping) else getattr(given, "params", None)
    if not isinstance(values, Mapping):
        raise UsageError(f"{given!r} cannot be enqueued", fix='give mappings such as enqueue=[{"x": 1.0}]')
    scalars = {str(name): plain(value) for name, value in values.items()}
    return {name: value if is_scalar(value) else label_of(value) for name, value in scalars.items()}

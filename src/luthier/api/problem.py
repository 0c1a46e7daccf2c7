"""From what a user asks to what a study needs: what can be wrong is found here, before anything is written."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from luthier.canonical import digest
from luthier.data import Dataset, Note, Task, called, make_dataset, read_rows
from luthier.data.features import FeatureView, point_in_time_join
from luthier.data.slices import Slice
from luthier.errors import BadColumn, BadSpace, BadValues, UnknownChoice
from luthier.evaluation.thresholds import check_wish
from luthier.models import (
    EstimatorFamily,
    Facts,
    Family,
    PathFamily,
    families_for,
    joint_default,
    joint_space,
    split_config,
)
from luthier.models.balance import balanced, balancing
from luthier.models.column_groups import all_but_one, choosing
from luthier.models.portfolio import portfolio
from luthier.scoring import Metric, Splits, choose_splits, default_metric, get_metric
from luthier.space import Config, SearchSpace
from luthier.strategies import AUTO, CostAware, Strategy, Suggestion, get_strategy
from luthier.tuning import Budget, FoldPolicy, FullCV, PairedRacing, StudyPlan, TableWork
from luthier.tuning.plan import DEFAULT
from luthier.tuning.warm import TableTraits

DID_WELL = "did well on many other tables"
"""Why a configuration of the portfolio is tried."""
DEAR_PRIOR = 0.05
"""What did well elsewhere is not tried unasked if by a rough guess it takes more of the budget than this."""
MOST_EMPHASIS = 100.0
RACING_FOLDS = 3
"""Fewer folds are not raced: two decide nothing that a third could not turn round."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asked for, in the words in which it was asked; see `luthier.tune` for each."""

    target: str
    task: Task | None = None
    metric: Any = None
    budget: Any = "5m"
    strategy: str = "auto"
    models: Any = None
    space: Any = None
    time: str | Literal[False] | None = None
    group: str | None = None
    weight: str | None = None
    positive: Any = None
    drop: tuple[str, ...] = ()
    cv: Any = None
    price: Any = None
    fold_limit_s: float | None = None
    deterministic: bool = False
    seed: int = 0
    name: str | None = None
    racing: bool = True
    cost: str | None = None
    threshold: str | None = None
    ignore: tuple[tuple[str, str], ...] = ()
    features: tuple[FeatureView, ...] = ()
    at: str | None = None
    warm: str | tuple[str, ...] = "off"
    reweight: tuple[str, ...] = ()
    reweight_by: float = 2.0
    balance: bool = False

    def to_json(self) -> dict[str, Any] | None:
        """The order as JSON values; None when it holds objects that only the caller's program has."""
        body = {**asdict(self), "features": [view.to_json() for view in self.features]}
        try:
            digest(body)
        except (TypeError, ValueError):
            return None
        return body

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Order:
        """Inverse of `to_json`."""
        ignore = tuple((str(code), str(why)) for code, why in body.get("ignore", ()))
        features = tuple(FeatureView.from_json(view) for view in body.get("features", ()))
        warm = body.get("warm", "off")  # records from before there was a choice
        read = {
            "drop": tuple(body["drop"]),
            "ignore": ignore,
            "features": features,
            "warm": warm if isinstance(warm, str) else tuple(warm),
            "reweight": tuple(body.get("reweight", ())),
        }
        return cls(**{**{key: value for key, value in body.items() if key != "starts"}, **read})


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A question made definite: data, folds, metric, families and the plan of the study."""

    order: Order
    dataset: Dataset
    metric: Metric
    splits: Splits
    families: Mapping[str, Family]
    facts: Facts
    plan: StudyPlan
    work: TableWork
    notes: tuple[Note, ...] = field(default=())

    @property
    def traits(self) -> TableTraits:
        """What tells whether another table is like this one."""
        return traits_of(self.dataset, self.metric)

    @property
    def slab_starts(self) -> list[int]:
        """First slab row of every fold."""
        return [self.splits.fold_slice(fold).start for fold in range(len(self.splits.folds))]

    @property
    def n_outputs(self) -> int:
        """Columns of a prediction."""
        return self.facts.n_classes if self.facts.task == "multiclass" else 1

    @property
    def train_share(self) -> float:
        """Share of all rows that a fold trains on, on average."""
        return float(np.mean([len(train) for train, _ in self.splits.folds]) / self.dataset.n_rows)

    @property
    def fold_policy(self) -> FoldPolicy:
        """The rule by which trials get their next fold."""
        if self.plan.policy == "full":
            return FullCV()
        overlap = float(np.mean([len(valid) / len(train) for train, valid in self.splits.folds]))
        return PairedRacing(overlap, self.metric.greater_is_better)

    def kind_of(self, config: Config) -> str:
        """The family of a configuration."""
        return split_config(config)[0]

    def has_path(self, config: Config) -> bool:
        """Whether one fit of a configuration can be scored at several values of one of its parameters."""
        return isinstance(self.families[self.kind_of(config)], PathFamily)

    def work_hint(self, config: Config) -> float:
        """Rough seconds of one fold of a configuration."""
        name, params = split_config(config)
        return self.families[name].work(params, self.facts) * self.train_share


def pose(data: Any, order: Order, *, to_ship: bool = False) -> Problem:
    """Read the data, choose what was left open, and check what was asked; `to_ship`, whether its model can be saved.

    Raises
    ------
    UsageError
        Whatever is wrong with the request: data, columns, metric, budget, models, space or strategy.
    """
    budget = Budget.parse(order.budget, order.price)
    strategy = order.strategy if order.strategy == "auto" else get_strategy(order.strategy).name
    dataset = make_dataset(
        with_features(data, order),
        order.target,
        task=order.task,
        time=order.time,
        group=order.group,
        weight=order.weight,
        positive=order.positive,
        drop=order.drop,
        name=order.name or (called(data) if order.features else None),
    )
    task = dataset.schema.task
    check_wish(order.cost, order.threshold, task)
    metric = get_metric(order.metric if order.metric is not None else default_metric(task), task)
    splits = choose_splits(
        dataset.y,
        task,
        groups=dataset.groups,
        times=dataset.times,
        weights=dataset.weights,
        cv=order.cv,
        seed=order.seed,
    )
    facts = Facts.of(dataset)
    families, left_out = _families(order, facts)
    if to_ship:
        families = {name: _rehearsed(family, facts, dataset) for name, family in families.items()}
    if order.balance:
        families = _balancing(families, dataset)
    groups = _columns_of(order.features, dataset)
    families = {name: choosing(family, groups) for name, family in families.items()}
    space = joint_space(families, facts)
    default = joint_default(families, facts)
    level = balanced(default)
    starts = (default, *(() if level is None else (level,)), *all_but_one(default, list(groups)))
    for start in starts:
        space.check(start)
    notes = (*dataset.schema.notes, *(Note(None, "dropped", reason) for reason in left_out))
    plan = StudyPlan(
        question={
            "dataset": dataset.name,
            "fingerprint": dataset.fingerprint,
            "target": dataset.schema.target,
            "task": task,
            "positive": dataset.schema.positive,
            "schema": digest(dataset.schema.to_json()),
            "metric": metric.name,
            "splits": splits.kind,
            "folds": _folds_digest(splits),
            "models": sorted(families),
            **({"reweight": [*order.reweight, order.reweight_by]} if order.reweight else {}),
            **({"balance": True} if order.balance else {}),
        },
        space=space,
        starts=starts,
        queue=_queue(families, facts, space, strategy, _whole_s(budget, splits, facts)),
        strategy=strategy,
        n_folds=len(splits.folds),
        greater_is_better=metric.greater_is_better,
        budget=budget,
        seed=order.seed,
        deterministic=order.deterministic,
        fold_limit_s=order.fold_limit_s,
        scouting=True,
        policy="racing" if order.racing and len(splits.folds) >= RACING_FOLDS else "full",
        facts={
            "order": order.to_json(),
            "source": str(data) if isinstance(data, str) or hasattr(data, "__fspath__") else None,
            "provenance": dataset.provenance.to_json(),
            "slab_rows": len(splits.rows),
            "slab_starts": [splits.fold_slice(fold).start for fold in range(len(splits.folds))],
            "outputs": facts.n_classes if task == "multiclass" else 1,
            "table": traits_of(dataset, metric).to_json(),
        },
    )
    inputs = {family.input for family in families.values()}
    work = TableWork(
        families=families,
        facts=facts,
        inputs={name: {"matrix": dataset.X, "frame": dataset.frame}[name] for name in sorted(inputs)},
        y=dataset.y,
        weights=dataset.weights,
        folds=splits.folds,
        metric=metric,
        emphasis=_emphasis(order, dataset),
    )
    return Problem(order, dataset, metric, splits, families, facts, plan, work, notes)


def traits_of(dataset: Dataset, metric: Metric) -> TableTraits:
    """What tells whether another table is like this one."""
    schema = dataset.schema
    return TableTraits(
        schema.task,
        schema.target,
        metric.name,
        dataset.n_rows,
        max(1, len(schema.classes)),
        tuple(column.name for column in schema.columns if column.role == "feature"),
    )


def with_features(data: Any, order: Order) -> Any:
    """The rows to learn from: the data, with the features of the views that were asked for as of each row's moment.

    Raises
    ------
    BadColumn
        No column says of which moment a row is, so that what is known now would leak into the past.
    """
    if not order.features:
        return data
    at = order.at or order.time
    if not at:
        raise BadColumn(
            "features are as of a moment, and no column was named that holds each row's",
            fix="name it: --at COLUMN (at=... in Python), or --time COLUMN where it also orders the rows",
        )
    return point_in_time_join(read_rows(data), order.features, at=at)


def _emphasis(order: Order, dataset: Dataset) -> NDArray[np.float64] | None:
    """(n,): by how much more than their weight rows count in training; None where all count as they are."""
    if not order.reweight:
        return None
    if not 0 < order.reweight_by <= MOST_EMPHASIS:
        raise BadValues(
            f"rows cannot count {order.reweight_by!r} times in training",
            fix=f"give a number above 0, up to {MOST_EMPHASIS:g}: --reweight-by 2",
        )
    factor = np.ones(dataset.n_rows)
    for text in order.reweight:
        rows = Slice.parse(text).mask(dataset.frame)
        if not 0 < rows.sum() < len(rows):
            raise BadValues(
                f"the slice {text!r} holds {'every row' if rows.any() else 'no row'} of the table",
                fix="name rows by columns and values of the table, as `luthier evaluate` writes them",
            )
        factor[rows] *= order.reweight_by
    return factor


def _balancing(families: Mapping[str, Family], dataset: Dataset) -> dict[str, Family]:
    """The families, each with a choice of how much rare classes count."""
    if dataset.schema.task == "regression":
        raise BadValues("values have no classes that could be balanced", fix="leave out --balance")
    counts = np.bincount(dataset.y, minlength=len(dataset.schema.classes)).tolist()
    return {name: balancing(family, counts) for name, family in families.items()}


def _columns_of(views: Sequence[FeatureView], dataset: Dataset) -> dict[str, tuple[int, ...]]:
    """The columns of the matrix that come from each view; views that gave none are left out."""
    features = dataset.schema.features
    groups = {
        view.name: tuple(j for j, feature in enumerate(features) if feature.source in view.columns) for view in views
    }
    return {name: columns for name, columns in groups.items() if columns}


def _folds_digest(splits: Splits) -> str:
    sealed = hashlib.sha256()
    for train, valid in splits.folds:
        for rows in (train, valid):
            sealed.update(np.asarray([len(rows), *rows], dtype="<i8").tobytes())
    return sealed.hexdigest()


def plan_for(problem: Problem, strategy: str, seed: int) -> StudyPlan:
    """The plan of another strategy on the same data and folds, under a seed of its own."""
    name = strategy if strategy == "auto" else get_strategy(strategy).name
    return replace(
        problem.plan,
        strategy=name,
        queue=_queue(
            problem.families,
            problem.facts,
            problem.plan.space,
            name,
            _whole_s(problem.plan.budget, problem.splits, problem.facts),
        ),
        seed=seed,
        deterministic=False,
    )


def strategy_of(plan: StudyPlan) -> Strategy:
    """The strategy a plan names."""
    name = AUTO if plan.strategy == "auto" else plan.strategy
    return get_strategy(name).for_study(plan.space, seed=plan.seed, n_trials=plan.budget.trials)


def searching(plan: StudyPlan, problem: Problem) -> Strategy:
    """The strategy a plan names, ready to be asked: where time is what is spent, told what configurations cost."""
    strategy = strategy_of(plan)
    if plan.budget.limit_s is None or not isinstance(strategy, CostAware):
        return strategy
    return strategy.minding(plan.space, problem.work_hint, seed=plan.seed)


def _families(order: Order, facts: Facts) -> tuple[Mapping[str, Family], Sequence[str]]:
    models = order.models
    if hasattr(models, "fit"):
        if order.space is None:
            raise BadSpace(
                f"models={type(models).__name__}(...) came without a search space",
                fix='say what may be tuned, as in space={"max_depth": (2, 12)}',
            )
        family = EstimatorFamily(models, SearchSpace.parse(order.space))
        return {family.name: family}, ()
    if order.space is not None:
        raise BadSpace(
            "a search space was given, but no estimator it belongs to",
            fix="pass the estimator as models=..., or leave out the space: every family brings its own",
        )
    if isinstance(models, str):
        models = [name.strip() for name in models.split(",") if name.strip()]
    if models is not None and not models:
        raise UnknownChoice("the list of models is empty", fix="leave it out to use every family that suits the data")
    return families_for(models, facts)


def _rehearsed(family: Family, facts: Facts, dataset: Dataset) -> Family:
    """A user's estimator is tried out, our own families need not be."""
    if not isinstance(family, EstimatorFamily):
        return family
    return family.rehearsed(facts, dataset.frame, dataset.y, dataset.weights)


def _whole_s(budget: Budget, splits: Splits, facts: Facts) -> float:
    """Seconds that one fit on all rows may take for the budget to hold one trial and nothing else."""
    fits = sum(len(train) for train, _ in splits.folds) / max(facts.n_rows, 1)
    return math.inf if budget.limit_s is None else budget.limit_s / fits


def _queue(
    families: Mapping[str, Family], facts: Facts, space: SearchSpace, strategy: str, whole_s: float
) -> tuple[Suggestion, ...]:
    """Under `auto`, what did best on other tables, then every family's default, the quickest first.

    Of the former, what would probably take more than `DEAR_PRIOR` of the budget is left out; `whole_s` is how long one
    fit on all rows may take for a trial to take all of it.
    """
    if strategy != "auto":
        return ()
    own = {name: joint_default({name: family}, facts) for name, family in families.items()}

    def seconds(start: Config) -> float:
        name, params = split_config(start)
        return families[name].work(params, facts)

    defaults = {space.key(one): Suggestion(one, "default", DEFAULT) for one in sorted(own.values(), key=seconds)}
    known = [space.nearest({**own[name], **one}) for name, one in portfolio(facts.task) if name in own]
    quick = [one for one in known if seconds(one) <= DEAR_PRIOR * whole_s]
    queue = {space.key(one): Suggestion(one, "prior", DID_WELL) for one in quick} | defaults
    del queue[space.key(next(iter(own.values())))]  # with which every study begins
    return tuple(queue.values())

"""Everything a report says, and nothing about how it looks.

The facts are plain, frozen values with a JSON form: the shell gathers them from the record of a study once, and the
page, the terminal and the pictures are renderings of the same object, so they cannot contradict each other. What
follows from other facts (the optimism, the gain over the default) is computed here and never stored beside them.

A short run lacks much: every figure that may be missing is `None`, and says so in the page.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from luthier.checks import Finding
from luthier.scoring.estimate import Estimate

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column of the table, as the data summary shows it.

    Attributes
    ----------
    name, role, kind
        As in the schema: `role` is feature, target, time, group, weight or dropped.
    missing_share
        In [0, 1]; None where it was not counted.
    n_distinct
        Count of different values; None where it was not counted.
    low, high
        Smallest and largest value, already as words when they are dates.
    top
        The commonest values with their shares of all rows, commonest first.
    histogram
        Relative heights of equal bins from `low` to `high`, any scale; empty for none.
    """

    name: str
    role: str = "feature"
    kind: str = ""
    missing_share: float | None = None
    n_distinct: int | None = None
    low: float | str | None = None
    high: float | str | None = None
    top: tuple[tuple[str, float], ...] = ()
    histogram: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for part in (self.missing_share, *(part for _, part in self.top)):
            if is_known(part) and not 0 <= part <= 1:
                raise ValueError(f"column {self.name!r}: a share of the rows lies in [0, 1], so it cannot be {part!r}")


@dataclass(frozen=True, slots=True)
class NoteFacts:
    """Something dropped, converted or assumed about the data, with its reason; `column` is None for the whole table."""

    column: str | None
    action: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """Where rows came from: a file's name or a word such as "data frame in memory"."""

    name: str
    sha256: str | None = None
    n_rows: int | None = None
    n_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class DataFacts:
    """The table the run was given. `n_columns` counts the columns used as features."""

    name: str
    n_rows: int
    n_columns: int
    target: str
    task: Task
    classes: tuple[str, ...] = ()
    positive: str | None = None
    columns: tuple[ColumnFacts, ...] = ()
    notes: tuple[NoteFacts, ...] = ()
    sources: tuple[SourceFacts, ...] = ()
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """What was optimised. `meaning` is a plain sentence; empty for the report's own words on the metrics it knows."""

    name: str
    greater_is_better: bool
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """How the rows were split: kind (stratified, repeated, grouped, forward, ...) and why, as a plain sentence."""

    kind: str
    reason: str = ""
    n_folds: int | None = None
    n_repeats: int = 1
    forward: bool = False
    """True where every fold is tested on later rows than it was trained on; folds are then windows, oldest first."""


@dataclass(frozen=True, slots=True)
class BaselineFacts:
    """A guess without a model, scored by the same metric: `label` completes "always ..." (e.g. "predict the mean")."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class VerdictFacts:
    """How far to believe the model that is shipped.

    Attributes
    ----------
    sentence
        The verdict in one plain sentence; empty for the report's own wording of the figures below.
    honest
        What the shipped model is expected to score on new rows, after selection.
    naive
        The best plain mean over folds: what a tool without correction would report.
    default
        The default configuration's score.
    default_kept
        Whether the default configuration is what is shipped.
    p_default_as_good
        In [0, 1]: the share of replays in which the default does at least as well as the chosen configuration.
    n_replays
        How many replays that is a share of; 0 where it is not known.
    corrected_t, corrected_p
        Corrected resampled t statistic of chosen against default and its two-sided p (Nadeau & Bengio 2003).
    baseline
        The score of a guess without a model.
    """

    sentence: str = ""
    honest: Estimate | None = None
    naive: float | None = None
    default: Estimate | None = None
    default_kept: bool = False
    p_default_as_good: float | None = None
    n_replays: int = 0
    corrected_t: float | None = None
    corrected_p: float | None = None
    baseline: BaselineFacts | None = None

    def __post_init__(self) -> None:
        p = self.p_default_as_good
        if p is not None and not 0 <= p <= 1:
            raise ValueError(f"p_default_as_good is a probability, so it cannot be {p!r}")


@dataclass(frozen=True, slots=True)
class ProgressPoint:
    """The best naive score that was known from this moment on. `seconds` since the start; `money` spent by then."""

    seconds: float
    score: float
    money: float | None = None


@dataclass(frozen=True, slots=True)
class TrialFacts:
    """One configuration that was tried. `seconds`: total over its folds; `score`: naive mean, None when it failed.

    `mode`: where it came from, as strategies say it (default, grid, explore, exploit); empty where nobody recorded it.
    """

    number: int
    family: str
    state: str = "complete"
    score: float | None = None
    fold_scores: tuple[float, ...] = ()
    seconds: float | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    mode: str = ""


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """One of the models that are shipped: the trial it comes from and its weight among them, all adding up to one."""

    trial: int
    weight: float
    family: str
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FinalFacts:
    """What is shipped and what it costs to use.

    Attributes
    ----------
    members
        The heaviest first; several where the model is a blend.
    pool
        How their answers are averaged: linear or logarithmic.
    seconds_per_1000
        To answer 1,000 rows in one call, as measured once.
    size_mb
        Millions of bytes of the saved model.
    recalibrator
        Kind of map from the models' chances to those that are given; None where they are given as they are.
    threshold, rule
        The chance above which a case of two classes is called positive, and how that was chosen; empty where nobody
        asked for one.
    """

    members: tuple[MemberFacts, ...]
    pool: str = "linear"
    seconds_per_1000: float | None = None
    size_mb: float | None = None
    recalibrator: str | None = None
    threshold: float = 0.5
    rule: str = ""

    @property
    def is_blend(self) -> bool:
        """Whether several models answer together."""
        return len(self.members) > 1


@dataclass(frozen=True, slots=True)
class FailureFacts:
    """Folds that ended badly in one way (FAILED, TIMEOUT, OOM, LOST), and the first of their errors."""

    state: str
    count: int
    first_error: str | None = None


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What was spent, and how.

    `budget` is the budget as the user gave it; `price_per_hour` and `money` are in the user's own unit, named by
    `currency` if at all. `seconds_by_family` are worker seconds, so with several workers they exceed `elapsed_s`.
    `grid` says how far a grid got and what it leaves out of the space; it is empty for other strategies.
    """

    strategy: str
    budget: str = ""
    elapsed_s: float | None = None
    money: float | None = None
    price_per_hour: float | None = None
    currency: str = ""
    n_trials: int = 0
    n_fold_fits: int = 0
    seconds_by_family: Mapping[str, float] = field(default_factory=dict)
    n_jobs: int | None = None
    seed: int | None = None
    machine: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    study: str = ""
    finished_at_utc: str = ""
    grid: str = ""


@dataclass(frozen=True, slots=True)
class UsageFacts:
    """How to use what came out: paths as the reader would type them, commands and code ready to paste."""

    model_path: str | None = None
    report_path: str | None = None
    commands: tuple[tuple[str, str], ...] = ()
    """(what it does, the command)."""
    code: str = ""
    next_steps: tuple[str, ...] = ()
    """Plain sentences; empty for the report's own advice, drawn from the figures."""


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """All that a report says about one run.

    `shipped_trial` and `default_trial` are numbers of `trials`; `best_config` is the configuration that is shipped.
    `findings`: what the checks of the data found, the most severe first.

    Raises
    ------
    ValueError
        Two facts contradict each other: the default is kept, yet another trial is named as shipped.
    """

    VERSION: ClassVar[int] = 1

    data: DataFacts
    metric: MetricFacts
    run: RunFacts
    verdict: VerdictFacts = VerdictFacts()
    splits: SplitFacts | None = None
    best_config: Mapping[str, Any] = field(default_factory=dict)
    default_config: Mapping[str, Any] = field(default_factory=dict)
    shipped_trial: int | None = None
    default_trial: int | None = None
    progress: tuple[ProgressPoint, ...] = ()
    trials: tuple[TrialFacts, ...] = ()
    failures: tuple[FailureFacts, ...] = ()
    not_measured: tuple[str, ...] = ()
    usage: UsageFacts = UsageFacts()
    final: FinalFacts | None = None
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        known = self.shipped_trial is not None and self.default_trial is not None
        if known and self.verdict.default_kept != (self.shipped_trial == self.default_trial):
            raise ValueError(
                f"default_kept is {self.verdict.default_kept}, but trial {self.shipped_trial} is shipped "
                f"and the default is trial {self.default_trial}"
            )

    @property
    def optimism(self) -> float | None:
        """How much the naive score flatters, in the metric's unit; negative where it was too modest."""
        honest = self.verdict.honest
        return None if honest is None else self.better_by(self.naive, honest.value)

    @property
    def gain(self) -> float | None:
        """How much better the shipped model is than the default, in the metric's unit; None where that is kept."""
        honest, default = self.verdict.honest, self.verdict.default
        if honest is None or default is None or self.verdict.default_kept:
            return None
        return self.better_by(honest.value, default.value)

    @property
    def n_tries(self) -> int:
        """Configurations that were tried, failed ones included."""
        return max(len(self.trials), self.run.n_trials)

    @property
    def naive(self) -> float | None:
        """The naive score where there was a choice to flatter it: with a single try it is just the score."""
        return self.verdict.naive if self.n_tries > 1 else None

    def better_by(self, score: float | None, other: float | None) -> float | None:
        """How much better `score` is than `other`, whichever way the metric points."""
        if not (is_known(score) and is_known(other)):
            return None
        return score - other if self.metric.greater_is_better else other - score

    def trial(self, number: int | None) -> TrialFacts | None:
        """The trial of that number, or None."""
        return next((t for t in self.trials if t.number == number), None)

    def ranked_trials(self) -> list[TrialFacts]:
        """Every trial, best score first, those without a score last and in the order they were tried."""
        sign = -1.0 if self.metric.greater_is_better else 1.0
        return sorted(self.trials, key=lambda t: (sign * t.score if is_known(t.score) else math.inf, t.number))

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON values; what is not a finite number becomes null."""
        return {"version": self.VERSION, **_plain(self)}

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> Self:
        """The facts that `to_json` wrote down.

        Raises
        ------
        ValueError
            The facts were written by a newer version.
        """
        if (version := obj.get("version")) != cls.VERSION:
            raise ValueError(f"report facts of version {version!r}; this version reads {cls.VERSION}")
        built: Self = _built(cls, {key: value for key, value in obj.items() if key != "version"})
        return built


def is_known(number: float | None) -> typing.TypeGuard[float]:
    """Whether there is a finite number to show."""
    return number is not None and math.isfinite(number)


def _plain(value: Any) -> Any:
    """The value as JSON can say it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    # numpy scalars in a configuration know their plain form; anything else is shown as its own words
    return _plain(value.item()) if hasattr(value, "item") else str(value)


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _built(kind: Any, value: Any) -> Any:
    """The value of type `kind` that `_plain` turned into `value`."""
    if value is None:
        # An interval bound that was not finite was written as null; Estimate wants a float back.
        return math.nan if kind is float else None
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        inner = [a for a in args if a is not type(None)]
        return _built(inner[0], value) if len(inner) == 1 else value
    if dataclasses.is_dataclass(kind):
        hints = _hints(typing.cast("type", kind))
        known = {f.name for f in dataclasses.fields(kind)}
        return kind(**{k: _built(hints[k], v) for k, v in value.items() if k in known})  # type: ignore[operator]
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_built(args[0], item) for item in value)
        return tuple(_built(a, item) for a, item in zip(args, value, strict=True))
    if kind is float:
        return float(value)
    return value

"""A model in use, watched: look after look at its rows, and all labels as they came, within one alarm budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.data.frames import open_frame
from luthier.monitoring.alarms import YEAR_S, Alarm, AlarmBudget, deduplicate, gathered
from luthier.monitoring.baseline import Baseline, codes
from luthier.monitoring.concept import ConceptDrift
from luthier.monitoring.label_sources import LabelSource, screen_sources
from luthier.monitoring.look import DETECTORS, Asked, Look, look
from luthier.monitoring.losses import BoundedLoss
from luthier.monitoring.online import OnlineScore, online_score
from luthier.monitoring.where import worse_slices
from luthier.scoring import Metric

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

FIRST_ROWS = 100
"""Rows of a period that has not ended from which it is looked at, then at twice as many, four times as many ..."""
MOST_LOOKS = 60
"""Looks that are kept and shown, the newest."""


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    """How a model is watched.

    Attributes
    ----------
    alarms_per_year
        False alarms a year, over all detectors: the one number to set.
    every_s
        Length of a period, seconds.
    least_effect
        Share of the rows from which a difference matters.
    """

    alarms_per_year: float = 1.0
    every_s: float = 86_400.0
    least_effect: float = 0.05

    @property
    def budget(self) -> AlarmBudget:
        """The alarms, shared by all detectors."""
        return AlarmBudget(self.alarms_per_year, len(DETECTORS))

    @property
    def level(self) -> float:
        """Of one detector in one period."""
        return self.budget.level(every_s=self.every_s)


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """What a version was asked and answered, oldest first, and the labels in force.

    Attributes
    ----------
    frame
        (n, ...): the inputs.
    p
        (n, k): answers.
    at_us
        (n,) rising: when, in microseconds since 1970, UTC; None where it is not known.
    y
        (n,): coded labels; not read where `labelled` is False.
    labelled, told_us
        (n,): whether a label has come, and when the first one did.
    sources
        (n,): who told the label, None where nobody said.
    """

    frame: pd.DataFrame
    p: Floats
    at_us: Indices | None
    y: NDArray[Any]
    labelled: NDArray[np.bool_]
    told_us: Indices
    sources: NDArray[np.object_]

    @classmethod
    def without_labels(cls, frame: pd.DataFrame, p: Floats, y: NDArray[Any], at_us: Indices | None = None) -> Self:
        """Rows of which nobody has said what came true; `y` is any array of their length and of the target's type."""
        n = len(frame)
        return cls(frame, p, at_us, y, np.zeros(n, bool), np.zeros(n, np.int64), np.full(n, None, object))

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: NDArray[Any]) -> Live:
        """Some of the rows, in their order."""
        return Live(
            self.frame.iloc[rows].reset_index(drop=True),
            self.p[rows],
            None if self.at_us is None else self.at_us[rows],
            self.y[rows],
            self.labelled[rows],
            self.told_us[rows],
            self.sources[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """The state of a model in use.

    Attributes
    ----------
    looks
        Oldest first.
    alarms
        Every cause once, oldest first.
    online
        What it delivers, by its labels.
    concept
        Where the evidence stands that it has become worse.
    sources
        Of labels, the most suspicious first.
    quarantined
        Labels of suspicious sources: not held against the model, and not to be learned from.
    """

    looks: tuple[Look, ...]
    alarms: tuple[Alarm, ...]
    online: OnlineScore
    concept: ConceptDrift
    sources: tuple[LabelSource, ...]
    quarantined: int

    @property
    def latest(self) -> Look | None:
        """The newest look."""
        return self.looks[-1] if self.looks else None


Key = tuple[int | None, int | None, int, int]
"""Of a look: begin and end of its period, rows, labels. The same key is the same look."""


def watch(
    baseline: Baseline,
    live: Live,
    metric: Metric,
    policy: WatchPolicy,
    *,
    now_us: int | None,
    known: Callable[[Key], Look | None] = lambda _: None,
    seed: int = 0,
    slices: Mapping[str, Any] | None = None,
) -> Watched:
    """Look at everything there is.

    Periods that have ended are looked at once, with all their rows. The one that runs is looked at when it has a
    hundred rows, two hundred, four hundred and so on, each time with a part of the level; together they have half of
    it. Rows without times are one look.

    Parameters
    ----------
    now_us
        The present; None where the rows are all there will be.
    known
        Gives back a look that was had before, so that its cost is paid once.
    seed
        Of all draws.
    slices
        Column -> level of every row, to be scored apart.
    """
    looks = []
    periods = list(_periods(live, policy, now_us))
    for key, rows, told, level in periods:
        # The newest is had again: what it says of every column is not kept.
        had = None if key == periods[-1][0] else known(key)
        if had is None:
            asked = Asked(open_frame(live.frame.iloc[rows]), live.p[rows], live.y[told], live.p[told], key[0], key[1])
            rng = np.random.default_rng([seed, len(rows), abs(key[0] or 0) % 2**32])
            had = look(baseline, asked, metric, level=level, rng=rng, least_effect=policy.least_effect)
        looks.append(had)
    loss = BoundedLoss.of(baseline.y, baseline.p)
    told = np.flatnonzero(live.labelled)
    losses = loss.per_row(live.y[told], live.p[told])
    sources = screen_sources(losses, live.sources[told], level=policy.level)
    suspicious = {source.name for source in sources if source.suspicious}
    names = pd.Series(live.sources[told], dtype=object).fillna("").astype(str)
    sound = ~names.isin(suspicious).to_numpy()
    concept, worse = _concept(baseline, live, policy, loss, told[sound], losses[sound])
    alarms = [
        *gathered(deduplicate([one.alarms for one in looks])),
        *worse,
        *(_suspected(source) for source in sources if source.suspicious),
    ]
    trusted = live.labelled.copy()
    trusted[told[~sound]] = False
    return Watched(
        looks=tuple(looks),
        alarms=tuple(alarms),
        online=_online(live, metric, trusted, now_us, seed, slices),
        concept=concept,
        sources=sources,
        quarantined=int((~sound).sum()),
    )


def _periods(
    live: Live, policy: WatchPolicy, now_us: int | None
) -> Iterator[tuple[Key, NDArray[Any], NDArray[Any], float]]:
    """Every period's key, its rows, the rows whose labels came in it, and its level."""
    n = len(live)
    if n == 0:
        return
    if live.at_us is None:
        rows = np.arange(n)
        told = np.flatnonzero(live.labelled)
        yield (None, None, n, len(told)), rows, told, AlarmBudget(policy.alarms_per_year).level(every_s=YEAR_S)
        return
    length = int(policy.every_s * 1e6)
    begun = live.at_us // length
    told_in = np.where(live.labelled, live.told_us // length, -1)
    current = None if now_us is None else now_us // length
    waiting: list[NDArray[Any]] = []
    start: int | None = None
    for period in np.unique(begun)[-MOST_LOOKS:]:
        rows = np.flatnonzero(begun == period)
        told = np.flatnonzero(told_in == period)
        start_us = int(period) * length
        if current is not None and period >= current:
            k = int(np.log2(max(len(rows) // FIRST_ROWS, 1)))
            if len(rows) >= FIRST_ROWS:
                some = rows[: FIRST_ROWS * 2**k]
                end_us = int(live.at_us[some[-1]])
                yield (start_us, end_us, len(some), len(told)), some, told, policy.level / 2 ** (k + 2)
            return
        waiting.append(rows)
        start = start_us if start is None else start
        rows = np.concatenate(waiting)
        if len(rows) < FIRST_ROWS and period != begun[-1]:
            continue  # too few to say anything: they are looked at together with the next period's
        yield (start, start_us + length, len(rows), len(told)), rows, told, policy.level / 2
        waiting, start = [], None


def _concept(
    baseline: Baseline,
    live: Live,
    policy: WatchPolicy,
    loss: BoundedLoss,
    told: Indices,
    losses: Floats,
) -> tuple[ConceptDrift, list[Alarm]]:
    """The stream of losses in the order in which their labels came."""
    order = np.argsort(live.told_us[told], kind="stable")
    told, losses = told[order], losses[order]
    span_s = 0.0
    if len(told) > 1 and live.at_us is not None:
        span_s = (int(live.told_us[told[-1]]) - int(live.told_us[told[0]])) / 1e6
    # Time between false alarms is counted in labels, at the rate at which they come here.
    per_s = len(told) / span_s if span_s > 0 else len(told) / policy.every_s
    mean_time = max(1_000.0, policy.budget.mean_time_s() * per_s)
    # The upper end of what the baseline says of its own mean: it may have been lucky.
    mu = float(np.clip(loss.mean + 1.645 * loss.se, 1e-3, 0.95))
    state = ConceptDrift.watching(mu, mean_time=mean_time).after(losses)
    if not state.alarms:
        return state, []
    since = told[state.since : state.n]
    after = losses[state.since : state.n]
    X = codes(open_frame(live.frame.iloc[since]), baseline.inputs.compared)
    where = worse_slices(baseline.inputs, baseline.X, loss.per_row(baseline.y, baseline.p), X, after)
    words = (
        f"the model has become worse: mean loss {after.mean():.3f} over the last {len(after):,} labels, "
        f"where {loss.mean:.3f} was to be expected"
    )
    begun, seen = (None, None) if live.at_us is None else (int(live.at_us[since[0]]), int(live.told_us[since[-1]]))
    alarm = Alarm(
        "losses", ("losses",), words, since_us=begun, until_us=seen, effect=float(after.mean() - loss.mean),
        slices=tuple(one.words() for one in where),
    )  # fmt: skip
    return state, [alarm]


def _suspected(source: LabelSource) -> Alarm:
    name = source.name or "(no source)"
    words = (
        f"labels from {name} disagree with the model far more than others do: mean loss {source.loss:.3f} against "
        f"{source.others:.3f}, {source.n:,} labels; they are in quarantine"
    )
    return Alarm("label sources", (name,), words, effect=source.loss - source.others)


def _online(
    live: Live,
    metric: Metric,
    trusted: NDArray[np.bool_],
    now_us: int | None,
    seed: int,
    slices: Mapping[str, Any] | None,
) -> OnlineScore:
    n = len(live)
    at_us = np.zeros(n, np.int64) if live.at_us is None else live.at_us
    latest = int(max(at_us.max(initial=0), live.told_us.max(initial=0)))
    return online_score(
        metric,
        live.y,
        live.p,
        at_us=at_us,
        labelled=trusted,
        first_label_us=live.told_us,
        now_us=latest if now_us is None else max(now_us, latest),
        rng=np.random.default_rng(seed),
        slices=slices,
    )

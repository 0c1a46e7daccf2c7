"""`luthier.monitor`: what a model in use is asked and delivers, held against what it was made for and promised."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from luthier.api.baselines import find_baseline
from luthier.api.live_rows import from_files, logged
from luthier.api.project import settings
from luthier.api.remembered import RememberedLooks, state_folder
from luthier.api.resolving import Resolved, resolve
from luthier.api.telling import Channels, tell
from luthier.data.frames import open_frame
from luthier.errors import BadSettings, NoBaseline
from luthier.monitoring import Alarm, Baseline, Live, Watched, WatchPolicy, watch
from luthier.registry import unpack
from luthier.report.monitor_html import render_monitor
from luthier.report.monitor_words import MonitorFacts, monitor_lines
from luthier.scoring import Metric, get_metric
from luthier.scoring.metrics import Costs
from luthier.serving import Predictor
from luthier.store import read_model, write_text_atomic
from luthier.tuning import Budget


@dataclass(frozen=True)
class MonitorResult:
    """What `luthier.monitor` found; in a notebook it shows itself as its page.

    Attributes
    ----------
    watched
        Looks, alarms, online score, evidence of concept drift and sources of labels, as plain values.
    facts
        Everything that is said about it.
    told
        Alarms that were new and were sent.
    """

    watched: Watched
    facts: MonitorFacts
    told: tuple[Alarm, ...] = ()

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Every cause once, oldest first."""
        return self.watched.alarms

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {**self.facts.to_dict(), "told": [alarm.to_dict() for alarm in self.told]}

    def summary(self) -> list[str]:
        """The state in a few lines for people."""
        return monitor_lines(self.facts)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the page and return where it is.

        Raises
        ------
        UnwritableFolder
            The folder does not take files.
        """
        target = Path(path)
        write_text_atomic(target, render_monitor(self.facts))
        return target

    def __str__(self) -> str:
        return "\n".join(self.summary())


def monitor(
    model: str | os.PathLike[str],
    *,
    on: Any = None,
    reference: Any = None,
    send: bool = False,
    now: float | None = None,
    seed: int = 0,
    store: str | os.PathLike[str] | None = None,
) -> MonitorResult:
    """Look at a model in use.

    Columns, predictions and calibration are held against the rows the model was made for, by tests whose false alarms
    add up to no more than `[monitor] alarms_per_year` of `luthier.toml` (one, unless it says otherwise) over all
    detectors. Before labels come, the score is expected from the chances; when they come, it is measured, however late,
    out of order, doubled or corrected they are. Losses are watched after every label.

    Parameters
    ----------
    model
        Name of a registered model, or folder of a saved one.
    on
        Rows to look at instead of the server's log: a path or glob of files, or a frame, with the model's columns. A
        column called as the target holds labels; the model's time column, or `at`, says when. Files in the form of the
        prediction log are taken as such.
    reference
        Rows with the target to hold against, for a model of which no baseline was kept.
    send
        Send new alarms by the channels of `[alarms]` in `luthier.toml`, each cause once.
    now
        The present, seconds since 1970; the clock's when left out.
    seed
        Of all draws.
    store
        Where the model is registered.

    Returns
    -------
    MonitorResult

    Raises
    ------
    NoBaseline
        Nothing is known of the rows the model was made for, or there is nothing to look at.
    UnknownModel, DamagedModel
        The model is not there, or not what was saved.
    BadSettings
        `[monitor]` or `[alarms]` says something that has no meaning.

    Examples
    --------
    >>> state = luthier.monitor("churn", on="logs/*.parquet")  # doctest: +SKIP
    >>> [alarm.words for alarm in state.alarms]  # doctest: +SKIP
    """
    channels = Channels.of(settings("alarms"))
    seen = observe(model, on=on, reference=reference, now=now, seed=seed, store=store)
    told: Sequence[Alarm] = ()
    if send:
        told = seen.looks.untold(seen.watched.alarms)
        tell(channels, seen.name, told)
        seen.looks.note_told(told)
    facts = MonitorFacts(
        name=seen.name,
        version=seen.found.version,
        metric=seen.metric.name,
        greater_is_better=seen.metric.greater_is_better,
        promised=seen.predictor.manifest.score,
        policy=seen.policy,
        watched=seen.watched,
        n=len(seen.live),
        labelled=int(seen.live.labelled.sum()),
        cost=_cost(_costs(), seen.live, seen.baseline, seen.predictor),
    )
    return MonitorResult(seen.watched, facts, tuple(told))


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """A model in use, and everything that is known of its use."""

    name: str
    found: Resolved
    predictor: Predictor
    baseline: Baseline
    live: Live
    metric: Metric
    policy: WatchPolicy
    watched: Watched
    looks: RememberedLooks
    from_log: bool


def observe(
    model: str | os.PathLike[str],
    *,
    on: Any = None,
    reference: Any = None,
    now: float | None = None,
    seed: int = 0,
    store: str | os.PathLike[str] | None = None,
) -> Observed:
    """Gather what `monitor` speaks of; see there for the parameters and errors."""
    policy, found = watch_policy(), resolve(model, store=store)
    predictor = Predictor.of(unpack(read_model(found.folder)))
    baseline = find_baseline(found, store=store) if reference is None else _baseline_from(predictor, reference, seed)
    name = found.name or _called(found.folder)
    live = logged(name, found, predictor) if on is None else from_files(on, predictor)
    if not len(live):
        raise NoBaseline(
            f"the server's log holds no answer of {name} yet",
            fix=f"serve it (luthier serve {name}), or name files: luthier monitor {name} --on 'rows/*.csv'",
        )
    metric = get_metric(predictor.manifest.metric, predictor.schema.task)
    looks = RememberedLooks.of(state_folder(name) if on is None else None, found, policy)
    watched = watch(
        baseline,
        live,
        metric,
        policy,
        now_us=None if on is not None else int((time.time() if now is None else now) * 1e6),
        known=looks.find,
        seed=seed,
        slices=_slices(baseline, live),
    )
    looks.keep(watched.looks)
    return Observed(name, found, predictor, baseline, live, metric, policy, watched, looks, on is None)


def watch_policy() -> WatchPolicy:
    """The `[monitor]` section of `luthier.toml`.

    Raises
    ------
    BadSettings
        It says something that has no meaning.
    """
    said = settings("monitor")
    BadSettings.check_names("monitor", said, ("alarms_per_year", "every", "least_effect"))
    per_year, effect = said.get("alarms_per_year", 1.0), said.get("least_effect", 0.05)
    if not (isinstance(per_year, int | float) and per_year > 0):
        raise BadSettings(f"[monitor] alarms_per_year is above zero, not {per_year!r}", fix="write alarms_per_year = 1")
    if not (isinstance(effect, int | float) and 0 <= effect < 1):
        raise BadSettings(
            f"[monitor] least_effect is a share of the rows, not {effect!r}", fix="write least_effect = 0.05"
        )
    every = Budget.parse(str(said.get("every", "1d"))).seconds
    if every is None:
        raise BadSettings(f"[monitor] every is a time, not {said['every']!r}", fix='write every = "1d"')
    return WatchPolicy(float(per_year), every, float(effect))


def _baseline_from(predictor: Predictor, reference: Any, seed: int) -> Baseline:
    live = from_files(reference, predictor)
    rows = np.flatnonzero(live.labelled)
    if len(rows) < 2:
        raise NoBaseline(
            f"the reference has no labels in {predictor.schema.target!r}",
            fix="give rows whose outcome is known and that the model did not learn from",
        )
    known = live.take(rows)
    features = [c.name for c in predictor.schema.columns if c.role == "feature" and c.name in known.frame]
    return Baseline.of(known.frame[features], known.y, known.p, rng=np.random.default_rng(seed))


def _slices(baseline: Baseline, live: Live) -> Mapping[str, Any]:
    """The columns of few words, whose rows are scored apart."""
    table = open_frame(live.frame)
    few = [
        column.name
        for column in baseline.inputs.compared
        if column.bins is not None and column.bins.kind == "words" and 2 <= len(column.bins.levels) <= 12
    ]
    return {name: np.asarray(table.column(name), dtype=object) for name in few[:5] if name in table.names}


# --- money ------------------------------------------------------------------------------------------------------------


def _costs() -> Costs | None:
    said = settings("cost")
    if not said:
        return None
    return Costs.parse(",".join(f"{name}={value}" for name, value in said.items()))


def _cost(costs: Costs | None, live: Live, baseline: Baseline, predictor: Predictor) -> tuple[float, float] | None:
    """Mean cost of a case, as it was to be expected and as it came; None where nobody said what errors cost."""
    if costs is None or predictor.schema.task != "binary" or not live.labelled.any():
        return None
    cut = predictor.manifest.threshold
    parts = ((baseline.y, baseline.p), (live.y[live.labelled], live.p[live.labelled]))
    expected, came = (float(costs.metric.score(y, (p > cut).astype(np.float64))) for y, p in parts)
    return expected, came


def _called(folder: Path) -> str:
    path = folder.absolute()
    return path.parent.name if path.name == "model" and path.parent.name else path.name

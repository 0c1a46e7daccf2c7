"""What the budget bought: what would have been chosen had the search ended earlier, and what more of it would bring.

A search that goes on choosing by the same rows learns those rows by heart: its naive score only ever rises, while what
it chooses may get no better, or worse ("overtuning": Schneider, Bischl & Feurer 2025, "Overtuning in hyperparameter
optimization", AutoML). So the choice is replayed as of several moments of the search, on the same draws, and what was
chosen then is held against what is chosen now on the rows that no choice has seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.canonical import finite
from luthier.evaluation.chain import replays_for
from luthier.evaluation.cost import replay_s
from luthier.evaluation.evidence import Evidence, Unanswered
from luthier.evaluation.judging import looking_ahead
from luthier.evaluation.words import decimals
from luthier.scoring import Estimate, Metric, OutOfFold
from luthier.scoring.replay import Replay, replay
from luthier.scoring.spoken import spoken
from luthier.tuning import Price, say_seconds

Floats = NDArray[np.float64]

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
"""Of what the search has spent: where it is asked what ending it there would have meant."""
WITHIN = 1.0
"""Standard errors of its later rise within which a score had stopped rising (the rule of one standard error of Breiman,
Friedman, Olshen & Stone 1984, "Classification and regression trees")."""
TRIFLE = 0.2
"""Standard errors of the score itself that a later rise must exceed to matter to anybody."""
FEWEST_TRIALS = 8
"""Complete; with fewer there is no course to speak of."""
LEVEL, Z = 0.9, 1.645
NEXT = 0.5
"""What the next doubling of a budget should bring, in units of what the last one or two brought. Our judgement:
studies/course holds it and its interval against searches whose truth is known."""
CORE_WATTS = 12.0
"""Power of a busy core where nothing is known of the processor, as in Lannelongue, Grealey & Inouye (2021), "Green
algorithms: quantifying the carbon footprint of computation", Advanced Science 8."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A moment at which the search could have ended.

    Attributes
    ----------
    seconds
        Of the budget spent by then.
    trials
        Complete by then.
    naive
        Score of the best of them on the rows it was chosen on.
    honest
        What it should reach on new rows.
    later
        By how much the honest score got better afterwards; positive is better, for losses too. Zero at the end.
    settled
        Whether that is within a standard error of nothing, or a trifle beside that of the score itself.
    as_good
        Share of replays in which the choice made then is at least as good as that made at the end, on rows that neither
        has seen; 1 where both are the same. Near-equal choices share the draws between them, so it leans to the middle.
    """

    seconds: float
    trials: int
    naive: float
    honest: Estimate
    later: Estimate
    settled: bool
    as_good: float

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "seconds": self.seconds,
            "trials": self.trials,
            "naive": finite(self.naive),
            "honest": self.honest.to_json(),
            "later": self.later.to_json(),
            "settled": self.settled,
            "as_good": finite(self.as_good),
        }


@dataclass(frozen=True, slots=True)
class Course:
    """How the choice got better while the budget was spent.

    Attributes
    ----------
    metric, greater_is_better
        What was measured, and which way is better.
    stops
        Moments of the search, the last at its end. They are of the best single configuration, also where a blend or the
        default is shipped.
    p_default_as_good
        Chance that the default would do as well as what was found; NaN without a default.
    default_kept
        Whether it is shipped for that reason.
    doubling
        What twice the budget should bring on top, in the metric's unit; positive is better, for losses too. None where
        the search was too short to say.
    spent_s, fits
        Seconds of the budget that the search spent, and folds that were fitted to the end.
    core_s
        Seconds of work of all fits.
    price
        Of an hour, if the user said.
    """

    metric: str
    greater_is_better: bool
    stops: tuple[Stop, ...]
    p_default_as_good: float
    default_kept: bool
    doubling: Estimate | None
    spent_s: float
    fits: int
    core_s: float
    price: Price | None

    @property
    def enough(self) -> Stop:
        """The earliest moment from which on the honest score rose no more than luck explains."""
        enough = self.stops[-1]
        for stop in reversed(self.stops):
            if not stop.settled:
                break
            enough = stop
        return enough

    @property
    def rises_on(self) -> bool:
        """Whether the honest score rose until the end."""
        return self.enough is self.stops[-1]

    @property
    def money(self) -> float | None:
        """What the search cost, in the currency of the price."""
        return None if self.price is None else self.price.per_hour * self.spent_s / 3600

    @property
    def watt_hours(self) -> float:
        """Energy of all fits, at `CORE_WATTS` for a busy core: a rough figure, good to a factor of two or three."""
        return CORE_WATTS * self.core_s / 3600

    def to_dict(self) -> dict[str, Any]:
        """JSON values; numbers that are not finite are None."""
        enough = self.enough
        return {
            "metric": self.metric,
            "greater_is_better": self.greater_is_better,
            "stops": [stop.to_json() for stop in self.stops],
            "enough": {"seconds": enough.seconds, "trials": enough.trials},
            "p_default_as_good": finite(self.p_default_as_good),
            "default_kept": self.default_kept,
            "doubling": None if self.doubling is None else self.doubling.to_json(),
            "spent": {
                "seconds": self.spent_s,
                "fits": self.fits,
                "core_seconds": self.core_s,
                "money": self.money,
                "currency": None if self.price is None else self.price.currency,
                "watt_hours": self.watt_hours,
                "watts_per_core": CORE_WATTS,
            },
        }

    def lines(self) -> list[str]:
        """Whether the budget was well spent, and what more would bring."""
        return [self.sentence, self.default_sentence, self.doubling_sentence, self.spent_sentence, *self._table()]

    @property
    def sentence(self) -> str:
        """When the search could have ended."""
        last, enough = self.stops[-1], self.enough
        if self.rises_on:
            return f"the honest score rose to the end ({say_seconds(last.seconds)}, {last.trials} trials)"
        return (
            f"the honest score stopped rising after {say_seconds(enough.seconds)} of {say_seconds(last.seconds)} "
            f"({enough.trials} of {last.trials} trials): what came later is no more than luck"
        )

    @property
    def default_sentence(self) -> str:
        """Whether tuning was worth it at all."""
        if math.isnan(self.p_default_as_good):
            return "the default did not finish, so nobody knows if it would have done as well"
        kept = "; it is kept for that" if self.default_kept else ""
        p = self.p_default_as_good
        chance = "under 1 %" if p < 0.01 else f"{p:.0%}"
        return f"the default would do as well as what was found with a chance of {chance}{kept}"

    @property
    def doubling_sentence(self) -> str:
        """What more would bring, and what it must be worth."""
        found = self.doubling
        if found is None:
            return "the search was too short to say what more of it would bring"
        digits, metric = decimals(found.high), spoken(self.metric)
        most = f"{found.high:.{digits}f} at the most"
        if round(found.value, digits) <= 0:
            return f"twice the budget should bring nothing more, {most} ({metric}, {found.level:.0%} interval)"
        said = f"twice the budget should better {metric} by {found.value:.{digits}f}, {most}, and may bring nothing"
        if self.money is None or self.price is None:
            return said
        unit = self.price.currency or "of your money"
        return f"{said}: it costs {self.money:.2g} {unit}, so 0.01 of it must be worth {self._worth():.2g} or more"

    def _worth(self) -> float:
        assert self.money is not None
        assert self.doubling is not None
        return self.money * 0.01 / self.doubling.value

    @property
    def spent_sentence(self) -> str:
        """What was paid for it."""
        money = ""
        if self.money is not None and self.price is not None:
            money = f", {self.money:.2g} {self.price.currency or 'of your money'}"
        return (
            f"spent: {say_seconds(self.spent_s)}, {self.fits} fits{money}, about {self.watt_hours:.2g} Wh at "
            f"{CORE_WATTS:g} W for a busy core"
        )

    def _table(self) -> list[str]:
        return [
            f"{say_seconds(stop.seconds):>8}, {stop.trials:>4} trials: honest {stop.honest}, naive {stop.naive:.5g}, "
            f"as good as the last with a chance of {stop.as_good:.0%}"
            for stop in self.stops
        ]


def course(evidence: Evidence) -> Course | Unanswered:
    """Say whether the budget was well spent, by what would have been chosen at earlier moments of the search."""
    table, verdict, history = evidence.table, evidence.verdict, evidence.history
    if len(table) < FEWEST_TRIALS:
        return Unanswered(f"only {len(table)} trials were complete, so there is no course to speak of")
    ended = {t: history.trials[t].spent_s or 0.0 for t in history.complete}
    total = max(ended.values())
    moments = [share * total for share in SHARES] + [total]
    stops, doubling = stops_of(
        table,
        evidence.metric,
        ended,
        moments,
        rng=evidence.rng("course"),
        n_replays=replays_for(len(table.y)),
        score_of={t: history.trials[t].score for t in history.complete},
    )
    last = stops[-1]
    if verdict.blend is None and verdict.select == "best":  # one study has one honest score
        last = replace(last, honest=verdict.estimate, naive=verdict.naive)
    return Course(
        metric=evidence.metric.name,
        greater_is_better=evidence.metric.greater_is_better,
        stops=(*stops[:-1], last),
        p_default_as_good=verdict.p_default_as_good,
        default_kept=verdict.default_kept,
        doubling=doubling,
        spent_s=total,
        fits=history.n_fold_fits,
        core_s=sum(trial.seconds for trial in history.trials),
        price=evidence.plan.budget.price,
    )


def stops_of(
    table: OutOfFold,
    metric: Metric,
    ended: Mapping[int, float],
    moments: Sequence[float],
    *,
    rng: np.random.Generator,
    n_replays: int,
    score_of: Mapping[int, float | None] | None = None,
) -> tuple[tuple[Stop, ...], Estimate | None]:
    """Replay the choice as of several moments, and say what another doubling of the last one should bring.

    Parameters
    ----------
    table
        Out-of-fold predictions of the configurations to choose among.
    metric
        What they are chosen by.
    ended
        When every complete trial ended; those that are not in the table were too poor to be chosen at the end.
    moments
        Rising; the last is the end of the search. Each is twice the one before, for the last three of them.
    rng, n_replays
        Source and number of the draws, which all moments share.
    score_of
        Score of every complete trial; with it, moments are left out at which the best was not one of the table.
    """
    seed = int(rng.integers(2**63))
    found: list[tuple[float, int, Replay]] = []
    for moment in moments:
        by_then = [t for t, at in ended.items() if at <= moment]
        at_hand = [t for t in table.trials if ended.get(t, math.inf) <= moment]
        if not at_hand or (score_of is not None and not _holds_the_best(metric, by_then, at_hand, score_of)):
            continue
        part = only(table, at_hand)
        replayed = replay(part, metric, n_replays=n_replays, rng=np.random.default_rng(seed))
        if replayed.winner is not None:
            found.append((moment, len(by_then), replayed))
    stops = tuple(_stop(moment, trials, then, found[-1][2], table, metric) for moment, trials, then in found)
    return stops, _doubling([(moment, r) for moment, _, r in found])


def course_s(metric: Metric, *, rows: int, units: int, outputs: int, configs: int, replays: int) -> float:
    """Seconds to replay the choice as of all moments, for a metric of ours; twice those of a single replay at most."""
    once = replay_s(metric, rows=rows, units=units, outputs=outputs, configs=configs, replays=replays)
    return (len(SHARES) + 1) / 2 * once


def _holds_the_best(
    metric: Metric, by_then: list[int], at_hand: list[int], score_of: Mapping[int, float | None]
) -> bool:
    sign = 1.0 if metric.greater_is_better else -1.0
    known = {t: sign * score for t in by_then if (score := score_of[t]) is not None}
    return bool(known) and max(known, key=lambda t: known[t]) in at_hand


def only(table: OutOfFold, trials: list[int]) -> OutOfFold:
    """The table of some of its trials."""
    return replace(table, trials=tuple(trials), values=table.values[[table.index(t) for t in trials]])


def _stop(seconds: float, trials: int, then: Replay, last: Replay, table: OutOfFold, metric: Metric) -> Stop:
    assert then.winner is not None
    n, sign = then.estimate.n, 1.0 if metric.greater_is_better else -1.0
    rise, se = sign * (last.estimate.value - then.estimate.value), spread(then, last)
    return Stop(
        seconds=seconds,
        trials=trials,
        naive=then.naive,
        honest=looking_ahead(then.estimate, table, metric, table.values[table.index(then.winner)]),
        later=Estimate(rise, rise - Z * se, rise + Z * se, n, LEVEL, "replays of both choices on the same draws"),
        settled=rise <= max(WITHIN * se, TRIFLE * (last.estimate.high - last.estimate.low) / 3.92),
        as_good=as_good(then, last),
    )


def spread(then: Replay, last: Replay) -> float:
    """Standard error of the difference of two choices: how it varies over draws on which both were made."""
    if then.n_replays != last.n_replays:  # undefined in some draws of one of them: they cannot be paired
        return math.nan
    return float(np.std(last.full - then.full))


def as_good(then: Replay, last: Replay) -> float:
    """Share of the draws in which the first of two choices is at least as good, on the rows not drawn."""
    if then.winner == last.winner and len(then.trials) == len(last.trials):
        return 1.0
    if then.n_replays != last.n_replays:
        return math.nan
    sign = 1.0 if then.greater_is_better else -1.0
    a, b = sign * then.out_of_bag, sign * last.out_of_bag
    known = np.isfinite(a) & np.isfinite(b)
    return float((a[known] >= b[known]).mean()) if known.any() else math.nan


def _doubling(found: list[tuple[float, Replay]]) -> Estimate | None:
    """What another doubling should bring. As often as not it is nothing at all, so zero is always thought possible."""
    if len(found) < 3:
        return None
    (quarter, first), (half, middle), (whole, last) = found[-3:]
    se = spread(middle, last)
    if not (math.isfinite(se) and math.isclose(2 * half, whole) and math.isclose(2 * quarter, half)):
        return None
    sign = 1.0 if last.greater_is_better else -1.0
    latest = sign * (last.estimate.value - middle.estimate.value)
    both = sign * (last.estimate.value - first.estimate.value)
    rise = max(min(latest, both / 2), 0.0)  # a rise that slows down is taken at its last pace
    value = NEXT * rise
    low, high = min(value - Z * se, 0.0), value + rise + Z * se
    return Estimate(value, low, high, last.estimate.n, LEVEL, "half of what the last doublings brought")

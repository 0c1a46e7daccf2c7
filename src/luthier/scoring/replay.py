"""The replay: how good is a choice made from the out-of-fold table, really?

The best of many configurations looks better than it is, because part of what made it best was luck. The replay
measures that luck: draw the units of the table (rows, groups, blocks of time) with replacement, choose again on what
was drawn, see how much the choice flatters itself there, many times over. Nothing is fitted again, so it costs seconds.

With A the score of a replay's choice on the drawn rows and F its score on all rows, both averaged over replays, N the
score of the choice made on all rows (the naive score) and O = A - F the optimism,

    honest = F - O + (1 - R) / 2 (N - F),      R = O / (F - M), kept within [0, 1]

where M is the score of the median configuration. F - O repays both the luck of the draw and, once more, the luck in the
table itself: for Gaussian scores it is exactly the expected true score of a choice made with twice the noise, whatever
the true scores are, and so right when there is nothing but noise and a little low when there is signal. What separates
it from the choice that was made is the last term. If true scores of the configurations vary by tau^2 and errors by
sigma^2, the exact factor of N - F is the share of differences that is real, tau^2 / (tau^2 + sigma^2), and R estimates
what it lacks to one; the half is there because M is the median of mostly poor configurations, against which contenders
look more different from each other than they are. Without the last term this is the bootstrap form of bias-corrected
cross-validation, with all of N - F it is the bootstrap estimate of optimism; so one is weighed against the other by the
relative overfitting rate, as in the .632+ rule. studies/replay compares them.

Sources: Tsamardinos, Greasidou & Borboudakis (2018), Machine Learning 107 (bootstrap bias-corrected cross-validation);
Efron & Tibshirani (1997), J. American Statistical Association 92 (.632+, relative overfitting rate); Efron (1983),
ibid. 78 (bootstrap optimism); Oliveira, Lei & Tibshirani (2021), arXiv:2111.09447 (an unbiased estimate at inflated
noise, from bootstrap noise added and subtracted).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.scoring.draws import Draws, Floats, Indices, draw, draw_units
from luthier.scoring.estimate import Estimate
from luthier.scoring.in_bag import scores_of
from luthier.scoring.interval import BASE_VARIANCE, UNSTEADY_VARIANCE, Moments, leaning_interval, unsteadiness
from luthier.scoring.metrics import AdditiveMetric, Metric, RankMetric
from luthier.scoring.metrics.metric import as_columns
from luthier.scoring.runs import Choose, Prepared, Run, argbest, influence_function, run_choice, run_selection
from luthier.scoring.splits import Splits
from luthier.scoring.table import OutOfFold

__all__ = ["Choose", "Prepared", "Replay", "argbest", "plain_estimate", "replay"]

FEWEST_REPLAYS = 50
"""Below this the spread of a replay is not worth reading; black-box metrics are replayed at least so often."""

LOWEST = {"matthews_corrcoef": -1.0, "r2": -math.inf, "cost": -math.inf}
"""Scores and losses of ours that can fall below zero."""

TIE = 1e-12
"""Relative difference of two scores that is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """What the replay of a choice found. Scores are in the metric's own unit and sign.

    Attributes
    ----------
    estimate
        The honest score of what was chosen.
    naive
        Its score on the rows it was chosen on.
    trials, scores
        Every configuration of the table and its score on all rows.
    winner
        Trial of the best configuration; None when something else than one configuration was chosen.
    frequency
        (C,): share of the replays every configuration won; zeros when something else was chosen.
    default
        Trial of the default configuration, if it was named and is in the table.
    default_estimate
        Its score with a plain bootstrap interval: it was not selected, so nothing has to be taken off.
    p_default_as_good
        Share of replays in which the default, on the rows not drawn, is at least as good as the replay's choice; ties
        count as good. NaN without a default. A share, not a posterior: it leans to the middle, because the rows left
        out of one draw are few (studies/replay says what came true at which value).
    gain
        Honest difference between what was chosen and the default, paired row by row; positive means the choice is
        better, for losses too.
    overfitting
        R, the share of the chosen one's lead over the median configuration that is luck.
    in_bag, full, out_of_bag
        (B,): score of every replay's choice on the rows drawn, on all rows, and on the rows not drawn.
    """

    estimate: Estimate
    naive: float
    greater_is_better: bool
    trials: tuple[int, ...]
    scores: Floats
    winner: int | None
    frequency: Floats
    default: int | None
    default_estimate: Estimate | None
    p_default_as_good: float
    gain: Estimate | None
    overfitting: float
    in_bag: Floats
    full: Floats
    out_of_bag: Floats

    @property
    def n_replays(self) -> int:
        """Replays in which the metric was defined."""
        return len(self.in_bag)

    @property
    def optimism(self) -> float:
        """By how much the naive score flatters; positive when it does, for losses too."""
        flattery = self.naive - self.estimate.value
        return flattery if self.greater_is_better else -flattery


def replay(
    table: OutOfFold,
    metric: Metric,
    *,
    choose: Choose = argbest,
    n_replays: int = 1000,
    rng: np.random.Generator,
    default: int | None = None,
    level: float = 0.95,
    max_scorings: int = 20_000,
) -> Replay:
    """Replay a choice made from the table, and say what it is really worth.

    Parameters
    ----------
    table
        Out-of-fold predictions of complete configurations.
    metric
        Additive metrics are replayed as matrix products; rank metrics exactly, by a shortlist; anything else call by
        call.
    choose
        The choice to replay. `argbest`, the default, has fast paths; any other function is called once per replay.
    n_replays
        Draws. A black-box metric gets `max_scorings` // configurations of them if that is fewer, at least 50: the
        estimate says how many there were.
    rng
        Source of the draws; the same state gives the same result.
    default
        Trial of the default configuration. Left out of the comparison when it is not in the table.
    level
        Probability with which the intervals shall hold the truth.
    max_scorings
        Most calls of a black-box metric for in-bag scores.

    Raises
    ------
    ValueError
        For an empty table, or no replay asked for.
    """
    if len(table) == 0:
        raise ValueError("the table holds no complete configuration, so there is nothing to choose from")
    if n_replays < 1:
        raise ValueError(f"n_replays counts draws, so it cannot be {n_replays!r}")
    own = isinstance(metric, AdditiveMetric | RankMetric)
    if choose is argbest and not own:
        n_replays = min(n_replays, max(FEWEST_REPLAYS, max_scorings // len(table)))
    draws = draw(table.splits, n_replays, rng)
    d = table.index(default) if default is not None and default in table.trials else None
    if choose is argbest:
        scores = scores_of(table, metric, draws)
        run = run_selection(scores, draws, d, greater_is_better=metric.greater_is_better)
        full_scores = scores.full
    else:
        full_scores = choose.scores_alone(table, metric) if isinstance(choose, Prepared) else table.scores(metric)
        run = run_choice(table, metric, choose, draws, d)
    return _Reader(metric, table.y, draws, level).replay(run, table, full_scores, d)


def plain_estimate(
    y: NDArray[Any],
    p: NDArray[Any],
    metric: Metric,
    *,
    units: Indices | None = None,
    weights: Floats | None = None,
    n_replays: int = 1000,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Estimate:
    """Score of predictions nobody selected, with its bootstrap interval: all that can be said of the first fold.

    Parameters
    ----------
    y, p
        Coded target (m,) and predictions (m, k) of the rows there are.
    metric, n_replays, rng, level
        As in `replay`.
    units, weights
        Unit and base weight of every row; by default every row is a unit and weighs one.

    Returns
    -------
    Estimate
        NaN where the metric is undefined on these rows.
    """
    units = np.arange(len(y)) if units is None else units
    weights = np.ones(len(y)) if weights is None else weights
    draws = draw_units(units, weights, n_replays, rng)
    rows = np.arange(len(y))
    alone = Splits("own", "one set of predictions", ((rows[:0], rows),), 1, rows, units, weights)
    scores = scores_of(OutOfFold(alone, y, (0,), as_columns(np.asarray(p, np.float32))[None]), metric, draws)
    in_bag = scores.of(0, np.arange(n_replays), drawn=True)
    own = influence_function(scores.influence(0), draws)
    score = metric.score(y, p, weights)
    return _Reader(metric, y, draws, level).plain(score, in_bag, own)


# --- what the run says ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Reader:
    """What every reading of a run needs."""

    metric: Metric
    y: NDArray[Any]
    draws: Draws
    level: float

    def replay(self, run: Run, table: OutOfFold, scores: Floats, d: int | None) -> Replay:
        known = np.isfinite(run.in_bag) & np.isfinite(run.full) & np.isfinite(run.fixed)
        A, F, fixed = run.in_bag[known], run.full[known], run.fixed[known]
        sign = 1.0 if self.metric.greater_is_better else -1.0
        defined = scores[np.isfinite(scores)]
        median = float(np.median(defined)) if len(defined) else math.nan
        honest, R = _honest(run.naive, A, F, fixed, reference=median, sign=sign)
        unsteady = unsteadiness(F)
        n = self.draws.n_units
        method = f"replay of the choice, {len(A)} draws of {n} units"
        ends = self.ends(honest, in_bag=A, fixed=fixed, own=run.own, honest=run.honest, unsteady=unsteady)
        default_estimate, gain, p_as_good = None, None, math.nan
        if d is not None and run.default_in_bag is not None and run.default_out_of_bag is not None:
            default_estimate = self.plain(float(scores[d]), run.default_in_bag, run.default_own)
            p_as_good = _share_as_good(sign * run.default_out_of_bag, sign * run.out_of_bag)
            if d == run.winner:
                gain = Estimate(0.0, 0.0, 0.0, n, self.level, "the default is the winner")
            else:
                D, value = run.default_in_bag[known], honest - float(scores[d])
                own = None if run.own is None or run.default_own is None else run.own - run.default_own
                low, high = self.ends(
                    value, in_bag=A - D, fixed=fixed - D, own=own, honest=run.honest_gain, unsteady=unsteady
                )
                low, high = (low, high) if sign > 0 else (-high, -low)
                gain = Estimate(sign * value, low, high, n, self.level, f"paired {method}")
        won = np.zeros(len(table))
        if run.winner is not None and len(A):
            won = np.bincount(run.chosen[known], minlength=len(table)) / len(A)
        return Replay(
            estimate=self.estimate(honest, ends, method),
            naive=run.naive,
            greater_is_better=self.metric.greater_is_better,
            trials=table.trials,
            scores=scores,
            winner=None if run.winner is None else table.trials[run.winner],
            frequency=won,
            default=None if d is None else table.trials[d],
            default_estimate=default_estimate,
            p_default_as_good=p_as_good,
            gain=gain,
            overfitting=R,
            in_bag=A,
            full=F,
            out_of_bag=run.out_of_bag[known],
        )

    def plain(self, score: float, in_bag: Floats, own: Floats | None) -> Estimate:
        """Score and interval of predictions that were not selected."""
        in_bag = in_bag[np.isfinite(in_bag)]
        ends = self.ends(score, in_bag=in_bag, fixed=in_bag, own=own, honest=None, unsteady=0.0)
        return self.estimate(score, ends, f"plain bootstrap, {len(in_bag)} draws of {self.draws.n_units} units")

    def ends(
        self,
        value: float,
        *,
        in_bag: Floats,
        fixed: Floats,
        own: Floats | None,
        honest: Moments | None,
        unsteady: float,
    ) -> tuple[float, float]:
        """Interval around a corrected score.

        The standard error is the spread of the in-bag score of what replays choose (where many configurations compete,
        the best of them varies less than any one), scaled from the spread of the winner's own rows to that of rows a
        choice was made without.
        """
        if len(in_bag) < 2:
            return math.nan, math.nan
        U, n = self.draws.width, self.draws.n_units
        if own is not None:
            mine = Moments.of(own)
        else:  # a black box: the spread and lean of replayed means, which shrink as 1 / sqrt(U) and 1 / U
            of_means = Moments.of(fixed)
            mine = Moments(of_means.second * U, of_means.third * U**2)
        # Half of the winner's own variance at least: what a few rows not drawn say is an estimate too.
        units = mine if honest is None else Moments(max(honest.second, mine.second / 2), honest.third)
        scale = math.sqrt(units.second / mine.second) if mine.second > 0 else 1.0
        small = math.sqrt(U / (U - 1)) if U > 1 else 1.0
        se = math.sqrt(BASE_VARIANCE + UNSTEADY_VARIANCE * unsteady) * scale * small * float(in_bag.std())
        batch = n / U  # units in a batch, whose parts add up
        return leaning_interval(value, se, Moments(units.second * batch, units.third * batch**2), n, self.level)

    def estimate(self, value: float, ends: tuple[float, float], method: str) -> Estimate:
        """The estimate, cut to what the metric can be: our scores end at one, our losses (and most scores) at zero."""
        low, high = ends
        n = self.draws.n_units
        if not isinstance(self.metric, AdditiveMetric | RankMetric):
            return Estimate(value, low, high, n, self.level, method)
        floor = LOWEST.get(self.metric.name, 0.0)
        if not self.metric.greater_is_better:
            return Estimate(max(value, floor), max(low, floor), max(high, floor), n, self.level, method)
        if value == low == high == 1.0 and "regression" not in self.metric.tasks:
            low = self._rule_of_three()
        return Estimate(
            min(max(value, floor), 1.0), min(max(low, floor), 1.0), min(max(high, floor), 1.0), n, self.level, method
        )

    def _rule_of_three(self) -> float:
        """A classifier without a fault on n units may still have a fault in 3 / n of those to come (at 95 %).

        n is taken for the rarest class. Source: Hanley & Lippman-Hand (1983), J. American Medical Association 249.
        """
        judged = self.draws.weights > 0
        of_class = [len(np.unique(self.draws.units[judged & (self.y == k)])) for k in np.unique(self.y[judged])]
        return max(0.0, 1 - 3 / min(of_class))


def _honest(
    naive: float, in_bag: Floats, full: Floats, fixed: Floats, *, reference: float, sign: float
) -> tuple[float, float]:
    """The formula at the head of this file: the honest score, and R."""
    if len(in_bag) == 0:
        return math.nan, math.nan
    F = float(full.mean())
    # mean(fixed) - N is zero but for the finite number of draws: taking it off removes most of their noise.
    optimism = float((in_bag - full).mean() - (fixed.mean() - naive))
    lead = sign * (F - reference)
    R = float(np.clip(sign * optimism / lead, 0.0, 1.0)) if lead > 0 else 1.0
    return F - optimism + (1 - R) / 2 * (naive - F), R


def _share_as_good(default: Floats, chosen: Floats) -> float:
    """Share of replays in which the default is at least as good; both oriented so that more is better."""
    both = np.isfinite(default) & np.isfinite(chosen)
    if not both.any():
        return math.nan
    slack = TIE * np.maximum(1.0, np.abs(chosen[both]))
    return float((default[both] >= chosen[both] - slack).mean())

"""Strategies weighed against each other: curves, ranks, time to a score, and what to do, from traces alone.

The scores are cross-validated scores of the best so far, on folds that all strategies share. Being the best of many
they flatter, but they flatter every strategy alike, so they may be compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from luthier.evaluation.advice import advise
from luthier.evaluation.contenders import (
    FRACTIONS,
    Comparison,
    Contender,
    CurvePoint,
    Reach,
    Target,
)
from luthier.evaluation.traces import Step, Trace
from luthier.scoring import Estimate

Floats = NDArray[np.float64]

QUARTERS = 4
LEVEL = 0.95
N_BOOTSTRAP = 2000
MOST_POINTS = 200
"""Points of a curve that are kept; the first and the last are always among them."""


def compared(
    traces: Sequence[Trace],
    *,
    greater_is_better: bool,
    test_to_train: float,
    budget: str,
    end_s: float | None,
    rng: np.random.Generator,
) -> Comparison:
    """Weigh strategies against each other.

    Parameters
    ----------
    traces
        One for every strategy and repeat, as many repeats for each; every one has scored its default configuration.
    greater_is_better
        Direction of the scores.
    test_to_train
        Rows judged over rows learned from, of a typical fold.
    budget
        In words, for the advice.
    end_s
        Where curves end: seconds of the budget; None (a budget of trials) for the longest trace.
    rng
        Source of the bootstrap draws.

    Raises
    ------
    ValueError
        For no traces, traces without any score, or repeats that do not match.
    """
    runs: dict[str, list[Trace]] = {}
    for trace in traces:
        runs.setdefault(trace.strategy, []).append(trace)
    if not runs or len({len(own) for own in runs.values()}) != 1:
        raise ValueError(f"every strategy needs the same repeats, not { {n: len(own) for n, own in runs.items()} }")
    sign = -1.0 if greater_is_better else 1.0
    names = list(runs)
    repeats = len(runs[names[0]])
    best = {name: [_Best.of(trace, greater_is_better) for trace in own] for name, own in runs.items()}
    final = {name: np.asarray([steps.final for steps in own]) for name, own in best.items()}
    losses = np.asarray([[[sign * b.at(f) for f in FRACTIONS] for b in best[name]] for name in names])
    ranks = mean_ranks(np.where(np.isnan(losses), np.inf, losses), rng)
    # By the score at the end; where that is equal, who was ahead on the way.
    order = sorted(range(len(names)), key=lambda i: (sign * float(final[names[i]].mean()), ranks[i].value))
    leader = names[order[0]]
    targets = _targets(final, sign)
    end = max(trace.seconds for trace in traces) if end_s is None else end_s
    contenders = []
    for i in order:
        name, own = names[i], runs[names[i]]
        behind = None if name == leader else _behind(best[leader], best[name], sign, test_to_train, len(names))
        explored = _explored([step for trace in own for step in trace.steps])
        contenders.append(
            Contender(
                name=name,
                score=_mean(final[name]),
                rank=ranks[i],
                explored_share=explored,
                explored_quarters=_explored_quarters(own),
                curve=_curve(best[name], end),
                at=tuple(_known_mean([b.at(f) for b in best[name]]) for f in FRACTIONS),
                reached=tuple(_reach(best[name], target.score, sign) for target in targets),
                behind=behind,
                better_than_default=any(len(b.steps) > 1 for b in best[name]),
                trials=float(np.mean([len(trace.steps) for trace in own])),
                fits=float(np.mean([trace.fits for trace in own])),
                seconds=float(np.mean([trace.seconds for trace in own])),
            )
        )
    default = float(np.mean([b.steps[0].score for own in best.values() for b in own]))
    advice = advise(contenders, budget, repeats)
    return Comparison(tuple(contenders), targets, repeats, greater_is_better, default, advice)


# --- the best so far --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Best:
    """The improvements of one trace: when the best changed, and to what."""

    steps: tuple[Step, ...]

    @classmethod
    def of(cls, trace: Trace, greater_is_better: bool) -> _Best:
        steps = tuple(trace.improvements(greater_is_better=greater_is_better))
        if not steps:
            raise ValueError(f"repeat {trace.repeat} of {trace.strategy} has no score")
        return cls(steps)

    @property
    def final(self) -> float:
        score = self.steps[-1].score
        assert score is not None
        return score

    def at(self, share: float) -> float:
        """Best score when that share of the budget was spent; NaN before the first."""
        found = [s.score for s in self.steps if s.share <= share + 1e-12]
        return math.nan if not found or found[-1] is None else found[-1]

    def after(self, seconds: float) -> float:
        """Best score after so many seconds; NaN before the first."""
        found = [s.score for s in self.steps if s.seconds <= seconds]
        return math.nan if not found or found[-1] is None else found[-1]


def _curve(runs: Sequence[_Best], end_s: float) -> tuple[CurvePoint, ...]:
    """Points at which any repeat got better, once all have a score, and the end."""
    start = max(run.steps[0].seconds for run in runs)
    times = sorted({start, max(end_s, start), *(s.seconds for run in runs for s in run.steps if s.seconds > start)})
    if len(times) > MOST_POINTS:
        times = [times[round(i * (len(times) - 1) / (MOST_POINTS - 1))] for i in range(MOST_POINTS)]
    points = []
    for seconds in times:
        values = [run.after(seconds) for run in runs]
        points.append(CurvePoint(seconds, float(np.mean(values)), min(values), max(values)))
    return tuple(points)


def _targets(final: Mapping[str, Floats], sign: float) -> tuple[Target, ...]:
    """The final score of the weakest strategy, and that of random search."""
    weakest = max(final, key=lambda name: sign * float(final[name].mean()))
    names = [weakest, *(["random"] if "random" in final and weakest != "random" else [])]
    return tuple(Target(name, float(final[name].mean())) for name in names)


def _reach(runs: Sequence[_Best], score: float, sign: float) -> Reach:
    # A hair of slack: the mean of equal numbers need not equal them to the last digit.
    slack = 1e-12 * max(abs(score), 1.0)
    times = [
        next((s.seconds for s in run.steps if s.score is not None and sign * s.score <= sign * score + slack), None)
        for run in runs
    ]
    known = [t for t in times if t is not None]
    return Reach(float(np.mean(known)) if known else None, len(known))


# --- exploring and exploiting -----------------------------------------------------------------------------------------


def _explored(steps: Sequence[Step]) -> float | None:
    """Share of a strategy's own suggestions that did not exploit; a grid is a list made in ignorance of results."""
    own = [step for step in steps if step.mode not in ("default", "prior")]
    return float(np.mean([step.mode != "exploit" for step in own])) if own else None


def _explored_quarters(runs: Sequence[Trace]) -> tuple[float | None, ...]:
    quarters: list[list[Step]] = [[] for _ in range(QUARTERS)]
    for run in runs:
        for step in run.steps:
            quarters[min(math.ceil(step.share * QUARTERS - 1e-9) - 1, QUARTERS - 1) if step.share > 0 else 0].append(
                step
            )
    return tuple(_explored(steps) for steps in quarters)


# --- means, ranks, differences ----------------------------------------------------------------------------------------


def mean_ranks(losses: Floats, rng: np.random.Generator, n_draws: int = N_BOOTSTRAP) -> list[Estimate]:
    """Mean rank of each strategy, with a bootstrap interval over its repeats.

    Repeats of different strategies have nothing to do with each other, so each is held against each: the mean rank of
    strategy i is 1 plus the sum, over the others, of the share of pairs of repeats in which the other is ahead (ties
    count half), averaged over the times.

    Parameters
    ----------
    losses
        (S, R, T): strategies, repeats, times; lower is better, infinite where there is nothing yet.
    rng
        Source of the draws.
    n_draws
        How many.

    Returns
    -------
    list of Estimate
        In [1, S]. Percentiles of draws of repeats, widened by t / z * sqrt(R / (R - 1)) for so few repeats (Hesterberg
        2015, The American Statistician 69); one repeat leaves everything open.
    """
    S, R, _ = losses.shape
    level = LEVEL
    ahead = (losses[None, None] < losses[:, :, None, None]).mean(-1)  # [i, r, j, q]: j ahead of i
    tied = (losses[None, None] == losses[:, :, None, None]).mean(-1)
    W = ahead + tied / 2
    W[np.arange(S), :, np.arange(S), :] = 0.0
    mean = 1.0 + W.mean(axis=(1, 3)).sum(axis=1)
    if R == 1:
        return [Estimate(float(m), 1.0, float(max(S, 1)), 1, level, "one repeat") for m in mean]
    weights = rng.multinomial(R, np.full(R, 1 / R), size=(n_draws, S)) / R
    drawn = 1.0 + np.einsum("bir,irjq,bjq->bi", weights, W, weights, optimize=True)
    low, high = np.percentile(drawn, [50 * (1 - level), 50 * (1 + level)], axis=0)
    wider = _t(R - 1) / _t(math.inf) * math.sqrt(R / (R - 1))
    low, high = mean - wider * np.maximum(mean - low, 0), mean + wider * np.maximum(high - mean, 0)
    return [
        Estimate(float(m), float(max(a, 1.0)), float(min(b, S)), R, level, "bootstrap over repeats")
        for m, a, b in zip(mean, low, high, strict=True)
    ]


def _mean(values: Floats) -> Estimate:
    """Mean of the repeats with its t interval."""
    n, mean = len(values), float(values.mean())
    if n == 1:
        return Estimate(mean, math.nan, math.nan, 1, LEVEL, "one repeat")
    half = _t(n - 1) * float(values.std(ddof=1)) / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half, n, LEVEL, "t interval over repeats")


def _behind(
    leader: Sequence[_Best], other: Sequence[_Best], sign: float, test_to_train: float, n_strategies: int
) -> Estimate:
    """How much worse `other` ends than `leader`, with an interval for both kinds of luck.

    The variance has three parts: of each strategy's mean over repeats, and of the mean paired difference of their
    winners over the folds they share, with the correction for overlapping training rows (Nadeau & Bengio 2003, Machine
    Learning 52). Degrees of freedom after Welch (1947) and Satterthwaite (1946). The leader was picked as the best of
    all, so the width is that of the studentised range (Tukey 1953; for unequal variances Games & Howell 1976, Journal
    of Educational Statistics 1), which for two strategies is Student's t: with t for five equal strategies one
    comparison in six would call some of them worse beyond luck.
    """
    a, b = (sign * np.asarray([run.final for run in runs]) for runs in (leader, other))
    gap, n = float(b.mean() - a.mean()), len(a)
    if n == 1:
        return Estimate(gap, math.nan, math.nan, 1, LEVEL, "one repeat")
    parts = [(float(a.var(ddof=1)) / n, n - 1), (float(b.var(ddof=1)) / n, n - 1)]
    folds = [
        np.asarray(y.steps[-1].fold_scores) - np.asarray(x.steps[-1].fold_scores)
        for x, y in zip(leader, other, strict=True)
        if len(x.steps[-1].fold_scores) == len(y.steps[-1].fold_scores) > 1
    ]
    if folds:
        F = len(folds[0])
        # The mean over repeats of the variances, not the variance of a mean: all repeats share the same rows.
        parts.append((float(np.mean([d.var(ddof=1) for d in folds])) * (1 / F + test_to_train), F - 1))
    variance = sum(v for v, _ in parts)
    if variance <= 0:
        return Estimate(gap, gap, gap, n, LEVEL, "repeats and folds")
    df = variance**2 / sum(v**2 / k for v, k in parts if v > 0)
    half = _range(n_strategies, df) * math.sqrt(variance)
    return Estimate(gap, gap - half, gap + half, n, LEVEL, "repeats and folds")


def _known_mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if all(math.isfinite(v) for v in values) else None


@cache
def _studentised_range(n: int, df: float) -> float:
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(LEVEL, n, df))


def _range(n: int, df: float) -> float:
    # A double integral that costs 0.1 s: a tenth of a degree below is on the safe side and found again, and beyond two
    # hundred nothing changes that could be seen.
    return _t(df) if n == 2 else _studentised_range(n, min(math.floor(10 * df) / 10, 200.0)) / math.sqrt(2)


def _t(df: float) -> float:
    from scipy.stats import norm, t

    quantile = 0.5 + LEVEL / 2
    return float(norm.ppf(quantile) if math.isinf(df) else t.ppf(quantile, df))

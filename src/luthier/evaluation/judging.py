"""From the out-of-fold table to a verdict: what was found, how sure it is, and what to use."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from luthier.evaluation.blend import Blend, Blender
from luthier.evaluation.cost import MOST_BLEND_REPLAYS
from luthier.evaluation.simplest import Simplest
from luthier.evaluation.verdict import Verdict
from luthier.evaluation.words import against_default, expectation
from luthier.evaluation.worst_group import WorstGroup
from luthier.scoring import Estimate, Metric, OutOfFold, Splits
from luthier.scoring.ahead import ahead
from luthier.scoring.corrected_t import corrected_t
from luthier.scoring.replay import Replay, plain_estimate, replay

Floats = NDArray[np.float64]
Final = Literal["auto", "blend", "refit"]
"""What is shipped: a blend always, one configuration always, or a blend where it is likelier than not the better."""

FEWEST_UNITS = 20
FEWEST_OF_A_CLASS = 10
"""Below these a score is an anecdote. Our judgement: intervals of the replay were simulated down to 100 units; they are
t intervals, which stay honest for some way below that, and are too wide to decide anything soon after."""


KEEP_DEFAULT_FROM = 0.35
"""Share of replays in which the default is as good as what was found from which it is kept. The share leans low: said
0.39, it came true in 54 of 100 simulated searches. Kept from here on, the default was given up for something worse in
1.7 % of them, from one half on in 3.3 %, and never kept in 7.4 %, for a twentieth of a standard error of mean gain
(studies/course)."""

SHIP_SINGLE_FROM = 0.5
"""One configuration is shipped when it is at least so likely to be as good as the best blend."""

SHIP_SINGLE_FORWARD_FROM = 0.95
"""The same on rows in order of time, where a blend has the default for an anchor. Of 30 choices made on the
first windows of three tables, 11 single configurations and 3 such blends were worse than the default on the windows
that came (studies/final)."""


def judge(
    table: OutOfFold,
    metric: Metric,
    *,
    default_trial: int | None,
    fold_scores: Floats | None = None,
    rng: np.random.Generator,
    n_replays: int = 1000,
    keep_default_above: float = KEEP_DEFAULT_FROM,
    blender: Blender | None = None,
    final: Final = "refit",
    n_blend_replays: int = MOST_BLEND_REPLAYS,
) -> Verdict:
    """Judge the winner of a study, and decide between it and the default.

    Parameters
    ----------
    table
        Out-of-fold predictions of every complete configuration.
    metric
        What was optimised.
    default_trial
        Trial of the default configuration; it need not have finished.
    fold_scores
        (C, F): score of every configuration of the table on every fold; computed when not given.
    rng
        Source of the draws.
    n_replays, n_blend_replays
        How many, for the choice of one configuration and for that of a blend, which costs much more.
    keep_default_above
        The default is kept when the probability that it is as good as the winner is at least this.
    blender, final
        Chooses blends; and whether to. A blend asked for by name is shipped whatever the default's chances.

    Raises
    ------
    ValueError
        For a table without configurations, or when the metric is undefined for all of them.
    """
    return judge_with_spare(
        table,
        metric,
        default_trial=default_trial,
        fold_scores=fold_scores,
        rng=rng,
        n_replays=n_replays,
        keep_default_above=keep_default_above,
        blender=blender,
        final=final,
        n_blend_replays=n_blend_replays,
    )[0]


def judge_with_spare(
    table: OutOfFold,
    metric: Metric,
    *,
    default_trial: int | None,
    fold_scores: Floats | None = None,
    rng: np.random.Generator,
    n_replays: int = 1000,
    keep_default_above: float = KEEP_DEFAULT_FROM,
    blender: Blender | None = None,
    final: Final = "refit",
    n_blend_replays: int = MOST_BLEND_REPLAYS,
    chooser: Simplest | WorstGroup | None = None,
    select: str = "best",
) -> tuple[Verdict, Verdict]:
    """Judge as `judge` does; the second verdict is that on a single model, for when a blend cannot be fitted in time.

    Both are the same where no blend is shipped. `chooser` chooses the configuration instead of its score alone;
    `select` is what that is called.
    """
    say = _Sayer(table, metric, table.fold_scores(metric) if fold_scores is None else fold_scores, keep_default_above)
    if chooser is not None:
        winner = table.trials[chooser.pick(table, metric, table.splits.weights)]
        found = replay(table, metric, choose=chooser, n_replays=n_blend_replays, rng=rng, default=default_trial)
        # What is chosen for its worst group may be no better than the default on average: the choice itself minds that.
        for_a_group = isinstance(chooser, WorstGroup)
        verdict = say.verdict(found, winner=winner, whatever_the_default=for_a_group, select=select)
        verdict = replace(verdict, select=select)
        return verdict, verdict
    same_draws = copy.deepcopy(rng)
    single = replay(table, metric, n_replays=n_replays, rng=rng, default=default_trial)
    if single.winner is None:
        raise ValueError(f"{metric.name} is undefined on these rows, so no configuration can be called the best")
    if blender is None or final == "refit":
        verdict = say.verdict(single, winner=single.winner)
        return verdict, verdict
    blend, blended, p_single = _blended(table, metric, blender, single, same_draws, final, n_blend_replays)
    spare = say.verdict(single, winner=single.winner, p_single=p_single)
    if blend is None or blended is None:
        return spare, spare
    verdict = say.verdict(
        blended, winner=single.winner, p_single=p_single, blend=blend, whatever_the_default=final == "blend"
    )
    return (spare, spare) if verdict.blend is None else (verdict, spare)


@dataclass(frozen=True, slots=True, eq=False)
class _Sayer:
    """Puts what a replay found into a verdict."""

    table: OutOfFold
    metric: Metric
    fold_scores: Floats
    keep_default_above: float

    def verdict(
        self,
        found: Replay,
        *,
        winner: int,
        p_single: float = math.nan,
        blend: Blend | None = None,
        whatever_the_default: bool = False,
        select: str = "best",
    ) -> Verdict:
        table, metric, splits = self.table, self.metric, self.table.splits
        # Where the replay cannot tell (so few units that every draw takes them all), the untuned model is the safe one.
        p = found.p_default_as_good
        own_default = blend is None and found.default == winner
        kept = found.default is not None and (own_default or not p < self.keep_default_above)
        if whatever_the_default:
            kept = False
        made = None if blend is None else blend.predictions(table)
        by_fold = self.fold_scores[table.index(winner)] if made is None else _by_fold(table, metric, made)
        found = _looking_ahead(found, by_fold, table, self.fold_scores, metric)
        test = None
        if found.default is not None and not own_default:
            difference = by_fold - self.fold_scores[table.index(found.default)]
            test = corrected_t(
                difference if metric.greater_is_better else -difference, test_to_train=_test_to_train(splits)
            )
        score = found.estimate
        if kept and not own_default and found.default_estimate is not None:
            score = found.default_estimate
        enough, reason = _enough(score, splits, table.y)
        second = against_default(
            metric.name,
            found.gain,
            kept=kept,
            is_winner=own_default,
            n_configs=len(table),
            n_members=1 if blend is None or kept else len(blend.members),
            select=select,
        )
        first = expectation(metric.name, score, forward=splits.kind == "forward")
        return Verdict(
            metric=metric.name,
            greater_is_better=metric.greater_is_better,
            n_configs=len(table),
            winner=winner,
            shipped=found.default if kept and found.default is not None else winner,
            default=found.default,
            estimate=found.estimate,
            naive=found.naive,
            default_estimate=found.default_estimate,
            p_default_as_good=p,
            keep_default_above=self.keep_default_above,
            gain=found.gain,
            corrected_t=test,
            overfitting=found.overfitting,
            n_replays=found.n_replays,
            enough_data=enough,
            reason=reason,
            sentence=_sentence(first, second, enough=enough, reason=reason),
            not_measured=_not_measured(splits, n_configs=len(table), default_missing=found.default is None),
            blend=None if kept else blend,
            p_single_as_good=p_single,
        )


def judge_partial(
    splits: Splits,
    y: NDArray[Any],
    predictions: NDArray[Any],
    folds_done: Sequence[int],
    metric: Metric,
    *,
    trial: int,
    default_trial: int | None,
    rng: np.random.Generator,
    n_replays: int = 1000,
    passed_over: int = 0,
) -> Verdict:
    """The verdict when the budget admitted less than one whole configuration: a plain bootstrap of the rows there are.

    Parameters
    ----------
    splits, y
        The folds, and the coded target (m,) in slab order.
    predictions
        (m, k): in slab order; only rows of finished folds are read.
    folds_done
        The folds that were finished, at least one.
    metric, rng, n_replays, default_trial
        As in `judge`.
    trial
        The configuration that was being evaluated.
    passed_over
        Complete configurations, of which none could be fitted to all rows in time; zero where there was no choice.
    """
    if not folds_done:
        raise ValueError("no fold was finished, so there is nothing to judge")
    rows = np.concatenate([np.arange(len(splits.rows))[splits.fold_slice(f)] for f in sorted(set(folds_done))])
    estimate = plain_estimate(
        y[rows],
        predictions[rows],
        metric,
        units=splits.units[rows],
        weights=splits.weights[rows],
        n_replays=n_replays,
        rng=rng,
    )
    done, folds = len(set(folds_done)), len(splits.folds)
    enough, reason = _enough(estimate, splits, y, rows)
    second = f"only one configuration was fitted, on {done} of {folds} folds, so there was nothing to choose from"
    if passed_over > 1:
        second = (
            f"no time was left to fit the best of {passed_over} configurations to all rows: with more, it may do better"
        )
    forward = splits.kind == "forward"
    left = (f"The rows of the {folds - done} folds that were not run.",) if done < folds else ()
    return Verdict(
        metric=metric.name,
        greater_is_better=metric.greater_is_better,
        n_configs=1,
        winner=trial,
        shipped=trial,
        default=trial if trial == default_trial else None,
        estimate=estimate,
        naive=estimate.value,
        default_estimate=estimate if trial == default_trial else None,
        p_default_as_good=1.0 if trial == default_trial else math.nan,
        keep_default_above=KEEP_DEFAULT_FROM,
        gain=None,
        corrected_t=None,
        overfitting=0.0,
        n_replays=n_replays,
        enough_data=enough,
        reason=reason,
        sentence=_sentence(expectation(metric.name, estimate, forward=forward), second, enough=enough, reason=reason),
        not_measured=left + _not_measured(splits, n_configs=1, default_missing=trial != default_trial),
    )


def looking_ahead(estimate: Estimate, table: OutOfFold, metric: Metric, p: NDArray[Any]) -> Estimate:
    """On rows ordered in time, the estimate for the stretch to come, by how windows differ under predictions (m, k)."""
    if table.splits.kind != "forward":
        return estimate
    return ahead(estimate, table.splits, _by_fold(table, metric, p), greater_is_better=metric.greater_is_better)


def restated(verdict: Verdict, score: Estimate, *, forward: bool) -> Verdict:
    """The verdict with another score of what is shipped, for when something is done to its predictions afterwards.

    The sentence says what to expect before its semicolon, and what choosing brought after it.
    """
    _, _, rest = verdict.sentence.partition("; ")
    sentence = f"{expectation(verdict.metric, score, forward=forward)}; {rest}"
    if verdict.default_kept and verdict.winner != verdict.default:
        return replace(verdict, default_estimate=score, sentence=sentence)
    return replace(verdict, estimate=score, sentence=sentence)


def _blended(
    table: OutOfFold,
    metric: Metric,
    blender: Blender,
    single: Replay,
    rng: np.random.Generator,
    final: Final,
    n_replays: int,
) -> tuple[Blend | None, Replay | None, float]:
    """The blend to ship and its replay, if there is one; and how likely the best single configuration is as good."""
    blend = blender.choose(table, metric, table.splits.weights)
    if len(blend.members) < 2:
        return None, None, math.nan
    found = replay(table, metric, choose=blender, n_replays=n_replays, rng=rng, default=single.default)
    # The first draws are the same for both, so they can be compared draw by draw, unless some were undefined.
    if found.n_replays < n_replays or single.n_replays < n_replays:
        return (blend, found, math.nan) if final == "blend" else (None, None, math.nan)
    sign = 1.0 if metric.greater_is_better else -1.0
    left_out = slice(0, n_replays)
    p_single = float(np.mean(sign * single.out_of_bag[left_out] >= sign * found.out_of_bag))
    ship_single_from = SHIP_SINGLE_FORWARD_FROM if table.splits.kind == "forward" else SHIP_SINGLE_FROM
    if final == "auto" and p_single >= ship_single_from:
        return None, None, p_single
    return blend, found, p_single


def _by_fold(table: OutOfFold, metric: Metric, p: NDArray[Any]) -> Floats:
    slices = [table.splits.fold_slice(fold) for fold in range(len(table.splits.folds))]
    return np.array([metric.score(table.y[rows], p[rows], table.splits.weights[rows]) for rows in slices])


def _looking_ahead(found: Replay, own: Floats, table: OutOfFold, by_fold: Floats, metric: Metric) -> Replay:
    """On rows ordered in time, intervals for the stretch to come, by how much the windows of the past differ."""
    if table.splits.kind != "forward":
        return found

    def widened(estimate: Estimate, scores: Floats) -> Estimate:
        return ahead(estimate, table.splits, scores, greater_is_better=metric.greater_is_better)

    default = found.default_estimate
    if default is not None and found.default is not None:
        default = widened(default, by_fold[table.index(found.default)])
    return replace(found, estimate=widened(found.estimate, own), default_estimate=default)


def _test_to_train(splits: Splits) -> float:
    """Rows judged over rows learned from, averaged over folds."""
    return float(np.mean([len(valid) / max(len(train), 1) for train, valid in splits.folds]))


def _enough(score: Estimate, splits: Splits, y: NDArray[Any], rows: NDArray[np.intp] | None = None) -> tuple[bool, str]:
    """Whether the numbers can carry a decision, and the first reason why not."""
    rows = np.arange(len(splits.rows)) if rows is None else rows
    rows = rows[splits.weights[rows] > 0]
    units = "rows" if len(np.unique(splits.units)) == len(np.unique(splits.rows)) else "groups"
    units = "blocks of time" if splits.kind == "forward" else units
    if not (math.isfinite(score.value) and math.isfinite(score.low) and math.isfinite(score.high)):
        return False, "the metric is not defined on enough of the rows to say how sure the score is"
    if score.n < FEWEST_UNITS:
        return False, f"only {score.n} independent {units} stand behind the score; at least {FEWEST_UNITS} should"
    if np.issubdtype(y.dtype, np.integer):
        counts = [len(np.unique(splits.rows[rows][y[rows] == k])) for k in np.unique(y)]
        if min(counts) < FEWEST_OF_A_CLASS:
            return False, f"the rarest class has {min(counts)} rows; at least {FEWEST_OF_A_CLASS} should be judged"
    return True, f"{score.n} independent {units} stand behind the score"


def _sentence(first: str, second: str, *, enough: bool, reason: str) -> str:
    warning = "" if enough else f", but this is too little data to rely on: {reason}"
    return f"{first}; {second}{warning}."


def _not_measured(splits: Splits, *, n_configs: int, default_missing: bool) -> tuple[str, ...]:
    said = ["What will change after the last row of the table: nobody can foresee it."]
    if splits.kind != "forward":
        said = ["Rows unlike these: another time, place or source than the table's."]
    said.append(
        "The final model itself: it learns from all rows, those tested here from fewer, and is often a bit better."
    )
    if n_configs > 1:
        said.append(
            "The small edge that later tries gain from the scores of earlier ones: all tries are taken as they are."
        )
        said.append("Tries that failed, or were stopped early.")
    if default_missing:
        said.append("The default settings did not finish, so nobody knows if tuning was worth it.")
    return tuple(said)

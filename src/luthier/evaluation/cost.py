"""What judging costs, from above: fitted to seconds on one core, so that the time for it can be kept back.

benchmarks/judging_cost.py measures them again, and says by how much each is above what was spent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from luthier.evaluation.blend import CONTENDERS, MOST_ROWS, STEPS
from luthier.evaluation.recalibrating import MOST_CLASSES_ALONE, rows_competing
from luthier.evaluation.simplest import CONTENDERS as CANDIDATES
from luthier.evaluation.simplest import PILOT
from luthier.evaluation.slices.lattice import MOST_PASSES
from luthier.scoring import AdditiveMetric, Metric, RankMetric
from luthier.scoring.concordance import FEW_UNITS
from luthier.scoring.draws import MOST_UNITS
from luthier.scoring.metrics.ranking import roc_auc_of_places

MOST_REPLAYS = 1000
FEWEST_REPLAYS = 200
MOST_BLEND_REPLAYS = 200
FEWEST_BLEND_REPLAYS = 50
"""Below these a share of replays, such as how often the default was as good, is too coarse to decide by."""

FEWEST_OWN_REPLAYS = 50
MOST_OWN_SCORINGS = 20_000
"""A function of the user's is called once per configuration and replay: nobody knows what it does."""
BESIDE = 4
"""Further calls a replay: the winner and the default, on the rows drawn and on the others."""


def replay_s(metric: Metric, *, rows: int, units: int, outputs: int, configs: int, replays: int) -> float:
    """Seconds to replay the choice of one among `configs`, for a metric of ours."""
    width, cells = min(units, MOST_UNITS), configs * rows
    begun = 0.05 + 3e-8 * replays * width
    if isinstance(metric, AdditiveMetric):
        return begun + 2e-7 * cells + 5e-9 * cells * outputs
    if isinstance(metric, RankMetric) and metric.of_places is roc_auc_of_places and units <= FEW_UNITS:
        return begun + 6e-7 * cells * outputs * max(1.0, units / 40)
    # How many configurations are scored exactly is known only when they are: this is the worst that was seen.
    return begun + (3e-7 * cells + replays * (2e-4 + 1.2e-7 * rows)) * outputs


def blend_s(metric: Metric, *, rows: int, outputs: int, configs: int, replays: int) -> float:
    """Seconds to replay the choice of a blend, for a metric of ours."""
    looked_at = min(rows, MOST_ROWS)
    if isinstance(metric, AdditiveMetric):
        scoring, whole = 5e-5 + 1e-8 * looked_at * math.pow(outputs, 0.8), 2.5e-7 + 3e-8 * outputs
    else:
        scoring, whole = (4e-5 + 1.6e-8 * looked_at) * outputs, 4e-7 * outputs
    return replays * (2e-3 + blend_scorings(configs) * scoring + whole * rows)


def contest_s(metric: Metric, *, rows: int, outputs: int, groups: int, replays: int, call_s: float) -> float:
    """Seconds to choose, in every replay, among the leading configurations by more than one score each.

    `groups`: those whose rows are scored apart; one for `--select simplest`, which weighs all rows.
    """
    if isinstance(metric, AdditiveMetric):
        one_s = 2e-5 * groups + 1e-8 * rows * math.pow(outputs, 0.8)
    elif isinstance(metric, RankMetric):
        one_s = (3e-5 * groups + 5e-8 * rows) * outputs
    else:
        one_s = call_s * groups
    return (CANDIDATES + 1 + BESIDE) * one_s * replays


def choose_recalibrator_s(*, rows: int, outputs: int) -> float:
    """Seconds to choose a recalibrator."""
    competing = rows_competing(rows, outputs)
    if outputs <= MOST_CLASSES_ALONE:
        return outputs * (0.08 + 6e-5 * competing)
    return 0.1 + 3e-6 * competing * outputs


def mend_s(*, rows: int, outputs: int) -> float:
    """Seconds to learn a recalibrator from all rows and to use it on them, as every replay of the chain does."""
    return 2e-3 + (1e-6 if outputs <= MOST_CLASSES_ALONE else 3e-7) * rows * outputs


def slices_s(*, rows: int, columns: int) -> float:
    """Seconds to search so many columns for slices."""
    cuts = 3 * columns
    passes = cuts * (cuts - 1) / 2 + min(cuts * (cuts - 1) * (cuts - 2) / 6, MOST_PASSES)
    return 0.05 + passes * (5e-5 + 2.5e-8 * rows)


def operating_s(*, rows: int, outputs: int, replays: int, chosen_s: float) -> float:
    """Seconds to replay every usual metric; `chosen_s` are those of the replayed choice, which all share."""
    usual = 12
    return chosen_s + usual * replays * (3e-4 + max(4e-7, 1.5e-7 * outputs) * rows)


def margins_s(*, rows: int) -> float:
    """Seconds to learn margins of predicted values and replay how often they cover."""
    return 0.05 + 4e-5 * rows


def finish_effort(
    allowed_s: float, metric: Metric, *, rows: int, outputs: int, most_replays: int, choose_one_s: float
) -> tuple[int, float]:
    """How often the chain of choices is replayed when a study ends, and the seconds of all of its finish, from above.

    Parameters
    ----------
    allowed_s
        Seconds that the replays should take at most; they are never fewer than a blend's fewest.
    metric, rows, outputs
        What is judged: (rows, outputs) predictions.
    most_replays
        Beyond these more would not be told apart.
    choose_one_s
        Seconds to choose once, as each replay does where more than one score decides; else zero.
    """
    chosen_s = choose_recalibrator_s(rows=rows, outputs=outputs)
    if isinstance(metric, RankMetric):  # no recalibrator changes the order of predictions
        return most_replays, chosen_s
    one_s = mend_s(rows=rows, outputs=outputs) + choose_one_s
    replays = _fitting(allowed_s, 0.0, one_s, FEWEST_BLEND_REPLAYS, most_replays)
    return replays, chosen_s + replays * one_s


def own_call_s(rows: int) -> float:
    """Seconds of a call of a user's own metric, before one was timed."""
    return 1.2e-3 + 2e-7 * rows


def blend_scorings(configs: int) -> int:
    """Predictions that are scored to choose one blend, at most."""
    return configs + 2 + (STEPS - 1) * min(configs, CONTENDERS)


@dataclass(frozen=True, slots=True)
class Effort:
    """How thoroughly a study is judged.

    Attributes
    ----------
    configs
        Configurations to choose among, the best first.
    replays, blend_replays
        Draws for the choice of one of them, and for that of a blend; no blend is considered when the latter is zero.
    seconds
        What that will take, from above.
    """

    configs: int
    replays: int
    blend_replays: int
    seconds: float

    @classmethod
    def within(
        cls,
        allowed_s: float,
        metric: Metric,
        *,
        rows: int,
        units: int,
        outputs: int,
        configs: int,
        blend: bool,
        call_s: float,
        groups: int = 0,
    ) -> Effort:
        """As thorough as can be in the time allowed, but never less thorough than the fewest replays.

        Parameters
        ----------
        allowed_s
            Seconds that judging should take at most.
        metric, rows, units, outputs, configs
            What is judged: (rows, outputs) predictions of every configuration, in independent units.
        blend
            Whether a blend is to be considered; it gets half of the time.
        call_s
            Seconds of one call of the metric, which matter for a function of the user's only.
        groups
            As in `contest_s`, where the choice is not by the score alone; no blend is considered then.
        """
        own = not isinstance(metric, AdditiveMetric | RankMetric)
        size = {"rows": rows, "units": units, "outputs": outputs, "configs": configs}
        if groups:
            begun_s = call_s * configs if own else replay_s(metric, **size, replays=0)
            one_s = contest_s(metric, rows=rows, outputs=outputs, groups=groups, replays=1, call_s=call_s)
            begun_s += PILOT * one_s
            replays = _fitting(allowed_s, begun_s, one_s, FEWEST_BLEND_REPLAYS, MOST_REPLAYS)
            return cls(configs, replays, 0, begun_s + replays * one_s)
        half_s = allowed_s / 2 if blend else allowed_s
        if own:
            scorings = _fitting(half_s, 0.0, call_s, (2 + BESIDE) * FEWEST_OWN_REPLAYS, MOST_OWN_SCORINGS)
            configs = min(configs, max(scorings // FEWEST_OWN_REPLAYS - BESIDE, 1))
            replays = min(max(scorings // (configs + BESIDE), FEWEST_OWN_REPLAYS), MOST_REPLAYS)
            single_s = call_s * (configs + BESIDE) * replays
        else:
            begun_s, all_s = (replay_s(metric, **size, replays=n) for n in (0, MOST_REPLAYS))
            replays = _fitting(half_s, begun_s, (all_s - begun_s) / MOST_REPLAYS, FEWEST_REPLAYS, MOST_REPLAYS)
            single_s = replay_s(metric, **size, replays=replays)
        if not blend or configs < 2:
            return cls(configs, replays, 0, single_s)
        one_s = (
            call_s * (blend_scorings(configs) + 3)
            if own
            else blend_s(metric, rows=rows, outputs=outputs, configs=configs, replays=1)
        )
        # Draw by draw it is compared with the choice of one, so it cannot have more of them.
        blend_replays = _fitting(half_s, 0.0, one_s, FEWEST_BLEND_REPLAYS, min(replays, MOST_BLEND_REPLAYS))
        if own and blend_replays * one_s > allowed_s:
            return cls(configs, replays, 0, single_s)
        return cls(configs, replays, blend_replays, single_s + blend_replays * one_s)


def _fitting(allowed_s: float, begun_s: float, one_s: float, fewest: int, most: int) -> int:
    """How many of something fit the time, within bounds."""
    if math.isinf(allowed_s) or one_s <= 0:
        return most
    return int(min(max((allowed_s - begun_s) / one_s, fewest), most))

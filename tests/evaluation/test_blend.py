"""A blend is a few models whose weights the table speaks for, and whose score allows for their having been chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from luthier.evaluation import Blend, Blender, judge
from luthier.evaluation.blend import STEPS
from luthier.evaluation.judging import judge_with_spare
from luthier.scoring import OutOfFold, Splits, get_metric
from luthier.scoring.replay import replay

FREE = np.zeros((2, 1))


def table_of(y: NDArray[Any], values: NDArray[Any], *, kind: str = "shuffled", weights: Any = None) -> OutOfFold:
    rows = np.arange(len(y))
    folds = tuple((np.setdiff1d(rows, valid), valid) for valid in np.array_split(rows, 5))
    units = rows // 25 if kind == "forward" else rows
    splits = Splits(kind, "simulated", folds, 1, rows, units, np.ones(len(y)) if weights is None else weights)
    return OutOfFold(splits, y, tuple(range(len(values))), values.astype(np.float32))


def errors_table(spreads: tuple[float, ...], n: int = 4000, seed: int = 0) -> OutOfFold:
    """Configurations with independent errors of these spreads around a target of zero."""
    values = np.random.default_rng(seed).normal(0, np.array(spreads)[:, None], (len(spreads), n))
    return table_of(np.zeros(n), values[:, :, None])


def readings_table(strengths: tuple[float, ...], n: int = 300, seed: int = 0, **layout: Any) -> OutOfFold:
    """Classifiers that read a binary target through noise of their own."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.5).astype(np.int64)
    z = np.array(strengths)[:, None] * (2 * y - 1) + rng.standard_normal((len(strengths), n))
    return table_of(y, (1 / (1 + np.exp(-z)))[:, :, None], **layout)


def blender_of(table: OutOfFold, **options: Any) -> Blender:
    """One that minds no costs, for configurations of families of their own."""
    C = len(table)
    return Blender([str(c) for c in range(C)], np.zeros((C, 1)), np.ones(1), **options)


def chosen(table: OutOfFold, costs: NDArray[Any] = FREE) -> Blend:
    blender = Blender(("a", "b"), costs, np.array([1.0]))
    return blender.choose(table, get_metric("rmse", "regression"), table.splits.weights)


class TestTheChoice:
    @pytest.mark.parametrize("spread", [1.0, 1.5, 2.5])
    def test_weights_come_near_the_inverse_variances_even_where_an_equal_share_would_hurt(self, spread: float) -> None:
        blend = chosen(errors_table((1.0, spread)))
        best = 1 / (1 + spread**-2)  # of the better one, for independent errors
        # A count of so many additions lies within one of any share; errors of 3,000 rows move the best by far less.
        assert dict(zip(blend.members, blend.weights, strict=True))[0] == pytest.approx(best, abs=1 / STEPS)

    def test_a_member_that_costs_too_much_is_left_out(self) -> None:
        assert chosen(errors_table((1.0, 1.0)), np.array([[0.6], [0.6]])).members in {(0,), (1,)}

    def test_no_more_members_than_allowed_and_few_of_a_kind(self) -> None:
        table = errors_table((1.0,) * 12)
        metric, w = get_metric("rmse", "regression"), table.splits.weights
        assert len(blender_of(table, most_members=3).choose(table, metric, w).members) == 3
        same = Blender(["tree"] * 12, np.zeros((12, 1)), np.ones(1), of_a_kind=2)
        assert len(same.choose(table, metric, w).members) == 2

    def test_rows_without_weight_have_no_say(self) -> None:
        table = errors_table((1.0, 1.0))
        values = table.values.copy()
        values[0, 2000:] *= 10  # the first is poor where it does not count
        seen = (np.arange(4000) < 2000).astype(np.float64)
        blend = chosen(table_of(table.y, values, weights=seen))
        assert dict(zip(blend.members, blend.weights, strict=True))[0] == pytest.approx(0.5, abs=1 / STEPS)

    def test_the_anchor_has_half_of_the_weight_however_poor(self) -> None:
        table = readings_table((0.0, 1.0, 1.0))
        blend = blender_of(table, anchor=0).choose(table, get_metric("roc_auc", "binary"), table.splits.weights)
        weights = dict(zip(blend.members, blend.weights, strict=True))
        assert weights[0] == pytest.approx(0.5)
        assert sum(blend.weights) == pytest.approx(1.0)

    def test_an_anchor_that_leaves_no_room_stands_alone(self) -> None:
        table = readings_table((0.5, 1.0))
        dear = Blender(("a", "b"), np.array([[0.8], [0.8]]), np.ones(1), anchor=0)
        assert dear.choose(table, get_metric("roc_auc", "binary"), table.splits.weights) == Blend(
            (0,), (1.0,), "linear"
        )

    def test_a_blend_read_back_is_the_blend(self) -> None:
        blend = Blend((3, 1), (0.75, 0.25), "logarithmic")
        assert Blend.from_json(blend.to_json()) == blend

    @pytest.mark.parametrize(("members", "weights"), [((), ()), ((1,), (0.5, 0.5)), ((1, 2), (1.0, 0.0))])
    def test_a_blend_needs_a_weight_for_every_member(self, members: tuple[int, ...], weights: Any) -> None:
        with pytest.raises(ValueError, match="weight above zero"):
            Blend(members, weights, "linear")


def degenerate(name: str) -> tuple[OutOfFold, str, Any]:
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=120)
    match name:
        case "one configuration":
            return readings_table((1.0,), 120), "roc_auc", "binary"
        case "constant predictions":
            return table_of(y, np.full((3, 120, 1), 0.5)), "roc_auc", "binary"
        case "the same configuration thrice":
            return table_of(y, rng.random((1, 120, 1)).repeat(3, axis=0)), "log_loss", "binary"
        case "certain and wrong":
            return table_of(y, np.stack([1.0 - y, np.full(120, 0.5)])[:, :, None]), "log_loss", "binary"
        case "several classes":
            return table_of(rng.integers(3, size=120), rng.dirichlet(np.ones(3), (4, 120))), "log_loss", "multiclass"
        case "a class left out of the fold":
            y = np.r_[np.zeros(60, int), np.ones(58, int), 2, 2]
            return table_of(y, rng.dirichlet(np.ones(3), (4, 120))), "roc_auc_ovr", "multiclass"
        case "an outlier":
            values = rng.standard_normal((3, 120, 1))
            values[0, 5] = 1e8
            return table_of(rng.standard_normal(120), values), "rmse", "regression"
        case _:
            weights = rng.random(120) * (rng.random(120) > 0.3)
            return readings_table((0.5, 0.6, 0.7), 120, weights=weights), "roc_auc", "binary"


@pytest.mark.parametrize("final", ["auto", "blend"])
@pytest.mark.parametrize(
    "name",
    [
        "one configuration",
        "constant predictions",
        "the same configuration thrice",
        "certain and wrong",
        "several classes",
        "a class left out of the fold",
        "an outlier",
        "weights",
    ],
)
def test_no_table_is_too_odd_to_be_judged(name: str, final: Any) -> None:
    table, metric, task = degenerate(name)
    verdict = judge(
        table,
        get_metric(metric, task),
        default_trial=0,
        rng=np.random.default_rng(0),
        n_replays=60,
        n_blend_replays=60,
        blender=blender_of(table),
        final=final,
    )
    assert set(verdict.shipped_trials) <= set(table.trials)
    assert np.isfinite(verdict.score.value)
    if name in {"one configuration", "the same configuration thrice"} and verdict.blend is not None:
        assert verdict.blend.weights == pytest.approx((1.0,))


class TestTheHonestScore:
    def test_of_a_blend_of_readers_of_noise_it_is_that_of_a_guess(self) -> None:
        """Ten configurations that know nothing: the best blend of them looks better than a guess, and is one."""
        metric, honest, naive = get_metric("roc_auc", "binary"), [], []
        for seed in range(16):
            table = readings_table((0.0,) * 10, 200, seed=seed)
            found = replay(
                table, metric, choose=blender_of(table), n_replays=50, rng=np.random.default_rng(seed), default=None
            )
            honest.append(found.estimate.value)
            naive.append(found.naive)
        # Three standard errors of the mean over the repetitions.
        error = 3 * np.std(honest, ddof=1) / np.sqrt(len(honest))
        assert np.mean(naive) > 0.55  # what would have been reported
        assert np.mean(honest) < 0.5 + error

    def test_of_a_blend_of_good_readers_it_is_the_score_on_fresh_rows(self) -> None:
        """Every configuration knows a little on its own, so that the blend is better than any of them."""
        metric, gaps, flattery = get_metric("roc_auc", "binary"), [], []
        strengths = tuple(np.linspace(0.1, 0.5, 8))
        for seed in range(16):
            table, fresh = (readings_table(strengths, n, seed=s) for n, s in ((200, seed), (20_000, 10_000 + seed)))
            blender = blender_of(table)
            blend = blender.choose(table, metric, table.splits.weights)
            true = metric.score(fresh.y, blend.predictions(fresh), fresh.splits.weights)
            found = replay(table, metric, choose=blender, n_replays=50, rng=np.random.default_rng(seed), default=None)
            gaps.append(found.estimate.value - true)
            flattery.append(found.naive - true)
        error = 3 * np.std(gaps, ddof=1) / np.sqrt(len(gaps))
        assert np.mean(gaps) < error  # not optimistic
        assert abs(np.mean(gaps)) < max(0.01, np.mean(flattery) / 2) + error

    def test_the_intervals_of_blends_hold_the_score_on_fresh_rows(self) -> None:
        metric, held = get_metric("log_loss", "binary"), 0
        for seed in range(30):
            table, fresh = (
                readings_table((0.2, 0.4, 0.6), n, seed=s) for n, s in ((150, seed), (20_000, 10_000 + seed))
            )
            blender = blender_of(table)
            blend = blender.choose(table, metric, table.splits.weights)
            true = metric.score(fresh.y, blend.predictions(fresh), fresh.splits.weights)
            found = replay(table, metric, choose=blender, n_replays=60, rng=np.random.default_rng(seed), default=None)
            held += found.estimate.low <= true <= found.estimate.high
        assert held >= 24  # at a coverage of 95 % fewer of 30 have a chance of 1 in 1,000


class TestWhatIsShipped:
    def judged(self, table: OutOfFold, **options: Any) -> Any:
        return judge_with_spare(
            table,
            get_metric("roc_auc", "binary"),
            default_trial=0,
            rng=np.random.default_rng(0),
            n_replays=200,
            n_blend_replays=100,
            blender=blender_of(table, anchor=0 if table.splits.kind == "forward" else None),
            **options,
        )

    def test_models_that_complement_each_other_are_blended_with_a_single_one_to_spare(self) -> None:
        verdict, spare = self.judged(readings_table((0.3, 0.7, 0.7, 0.7), 600), final="auto")
        assert verdict.blend is not None
        assert set(verdict.blend.members) >= {1, 2, 3}
        assert verdict.p_single_as_good < 0.5
        assert "a blend of" in verdict.sentence
        assert spare.blend is None
        assert spare.shipped == spare.winner == verdict.winner

    def test_a_model_that_others_only_spoil_is_shipped_alone(self) -> None:
        verdict, spare = self.judged(readings_table((0.1, 2.0, 0.1), 600), final="auto")
        assert verdict.blend is None
        assert verdict == spare
        assert verdict.shipped == 1

    def test_a_blend_asked_for_is_shipped_and_a_refit_asked_for_too(self) -> None:
        table = readings_table((1.0, 0.9, 0.8), 300)
        assert self.judged(table, final="blend")[0].blend is not None
        assert self.judged(table, final="refit")[0].blend is None

    def test_in_order_of_time_half_of_the_blend_is_the_default(self) -> None:
        verdict, _ = self.judged(readings_table((0.5, 0.7, 0.7, 0.7), 2000, kind="forward"), final="auto")
        assert verdict.blend is not None
        assert dict(zip(verdict.blend.members, verdict.blend.weights, strict=True))[0] >= 0.5

    def test_in_order_of_time_too_the_default_gives_way_to_a_model_surely_better_than_any_mixture_with_it(self) -> None:
        verdict, _ = self.judged(readings_table((0.0, 3.0), 2000, kind="forward"), final="auto")
        assert (verdict.blend, verdict.shipped) == (None, 1)

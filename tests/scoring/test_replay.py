"""The replay against known truths, against slow versions, and against what ought not to matter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score

from luthier.scoring import METRICS, Metric, OutOfFold, Splits, get_metric
from luthier.scoring.draws import MOST_UNITS, draw, draw_units
from luthier.scoring.in_bag import PlainScores, scores_of
from luthier.scoring.influence import influence
from luthier.scoring.ranks_in_bag import RankScores
from luthier.scoring.replay import argbest, plain_estimate, replay


def table_of(
    y: NDArray[Any],
    values: NDArray[np.float32],
    *,
    units: NDArray[np.int64] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> OutOfFold:
    """A table in four folds; every row a unit of weight one unless said otherwise."""
    rows = np.arange(len(y))
    folds = tuple((np.setdiff1d(rows, valid), valid) for valid in np.array_split(rows, 4))
    units = rows if units is None else units
    weights = np.ones(len(y)) if weights is None else weights
    splits = Splits("own", "for a test", folds, 1, rows, units, weights)
    return OutOfFold(splits, y, tuple(range(10, 10 + len(values))), values)


def simulated(task: str, configs: int, rows: int, rng: np.random.Generator, **layout: Any) -> OutOfFold:
    """Predictions with many ties, of configurations that all see the target through their own noise."""
    if task == "regression":
        y: NDArray[Any] = rng.standard_normal(rows)
        values: NDArray[Any] = (y + rng.standard_normal((configs, rows)))[:, :, None]
    elif task == "binary":
        y = (rng.random(rows) < 0.4).astype(np.int64)
        values = np.round(1 / (1 + np.exp(-y - rng.standard_normal((configs, rows)))), 2)[:, :, None]
    else:
        y = rng.integers(3, size=rows)
        values = np.round(np.exp(np.eye(3)[y] + rng.standard_normal((configs, rows, 3))), 1) + 0.1
        values /= values.sum(axis=2, keepdims=True)
    return table_of(y, values.astype(np.float32), **layout)


def layout_of(kind: str, rows: int, rng: np.random.Generator) -> dict[str, Any]:
    if kind == "groups":
        return {"units": rng.permutation(np.arange(rows) % (rows // 4))}
    if kind == "weights":
        return {"weights": rng.random(rows) * (rng.random(rows) > 0.1)}
    return {}


CASES = [(name, task) for name, metric in METRICS.items() for task in sorted(metric.tasks)]


class TestTheArithmetic:
    @pytest.mark.parametrize("layout", ["rows", "groups", "weights"])
    @pytest.mark.parametrize(("name", "task"), CASES)
    def test_every_metric_is_replayed_as_single_calls_would(self, name: str, task: str, layout: str) -> None:
        rng = np.random.default_rng(0)
        table = simulated(task, 8, 48, rng, **layout_of(layout, 48, rng))
        draws = draw(table.splits, 25, np.random.default_rng(1))
        metric = METRICS[name]
        fast, slow = scores_of(table, metric, draws), PlainScores(table, metric, draws)
        every = np.arange(25)
        np.testing.assert_allclose(fast.full, slow.full)
        chosen = fast.best()
        slow_scores = np.stack([slow.of(c, every, drawn=True) for c in range(8)], axis=1)
        best = np.nanmax(slow_scores, axis=1) if metric.greater_is_better else np.nanmin(slow_scores, axis=1)
        np.testing.assert_allclose(slow_scores[every, chosen], best)  # ties may be broken by the last bit
        for c in range(8):
            for drawn in (True, False):
                got, wanted = fast.of(c, every, drawn=drawn), slow.of(c, every, drawn=drawn)
                np.testing.assert_allclose(got, wanted, atol=1e-9)

    def test_roc_auc_of_a_draw_is_that_of_scikit_learn_on_the_drawn_rows(self) -> None:
        table = simulated("binary", 3, 60, np.random.default_rng(2))
        draws = draw(table.splits, 20, np.random.default_rng(3))
        scores = scores_of(table, METRICS["roc_auc"], draws)
        for r in range(20):
            drawn = np.repeat(np.arange(60), draws.counts[r])
            left = draws.counts[r] == 0
            p = table.values[1, :, 0]
            assert scores.of(1, np.array([r]), drawn=True)[0] == pytest.approx(roc_auc_score(table.y[drawn], p[drawn]))
            assert scores.of(1, np.array([r]), drawn=False)[0] == pytest.approx(roc_auc_score(table.y[left], p[left]))

    def test_the_shortlist_of_a_rank_metric_finds_the_best_of_many_close_configurations(self) -> None:
        rng = np.random.default_rng(4)
        y = (rng.random(400) < 0.3).astype(np.int64)
        shared, own = rng.standard_normal(400), rng.standard_normal((60, 400))
        table = table_of(y, (shared + 0.3 * own + y)[:, :, None].astype(np.float32))
        draws = draw(table.splits, 200, rng)
        for name in ("roc_auc", "average_precision"):
            scores = scores_of(table, METRICS[name], draws)
            assert isinstance(scores, RankScores)
            chosen = scores.best()
            spared = 1 - scores._known.mean()
            every = np.stack([scores.of(c, np.arange(200), drawn=True) for c in range(60)], axis=1)
            np.testing.assert_array_equal(every[np.arange(200), chosen], every.max(axis=1))
            assert spared > 0.2  # it is a shortlist, not everybody

    @pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
    def test_on_many_rows_first_order_scores_are_as_good_as_exact_ones(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rng = np.random.default_rng(4)
        y = (rng.random(20_000) < 0.4).astype(np.int64)
        p = (rng.standard_normal((2, 20_000)) + y)[:, :, None].astype(np.float32)
        draws = draw(table_of(y, p).splits, 30, rng)
        every = np.arange(30)
        monkeypatch.setattr("luthier.scoring.ranks_in_bag.NO_ERROR", 0.03)
        quick = scores_of(table_of(y, p), METRICS[name], draws)
        assert isinstance(quick, RankScores)
        assert quick._enough
        monkeypatch.setattr("luthier.scoring.ranks_in_bag.NO_ERROR", 0.0)
        exact = scores_of(table_of(y, p), METRICS[name], draws)
        for drawn in (True, False):
            one, other = quick.of(1, every, drawn=drawn), exact.of(1, every, drawn=drawn)
            # The root mean square error allowed above, and three times as much for the largest of thirty.
            assert np.abs(one - other).max() < 0.1 * other.std()

    @pytest.mark.parametrize("layout", ["rows", "groups", "weights"])
    @pytest.mark.parametrize(("name", "task"), CASES)
    def test_influence_is_the_derivative_by_the_weight_of_a_unit(self, name: str, task: str, layout: str) -> None:
        rng = np.random.default_rng(5)
        table = simulated(task, 1, 40, rng, **layout_of(layout, 40, rng))
        draws = draw(table.splits, 1, rng)
        metric, p = METRICS[name], table.values[0]
        step = 1e-4
        differences = []
        for u in range(draws.width):
            more, less = (draws.weights * np.where(draws.units == u, 1 + h, 1.0) for h in (step, -step))
            differences.append((metric.score(table.y, p, more) - metric.score(table.y, p, less)) / (2 * step))
        g = influence(metric, table.y, p, draws)
        assert g is not None
        np.testing.assert_allclose(g, np.array(differences), atol=1e-5 * np.abs(differences).max() + 1e-9)
        assert abs(g.sum()) < 1e-9

    def test_units_beyond_the_limit_are_drawn_in_batches_that_lose_no_row(self) -> None:
        n = 2 * MOST_UNITS + 123
        draws = draw_units(np.arange(n), np.ones(n), 3, np.random.default_rng(6))
        assert draws.width == MOST_UNITS
        assert draws.n_units == n
        assert draws.by_unit(np.ones((n, 1))).sum() == n
        assert (draws.counts.sum(axis=1) == MOST_UNITS).all()

    def test_batches_give_the_interval_that_single_rows_would(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(7)
        y, p = rng.standard_normal(4000), np.zeros((4000, 1))
        one_by_one = plain_estimate(y, p, METRICS["rmse"], rng=np.random.default_rng(8))
        monkeypatch.setattr("luthier.scoring.draws.MOST_UNITS", 1000)
        batched = plain_estimate(y, p, METRICS["rmse"], rng=np.random.default_rng(8))
        assert batched.n == one_by_one.n == 4000
        # The standard deviation of a bootstrap of 1,000 batches and 1,000 draws is itself known to about 3 percent.
        assert batched.high - batched.low == pytest.approx(one_by_one.high - one_by_one.low, rel=0.15)

    def test_a_row_without_weight_is_never_drawn_and_never_counted(self) -> None:
        weights = np.array([1.0, 0.0, 1.0, 1.0])
        draws = draw_units(np.arange(4), weights, 50, np.random.default_rng(9))
        assert draws.n_units == draws.width == 3
        assert all(draws.row_weights(r)[1] == 0 for r in range(50))
        assert all(draws.row_weights(r, drawn=False)[1] == 0 for r in range(50))


class TestAnyChoice:
    @pytest.mark.parametrize(
        ("name", "task"), [("roc_auc", "binary"), ("log_loss", "multiclass"), ("rmse", "regression")]
    )
    def test_selection_given_as_a_function_is_replayed_to_the_same_numbers(self, name: str, task: str) -> None:
        table = simulated(task, 6, 60, np.random.default_rng(10))
        fast = replay(table, METRICS[name], n_replays=40, rng=np.random.default_rng(11), default=12)

        def choose(table: OutOfFold, metric: Metric, weights: NDArray[np.float64]) -> NDArray[Any]:
            return argbest(table, metric, weights)

        slow = replay(table, METRICS[name], choose=choose, n_replays=40, rng=np.random.default_rng(11), default=12)
        assert slow.winner is None
        assert slow.estimate.value == pytest.approx(fast.estimate.value)
        assert (slow.estimate.low, slow.estimate.high) == pytest.approx((fast.estimate.low, fast.estimate.high))
        assert slow.p_default_as_good == fast.p_default_as_good
        np.testing.assert_allclose(slow.out_of_bag, fast.out_of_bag)

    def test_a_blend_is_replayed_as_a_choice_like_any_other(self) -> None:
        table = simulated("regression", 12, 300, np.random.default_rng(12))

        def blend_of_best_three(table: OutOfFold, metric: Metric, weights: NDArray[np.float64]) -> NDArray[Any]:
            scores = [metric.score(table.y, p, weights) for p in table.values]
            return np.asarray(table.values[np.argsort(scores)[:3]].mean(axis=0))

        found = replay(table, METRICS["rmse"], choose=blend_of_best_three, n_replays=60, rng=np.random.default_rng(13))
        best = replay(table, METRICS["rmse"], n_replays=60, rng=np.random.default_rng(13))
        assert (
            found.estimate.value < best.estimate.value
        )  # errors are independent, so averaging helps: sqrt(1/3) of them
        assert found.estimate.value == pytest.approx(math.sqrt(1 / 3), abs=0.05)

    def test_a_black_box_is_called_no_more_often_than_allowed_and_the_estimate_says_so(self) -> None:
        calls = []

        def closeness(y: NDArray[Any], p: NDArray[Any]) -> float:
            calls.append(1)
            return -float(np.abs(y - p).max())

        metric = get_metric(closeness, "regression", greater_is_better=True)
        table = simulated("regression", 20, 50, np.random.default_rng(14))
        found = replay(table, metric, rng=np.random.default_rng(15), max_scorings=1200)
        assert found.n_replays == 60
        assert "60 draws" in found.estimate.method
        assert len(calls) <= 1200 + 20 + 2 * 60
        assert found.estimate.low < found.estimate.value < found.estimate.high


class TestWhatOughtNotToMatter:
    @settings(max_examples=20)
    @given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(["accuracy", "roc_auc", "log_loss"]))
    def test_without_a_choice_the_replay_is_the_plain_bootstrap(self, seed: int, name: str) -> None:
        table = simulated("binary", 1, 40, np.random.default_rng(seed))
        metric = METRICS[name]
        found = replay(table, metric, n_replays=50, rng=np.random.default_rng(0), default=10)
        plain = plain_estimate(table.y, table.values[0], metric, n_replays=50, rng=np.random.default_rng(0))
        assert found.estimate.value == pytest.approx(found.naive, nan_ok=True)
        assert found.default_estimate is not None
        assert found.default_estimate.value == pytest.approx(plain.value, nan_ok=True)
        assert (found.default_estimate.low, found.default_estimate.high) == pytest.approx(
            (plain.low, plain.high), nan_ok=True
        )
        assert found.p_default_as_good == 1.0

    def test_the_same_seed_gives_the_same_replay(self) -> None:
        table = simulated("binary", 5, 80, np.random.default_rng(16))
        one, two = (replay(table, METRICS["roc_auc"], n_replays=50, rng=np.random.default_rng(3)) for _ in range(2))
        assert one.estimate == two.estimate
        np.testing.assert_array_equal(one.out_of_bag, two.out_of_bag)

    def test_copies_of_a_configuration_do_not_change_the_honest_score(self) -> None:
        rng = np.random.default_rng(17)
        table = simulated("binary", 10, 200, rng)
        worst = int(np.argmin(table.scores(METRICS["roc_auc"])))
        copies = table_of(table.y, np.concatenate([table.values, np.repeat(table.values[[worst]], 30, axis=0)]))
        once = replay(table, METRICS["roc_auc"], rng=np.random.default_rng(18))
        again = replay(copies, METRICS["roc_auc"], rng=np.random.default_rng(18))
        assert again.naive == once.naive
        # Only the median configuration moves, and with it at most the last term, half of N - F.
        assert again.estimate.value == pytest.approx(once.estimate.value, abs=abs(once.naive - once.full.mean()))
        np.testing.assert_array_equal(again.in_bag, once.in_bag)

    def test_more_configurations_of_noise_flatter_the_naive_score_but_not_the_honest_one(self) -> None:
        rng = np.random.default_rng(19)
        naive, honest = [], []
        for _ in range(30):
            y = (rng.random(200) < 0.5).astype(np.int64)
            values = rng.random((120, 200, 1)).astype(np.float32)
            few, many = table_of(y, values[:5]), table_of(y, values)
            runs = [replay(t, METRICS["accuracy"], n_replays=100, rng=np.random.default_rng(0)) for t in (few, many)]
            naive.append([run.naive for run in runs])
            honest.append([run.estimate.value for run in runs])
        few_naive, many_naive = np.mean(naive, axis=0)
        few_honest, many_honest = np.mean(honest, axis=0)
        # Expected best of 5 and of 120 fair coins of 200 tosses: 0.541 and 0.590. A mean of 30 is known to about 0.004.
        assert many_naive - few_naive > 0.03
        assert abs(many_honest - few_honest) < 0.015
        assert many_honest == pytest.approx(0.5, abs=0.02)

    def test_scores_that_are_undefined_neither_win_nor_spoil_the_rest(self) -> None:
        table = simulated("binary", 5, 60, np.random.default_rng(20))
        values = table.values.copy()
        values[3] = np.nan
        found = replay(
            table_of(table.y, values), METRICS["roc_auc"], n_replays=50, rng=np.random.default_rng(0), default=13
        )
        assert found.winner != 13
        assert math.isfinite(found.estimate.low)
        assert math.isnan(found.p_default_as_good)

    def test_a_metric_that_is_undefined_on_every_row_gives_no_number(self) -> None:
        table = table_of(np.zeros(20, np.int64), np.random.default_rng(0).random((3, 20, 1)).astype(np.float32))
        found = replay(table, METRICS["roc_auc"], n_replays=20, rng=np.random.default_rng(0))
        assert math.isnan(found.estimate.value)
        assert math.isnan(found.estimate.low)

    def test_a_classifier_without_a_fault_is_not_called_faultless(self) -> None:
        y = np.array([0, 1] * 50)
        perfect = plain_estimate(y, y[:, None].astype(float), METRICS["accuracy"], rng=np.random.default_rng(0))
        assert (perfect.value, perfect.high) == (1.0, 1.0)
        assert perfect.low == pytest.approx(1 - 3 / 50)

    def test_groups_that_agree_within_themselves_widen_the_interval(self) -> None:
        rng = np.random.default_rng(21)
        groups = np.repeat(np.arange(25), 8)
        right = (rng.random(25) < 0.7)[groups]  # a group is all right or all wrong
        y = rng.integers(2, size=200)
        p = np.where(right, y, 1 - y)[:, None].astype(float)
        by_row = plain_estimate(y, p, METRICS["accuracy"], rng=np.random.default_rng(0))
        by_group = plain_estimate(y, p, METRICS["accuracy"], units=groups, rng=np.random.default_rng(0))
        assert by_group.n == 25
        # Eight rows that say one thing: sqrt(8) = 2.8 times wider.
        assert (by_group.high - by_group.low) / (by_row.high - by_row.low) == pytest.approx(math.sqrt(8), rel=0.2)


REPEATS = 100

Outcomes = dict[tuple[str, str], NDArray[np.float64]]


def worlds(metric: str, scenario: str, rng: np.random.Generator) -> tuple[OutOfFold, NDArray[np.float64]]:
    """100 rows, 40 configurations that share 60 % of their noise, and the population score of each."""
    n, C = 100, 40
    d = np.zeros(C) if scenario == "noise" else np.maximum(rng.normal(0.8, 0.3, C), 0.0)
    own = math.sqrt(0.6) * rng.standard_normal(n) + math.sqrt(0.4) * rng.standard_normal((C, n))
    if metric == "rmse":
        truth = np.sqrt(1 - 0.5 * np.clip(d, 0, 1.5) / 1.5)
        return table_of(np.zeros(n), (truth[:, None] * own).astype(np.float32)[:, :, None]), truth
    y = (rng.random(n) < 0.5).astype(np.int64)
    reading = own + np.where(y == 1, 0.5, -0.5) * d[:, None]
    truth = stats.norm.cdf(d / 2) if metric == "accuracy" else stats.norm.cdf(d / math.sqrt(2))
    return table_of(y, (1 / (1 + np.exp(-reading))).astype(np.float32)[:, :, None]), truth


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    found = {}
    for metric in ("accuracy", "roc_auc", "rmse"):
        for scenario in ("noise", "signal"):
            rng = np.random.default_rng(22)
            rows = []
            for _ in range(REPEATS):
                table, truth = worlds(metric, scenario, rng)
                run = replay(table, METRICS[metric], n_replays=200, rng=rng, default=10)
                sign = 1 if run.greater_is_better else -1
                assert run.winner is not None
                of_winner = truth[table.index(run.winner)]
                rows.append(
                    [
                        of_winner in run.estimate,
                        sign * (run.naive - of_winner),
                        sign * (run.estimate.value - of_winner),
                        run.p_default_as_good,
                        sign * (truth[0] - of_winner) >= 0,
                    ]
                )
            found[metric, scenario] = np.array(rows, dtype=float)
    return found


class TestThePromise:
    """A small version of studies/replay, in which three metrics and two scenarios are run at one size."""

    def test_intervals_hold_the_truth_as_often_as_they_say(self, outcomes: Outcomes) -> None:
        hits = np.concatenate([rows[:, 0] for rows in outcomes.values()])
        # If they held it in 93 % (the lower end of our bar) of 600 worlds, fewer than this would be seen once in 1,000.
        fewest = stats.binom.ppf(0.001, len(hits), 0.93)
        assert hits.sum() >= fewest
        assert hits.mean() < 1.0  # and they are not merely very wide

    @pytest.mark.parametrize("scenario", ["noise", "signal"])
    @pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "rmse"])
    def test_the_honest_score_is_nearly_unbiased(self, outcomes: Outcomes, metric: str, scenario: str) -> None:
        naive, honest = outcomes[metric, scenario][:, 1], outcomes[metric, scenario][:, 2]
        noise = 3 * honest.std(ddof=1) / math.sqrt(REPEATS)
        assert abs(honest.mean()) <= max(0.01, naive.mean() / 4) + noise
        assert naive.mean() > 2 * abs(honest.mean())  # the correction is worth having

    def test_in_pure_noise_the_default_is_mostly_found_as_good_as_the_winner(self, outcomes: Outcomes) -> None:
        p = np.concatenate([outcomes[metric, "noise"][:, 3] for metric in ("accuracy", "roc_auc", "rmse")])
        # The default truly is as good in every one of these 300 worlds; a coin would say so in half.
        assert (p >= 0.5).mean() > 0.5
        assert 0.4 < p.mean() < 0.65

    def test_where_there_is_signal_the_default_is_kept_less_often(self, outcomes: Outcomes) -> None:
        for metric in ("accuracy", "roc_auc", "rmse"):
            noise, signal = outcomes[metric, "noise"][:, 3], outcomes[metric, "signal"][:, 3]
            assert signal.mean() < noise.mean()

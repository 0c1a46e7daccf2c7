"""Metrics against scikit-learn's, with ties, weights and zero weights; and how a metric is found."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from luthier.errors import BadMetric
from luthier.scoring import METRICS, AdditiveMetric, RankMetric, Task, default_metric, get_metric, rank
from sklearn import metrics as sk

K = 3


def _macro(score: Callable[..., float], average: str) -> Callable[..., float]:
    return lambda y, p, w: score(y, _decided(p), average=average, sample_weight=w, zero_division=0.0)


def _decided(p: Any) -> Any:
    return (p[:, 0] > 0.5).astype(int) if p.shape[1] == 1 else p.argmax(axis=1)


def _of_probability(score: Callable[..., float], **keywords: Any) -> Callable[..., float]:
    return lambda y, p, w: score(y, p[:, 0] if p.shape[1] == 1 else p, sample_weight=w, **keywords)


def _of_decision(score: Callable[..., float]) -> Callable[..., float]:
    return lambda y, p, w: score(y, _decided(p), sample_weight=w)


QUOTIENTS = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}
REFERENCES: dict[str, Callable[..., float]] = {
    "accuracy": _of_decision(sk.accuracy_score),
    "balanced_accuracy": _of_decision(sk.balanced_accuracy_score),
    "matthews_corrcoef": _of_decision(sk.matthews_corrcoef),
    "specificity": lambda y, p, w: sk.recall_score(y, _decided(p), sample_weight=w, pos_label=0, zero_division=0),
    **{
        f"{name}_{average}": _macro(f, average)
        for name, f in QUOTIENTS.items()
        for average in ("macro", "micro", "weighted")
    },
    **{name: _macro(f, "binary") for name, f in QUOTIENTS.items()},
    "roc_auc": _of_probability(sk.roc_auc_score),
    "roc_auc_ovr": _of_probability(sk.roc_auc_score, multi_class="ovr", labels=range(K)),
    "roc_auc_ovr_weighted": _of_probability(sk.roc_auc_score, multi_class="ovr", average="weighted", labels=range(K)),
    "average_precision": _of_probability(sk.average_precision_score),
    "log_loss": lambda y, p, w: sk.log_loss(
        y, p[:, 0] if p.shape[1] == 1 else p, sample_weight=w, labels=range(max(p.shape[1], 2))
    ),
    "brier": lambda y, p, w: sk.brier_score_loss(
        y,
        p[:, 0] if p.shape[1] == 1 else p,
        sample_weight=w,
        **({"labels": range(K)} if p.shape[1] > 1 else {"pos_label": 1}),
    ),
    "rmse": _of_probability(sk.root_mean_squared_error),
    "mse": _of_probability(sk.mean_squared_error),
    "mae": _of_probability(sk.mean_absolute_error),
    "mape": _of_probability(sk.mean_absolute_percentage_error),
    "r2": _of_probability(sk.r2_score),
    "pinball": _of_probability(sk.mean_pinball_loss),
}
CASES = [(name, task) for name, metric in METRICS.items() for task in sorted(metric.tasks)]


@st.composite
def scored_rows(draw: st.DrawFn, task: Task) -> tuple[Any, Any, Any]:
    """y, p, weights: few distinct probabilities, so that ties are common, and weights of which some are zero."""
    n = draw(st.integers(4, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = draw(st.sampled_from([None, np.ones(n), rng.integers(0, 4, n).astype(float), rng.random(n)]))
    steps = draw(st.sampled_from([2, 10, 1000]))
    if task == "regression":
        value = np.round(rng.normal(draw(st.sampled_from([0.0, 1e3])), 1.0, n), 3)
        return value, (value + rng.normal(size=n))[:, None], weights
    k = 2 if task == "binary" else K
    y = rng.integers(0, k, n)
    p = rng.integers(1, steps + 1, (n, k)).astype(float)
    p /= p.sum(axis=1, keepdims=True)
    return y, p[:, 1:] if task == "binary" else p, weights


def there(y: Any, p: Any, w: Any) -> tuple[Any, Any, Any]:
    """The rows with weight: scikit-learn counts the labels of rows of weight zero, we count them as absent."""
    return (y, p, w) if w is None else (y[w > 0], p[w > 0], w[w > 0])


def test_every_metric_has_a_reference() -> None:
    assert set(REFERENCES) == set(METRICS)


@pytest.mark.parametrize(("name", "task"), CASES)
@settings(max_examples=25)
@given(data=st.data())
def test_a_metric_equals_scikit_learn(name: str, task: Task, data: st.DataObject) -> None:
    y, p, w = data.draw(scored_rows(task))
    seen_y, seen_p, seen_w = there(y, p, w)
    # Every class present: what the two say where it is not is tested apart.
    assume(len(seen_y) >= 2 and (task == "regression" or len(np.unique(seen_y)) == max(p.shape[1], 2)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of decisions for no row; the value is what we compare
        expected = REFERENCES[name](seen_y, seen_p, seen_w)
    assert get_metric(name, task).score(y, p, w) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("name", "task"), CASES)
@settings(max_examples=25)
@given(data=st.data())
def test_whole_weights_are_repeated_rows_and_their_scale_is_nothing(name: str, task: Task, data: st.DataObject) -> None:
    y, p, _ = data.draw(scored_rows(task))
    times = np.random.default_rng(len(y)).integers(0, 3, len(y)).astype(float)
    assume(times.sum() > 1)
    metric = get_metric(name, task)
    expected = metric.score(np.repeat(y, times.astype(int)), np.repeat(p, times.astype(int), axis=0))
    for scale in (1.0, 0.1):
        assert metric.score(y, p, times * scale) == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if isinstance(metric, AdditiveMetric)])
def test_an_additive_metric_replays_as_one_matrix_product(name: str) -> None:
    metric = METRICS[name]
    assert isinstance(metric, AdditiveMetric)
    rng = np.random.default_rng(1)
    n, task = 50, min(metric.tasks)
    y = rng.normal(size=n) if task == "regression" else rng.integers(0, 2, n)
    p = rng.random((n, 1))
    W = rng.multinomial(n, np.full(n, 1 / n), size=20).astype(float)
    replayed = metric.value(W @ metric.row_stats(y, p))
    assert replayed == pytest.approx([metric.score(y, p, w) for w in W], rel=1e-12)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if isinstance(metric, RankMetric)])
def test_a_rank_metric_replays_from_one_sort(name: str) -> None:
    metric = METRICS[name]
    assert isinstance(metric, RankMetric)
    rng = np.random.default_rng(2)
    n = 60
    y, p = rng.integers(0, 2, n), rng.integers(0, 12, n) / 12
    W = rng.multinomial(n, np.full(n, 1 / n), size=20).astype(float)
    order, starts = rank(p)
    positives = np.add.reduceat((W * y)[:, order], starts, axis=1)
    negatives = np.add.reduceat((W * (1 - y))[:, order], starts, axis=1)
    one_class = RankMetric("one class", metric.tasks, metric.of_places)
    assert metric.of_places(positives, negatives) == pytest.approx([one_class.score(y, p, w) for w in W], rel=1e-12)


def test_float32_probabilities_are_clipped_as_scikit_learn_clips_them() -> None:
    y, p = np.array([0, 1, 1, 0]), np.array([[1.0], [0.0], [0.7], [1e-7]], dtype=np.float32)
    assert get_metric("log_loss", "binary").score(y, p) == pytest.approx(sk.log_loss(y, p[:, 0]), rel=1e-6)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_a_rank_metric_of_one_class_is_undefined_not_zero(name: str) -> None:
    assert math.isnan(get_metric(name, "binary").score(np.zeros(5, int), np.linspace(0, 1, 5)))


def test_roc_auc_of_positives_only_is_undefined() -> None:
    assert math.isnan(get_metric("roc_auc", "binary").score(np.ones(5, int), np.linspace(0, 1, 5)))


def test_a_class_without_rows_is_left_out_of_the_one_against_rest_average() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 30), rng.dirichlet(np.ones(3), 30)
    expected = np.mean([sk.roc_auc_score(y == k, p[:, k]) for k in (0, 1)])
    assert get_metric("roc_auc_ovr", "multiclass").score(y, p) == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_no_weight_at_all_is_undefined(name: str) -> None:
    metric = METRICS[name]
    task = min(metric.tasks)
    y = np.array([0, 1, 0]) if task != "regression" else np.array([0.0, 1.0, 2.0])
    p = np.full((3, 3), 1 / 3) if task == "multiclass" else np.full((3, 1), 0.4)
    assert math.isnan(metric.score(y, p, np.zeros(3)))


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "log_loss", "brier"])
def test_a_prediction_that_is_not_a_number_makes_no_score(name: str) -> None:
    p = np.array([0.1, np.nan, 0.7, 0.2])
    assert math.isnan(get_metric(name, "binary").score(np.array([0, 1, 1, 0]), p))


def test_a_decision_that_is_not_a_number_is_wrong() -> None:
    assert get_metric("accuracy", "binary").score(np.array([0, 0, 1, 1]), np.array([0.1, np.nan, 0.7, np.nan])) == 0.5


def test_a_constant_target_has_r2_zero_unless_predicted_exactly() -> None:
    r2, y = get_metric("r2", "regression"), np.full(7, 1e6 + 0.1)
    assert r2.score(y, y) == 1.0
    assert r2.score(y, y + 1) == 0.0


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9])
def test_pinball_takes_its_quantile_by_name_or_argument(alpha: float) -> None:
    rng = np.random.default_rng(3)
    y, p, w = rng.normal(size=40), rng.normal(size=40), rng.random(40)
    expected = sk.mean_pinball_loss(y, p, alpha=alpha, sample_weight=w)
    assert get_metric(f"pinball@{alpha}", "regression").score(y, p, w) == pytest.approx(expected, rel=1e-12)
    assert get_metric("pinball", "regression", alpha=alpha).score(y, p, w) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("quantile", ["pinball@1.5", "pinball@high", "pinball@0"])
def test_a_quantile_outside_zero_and_one_is_refused(quantile: str) -> None:
    with pytest.raises(BadMetric, match=r"pinball@0\.9"):
        get_metric(quantile, "regression")


def test_ten_thousand_rows_of_roc_auc_take_less_than_two_milliseconds() -> None:
    rng = np.random.default_rng(0)
    y, p, w = rng.integers(0, 2, 10_000), rng.random((10_000, 1)), rng.random(10_000)
    auc = get_metric("roc_auc", "binary")
    durations = []
    for _ in range(20):
        start = time.process_time()
        auc.score(y, p, w)
        durations.append(time.process_time() - start)
    assert min(durations) < 0.002  # the quietest of 20 runs: the machine may be shared


# Finding a metric -----------------------------------------------------------------------------------------------------


def test_scikit_learns_scorer_names_are_understood() -> None:
    known = {
        "binary": "accuracy balanced_accuracy average_precision f1 f1_macro f1_micro f1_weighted "
        "neg_brier_score neg_log_loss precision precision_macro recall recall_weighted roc_auc",
        "multiclass": "accuracy balanced_accuracy f1_macro f1_micro f1_weighted neg_log_loss precision_macro "
        "recall_macro roc_auc_ovr roc_auc_ovr_weighted neg_brier_score",
        "regression": "r2 neg_mean_absolute_error neg_mean_squared_error neg_root_mean_squared_error "
        "neg_mean_absolute_percentage_error",
    }
    tasks: tuple[Task, ...] = ("binary", "multiclass", "regression")
    for task in tasks:
        for name in known[task].split():
            assert name in sk.get_scorer_names()
            metric = get_metric(name, task)
            assert metric.greater_is_better == (not name.startswith("neg_"))
            # The scorer itself is the same metric as its name.
            assert get_metric(sk.get_scorer(name), task).greater_is_better == metric.greater_is_better


def test_no_spelling_means_two_metrics() -> None:
    spellings = [s for metric in METRICS.values() for s in (metric.name, *metric.aliases)]
    assert len(spellings) == len(set(spellings))


def test_every_task_has_a_default_that_fits_it() -> None:
    tasks: tuple[Task, ...] = ("binary", "multiclass", "regression")
    assert {t: get_metric(default_metric(t), t).name for t in tasks} == {
        "binary": "roc_auc",
        "multiclass": "log_loss",
        "regression": "rmse",
    }


@pytest.mark.parametrize(
    ("asked", "task", "meant"),
    [("acuracy", "binary", "accuracy"), ("rcmse", "regression", "rmse"), ("logg_loss", "multiclass", "log_loss")],
)
def test_an_unknown_metric_is_answered_with_the_nearest_and_all_that_fit(asked: str, task: Task, meant: str) -> None:
    with pytest.raises(BadMetric, match=f"did you mean '{meant}'") as caught:
        get_metric(asked, task)
    assert meant in caught.value.fix


@pytest.mark.parametrize(
    ("asked", "task", "meant"),
    [("f1", "multiclass", "f1_macro"), ("roc_auc", "multiclass", "roc_auc_ovr"), ("rmse", "binary", None)],
)
def test_a_metric_unfit_for_the_task_is_refused_with_those_that_fit(asked: str, task: Task, meant: str | None) -> None:
    with pytest.raises(BadMetric, match="this one is") as caught:
        get_metric(asked, task)
    if meant:
        assert f"did you mean {meant!r}" in caught.value.what
    assert default_metric(task) in caught.value.fix
    assert asked not in caught.value.fix.replace(",", "").split()


def test_a_metric_is_handed_back_as_it_is() -> None:
    metric = METRICS["brier"]
    assert get_metric(metric, "binary") is metric
    with pytest.raises(BadMetric):
        get_metric(metric, "regression")


@pytest.mark.parametrize("thing", [3, None, ["accuracy"]])
def test_what_is_no_metric_is_refused(thing: Any) -> None:
    with pytest.raises(BadMetric, match="is not a metric"):
        get_metric(thing, "binary")


# Metrics brought along ------------------------------------------------------------------------------------------------


def test_a_function_sees_codes_and_the_probability_of_the_positive_class() -> None:
    seen: dict[str, Any] = {}

    def share_found(y: Any, p: Any) -> float:
        seen.update(y=y, p=p)
        return float(((p > 0.3) & (y == 1)).sum() / (y == 1).sum())

    share_found.greater_is_better = True  # type: ignore[attr-defined]
    metric = get_metric(share_found, "binary")
    y, p = np.array([0, 1, 1, 0]), np.array([[0.2], [0.4], [0.1], [0.9]])
    assert metric.score(y, p) == 0.5
    assert (metric.name, metric.greater_is_better) == ("share_found", True)
    assert seen["p"].shape == (4,)


def test_a_function_that_does_not_say_its_direction_is_asked() -> None:
    def cost(y: Any, p: Any) -> float:
        return float(np.mean(y * p))

    with pytest.raises(BadMetric, match=r"cost\.greater_is_better"):
        get_metric(cost, "binary")
    assert get_metric(cost, "binary", greater_is_better=False).greater_is_better is False


def test_a_function_that_wants_a_model_is_refused() -> None:
    def scorer(estimator: Any, X: Any, y: Any) -> float:
        return float(estimator.score(X, y))

    with pytest.raises(BadMetric, match="scores predictions, not models"):
        get_metric(scorer, "binary", greater_is_better=True)


@pytest.mark.parametrize("weights", [[1, 0, 2, 3, 1, 1], [0.1, 0.0, 0.2, 0.3, 0.1, 0.1]])
def test_a_function_without_weights_sees_rows_repeated(weights: list[float]) -> None:
    def middle_error(y: Any, p: Any) -> float:
        return float(np.median(np.abs(y - p)))

    rng = np.random.default_rng(0)
    y, p = rng.normal(size=6), rng.normal(size=(6, 1))
    times = np.array([1, 0, 2, 3, 1, 1])
    expected = np.median(np.repeat(np.abs(y - p[:, 0]), times))
    metric = get_metric(middle_error, "regression", greater_is_better=False)
    assert metric.score(y, p, np.array(weights, float)) == pytest.approx(expected)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_repeating_rows_stays_near_any_weights(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, p, w = rng.normal(size=300), rng.normal(size=(300, 1)), rng.gamma(2.0, size=300)
    own = get_metric(lambda y, p: float(np.mean((y - p) ** 2)), "regression", greater_is_better=False)
    # Each of 300 rows is repeated 8 times on average, its count off by less than one; the errors alternate.
    assert own.score(y, p, w) == pytest.approx(METRICS["mse"].score(y, p, w), rel=0.05)


def test_a_function_with_weights_is_handed_them() -> None:
    def loss(y: Any, p: Any, sample_weight: Any = None) -> float:
        return float(np.average((y - p) ** 2, weights=sample_weight))

    rng = np.random.default_rng(0)
    y, p, w = rng.normal(size=20), rng.normal(size=20), rng.random(20)
    metric = get_metric(loss, "regression", greater_is_better=False)
    assert metric.score(y, p, w) == pytest.approx(METRICS["mse"].score(y, p, w), rel=1e-12)


def test_a_function_that_fails_is_named_with_its_error() -> None:
    def broken(y: Any, p: Any) -> float:
        raise ZeroDivisionError("no positives")

    with pytest.raises(BadMetric, match=r"broken.*ZeroDivisionError: no positives"):
        get_metric(broken, "binary", greater_is_better=True).score(np.array([0, 1]), np.array([0.1, 0.9]))


def test_a_function_of_scikit_learn_is_our_metric_of_that_name() -> None:
    assert get_metric(sk.f1_score, "binary") is METRICS["f1"]
    assert get_metric(sk.root_mean_squared_error, "regression") is METRICS["rmse"]


def test_a_scorer_keeps_its_keywords_response_and_direction() -> None:
    rng = np.random.default_rng(0)
    y, p, w = rng.integers(0, 2, 50), rng.random((50, 1)), rng.random(50)
    f2 = get_metric(sk.make_scorer(sk.fbeta_score, beta=2), "binary")
    assert f2.greater_is_better
    assert f2.score(y, p, w) == pytest.approx(sk.fbeta_score(y, p[:, 0] > 0.5, beta=2, sample_weight=w))
    loss = get_metric(sk.make_scorer(sk.hinge_loss, greater_is_better=False, response_method="predict_proba"), "binary")
    assert not loss.greater_is_better
    assert loss.score(y, p) == pytest.approx(sk.hinge_loss(y, p[:, 0]))  # the loss itself, not its negative


def test_a_scorer_that_names_classes_sees_classes() -> None:
    y, p = np.array([0, 1, 1, 0, 1]), np.array([[0.9], [0.8], [0.3], [0.2], [0.6]])
    words = np.array(["no", "yes"])
    scorer = sk.make_scorer(sk.f1_score, pos_label="no")
    metric = get_metric(scorer, "binary", classes=("no", "yes"))
    assert metric.score(y, p) == pytest.approx(
        sk.f1_score(words[y], words[(p[:, 0] > 0.5).astype(int)], pos_label="no")
    )


def test_a_scorer_of_decisions_does_not_become_a_metric_of_probabilities() -> None:
    y, p = np.array([0, 1, 1, 0, 1, 0]), np.array([[0.4], [0.8], [0.45], [0.2], [0.6], [0.7]])
    of_decisions = get_metric(sk.make_scorer(sk.roc_auc_score), "binary")
    assert of_decisions.score(y, p) == pytest.approx(sk.roc_auc_score(y, p[:, 0] > 0.5))
    assert get_metric(sk.get_scorer("roc_auc"), "binary") is METRICS["roc_auc"]


def test_a_scorer_of_many_classes_sees_rows_that_sum_to_one() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 3, 40), rng.dirichlet(np.ones(3), 40).astype(np.float32)
    scorer = sk.make_scorer(sk.roc_auc_score, response_method="predict_proba", multi_class="ovo")
    expected = sk.roc_auc_score(y, p.astype(float) / p.astype(float).sum(axis=1, keepdims=True), multi_class="ovo")
    assert get_metric(scorer, "multiclass").score(y, p) == pytest.approx(expected)

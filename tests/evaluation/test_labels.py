"""Wrong labels are found, counted with an interval that holds, and not seen where there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from luthier.evaluation.conflicts import find_conflicts
from luthier.evaluation.labels import LabelReview, review_labels
from luthier.evaluation.noise import _loss, fit_noise


def world(n: int, rates: list[float], rng: np.random.Generator, *, apart: float = 6.0) -> tuple[Any, Any, Any]:
    """Labels, wrong or not, and probabilities that know the true class up to overlap, but nothing of the noise."""
    k = len(rates)
    truth = rng.integers(k, size=n)
    logits = apart * np.eye(k)[truth] + rng.normal(0, 1.5, (n, k))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.random(n) < np.array(rates)[truth]
    return np.where(wrong, (truth + 1) % k, truth), p, wrong


def review_of(labels: Any, p: Any) -> LabelReview:
    return review_labels(labels, p[:, 1:], "binary") if p.shape[1] == 2 else review_labels(labels, p, "multiclass")


@pytest.mark.parametrize("rates", [[0.05, 0.05], [0.0, 0.2], [0.1, 0.1, 0.1], [0.0, 0.1, 0.25]])
def test_the_interval_for_the_count_holds_at_least_as_often_as_it_says(rates: list[float]) -> None:
    rng, held, repeats = np.random.default_rng(1), 0, 40
    for _ in range(repeats):
        labels, p, wrong = world(400, rates, rng)
        held += int(wrong.sum()) in review_of(labels, p).count
    assert held >= binom.ppf(0.001, repeats, 0.9)


def test_clean_labels_are_left_in_peace() -> None:
    rng = np.random.default_rng(2)
    flagged = [len(review_of(*world(500, [0.0, 0.0, 0.0], rng)[:2]).likely) / 500 for _ in range(10)]
    assert np.mean(flagged) < 0.01


def test_chance_in_the_outcome_is_not_taken_for_wrong_labels() -> None:
    rng = np.random.default_rng(9)
    for _ in range(20):
        p = 1 / (1 + np.exp(-rng.normal(0, 2, 300)))
        labels = (rng.random(300) < p).astype(int)
        assert review_labels(labels, p[:, None], "binary").count.low == 0


def test_where_one_class_is_written_down_wrongly_the_ranking_beats_the_plain_probability_of_the_label() -> None:
    from sklearn.metrics import average_precision_score

    labels, p, wrong = world(2000, [0.0, 0.3], np.random.default_rng(3), apart=4.0)
    noisy = np.c_[p[:, 0] + 0.3 * p[:, 1], 0.7 * p[:, 1]]  # what a model learns from such labels
    review = review_of(labels, noisy)
    plain = average_precision_score(wrong, -noisy[np.arange(2000), labels])
    assert average_precision_score(wrong, review.p_wrong) > plain + 0.05
    assert review.transition is not None
    assert review.transition[1, 0] == pytest.approx(
        0.3, abs=0.06
    )  # 1000 rows: two binomial standard errors and overlap


def test_the_review_list_says_how_many_errors_it_holds() -> None:
    labels, p, wrong = world(1000, [0.1, 0.1], np.random.default_rng(4))
    review = review_of(labels, p)
    first = review.first(50)
    assert review.expected_in(50) == pytest.approx(wrong[first].sum(), abs=5)
    assert [row["row"] for row in review.to_dict(50)["list"]] == first.tolist()


def test_the_gradient_of_the_noise_model_is_its_slope() -> None:
    from scipy.optimize import check_grad

    rng = np.random.default_rng(5)
    logs, written = rng.normal(size=(30, 3)), rng.uniform(0.05, 1, size=(30, 3))
    error = check_grad(lambda t: _loss(t, logs, written)[0], lambda t: _loss(t, logs, written)[1], rng.normal(size=4))
    assert error < 1e-4


def test_transitions_are_found_where_classes_do_not_overlap() -> None:
    rng = np.random.default_rng(6)
    truth = rng.integers(2, size=4000)
    labels = np.where(rng.random(4000) < np.where(truth == 1, 0.2, 0.0), 1 - truth, truth)
    p = np.where(np.eye(2)[truth] == 1, 0.999, 0.001)
    share = (labels[truth == 1] == 0).mean()
    assert fit_noise(labels, p).transition[1, 0] == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize("tail", ["normal", "t", "exponential"])
def test_honest_values_are_not_called_wrong_whatever_their_tails(tail: str) -> None:
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(20):
        e = {"normal": rng.normal(size=500), "t": rng.standard_t(3, size=500), "exponential": rng.exponential(size=500)}
        prediction = rng.normal(size=500)
        found += review_labels(prediction + e[tail], prediction, "regression").count.low >= 1
    assert found <= 3  # 5 % of either side are allowed to be wrong


def test_gross_errors_among_values_are_counted_and_ranked_first() -> None:
    rng = np.random.default_rng(8)
    prediction = rng.normal(size=1000)
    y = prediction + rng.normal(size=1000)
    y[:20] += 20
    review = review_labels(y, prediction, "regression")
    assert 20 in review.count
    assert set(review.first(20)) == set(range(20))


def test_a_label_without_a_prediction_is_refused() -> None:
    with pytest.raises(ValueError, match="every label needs a prediction"):
        review_labels(np.array([0, 1]), np.array([[0.5], [np.nan]]), "binary")


def test_equal_rows_with_unequal_labels_are_grouped_and_gaps_are_equal() -> None:
    X = np.array([[1, np.nan], [1, np.nan], [1, 2], [1, 2], [1, 2], [3, 3]])
    found = find_conflicts(X, np.array([0, 1, 0, 0, 1, 1]))
    assert [group.tolist() for group in found.groups] == [[2, 3, 4], [0, 1]]
    assert (found.rows, found.repeated, found.lost) == (5, 5, 2)

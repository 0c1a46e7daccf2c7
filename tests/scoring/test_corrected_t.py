"""The corrected resampled t test against its formula, its plain relative and its purpose."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from luthier.scoring.corrected_t import CorrectedT, corrected_t


def test_without_the_correction_it_is_the_paired_t_test() -> None:
    d = np.array([0.02, 0.01, 0.03, -0.01, 0.02])
    ours, scipys = corrected_t(d, test_to_train=0.0), stats.ttest_1samp(d, 0.0)
    assert (ours.t, ours.p) == pytest.approx((scipys.statistic, scipys.pvalue))
    assert (ours.low, ours.high) == pytest.approx(tuple(scipys.confidence_interval()))


def test_the_correction_widens_by_the_share_of_rows_judged() -> None:
    d = np.random.default_rng(0).normal(0.1, 1, 10)
    plain, corrected = corrected_t(d, test_to_train=0.0), corrected_t(d, test_to_train=1 / 9)
    # Nadeau & Bengio (2003): 1/J becomes 1/J + n2/n1.
    assert plain.t / corrected.t == pytest.approx(math.sqrt((1 / 10 + 1 / 9) / (1 / 10)))
    assert corrected.p > plain.p


def test_it_finds_fewer_differences_that_are_none_when_folds_share_rows() -> None:
    rng = np.random.default_rng(1)
    plain, corrected = [], []
    for _ in range(400):
        rows = rng.standard_normal(60)  # one small sample, resampled ten times: the means are correlated
        d = np.array([rng.choice(rows, 12, replace=False).mean() for _ in range(10)])
        plain.append(corrected_t(d, test_to_train=0.0).p < 0.05)
        corrected.append(corrected_t(d, test_to_train=12 / 48).p < 0.05)
    assert np.mean(plain) > 0.15  # false alarms of the naive test
    # Binomial, 400 trials at 5 %: more than 8.7 % would be seen once in 1,000.
    assert np.mean(corrected) <= stats.binom.ppf(0.999, 400, 0.05) / 400


def test_folds_without_a_score_are_left_out() -> None:
    found = corrected_t(np.array([0.1, math.nan, 0.2, 0.3]), test_to_train=0.25)
    assert found.n_folds == 3
    assert found.difference == pytest.approx(0.2)


@pytest.mark.parametrize(("differences", "n"), [([], 0), ([math.nan], 0), ([0.2], 1)])
def test_fewer_than_two_folds_tell_nothing(differences: list[float], n: int) -> None:
    found = corrected_t(np.array(differences), test_to_train=0.25)
    assert found.n_folds == n
    assert math.isnan(found.p)


def test_differences_that_never_vary_are_certain() -> None:
    assert corrected_t(np.array([0.5, 0.5]), test_to_train=0.25).p == 0.0
    assert corrected_t(np.array([0.0, 0.0]), test_to_train=0.25).p == 1.0


def test_its_json_form_comes_back() -> None:
    found = corrected_t(np.array([0.02, 0.01, 0.03]), test_to_train=0.25)
    assert CorrectedT.from_json(json.loads(json.dumps(found.to_json()))) == found

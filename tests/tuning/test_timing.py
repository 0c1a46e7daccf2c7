from __future__ import annotations

import numpy as np
import pytest

from luthier.tuning.timing import FoldTimes


def test_before_anything_is_measured_the_hint_is_the_middle() -> None:
    duration = FoldTimes().predict("forest", 2.0, [])
    assert duration.median_s == pytest.approx(2.0)
    assert duration.p90_s > 2 * duration.median_s  # a hint may be wrong by a factor


def test_a_machine_ten_times_slower_is_noticed_for_kinds_never_run() -> None:
    times = FoldTimes()
    for _ in range(20):
        times.learn("forest", 1.0, 10.0)
    assert times.predict("linear", 0.1, []).median_s == pytest.approx(1.0, rel=0.05)


def test_the_ninetieth_percentile_is_passed_by_about_a_tenth_of_the_folds() -> None:
    rng, times = np.random.default_rng(5), FoldTimes()
    passed = 0
    for i in range(1200):
        hint = float(rng.uniform(0.1, 3.0))
        seconds = hint * float(np.exp(rng.normal(0.3, 0.5)))
        if i >= 200:
            passed += seconds > times.predict("forest", hint, []).p90_s
        times.learn("forest", hint, seconds)
    # 1000 trials at 10 %: standard error 0.95 points; the running mean and sd add little after 200.
    assert abs(passed / 1000 - 0.10) < 4 * 0.0095


def test_a_configuration_is_predicted_by_its_own_folds_first() -> None:
    times = FoldTimes()
    times.learn("forest", 1.0, 1.0)
    duration = times.predict("forest", 1.0, [5.0, 6.0])
    assert duration.median_s == pytest.approx(5.5)
    assert 6.0 < duration.p90_s < 9.0

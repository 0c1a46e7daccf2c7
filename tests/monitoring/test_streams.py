"""What may be looked at after every label is right at whatever moment one looks."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from luthier.monitoring import ConceptDrift, PairedComparison


def recursion(state: ConceptDrift, losses: np.ndarray) -> float:
    """The evidence, loss by loss, as the formula is written."""
    rises = [state.baseline + state.least * 2**k for k in range(len(state.stakes))]
    rises = [min(rise, state.baseline + 0.95 * (1 - state.baseline)) for rise in rises]
    M = np.zeros(len(rises))
    for x in losses:
        for k, q in enumerate(rises):
            bet = (q - state.baseline) / (state.baseline * (1 - state.baseline))
            M[k] = (1 + bet * (x - state.baseline)) * (M[k] + 1)
    weights = 0.5 ** np.arange(1, len(rises) + 1)
    return float(M @ (weights / weights.sum()) / state.mean_time)


def test_the_evidence_is_that_of_the_recursion_in_any_portions() -> None:
    rng = np.random.default_rng(0)
    losses = (rng.random(500) < 0.2).astype(float)
    start = ConceptDrift.watching(0.2, mean_time=1e9)
    whole = start.after(losses)
    parts = start.after(losses[:7]).after(losses[7:300]).after(losses[300:])
    assert whole.evidence == pytest.approx(recursion(start, losses), rel=1e-9)
    assert parts.evidence == pytest.approx(whole.evidence, rel=1e-9)
    assert ConceptDrift.from_json(json.loads(json.dumps(whole.to_json()))).to_json() == whole.to_json()


def test_false_alarms_are_as_rare_as_promised_for_any_losses() -> None:
    rng = np.random.default_rng(1)
    mean_time, length, repeats = 2_000.0, 2_000, 120
    alarms = 0
    for _ in range(repeats):
        alarms += ConceptDrift.watching(0.2, mean_time=mean_time).after(rng.beta(1, 4, length)).alarms
        alarms += ConceptDrift.watching(0.2, mean_time=mean_time).after(rng.random(length) < 0.2).alarms
    # With a mean time of 2,000 to the first alarm at least, at most about 1 - 1/e of the streams may have had one.
    assert alarms / (2 * repeats) <= 1 - math.exp(-1) + 3 * math.sqrt(0.25 / (2 * repeats))


def test_a_rise_of_the_error_is_found_soon_and_dated() -> None:
    rng = np.random.default_rng(2)
    delays, dated = [], []
    for _ in range(60):
        losses = np.concatenate([rng.random(2000) < 0.2, rng.random(3000) < 0.4]).astype(float)
        found = ConceptDrift.watching(0.2, mean_time=100_000.0).after(losses)
        assert found.alarms
        delays.append(found.n - 2000)
        dated.append(found.since)
    assert 0 < np.mean(delays) <= 151
    assert abs(np.median(dated) - 2000) < 60


def test_losses_outside_of_their_range_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        ConceptDrift.watching(0.2, mean_time=100).after([1.5])


def test_a_challenger_that_is_no_better_is_hardly_ever_promoted_however_often_one_looks() -> None:
    rng = np.random.default_rng(3)
    ours = naive = 0
    repeats, steps = 60, 100
    for _ in range(repeats):
        state = PairedComparison()
        better = beyond = False
        total, squares, n = 0.0, 0.0, 0
        for _ in range(steps):
            champion, challenger = rng.beta(1, 4, (2, 50))
            state = state.after(champion, challenger)
            better |= state.verdict == "better"
            d = champion - challenger
            total, squares, n = total + d.sum(), squares + (d**2).sum(), n + 50
            beyond |= total / math.sqrt(squares) > stats.norm.ppf(0.95) and n >= 100
        ours, naive = ours + better, naive + beyond
    assert ours / repeats <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / repeats)
    assert naive / repeats > 0.15  # what a z-test after every batch would do


def test_a_better_challenger_is_recognised_and_the_bounds_cover() -> None:
    rng = np.random.default_rng(4)
    for gain, verdict in ((0.04, "better"), (-0.04, "worse")):
        champion = rng.beta(2, 6, 20_000)
        challenger = (champion - gain + rng.normal(0, 0.15, 20_000)).clip(-1, 2)
        found = PairedComparison(margin=0.01).after(champion, challenger)
        assert found.verdict == verdict
        assert found.low < gain < found.high


def test_champions_that_cannot_be_told_apart_are_not_worse_and_bring_no_gain() -> None:
    rng = np.random.default_rng(5)
    champion = rng.beta(2, 6, 30_000)
    challenger = champion + rng.normal(0, 0.05, 30_000)
    assert PairedComparison(margin=0.01).after(champion, challenger).verdict == "not worse"
    assert PairedComparison(least=0.01).after(champion, challenger).verdict == "no gain"
    assert PairedComparison().after(champion[:99], champion[:99] - 1).verdict == "open"


def test_portions_add_up() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.random((2, 1000))
    whole = PairedComparison().after(a, b)
    parts = PairedComparison().after(a[:13], b[:13]).after(a[13:], b[13:])
    assert parts.low == pytest.approx(whole.low, rel=1e-9)
    assert PairedComparison.from_json(json.loads(json.dumps(whole.to_json()))) == whole

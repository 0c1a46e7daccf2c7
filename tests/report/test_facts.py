"""The facts: a JSON form that loses nothing, and no room for contradictions."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.canonical import canonical_json
from luthier.report import ColumnFacts, ProgressPoint, ReportFacts, TrialFacts, VerdictFacts
from luthier.scoring.estimate import Estimate

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
words = st.text(max_size=12)


def test_facts_survive_the_way_through_json(sample: ReportFacts) -> None:
    text = json.dumps(sample.to_json())
    again = ReportFacts.from_json(json.loads(text))
    assert again.to_json() == sample.to_json()
    assert again.trials == sample.trials
    assert again.data == sample.data


def test_facts_are_json_without_nan(sample: ReportFacts) -> None:
    assert canonical_json(sample.to_json())  # refuses NaN and anything that is not JSON


def test_an_interval_that_is_not_known_comes_back_as_not_known(samples: dict[str, ReportFacts]) -> None:
    again = ReportFacts.from_json(samples["one_fit_only"].to_json())
    assert again.verdict.honest is not None
    assert again.verdict.honest.value == 21.34
    assert math.isnan(again.verdict.honest.low)


@given(
    trials=st.lists(
        st.builds(
            TrialFacts,
            number=st.integers(0, 10**6),
            family=words,
            score=st.none() | finite,
            fold_scores=st.lists(finite, max_size=4).map(tuple),
            config=st.dictionaries(words, st.none() | st.booleans() | st.integers() | finite | words, max_size=4),
        ),
        max_size=4,
    ).map(tuple),
    points=st.lists(st.builds(ProgressPoint, finite, finite, st.none() | finite), max_size=3).map(tuple),
)
def test_any_trials_and_points_survive_the_way_through_json(
    samples: dict[str, ReportFacts], trials: tuple[TrialFacts, ...], points: tuple[ProgressPoint, ...]
) -> None:
    facts = dataclasses.replace(
        samples["one_fit_only"], trials=trials, progress=points, shipped_trial=None, default_trial=None
    )
    again = ReportFacts.from_json(json.loads(json.dumps(facts.to_json())))
    assert again.trials == trials
    assert again.progress == points


def test_facts_of_a_newer_version_are_refused(sample: ReportFacts) -> None:
    with pytest.raises(ValueError, match="version 99"):
        ReportFacts.from_json(sample.to_json() | {"version": 99})


def test_a_kept_default_cannot_ship_another_trial(samples: dict[str, ReportFacts]) -> None:
    with pytest.raises(ValueError, match="default_kept is True, but trial 3 is shipped"):
        dataclasses.replace(samples["regression_default_kept"], shipped_trial=3)


def test_a_probability_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="is a probability"):
        VerdictFacts(p_default_as_good=1.2)


def test_counts_given_as_shares_are_refused() -> None:
    with pytest.raises(ValueError, match="column 'town'"):
        ColumnFacts("town", top=(("Ghent", 412.0),))


@pytest.mark.parametrize(("greater_is_better", "optimism", "gain"), [(True, 0.03, 0.1), (False, -0.03, -0.1)])
def test_optimism_and_gain_follow_the_direction_of_the_metric(
    samples: dict[str, ReportFacts], greater_is_better: bool, optimism: float, gain: float
) -> None:
    facts = samples["binary_with_gain"]
    facts = dataclasses.replace(
        facts,
        metric=dataclasses.replace(facts.metric, greater_is_better=greater_is_better),
        verdict=VerdictFacts(honest=Estimate(0.8, 0.7, 0.9, 50), naive=0.83, default=Estimate(0.7, 0.6, 0.8, 50)),
    )
    assert facts.optimism == pytest.approx(optimism)
    assert facts.gain == pytest.approx(gain)

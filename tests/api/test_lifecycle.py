"""A model in use is looked after: diagnosed, answered by the cheapest means, proven, promoted, taken back."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import luthier
from luthier.errors import BadSettings, TooFewLabels
from luthier.lifecycle import Policy, Tried, cheapest_sufficient, on_challenger, on_probation
from luthier.monitoring import PairedComparison

from .conftest import rows, serve

CHEAP = '[lifecycle]\nresponses = ["recalibrate", "refit"]\n'


def test_from_a_turned_world_to_a_proven_champion_and_back_again(churn: str) -> None:
    Path("luthier.toml").write_text(CHEAP)
    day, now = 86_400.0, time.time()
    serve(rows(1200, 11, turn=-1.0), until=now - 60)
    first = luthier.tick(churn, now=now)
    assert (first.did, first.evidence["diagnosis"]["kind"], first.evidence["chosen"]) == (
        "responded",
        "concept",
        "refit",
    )
    assert luthier.history_of(churn).aliases == {"champion": 1, "challenger": 2, "previous": None}
    assert luthier.tick(churn, now=now).did == "waited"  # no request since: nothing to prove it on

    serve(rows(600, 12, turn=-1.0), until=now + 10 * day)
    second = luthier.tick(churn, now=now + 10 * day)
    assert second.did == "promoted"
    assert luthier.history_of(churn).aliases == {"champion": 2, "challenger": None, "previous": 1}
    assert luthier.history_of(churn).moves[-1].by == "lifecycle"

    # The world turns back: the champion on probation does harm, and is taken back on its own evidence.
    serve(rows(600, 13, turn=1.0), until=now + 20 * day, version=2)
    third = luthier.tick(churn, now=now + 20 * day)
    assert third.did == "rolled back"
    assert luthier.history_of(churn).champion == 1


def test_without_an_alarm_nothing_is_done(churn: str) -> None:
    serve(rows(900, 21), until=time.time() - 60)
    assert luthier.tick(churn).did == "nothing"


def test_a_broken_feed_is_reported_and_not_learned(churn: str) -> None:
    found = luthier.retune(churn, on=rows(900, 22).assign(b=np.nan))
    assert (found.diagnosis.kind, found.version) == ("quality fault", None)
    assert "mend the feed" in found.why


def test_too_few_labels_say_how_many_are_needed(churn: str) -> None:
    with pytest.raises(TooFewLabels, match=r"(?s)100 labels.*no fewer than 300"):
        luthier.retune(churn, on=rows(100, 23))


def test_a_policy_without_meaning_is_refused() -> None:
    for said in ({"responses": ["pray"]}, {"promote": "maybe"}, {"alpha": 2.0}, {"budgt": "1m"}):
        with pytest.raises(BadSettings):
            Policy.of(said)


def test_the_cheapest_response_that_suffices_is_taken() -> None:
    rng = np.random.default_rng(0)
    champion = rng.beta(2, 5, 2000)
    small, cheap = champion - 0.02 + rng.normal(0, 0.01, 2000), champion - 0.1 + rng.normal(0, 0.01, 2000)
    dear = cheap + rng.normal(0, 0.01, 2000)
    tried = [Tried("recalibrate", "", small, 1), Tried("refit", "", cheap, 2), Tried("full re-tune", "", dear, 300)]
    chosen = cheapest_sufficient(champion, tried)
    assert chosen is not None
    assert chosen.response == "refit"
    assert cheapest_sufficient(champion, [Tried("refit", "", champion + 0.01, 1)]) is None


def test_decisions_follow_the_evidence_and_the_policy() -> None:
    rng = np.random.default_rng(1)
    champion = rng.beta(2, 5, 3000)
    better = PairedComparison().after(champion, champion - 0.1 + rng.normal(0, 0.05, 3000))
    worse = PairedComparison().after(champion, champion + 0.1 + rng.normal(0, 0.05, 3000))
    assert on_challenger(better, Policy(), most_labels=10_000).act == "promote"
    assert on_challenger(better, Policy(promote="ask"), most_labels=10_000).act == "ask"
    assert on_challenger(worse, Policy(), most_labels=10_000).act == "drop"
    assert on_challenger(PairedComparison(), Policy(), most_labels=10_000).act == "wait"
    assert on_probation(worse, Policy()).act == "roll back"
    assert on_probation(better, Policy(probation_labels=2000)).act == "confirm"

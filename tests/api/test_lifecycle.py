"""A model in use is looked after: diagnosed, answered by the cheapest means, proven, promoted, taken back."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import luthier
from luthier.api.labels import labels_of
from luthier.api.watching import observe
from luthier.errors import BadSettings, TooFewLabels
from luthier.lifecycle import (
    Policy,
    Tried,
    cheapest_sufficient,
    cost_of_waiting,
    on_challenger,
    on_probation,
    on_response,
)
from luthier.monitoring import PairedComparison
from luthier.store import Store
from luthier.store.journal import Journal
from luthier.store.traffic import FEEDBACK_COLUMNS, PREDICTION_COLUMNS

from .conftest import rows, serve

CHEAP = '[lifecycle]\nresponses = ["recalibrate", "refit"]\n'
DAY = 86_400.0


def promoted_by_labels(churn: str, more: str = "") -> float:
    """The world has turned, and version 2 is the champion by the word of 1,200 labels: the moment that is."""
    Path("luthier.toml").write_text(CHEAP + 'proof = "labels"\n' + more)
    now = time.time()
    serve(rows(1200, 11, turn=-1.0), until=now - 60)
    assert luthier.tick(churn, now=now).did == "promoted"
    return now


def test_from_a_turned_world_to_a_proven_champion_and_back_again(churn: str) -> None:
    Path("luthier.toml").write_text(CHEAP)
    now = time.time()
    serve(rows(1200, 11, turn=-1.0), until=now - 60)
    first = luthier.tick(churn, now=now)
    assert (first.did, first.evidence["diagnosis"]["kind"], first.evidence["chosen"]) == (
        "responded",
        "concept",
        "refit",
    )
    assert luthier.history_of(churn).aliases == {"champion": 1, "challenger": 2, "previous": None}
    assert luthier.tick(churn, now=now).did == "waited"  # no request since: nothing to prove it on

    serve(rows(600, 12, turn=-1.0), until=now + 10 * DAY)
    second = luthier.tick(churn, now=now + 10 * DAY)
    assert second.did == "promoted"
    assert luthier.history_of(churn).aliases == {"champion": 2, "challenger": None, "previous": 1}
    assert luthier.history_of(churn).moves[-1].by == "lifecycle"

    # The world turns back: the champion on probation does harm, and is taken back on its own evidence.
    serve(rows(600, 13, turn=1.0), until=now + 20 * DAY, version=2)
    third = luthier.tick(churn, now=now + 20 * DAY)
    assert third.did == "rolled back"
    assert luthier.history_of(churn).champion == 1


def test_where_labels_are_proof_enough_a_response_is_in_use_at_once_and_on_probation(churn: str) -> None:
    Path("luthier.toml").write_text(CHEAP + 'proof = "labels"\n')
    now = time.time()
    serve(rows(1200, 11, turn=-1.0), until=now - 60)
    first = luthier.tick(churn, now=now)
    assert (first.did, luthier.history_of(churn).champion) == ("promoted", 2), first.why
    assert first.evidence["alpha"] == 0.05 / 2  # two responses may be tried
    assert first.evidence["labels"] == 480  # the newest two fifths
    assert luthier.tick(churn, now=now).did == "nothing"  # no answer of the new champion yet

    serve(rows(600, 13, turn=1.0), until=now + 10 * DAY, version=2)
    assert luthier.tick(churn, now=now + 10 * DAY).did == "rolled back"
    assert luthier.history_of(churn).champion == 1


def test_a_champion_that_stays_better_passes_probation(churn: str) -> None:
    now = promoted_by_labels(churn, "probation_labels = 700\n")
    serve(rows(600, 12, turn=-1.0), until=now + 40 * DAY, version=2)
    waited = luthier.tick(churn, now=now + 40 * DAY)
    assert waited.did == "waited"
    assert waited.evidence["low"] > 0  # surely better already, and still watched
    serve(rows(400, 13, turn=-1.0), until=now + 60 * DAY, version=2)
    confirmed = luthier.tick(churn, now=now + 60 * DAY)
    assert (confirmed.did, confirmed.evidence["labels"]) == ("confirmed", 700)
    assert luthier.tick(churn, now=now + 60 * DAY).did == "nothing"


def test_who_wants_to_be_asked_is_asked_until_it_is_decided(churn: str) -> None:
    Path("luthier.toml").write_text(CHEAP + 'proof = "labels"\npromote = "ask"\n')
    now = time.time()
    serve(rows(1200, 11, turn=-1.0), until=now - 60)
    assert [luthier.tick(churn, now=now).did for _ in range(2)] == ["asked", "asked"]
    assert luthier.history_of(churn).aliases == {"champion": 1, "challenger": 2, "previous": None}
    serve(rows(900, 12, turn=1.0), until=now + 40 * DAY)  # the world has turned back before anybody decided
    assert luthier.tick(churn, now=now + 40 * DAY).did == "dropped"


def test_harm_is_seen_that_comes_after_a_champion_was_surely_better(churn: str) -> None:
    now = promoted_by_labels(churn)
    serve(rows(200, 12, turn=-1.0), until=now + 40 * DAY, version=2)
    serve(rows(900, 13, turn=1.0), until=now + 60 * DAY, version=2)
    assert luthier.tick(churn, now=now + 60 * DAY).did == "rolled back"


def test_on_probation_alarms_are_responded_to(churn: str) -> None:
    now = promoted_by_labels(churn)
    serve(rows(900, 13, turn=0.0), until=now + 60 * DAY, version=2)  # neither model knows anything any more
    again = luthier.tick(churn, now=now + 60 * DAY)
    assert (again.did, luthier.history_of(churn).champion) == ("promoted", 3), again.why


def test_an_alarm_is_responded_to_again_when_there_is_twice_as_much_to_go_by(churn: str) -> None:
    """Inputs that move without harm: no response is better than to go on, now and with as many labels again."""
    Path("luthier.toml").write_text(CHEAP)
    now = time.time()
    moved = [rows(n, seed).assign(b=lambda frame: frame["b"] + 6) for n, seed in ((900, 31), (850, 32), (100, 33))]
    serve(moved[0], until=now - 60)
    assert luthier.tick(churn, now=now).did == "responded"
    assert luthier.tick(churn, now=now).why.startswith("every alarm has been responded to")
    serve(moved[1], until=now + 20 * DAY)
    assert luthier.tick(churn, now=now + 20 * DAY).did == "nothing"
    serve(moved[2], until=now + 40 * DAY)
    assert luthier.tick(churn, now=now + 40 * DAY).did == "responded"


def test_a_tick_that_was_killed_before_it_promoted_is_made_up_for(churn: str) -> None:
    """`retune` does all that such a tick had: the challenger is released, and the record says that it is proven."""
    Path("luthier.toml").write_text(CHEAP + 'proof = "labels"\n')
    serve(rows(1200, 11, turn=-1.0), until=time.time() - 60)
    made = luthier.retune(churn)
    assert made.proof is not None
    assert (made.proof.act, luthier.history_of(churn).champion) == ("promote", 1)
    assert luthier.tick(churn).did == "promoted"
    assert luthier.tick(churn).did == "nothing"
    assert luthier.history_of(churn).aliases == {"champion": 2, "challenger": None, "previous": 1}


def test_what_an_earlier_version_was_asked_is_learned_from_and_judges_nothing(churn: str) -> None:
    """The second version was fitted on what the first had been asked: only what came since can judge it."""
    now = promoted_by_labels(churn)
    serve(rows(300, 12, turn=-1.0), until=now + 40 * DAY, version=2)
    seen = observe(churn, now=now + 40 * DAY)
    labels = labels_of(seen, None)
    assert (len(labels.rows), labels.begin, len(labels.judge)) == (1500, 1200, 300)
    assert np.array_equal(labels.p[:1200], seen.predictor.ask_frame(labels.rows.frame[:1200]))
    assert np.array_equal(labels.rows.frame["a"][:1200], rows(1200, 11, turn=-1.0)["a"])
    serve(rows(100, 13, turn=-1.0), until=now + 80 * DAY, version=1)  # as after a rollback: no judge is lost
    assert labels_of(observe(churn, now=now + 80 * DAY), None).begin == 1200


def test_rows_of_a_version_with_other_columns_and_classes_are_learned_from_where_they_can_be_read(churn: str) -> None:
    now = time.time()
    serve(rows(400, 11), until=now - 60)
    at = pd.Timestamp(now - 20 * DAY, unit="s").isoformat()
    for version, inputs in (("8", {"a": 1.0, "more": 2}), ("9", {"a": "a word where a number was"})):
        of = {"name": "churn", "version": version, "role": "champion", "inputs": inputs, "at": at, "latency_ms": 1.0}
        of |= {"prediction": "maybe", "p": {"maybe": 1.0}, "outside": False}
        told = {"label": rows(1, 1)["y"].iloc[0], "known_at": at, "received_at": at, "source": None}
        for part, columns, line in (("predictions", PREDICTION_COLUMNS, of), ("feedback", FEEDBACK_COLUMNS, told)):
            journal = Journal(Path(".luthier/traffic/churn") / part, columns, capacity=100)
            for i in range(5):
                journal.append(json.dumps({"prediction_id": f"{version}-{i}", **line}).encode() + b"\n", 1)
            journal.close()
    labels = labels_of(observe(churn, now=now), None)
    assert len(labels.rows) == 400 + 5
    assert (labels.begin, labels.p.shape) == (5, (405, 1))


def test_too_few_rows_since_the_last_fit_say_how_many_are_needed(churn: str) -> None:
    now = promoted_by_labels(churn)
    serve(rows(100, 12, turn=1.0), until=now + 40 * DAY, version=2)
    with pytest.raises(TooFewLabels, match=r"(?s)100 labels of churn.*after it was fitted.*no fewer than 120"):
        luthier.retune(churn, now=now + 40 * DAY)


def test_without_an_alarm_nothing_is_done(churn: str) -> None:
    serve(rows(900, 21), until=time.time() - 60)
    assert luthier.tick(churn).did == "nothing"


def test_a_broken_feed_is_reported_and_not_learned(churn: str) -> None:
    found = luthier.retune(churn, on=rows(900, 22).assign(b=np.nan))
    assert (found.diagnosis.kind, found.version) == ("quality fault", None)
    assert "mend the feed" in found.why


@pytest.mark.parametrize(("by", "kind"), [(1000.0, "quality fault"), (1.0, "inputs")])
def test_other_units_are_a_fault_and_another_season_is_not(churn: str, by: float, kind: str) -> None:
    Path("luthier.toml").write_text(CHEAP)
    live = rows(900, 24)
    found = luthier.retune(churn, on=live.assign(b=by * live["b"] + (0 if by > 1 else 6)))
    assert found.diagnosis.kind == kind


def test_a_response_for_which_there_is_no_time_is_left_out_and_said(churn: str) -> None:
    """The world has turned, so all responses are wanted; a hundredth of a second is not enough to tune in."""
    Path("luthier.toml").write_text('[lifecycle]\nresponses = ["recalibrate", "full re-tune"]\n')
    found = luthier.retune(churn, on=rows(1200, 25, turn=-1.0), budget="0.01s")
    assert [one["response"] for one in found.tried] == ["recalibrate"]
    assert "a full re-tune was not tried: not one fit" in found.why


def test_a_model_tuned_anew_still_knows_the_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hour is read off the column of times, which is no feature itself; and later rows are judged by earlier."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORE", raising=False)
    at = pd.date_range("2026-01-01", periods=1600, freq="h")
    rng = np.random.default_rng(0)
    world = np.where(np.arange(1600) < 800, 1.0, -1.0)  # from one day on, nights are busy
    busy = world * np.where((at.hour > 7) & (at.hour < 20), 1.0, -1.0) + rng.normal(0, 0.3, 1600)
    frame = pd.DataFrame({"at": at, "noise": rng.normal(size=1600), "busy": busy})
    run = luthier.tune(frame[:800], "busy", budget="1 trials", time="at", models="lightgbm", executor="inline")
    luthier.release(run.run.study, "town")
    Path("luthier.toml").write_text('[lifecycle]\nresponses = ["full re-tune"]\n')
    found = luthier.retune("town", on=frame[800:], budget="1 trials")
    assert found.version is not None, found.why
    assert labels_of(observe("town", on=frame), None).begin == 800  # what was tuned on judges nothing
    (first, second) = pd.to_datetime(frame["at"].iloc[[799, 1599]], utc=True).astype("datetime64[us, UTC]")
    with Store.open(None, create=False) as store:
        ends = [
            event.body["until"]
            for study in (run.run.study, luthier.load("town@2").manifest.study)
            for event in store.load(study).events()
            if event.kind == "model.fitted"
        ]
    assert ends == [first.timestamp(), second.timestamp()]
    tuned = luthier.load(f"town@{found.version.version}")
    assert {feature.source for feature in tuned.schema.features} == {"at", "noise"}
    assert tuned.schema.time == "at"
    said = tuned.predict(frame[800:].drop(columns="busy"))
    assert np.abs(said - frame["busy"][800:]).mean() < 0.5


def test_too_few_labels_say_how_many_are_needed(churn: str) -> None:
    with pytest.raises(TooFewLabels, match=r"(?s)100 labels.*no fewer than 300"):
        luthier.retune(churn, on=rows(100, 23))


def test_a_policy_without_meaning_is_refused() -> None:
    for said in ({"responses": ["pray"]}, {"promote": "maybe"}, {"proof": "hope"}, {"alpha": 2.0}, {"budgt": "1m"}):
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


def test_a_refit_that_would_have_helped_again_and_again_is_advised_on_schedule() -> None:
    sure, unsure, other = (
        [{"response": response, "labels": 1200, "gain": gain, "se": 0.01}]
        for response, gain in (("refit", 0.05), ("refit", 0.01), ("recalibrate", 0.05))
    )
    assert cost_of_waiting([]) is None
    assert cost_of_waiting([sure, unsure]) is None
    assert cost_of_waiting([other]) is None
    assert cost_of_waiting([sure, sure]) == (
        "a refit in use before the alarm would have lost 0.0500 ± 0.0100 less a label, over 1,200"
    )
    assert "not worth it here" not in str(cost_of_waiting([sure, unsure, sure]))
    assert "less a label, over 1,200, 3 times in a row: waiting for alarms is not worth it here" in str(
        cost_of_waiting([unsure, *3 * [sure]])
    )


def test_responses_that_are_no_better_are_hardly_ever_proven_by_labels() -> None:
    """Of four responses to 480 labels, with skewed losses and nothing gained, the one that looks best is taken: 5 %."""
    rng, policy, repeats = np.random.default_rng(5), Policy(proof="labels"), 4000
    proven = 0
    for _ in range(repeats):
        shared, *own = rng.beta(0.5, 3, (2 + len(policy.responses), 480)) / 2
        champion = shared + own.pop()
        tried = [Tried(name, "", shared + mine, 1.0) for name, mine in zip(policy.responses, own, strict=True)]
        chosen = cheapest_sufficient(champion, tried)
        proven += chosen is not None and on_response(champion, chosen.losses, policy).act == "promote"
    assert proven / repeats <= policy.alpha + 3 * np.sqrt(policy.alpha * (1 - policy.alpha) / repeats)
    assert proven > 0  # it is not that nothing ever could be


def test_decisions_follow_the_evidence_and_the_policy() -> None:
    rng = np.random.default_rng(1)
    champion = rng.beta(2, 5, 3000)
    better = PairedComparison().after(champion, champion - 0.1 + rng.normal(0, 0.05, 3000))
    worse = PairedComparison().after(champion, champion + 0.1 + rng.normal(0, 0.05, 3000))
    assert on_challenger(better, Policy(), most_labels=10_000).act == "promote"
    assert on_challenger(better, Policy(promote="ask"), most_labels=10_000).act == "ask"
    gained = champion - 0.1 + rng.normal(0, 0.05, 3000)
    assert on_response(champion, gained, Policy()).act == "wait"
    assert on_response(champion, gained, Policy(proof="labels")).act == "promote"
    assert on_response(champion, gained, Policy(proof="labels", promote="ask")).act == "ask"
    assert on_response(champion, rng.permutation(champion), Policy(proof="labels")).act == "wait"
    assert on_challenger(worse, Policy(), most_labels=10_000).act == "drop"
    assert on_challenger(PairedComparison(), Policy(), most_labels=10_000).act == "wait"
    assert on_probation(worse, Policy()).act == "roll back"
    assert on_probation(better, Policy(probation_labels=2000)).act == "confirm"

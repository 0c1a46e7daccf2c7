"""`luthier evaluate` as a user meets it: on a study, on a saved model, on new rows, and when it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris, make_classification
from tests.journeys.commands import luthier as command

import luthier
from luthier.api.evidence import gather_evidence
from luthier.api.new_rows import score_new_rows
from luthier.errors import BadMetric, UnfitRows, UnknownModel, UnknownStudy, UsageError
from luthier.evaluation.thresholds import read_rule, read_wish

QUICK: dict[str, Any] = {"budget": "3 trials", "models": "linear,lightgbm", "executor": "inline", "seed": 1}


def table(n: int, seed: int = 0) -> pd.DataFrame:
    X, y = make_classification(n, 6, n_informative=4, weights=[0.75], flip_y=0.1, random_state=3, shuffle=False)
    rows = np.random.default_rng(seed).permutation(n)
    return pd.DataFrame(X[rows], columns=[f"x{i}" for i in range(6)]).assign(left=np.where(y[rows], "yes", "no"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    frame = table(900)
    frame[:500].to_csv(folder / "old.csv", index=False)
    frame[500:].to_csv(folder / "new.csv", index=False)
    worse = frame[500:].assign(left=frame["left"][500:].sample(frac=1, random_state=0).to_numpy())
    worse.to_csv(folder / "worse.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def run(place: Path) -> luthier.TunedModel:
    return luthier.tune(
        place / "old.csv", "left", cost="fn=10,fp=1", store=place / ".luthier", out=place / "out", **QUICK
    )


def test_a_run_is_evaluated_by_every_topic(run: luthier.TunedModel) -> None:
    body = luthier.evaluate(run).to_json()
    json.dumps(body, allow_nan=False)
    assert {"generalisation", "calibration", "operating_point"} <= body.keys()
    assert body["generalisation"]["honest"]["value"] == pytest.approx(run.score.value)
    # The cost the model was tuned for is the cost it is evaluated by.
    threshold = body["operating_point"]["threshold"]
    assert threshold["metric"] == "cost"
    assert threshold["value"]["value"] < threshold["value_at_half"]["value"]
    assert 0.02 < threshold["threshold"] < 0.4  # it breaks even at 1 / 11


def test_a_registered_model_is_evaluated_by_its_name(
    run: luthier.TunedModel, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    luthier.release(run, "leavers", store=place / ".luthier")
    for name in ("leavers", "leavers@1"):
        assert luthier.evaluate(name).study == run.run.study
    assert "new_rows" in luthier.evaluate("leavers@champion", on="new.csv").parts
    with pytest.raises(UnknownModel, match="no challenger"):
        luthier.evaluate("leavers@challenger")


def test_the_model_cuts_where_it_was_told_to(run: luthier.TunedModel, place: Path) -> None:
    rows = pd.read_csv(place / "new.csv")
    threshold = luthier.evaluate(run).to_json()["operating_point"]["threshold"]["threshold"]
    saved = luthier.load(place / "out" / "model")
    called = saved.predict_proba(rows)[:, 1] > threshold
    np.testing.assert_array_equal(saved.predict(rows) == "yes", called)


def test_a_run_says_where_its_model_cuts_and_why(run: luthier.TunedModel) -> None:
    assert "for yes above a chance of 0." in run.summary()
    assert "lowest cost at fn=10,fp=1" in run.summary()
    assert run.to_json()["final"]["threshold"] == run.predictor.manifest.threshold < 0.5


def test_the_command_line_says_it_for_people_and_for_programs(run: luthier.TunedModel, place: Path) -> None:
    said = command("evaluate", "out", "--threshold", "precision>=0.8", cwd=place).stdout
    assert "CALIBRATION" in said
    assert "highest recall with precision of at least 0.8" in said
    assert said.splitlines()[-1].startswith("next: ")
    body = json.loads(command("evaluate", run.run.study, "--json", cwd=place).stdout)
    assert body["study"] == run.run.study


def test_new_rows_like_the_old_keep_the_promise_and_others_end_with_code_3(
    run: luthier.TunedModel,
    place: Path,
) -> None:
    kept = json.loads(command("evaluate", "out", "--on", "new.csv", "--json", cwd=place).stdout)
    assert kept["new_rows"]["standing"] == "kept"
    broken = command("evaluate", "out", "--on", "worse.csv", cwd=place, check=3)
    assert "the promise is broken" in broken.stdout


def test_a_threshold_for_new_rows_is_chosen_on_the_study(run: luthier.TunedModel, place: Path) -> None:
    rows = pd.read_csv(place / "new.csv")
    _, evidence = gather_evidence(run.run.study, problem=run.problem, store=place / ".luthier")
    _, rule = read_wish("fn=2,fp=1", None)
    assert rule is not None
    cut = rule.choose(evidence.y, evidence.given[:, 0], evidence.weights)
    by_cost = luthier.evaluate(run, on=rows, cost="fn=2,fp=1").to_json()["new_rows"]
    assert by_cost == luthier.evaluate(run, on=rows, cost="fn=2,fp=1", threshold=cut).to_json()["new_rows"]
    assert by_cost != luthier.evaluate(run, on=rows, cost="fn=2,fp=1", threshold=cut / 2).to_json()["new_rows"]
    said = command("evaluate", "out", "--on", "new.csv", "--cost", "fn=2,fp=1", "--json", cwd=place).stdout
    assert json.loads(said)["new_rows"] == by_cost


def test_new_rows_need_an_outcome_and_a_threshold_chosen_elsewhere(run: luthier.TunedModel, place: Path) -> None:
    rows = pd.read_csv(place / "new.csv")
    with pytest.raises(UnfitRows, match="'left'"):
        luthier.evaluate(run, on=rows.drop(columns="left"))
    with pytest.raises(BadMetric, match="would flatter"):
        score_new_rows(run.predictor, rows, rule=read_rule("f1"))
    some = rows.assign(left=rows["left"].where(np.arange(len(rows)) % 4 > 0))
    assert luthier.evaluate(run, on=some).to_json()["new_rows"]["rows_without_label"] == 100


def test_other_data_than_the_studys_are_noticed(run: luthier.TunedModel, place: Path) -> None:
    with pytest.raises(UsageError, match="differ in fingerprint"):
        luthier.evaluate(run.run.study, data=pd.read_csv(place / "new.csv"), store=place / ".luthier")


def test_a_study_of_a_frame_in_memory_asks_for_the_frame(tmp_path: Path) -> None:
    frame = table(300)
    run = luthier.tune(frame, "left", store=tmp_path, **QUICK)
    with pytest.raises(UnknownStudy, match="frame in memory"):
        luthier.evaluate(run.run.study, store=tmp_path)
    again = luthier.evaluate(run.run.study, data=frame, store=tmp_path).to_json()
    assert again == luthier.evaluate(run).to_json()


def test_several_classes_and_values_are_evaluated_too(tmp_path: Path) -> None:
    iris = load_iris(as_frame=True).frame
    several = luthier.evaluate(luthier.tune(iris, "target", store=tmp_path, **QUICK)).to_json()
    assert set(several["calibration"]["by_class"]) == {"0", "1", "2"}
    assert len(several["operating_point"]["confusion"]) == 9
    diabetes = load_diabetes(as_frame=True).frame
    values = luthier.evaluate(luthier.tune(diabetes, "target", store=tmp_path, **QUICK)).to_json()
    assert values["calibration"]["answered"] is False
    nine_of_ten = next(m for m in values["intervals"]["margins"] if m["level"] == 0.9)
    assert nine_of_ten["below"] < 0 < nine_of_ten["above"]
    assert nine_of_ten["coverage"]["value"] == pytest.approx(0.9, abs=0.03)


def test_a_cost_is_for_two_classes(tmp_path: Path) -> None:
    with pytest.raises(BadMetric, match="two classes"):
        luthier.tune(load_iris(as_frame=True).frame, "target", cost="fn=2,fp=1", store=tmp_path, **QUICK)

"""The verbs of the library as a program uses them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import luthier
from luthier.errors import BadSpace, BadTarget, BudgetTooSmall, UnknownChoice


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORE", raising=False)


def churn(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    months, calls = rng.integers(1, 60, n), rng.poisson(2, n)
    plan = rng.choice(["basic", "plus", "pro"], n)
    risk = 1 / (1 + np.exp(0.06 * months - 0.5 * calls + 0.8 * (plan == "pro")))
    return pd.DataFrame(
        {
            "months": months,
            "calls": calls,
            "plan": plan,
            "spend": np.where(rng.random(n) < 0.1, np.nan, rng.gamma(2.0, 20.0, n)),
            "churn": np.where(rng.random(n) < risk, "yes", "no"),
        }
    )


def test_the_main_job_on_a_frame_with_words_and_gaps() -> None:
    table = churn(600)
    run = luthier.tune(table[:400], "churn", budget="6 trials", models="lightgbm,knn", n_jobs=1)
    assert run.classes_ == ("no", "yes")
    new = table[400:]
    p = run.predict_proba(new)
    assert p.shape == (200, 2)
    assert set(run.predict(new)) <= {"yes", "no"}
    truth = roc_auc_score(new["churn"] == "yes", p[:, 1])
    # 200 new rows carry an error of their own (sd about 0.03), so the promise is met with that much slack
    assert run.score.low - 0.08 < truth < run.score.high + 0.08
    assert run.score.low < run.score.value < run.score.high
    assert len(run.trials) == 6
    assert run.trials["trial"].tolist() == list(range(6))


def test_what_is_saved_predicts_the_same_in_a_process_that_trusts_nothing() -> None:
    table = churn()
    run = luthier.tune(table, "churn", budget="3 trials", models="lightgbm,linear", n_jobs=1, out="out")
    table.to_json("rows.jsonl", orient="records", lines=True)
    np.save("here.npy", run.predict_proba(table))
    code = """
import pickle
def refuse(*args, **kwargs): raise AssertionError("something was unpickled")
pickle.load = pickle.loads = pickle.Unpickler = refuse
import numpy as np, pandas as pd, luthier
model = luthier.load("out/model")
there = model.predict_proba(pd.read_json("rows.jsonl", lines=True))
assert np.abs(there - np.load("here.npy")).max() < 1e-9
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_several_classes_and_a_metric_of_ones_own() -> None:
    def share_right(y: np.ndarray, p: np.ndarray) -> float:
        return float((p.argmax(axis=1) == y).mean())

    share_right.greater_is_better = True  # type: ignore[attr-defined]
    frame = load_iris(as_frame=True).frame
    run = luthier.tune(frame, "target", metric=share_right, budget="3 trials", models="linear", executor="inline")
    assert run.predict_proba(frame).shape == (150, 3)
    assert run.score.value > 0.9


def test_a_regression_keeps_the_metrics_own_sign() -> None:
    frame = load_diabetes(as_frame=True).frame
    run = luthier.tune(frame, "target", budget="4 trials", models="linear", executor="inline")
    assert not run.greater_is_better
    assert 40 < run.score.low < run.score.value < run.score.high < 80
    assert run.predict(frame).dtype == np.float64


def test_an_estimator_of_ones_own_with_a_space() -> None:
    frame = load_diabetes(as_frame=True).frame
    pipeline = make_pipeline(StandardScaler(), Ridge())
    run = luthier.tune(
        frame,
        "target",
        models=pipeline,
        space={"ridge__alpha": (1e-3, 1e3, "log")},
        budget="5 trials",
        executor="inline",
    )
    assert "ridge__alpha" in " ".join(run.best_config)
    assert 40 < run.score.value < 80
    with pytest.raises(BadSpace, match="search space"):
        luthier.tune(frame, "target", models=pipeline, budget="5 trials")


def test_an_ensemble_that_is_not_fitted_has_no_length_and_can_be_tuned_all_the_same() -> None:
    frame = load_diabetes(as_frame=True).frame
    forest = RandomForestRegressor(5, random_state=0)
    run = luthier.tune(
        frame, "target", models=forest, space={"max_depth": [2, 4]}, budget="2 trials", executor="inline"
    )
    assert np.isfinite(run.predict(frame)).all()


def test_the_same_seed_gives_the_same_run_and_one_worker_the_same_as_two() -> None:
    def trials(n_jobs: int, store: str, executor: str = "processes") -> pd.DataFrame:
        run = luthier.tune(
            churn(200),
            "churn",
            budget="7 trials",
            models="lightgbm,knn",
            n_jobs=n_jobs,
            executor=executor,
            deterministic=True,
            seed=5,
            store=store,
        )
        return run.trials.drop(columns=["seconds"])

    one, two = trials(1, "a"), trials(2, "b")
    pd.testing.assert_frame_equal(one, two)
    pd.testing.assert_frame_equal(one, trials(1, "c", "inline"))


def test_rows_in_time_order_are_judged_forward_unasked() -> None:
    rng = np.random.default_rng(1)
    n = 400
    day = pd.date_range("2024-01-01", periods=n, freq="D")
    x = rng.normal(size=n)
    frame = pd.DataFrame({"day": day, "x": x, "y": 2 * x + np.linspace(0, 3, n) + rng.normal(size=n)})
    run = luthier.tune(frame, "y", budget="3 trials", models="linear", executor="inline")
    assert run.facts.splits is not None
    assert run.facts.splits.forward
    assert np.isfinite(run.predict(frame.tail(5))).all()


def test_a_budget_that_admits_one_fit_is_kept_and_answered_and_a_smaller_one_is_refused_in_time() -> None:
    def seconds(budget: float | str) -> float:
        start = time.monotonic()
        run = luthier.tune(churn(300), "churn", budget=budget, models="linear,lightgbm", n_jobs=1)
        assert np.isfinite([run.score.value, run.score.low, run.score.high]).all()
        return time.monotonic() - start

    seconds("1 trial")  # the first call in this process loads libraries, too
    one_trial = seconds("1 trial")  # a worker's start is most of it, and machines differ: so the budget follows it
    budget = 1.5 * one_trial + 1.0
    assert seconds(budget) < budget + 1.5  # the bar is 1 s; half a second is for a machine that does other things

    start = time.monotonic()
    with pytest.raises(BudgetTooSmall, match="not one fit was done within the budget"):
        seconds(0.1)
    assert time.monotonic() - start < 0.1 + 1.5


def test_a_target_that_cannot_be_learned_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    frame = churn().assign(churn="no")
    with pytest.raises(BadTarget):
        luthier.tune(frame, "churn", budget="3 trials")
    with pytest.raises(UnknownChoice):
        luthier.tune(churn(), "churn", budget="3 trials", strategy="oracle")
    assert list(tmp_path.iterdir()) == []

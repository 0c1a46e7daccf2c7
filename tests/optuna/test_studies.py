"""Studies between Optuna and Luthier."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

import luthier
from luthier.api import list_studies
from luthier.errors import UnknownStudy, UsageError
from luthier.optuna import export_study, import_study

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORE", raising=False)


def objective(trial: Any) -> Any:
    x = trial.suggest_float("x", 1e-3, 1.0, log=True)
    kind = trial.suggest_categorical("kind", [None, True, "b"])
    n = trial.suggest_int("n", 2, 8, step=2) if kind == "b" else 0
    trial.set_user_attr("n", n)
    trial.set_constraint("small", x - 0.9)
    for step in range(3):
        trial.report(x + step, step)
    if x > 0.5:
        raise optuna.TrialPruned
    if trial.number == 4:
        raise ValueError("odd")
    return x


def told(trial: Any) -> tuple[Any, ...]:
    """A trial of either library in the same words."""
    state = getattr(trial.state, "name", trial.state).lower()
    values = tuple(trial.values or ()) if state == "complete" else ()
    states = {"fail": "failed"}
    return (
        states.get(state, state),
        dict(trial.params),
        values,
        dict(trial.intermediate_values),
        dict(trial.user_attrs),
        dict(trial.constraints or {}),
    )


def test_a_study_of_ours_becomes_one_of_optunas() -> None:
    result = luthier.optimize(objective, budget="20 trials", direction="maximize")
    study = export_study(result)
    assert [told(trial) for trial in study.trials] == [told(trial) for trial in result.evaluated]
    assert study.best_value == result.best_value
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    by_name = export_study(result.study, study_name="again")
    assert [told(trial) for trial in by_name.trials] == [told(trial) for trial in result.evaluated]
    study.optimize(objective, n_trials=3, catch=(ValueError,))  # and Optuna can go on with it


def test_a_study_of_optunas_becomes_one_of_ours_and_comes_back_the_same() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=20, catch=(ValueError,))
    result = import_study(study, name="theirs")
    assert [told(trial) for trial in result.evaluated] == [told(trial) for trial in study.trials]
    assert result.best_params == study.best_params
    (row,) = list_studies()
    assert (row["name"], row["state"], row["best_score"]) == ("theirs", "finished", study.best_value)
    back = export_study("theirs")
    assert [told(trial) for trial in back.trials] == [told(trial) for trial in study.trials]


def test_a_table_study_is_exported_with_its_scores() -> None:
    from sklearn.datasets import load_iris

    frame = load_iris(as_frame=True).frame
    run = luthier.tune(frame, "target", models="linear", budget="3 trials", executor="inline", n_jobs=1)
    study = export_study(run.run.study)
    assert len(study.trials) == 3
    assert {trial.value for trial in study.trials} == {trial.score for trial in run.run.trials}


def test_a_study_goes_on_from_what_another_one_knows() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=10, catch=(ValueError,))
    result = luthier.optimize(objective, warm=import_study(study), strategy="sobol", budget="2 trials")
    first = result.evaluated[0]
    assert "point 10 of a Sobol sequence" in first.why or "point 9" in first.why  # the failed trial may be no point
    with pytest.raises(UsageError, match="directions"):
        luthier.optimize(objective, warm=result, direction="maximize", budget="1 trials")


def test_several_objectives_are_carried_over() -> None:
    result = luthier.optimize(
        lambda trial: ((x := trial.suggest_float("x", 0, 1)), 1 - x),
        directions=["minimize", "maximize"],
        budget="5 trials",
    )
    study = export_study(result)
    assert [tuple(t.values) for t in study.best_trials] == [t.values for t in result.pareto_front]
    again = import_study(study)
    assert again.hypervolume([1, 0]) == result.hypervolume([1, 0])


def test_a_study_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownStudy):
        export_study("nope")


def test_a_study_in_a_database_comes_over_without_what_lies_outside_its_range(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"

    def objective(trial: Any) -> float:
        layers = trial.suggest_categorical("layers", ["(8,)", "(8, 8)"])
        return len(layers) + float(trial.suggest_float("rate", 0.0, 1.0))

    made = optuna.create_study(study_name="deep", storage=storage)
    made.enqueue_trial({"layers": "(8,)", "rate": 0.25})
    made.enqueue_trial({"layers": "(8, 8)", "rate": 7.0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna says that 7.0 is outside
        made.optimize(objective, n_trials=2)
    read = optuna.load_study(study_name="deep", storage=storage)
    result = import_study(read, store=tmp_path / "store")
    assert [dict(trial.params) for trial in result.evaluated] == [
        {"layers": "(8,)", "rate": 0.25},
        {"layers": "(8, 8)"},
    ]
    assert [trial.values for trial in result.evaluated] == [(4.25,), (13.0,)]

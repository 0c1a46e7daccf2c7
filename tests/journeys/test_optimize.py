"""`luthier.optimize` as a program uses it."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.journeys.optuna_style_objectives import EXAMPLES, Example, pruned_early, quadratic

import luthier
from luthier.api import list_studies, show_study
from luthier.errors import BadSpace, BudgetTooSmall, NoModel, UnknownChoice, UsageError
from luthier.tuning.pruning import Halving, Hyperband, MedianPruner


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORE", raising=False)


# --- objectives in Optuna's style -------------------------------------------------------------------------------------


def by_optuna(example: Example) -> Any:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=list(example.directions), sampler=optuna.samplers.RandomSampler(seed=0))
    for config in example.enqueued:
        study.enqueue_trial(config)
    study.optimize(example.objective, n_trials=example.n_trials, catch=(Exception,))
    return study


def kinds(params: dict[str, Any]) -> set[tuple[str, type]]:
    return {(name, type(value)) for name, value in params.items()}


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_an_objective_in_optunas_style_runs_unchanged_with_the_same_kind_of_result(example: Example) -> None:
    study = by_optuna(example)
    result = luthier.optimize(
        example.objective,
        directions=example.directions,
        budget=f"{example.n_trials} trials",
        enqueue=example.enqueued,
        seed=1,
    )
    states = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    assert {states[trial.state.name] for trial in study.trials} == {trial.state for trial in result.evaluated}
    theirs = {kind for trial in study.trials for kind in kinds(trial.params)}
    ours = {kind for trial in result.evaluated for kind in kinds(dict(trial.params))}
    assert ours == theirs
    if len(result.evaluated) < example.n_trials:  # every configuration was tried once
        assert result.ending == "exhausted"
    complete = [trial for trial in result.evaluated if trial.state == "complete"]
    for trial in complete:
        assert len(trial.values) == len(example.directions)
        assert all(type(value) is float for value in trial.values)
    assert {k for t in study.trials for k in t.user_attrs} == {k for t in complete for k in t.user_attrs}
    assert {k for t in study.trials for k in getattr(t, "constraints", ())} == {
        k for t in complete for k in t.constraints
    }
    for config, trial in zip(example.enqueued, result.evaluated, strict=False):
        assert config.items() <= dict(trial.params).items()
    if len(example.directions) == 1:
        better = max if example.directions == ("maximize",) else min
        assert result.best_value == better(trial.values[0] for trial in complete if trial.feasible)
        assert kinds(result.best_params) <= theirs
    else:
        assert result.pareto_front
        with pytest.raises(UsageError, match="pareto_front"):
            _ = result.best_trial
    assert len(result.trials) == len(result.evaluated)


def test_optuna_itself_is_not_needed(tmp_path: Path) -> None:
    script = tmp_path / "no_optuna.py"
    script.write_text(
        textwrap.dedent("""
        import sys
        sys.modules["optuna"] = None
        import luthier

        def objective(trial):
            x = trial.suggest_float("x", 0, 1)
            trial.report(x, 0)
            if trial.number and trial.should_prune():
                raise luthier.TrialPruned
            return x

        print(len(luthier.optimize(objective, budget="5 trials").evaluated))
        """)
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "5"


def test_a_result_shows_itself_in_a_line_however_many_trials_there_were() -> None:
    result = luthier.optimize(lambda trial: trial.suggest_float("x", 0, 1), budget="20 trials", strategy="random")
    assert len(repr(result)) < 300
    assert result.study in repr(result)


# --- functions of a configuration -------------------------------------------------------------------------------------


def test_a_function_of_a_configuration_gets_the_values_of_the_space_given() -> None:
    def f(config: dict[str, Any]) -> Any:
        assert set(config) == ({"kernel", "gamma"} if config["kernel"] == "rbf" else {"kernel"})
        return config.get("gamma", 0.5)

    result = luthier.optimize(f, {"kernel": {"rbf": {"gamma": (0.0, 1.0)}, "linear": {}}}, budget="20 trials")
    assert result.best_value < 0.5
    assert result.best_params["kernel"] == "rbf"


def test_objects_in_a_space_reach_the_function_as_themselves() -> None:
    result = luthier.optimize(lambda config: config["f"](-2.0), {"f": [abs, math.floor]}, budget="5 trials")
    assert (len(result.evaluated), result.best_value, result.ending) == (2, -2.0, "exhausted")


def test_a_function_of_a_fidelity_climbs_rungs_and_most_trials_end_early() -> None:
    calls: list[tuple[float, int]] = []

    def train(config: dict[str, Any], epochs: int) -> Any:
        calls.append((config["x"], epochs))
        return config["x"] + 1 / epochs

    # blind draws: where each trial beats the one before, as in a good search of one number, rungs stop hardly any
    result = luthier.optimize(train, {"x": (0.0, 1.0)}, fidelity=Hyperband(1, 9), budget="22 trials", strategy="random")
    assert {epochs for _, epochs in calls} == {1, 3, 9}
    assert sum(epochs for _, epochs in calls) < 22 * 9 / 2
    for trial in result.evaluated:
        assert (trial.state == "complete") == (9 in trial.intermediate_values)
    assert result.best_trial.state == "complete"


def test_by_default_a_fidelity_is_a_share_of_the_full_resource() -> None:
    shares = []

    def train(config: dict[str, Any], fidelity: float) -> Any:
        shares.append(fidelity)
        return config["x"]

    luthier.optimize(train, {"x": (0.0, 1.0)}, budget="8 trials")
    assert all(0 < share <= 1 for share in shares)
    assert 1.0 in shares


def test_without_pruning_a_function_of_a_fidelity_is_called_with_all_of_it() -> None:
    seen = []

    def train(config: dict[str, Any], fidelity: float) -> Any:
        seen.append(fidelity)
        return config["x"]

    luthier.optimize(train, {"x": (0.0, 1.0)}, fidelity=None, budget="3 trials")
    assert seen == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("fidelity", ["median", "halving", "asha", "hyperband", Halving(1, reduction_factor=2)])
def test_every_pruner_works_by_name_under_an_objective_that_reports(fidelity: Any) -> None:
    result = luthier.optimize(pruned_early, fidelity=fidelity, budget="25 trials")
    assert {trial.state for trial in result.evaluated} == {"complete", "pruned"}
    assert all(
        t.state == "complete" for t in luthier.optimize(pruned_early, fidelity=None, budget="9 trials").evaluated
    )


# --- constraints, targets, several objectives -------------------------------------------------------------------------


def test_constraints_as_a_function_of_the_trial_decide_before_the_value() -> None:
    result = luthier.optimize(
        lambda trial: trial.suggest_float("x", 0, 1),
        constraints=lambda trial: (0.5 - trial.params["x"], trial.values[0] - 0.9),
        budget="30 trials",
    )
    assert 0.5 <= result.best_value <= 0.9
    assert any(trial.values and trial.values[0] < 0.5 for trial in result.evaluated)


def test_a_study_without_a_feasible_trial_says_so() -> None:
    result = luthier.optimize(quadratic, constraints=lambda _: [1.0], budget="3 trials")
    with pytest.raises(NoModel, match="constraints"):
        _ = result.best_trial


def test_a_target_reached_ends_the_search() -> None:
    result = luthier.optimize(quadratic, target=50.0, budget="500 trials")
    assert len(result.evaluated) < 100
    assert result.best_value <= 50.0
    highest = luthier.optimize(lambda trial: trial.suggest_float("x", 0, 1), direction="maximize", target=0.5)
    assert highest.best_value >= 0.5


def test_the_front_of_several_objectives_comes_with_its_hypervolume() -> None:
    result = luthier.optimize(
        lambda trial: ((x := trial.suggest_float("x", 0, 1)), x**2 - trial.suggest_float("y", 0, 1)),
        directions=["minimize", "maximize"],
        budget="30 trials",
    )
    front = np.array([trial.values for trial in result.pareto_front])
    assert len(front) >= 1
    for trial in result.evaluated:
        assert not ((trial.values[0] < front[:, 0]) & (trial.values[1] > front[:, 1])).any()
    assert 0 < result.hypervolume() <= result.hypervolume([1.0, -1.0]) <= 2.0


# --- failures ---------------------------------------------------------------------------------------------------------


def test_an_objective_that_always_fails_ends_soon_and_says_where() -> None:
    def broken(trial: Any) -> Any:
        trial.suggest_float("x", 0, 1)
        raise RuntimeError("no such file: data.csv")

    with pytest.raises(NoModel, match=r"none of the 10 trials.*no such file: data.csv \(test_optimize.py, line \d+\)"):
        luthier.optimize(broken, budget="1000 trials")


def test_what_a_failed_trial_had_told_is_kept() -> None:
    def fails_once(trial: Any) -> Any:
        x = trial.suggest_float("x", 0, 1)
        trial.set_user_attr("model", object())
        if trial.number == 1:
            raise ValueError("odd")
        return x

    _, failed, _ = luthier.optimize(fails_once, budget="3 trials").evaluated
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error.startswith("ValueError: odd (test_optimize.py")
    assert "x" in failed.params
    assert str(failed.user_attrs["model"]).startswith("<object object")


@pytest.mark.parametrize("value", [None, "good", (1.0, 2.0), float("inf")])
def test_what_is_no_finite_number_fails_the_trial(value: Any) -> None:
    with pytest.raises(NoModel, match="the objective returned"):
        luthier.optimize(lambda trial: value, budget="1 trials")


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        ({"direction": "up"}, UsageError, "no directions"),
        ({"strategy": "nope"}, UnknownChoice, "nope"),
        ({"fidelity": "nope"}, UnknownChoice, "nope"),
        ({"enqueue": [3]}, UsageError, "cannot be enqueued"),
        ({"objective": lambda config, fidelity: 0.0}, UsageError, "needs a space"),
        ({"objective": lambda a, b, c: 0.0}, UsageError, r"takes \(a, b, c\)"),
        (
            {"objective": lambda config, fidelity: 0.0, "space": {"x": (0, 1)}, "fidelity": MedianPruner()},
            UsageError,
            "at which fidelities",
        ),
        ({"directions": ["minimize"] * 2, "target": 1.0}, UsageError, "one target"),
        ({"space": {"x": (0.0, 1.0)}, "enqueue": [{"x": 2.0}], "objective": lambda config: 0.0}, BadSpace, "x=2.0"),
    ],
)
def test_a_request_that_cannot_be_carried_out_is_refused(how: dict[str, Any], error: Any, says: str) -> None:
    how = {"objective": quadratic, "budget": "2 trials", **how}
    with pytest.raises(error, match=says):
        luthier.optimize(**how)


# --- budgets, workers, resuming ---------------------------------------------------------------------------------------


def slow(trial: Any) -> Any:
    x = trial.suggest_float("x", 0, 1)
    time.sleep(0.05)
    return x


def test_a_budget_of_seconds_is_kept_with_two_workers() -> None:
    start = time.monotonic()
    result = luthier.optimize(slow, budget="5s", n_jobs=2)  # on a busy machine the workers need seconds to start
    assert result.ending in ("budget", "no time for another trial")
    assert result.spent_s < 6.0
    assert time.monotonic() - start < 30.0
    assert result.evaluated  # how many depends on how busy the machine is


def test_a_trial_over_its_limit_is_given_up_and_the_others_go_on() -> None:
    def sometimes_hangs(trial: Any) -> Any:
        x = trial.suggest_float("x", 0, 1)
        if trial.number == 1:
            time.sleep(60)
        return x

    result = luthier.optimize(sometimes_hangs, budget="4 trials", trial_limit_s=1.0)
    assert [trial.state for trial in result.evaluated] == ["complete", "failed", "complete", "complete"]
    assert result.evaluated[1].error == "TIMEOUT" or "TIMEOUT" in str(result.evaluated[1].error)


def test_a_budget_too_short_for_one_trial_leaves_no_study_behind() -> None:
    with pytest.raises(BudgetTooSmall, match="not one trial"):
        luthier.optimize(lambda trial: time.sleep(60), budget="0.5s")
    assert list_studies() == []


def summary(result: luthier.OptimizeResult) -> list[Any]:
    return [(trial.state, dict(trial.params), trial.values) for trial in result.evaluated]


def test_the_same_seed_gives_the_same_trials() -> None:
    runs = [luthier.optimize(pruned_early, budget="15 trials", seed=seed) for seed in (3, 3, 4)]
    assert summary(runs[0]) == summary(runs[1]) != summary(runs[2])


def test_one_worker_and_two_give_identical_trials_in_deterministic_mode() -> None:
    one, two = (
        luthier.optimize(pruned_early, budget="15 trials", deterministic=True, executor="processes", n_jobs=n)
        for n in (1, 2)
    )
    assert summary(one) == summary(two)


KILLED = """
import sys, time
import luthier

def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    if trial.number == 6 and sys.argv[1] == "die":
        print("six", flush=True)
        time.sleep(60)
    return x

result = luthier.optimize(objective, budget="12 trials", name="mine", executor="inline")
print(len(result.evaluated), result.study, *(trial.params["x"] for trial in result.evaluated))
"""


def test_a_study_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    with subprocess.Popen([sys.executable, str(script), "die"], stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline().strip() == "six"
        victim.send_signal(signal.SIGKILL)
    (row,) = list_studies()
    assert row["state"] == "interrupted"
    assert row["n_trials"] == 6
    resumed = subprocess.run([sys.executable, str(script), "live"], capture_output=True, text=True, check=True)
    n, study, *xs = resumed.stdout.split()
    assert (n, study) == ("12", row["id"])

    def objective(trial: Any) -> Any:
        return trial.suggest_float("x", 0, 1)

    never_cut = luthier.optimize(objective, budget="12 trials", name="another")
    assert [float(x) for x in xs] == [trial.params["x"] for trial in never_cut.evaluated]


def test_a_study_interrupted_by_ctrl_c_is_kept_and_taken_up_under_its_name() -> None:
    interrupts = iter([False] * 4 + [True] + [False] * 100)

    def objective(trial: Any) -> Any:
        if next(interrupts):
            raise KeyboardInterrupt
        return trial.suggest_float("x", 0, 1)

    with pytest.raises(KeyboardInterrupt):
        luthier.optimize(objective, budget="9 trials", name="mine")
    assert len(luthier.optimize(objective, budget="9 trials", name="mine").evaluated) == 9
    assert [study["state"] for study in list_studies()] == ["finished"]
    luthier.optimize(objective, budget="2 trials")
    assert len(list_studies()) == 2


def test_a_study_can_be_looked_at_afterwards() -> None:
    result = luthier.optimize(quadratic, budget="3 trials", name="bowl")
    body, lines = show_study(result.study)
    assert body["trials"][0]["config"] == dict(result.evaluated[0].params)
    assert "minimize bowl" in lines[1]


# --- what strategies are told -----------------------------------------------------------------------------------------


def test_the_discovered_space_is_searched_and_its_conditions_are_kept() -> None:
    result = luthier.optimize(EXAMPLES["define by run"].objective, strategy="sobol", budget="40 trials", seed=2)
    late = result.evaluated[25:]
    assert all("Sobol" in trial.why for trial in late)
    assert {"momentum", "beta"} <= {name for trial in late for name in trial.params}

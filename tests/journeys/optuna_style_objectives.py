"""Objective functions in the style of Optuna's tutorials. They know a trial only, and run under either library."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from sklearn.datasets import load_iris, make_regression
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge, SGDClassifier
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.svm import SVC

try:
    from optuna import TrialPruned
except ImportError:
    from luthier import TrialPruned  # type: ignore[assignment]  # either will do


@dataclass(frozen=True)
class Example:
    """An objective, and how to run it. `enqueued`: configurations to evaluate first."""

    objective: Callable[[Any], Any]
    directions: tuple[str, ...] = ("minimize",)
    enqueued: tuple[dict[str, Any], ...] = ()
    n_trials: int = 12


@cache
def iris_split() -> tuple[Any, ...]:
    X, y = load_iris(return_X_y=True)
    return tuple(train_test_split(X, y, random_state=0))


def quadratic(trial: Any) -> Any:
    x = trial.suggest_float("x", -10, 10)
    return (x - 2) ** 2


def two_variables(trial: Any) -> Any:
    x = trial.suggest_float("x", -10, 10)
    y = trial.suggest_int("y", -10, 10)
    return x**2 + y


def log_and_step(trial: Any) -> Any:
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    dropout = trial.suggest_float("dropout", 0.0, 1.0, step=0.1)
    units = trial.suggest_int("units", 4, 128, log=True)
    batch = trial.suggest_int("batch", 16, 64, step=16)
    assert round(dropout * 10) == dropout * 10 or abs(round(dropout * 10) - dropout * 10) < 1e-9
    assert batch % 16 == 0
    return abs(math.log10(rate) + 3) + dropout + units / 128 + batch / 64


def classifier_choice(trial: Any) -> Any:
    X, _, y, _ = iris_split()
    name = trial.suggest_categorical("classifier", ["SVC", "RandomForest"])
    if name == "SVC":
        model = SVC(C=trial.suggest_float("svc_c", 1e-3, 1e3, log=True), gamma="auto")
    else:
        depth = trial.suggest_int("rf_max_depth", 2, 8, log=True)
        model = RandomForestClassifier(max_depth=depth, n_estimators=3, random_state=0)
    return float(cross_val_score(model, X, y, cv=2).mean())


def layers_in_a_loop(trial: Any) -> Any:
    n_layers = trial.suggest_int("n_layers", 1, 3)
    units = []
    for i in range(n_layers):
        units.append(trial.suggest_int(f"n_units_l{i}", 4, 128, log=True))
    return sum(units) / 100 + 1 / n_layers


def none_and_booleans(trial: Any) -> Any:
    weight = trial.suggest_categorical("class_weight", [None, "balanced"])
    shrinking = trial.suggest_categorical("shrinking", [True, False])
    return (weight is None) + 0.5 * shrinking


def mixed_choices(trial: Any) -> Any:
    value = trial.suggest_categorical("value", [None, True, 7, 1.5, "1"])
    return len(str(value))


def pruned_sgd(trial: Any) -> Any:
    X_train, X_valid, y_train, y_valid = iris_split()
    alpha = trial.suggest_float("alpha", 1e-5, 1e-1, log=True)
    clf = SGDClassifier(alpha=alpha, random_state=0)
    for step in range(20):
        clf.partial_fit(X_train, y_train, classes=np.unique(y_train))
        trial.report(1.0 - clf.score(X_valid, y_valid), step)
        if trial.should_prune():
            raise TrialPruned
    return 1.0 - float(clf.score(X_valid, y_valid))


def pruned_early(trial: Any) -> Any:
    x = trial.suggest_float("x", 0, 1)
    for epoch in range(5):
        trial.report(x + 1 / (1 + epoch), epoch)
        if trial.should_prune():
            raise TrialPruned(f"at {epoch}")
    return x


def always_pruned_when_large(trial: Any) -> Any:
    x = trial.suggest_float("x", 0, 1)
    if x > 0.8:
        raise TrialPruned
    return x


def binh_and_korn(trial: Any) -> Any:
    x = trial.suggest_float("x", 0, 5)
    y = trial.suggest_float("y", 0, 3)
    return 4 * x**2 + 4 * y**2, (x - 5) ** 2 + (y - 5) ** 2


def size_and_accuracy(trial: Any) -> Any:
    n = trial.suggest_int("n", 1, 50)
    return [n, 1 - 1 / n]


def constrained(trial: Any) -> Any:
    x = trial.suggest_float("x", -15, 30)
    y = trial.suggest_float("y", -15, 30)
    trial.set_constraint("disc", (x - 5) ** 2 + y**2 - 25**2)
    trial.set_constraint("outside", -((x - 8) ** 2) - (y + 3) ** 2 + 7.7)
    return x**2 + y**2


def user_attributes(trial: Any) -> Any:
    x = trial.suggest_float("x", 0, 1)
    trial.set_user_attr("squared", x**2)
    trial.set_user_attr("tags", ["a", "b"])
    assert trial.user_attrs["squared"] == x**2
    return x


def sometimes_raises(trial: Any) -> Any:
    x = trial.suggest_float("x", -1, 1)
    if x < -0.5:
        raise ValueError("the model did not converge")
    return x**2


def sometimes_nan(trial: Any) -> Any:
    x = trial.suggest_float("x", -1, 1)
    return float("nan") if x < -0.5 else x


class ObjectiveClass:
    """The tutorial's way to hand data to an objective."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __call__(self, trial: Any) -> Any:
        return trial.suggest_float("x", self.low, self.high) ** 2


def with_data(trial: Any, data: Any) -> Any:
    X, y = data
    model = Ridge(alpha=trial.suggest_float("alpha", 1e-3, 1e3, log=True))
    return float(cross_val_score(model, X, y, cv=3, scoring="r2").mean())


def asks_again(trial: Any) -> Any:
    x = trial.suggest_float("x", 0, 1)
    assert trial.suggest_float("x", 0, 1) == x
    assert trial.params == {"x": x}
    assert trial.number >= 0
    return x + 0.01 * trial.number


def moving_range(trial: Any) -> Any:
    low = trial.suggest_float("low", 0, 1)
    high = trial.suggest_float("high", low, 1)
    assert high >= low
    return high - low


def define_by_run(trial: Any) -> Any:
    if trial.suggest_categorical("optimizer", ["sgd", "adam"]) == "sgd":
        momentum = trial.suggest_float("momentum", 0.0, 0.9)
        if trial.suggest_categorical("nesterov", [False, True]):
            return momentum + trial.suggest_float("dampening", 0.0, 0.1)
        return momentum
    return trial.suggest_float("beta", 0.8, 0.99)


EXAMPLES: dict[str, Example] = {
    "quadratic": Example(quadratic),
    "two variables": Example(two_variables),
    "log and step": Example(log_and_step),
    "classifier choice": Example(classifier_choice, ("maximize",)),
    "layers in a loop": Example(layers_in_a_loop, n_trials=25),
    "None and booleans": Example(none_and_booleans, n_trials=6),
    "mixed choices": Example(mixed_choices, n_trials=25),
    "pruned SGD": Example(pruned_sgd),
    "pruned early": Example(pruned_early, n_trials=25),
    "pruned by hand": Example(always_pruned_when_large, n_trials=25),
    "two objectives": Example(binh_and_korn, ("minimize", "minimize")),
    "two directions": Example(size_and_accuracy, ("minimize", "maximize")),
    "constraints": Example(constrained),
    "user attributes": Example(user_attributes),
    "exceptions": Example(sometimes_raises, n_trials=25),
    "nan": Example(sometimes_nan, n_trials=25),
    "a class": Example(ObjectiveClass(-2, 2)),
    "bound data": Example(partial(with_data, data=make_regression(60, 5, noise=5.0, random_state=0)), ("maximize",)),
    "asks again": Example(asks_again),
    "moving range": Example(moving_range),
    "define by run": Example(define_by_run, n_trials=30),
    "enqueued": Example(two_variables, enqueued=({"x": 0.5, "y": 3}, {"x": -1.0})),
}

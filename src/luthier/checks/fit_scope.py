"""Leakage: preprocessing in a Pipeline that is not learned inside the fold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, Silent, not_applicable, not_enough_data
from luthier.checks.sample import some_rows

CODE = "leak.fit-scope"
LEAST_ROWS = 40
MOST_ROWS = 400


def look(context: Context) -> Answer:
    """Steps of a Pipeline of your own that know more than the rows of the fold they are fitted on.

    Three probes. A step that stays fitted when it is cloned (a `FrozenEstimator`) was fitted elsewhere, perhaps on rows
    that judge it: an error. A function step (`FunctionTransformer`) that carries something fitted, or a table, in its
    closure, its arguments or the names it uses, brings it from outside: a warning. And a Pipeline fitted on some rows
    must answer a row alike whichever rows are asked with it: where it does not, a step learns from the rows it is to
    judge: an error.
    """
    if context.estimator is None:
        return not_applicable("no estimator of your own was given")
    if context.dataset.n_rows < LEAST_ROWS:
        return not_enough_data(f"{context.dataset.n_rows} rows are too few to fit on some and ask others")
    found = []
    for name, step in _parts(context.estimator):
        if _stays_fitted(step):
            found.append(
                Finding(
                    CODE,
                    f"step {name!r} was fitted before and is not fitted again inside the folds",
                    "error",
                    (),
                    {"probe": "frozen", "step": name, "type": type(step).__name__},
                    "give the step unfitted, so that every fold fits it on its own rows",
                )
            )
        elif carried := _carries(step):
            found.append(
                Finding(
                    CODE,
                    f"the function of step {name!r} brings {', '.join(carried)} along from outside the folds",
                    "warning",
                    (),
                    {"probe": "closure", "step": name, "carries": carried},
                    "make it a transformer that learns what it needs in fit()",
                )
            )
    asked = _asks_the_batch(context)
    if isinstance(asked, Silent):
        return tuple(found) or asked
    return (*found, *asked)


def _parts(estimator: Any) -> Iterator[tuple[str, Any]]:
    """The estimator's nested estimators by name."""
    from sklearn.base import BaseEstimator

    for name, part in estimator.get_params(deep=True).items():
        if isinstance(part, BaseEstimator):
            yield name, part


def _stays_fitted(step: Any) -> bool:
    from sklearn.base import clone

    return _is_fitted(clone(step)) and bool(step.get_params())


def _is_fitted(part: Any) -> bool:
    """Whether an estimator holds what it learned, or wraps one that does and that cloning spares."""
    own = vars(part) if hasattr(part, "__dict__") else {}
    learned = [name for name in own if name.endswith("_") and not name.startswith("_") and not name.endswith("__")]
    return bool(learned) or (type(part).__name__ == "FrozenEstimator" and _is_fitted(part.estimator))


def _carries(step: Any) -> list[str]:
    """Names of fitted estimators, arrays and tables that a step's functions reach."""
    found: list[str] = []
    for function in (value for value in vars(step).values() if callable(value) and hasattr(value, "__code__")):
        reached = {name: function.__globals__.get(name) for name in function.__code__.co_names}
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        reached |= {name: cell.cell_contents for name, cell in cells}
        found += [name for name, value in reached.items() if _holds_data(value)]
    for arguments in ("kw_args", "inv_kw_args"):
        found += [name for name, value in (getattr(step, arguments, None) or {}).items() if _holds_data(value)]
    return sorted(set(found))


def _holds_data(value: Any) -> bool:
    is_table = hasattr(value, "columns") and hasattr(value, "shape")
    is_array = isinstance(value, np.ndarray) and value.size > 1
    return is_table or is_array or (hasattr(value, "get_params") and not isinstance(value, type) and _is_fitted(value))


def _asks_the_batch(context: Context) -> Answer:
    """Whether the answer to a row depends on the rows asked with it."""
    from sklearn.base import clone

    data, rng = context.dataset, context.rng(CODE)
    rows = rng.permutation(some_rows(data.n_rows, rng, MOST_ROWS))
    learned, asked = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    try:
        model = clone(context.estimator).fit(data.frame.iloc[learned], data.y[learned])
    except Exception as error:  # noqa: BLE001  # whatever a user's estimator raises is told, not ours to mend
        return not_enough_data(f"it does not fit on {len(learned)} rows: {type(error).__name__}: {error}")
    ask = getattr(model, "predict_proba", None) or model.predict
    together = np.asarray(ask(data.frame.iloc[asked]), dtype=np.float64)
    few = asked[: max(2, len(asked) // 8)]
    apart = np.asarray(ask(data.frame.iloc[few]), dtype=np.float64)
    gap = float(np.max(np.abs(together[: len(few)] - apart)))
    if gap <= 1e-6 * max(1.0, float(np.max(np.abs(together)))):
        return ()
    return (
        Finding(
            CODE,
            "the Pipeline answers a row differently when other rows are asked with it: a step learns while it predicts",
            "error",
            (),
            {"probe": "batch", "largest_difference": gap, "rows_asked": len(few)},
            "look for fit_transform, means or ranks inside a transform(); learn them in fit()",
        ),
    )


CHECK = Check(
    CODE,
    "Does your Pipeline learn from the rows of the fold only?",
    look,
    lambda c: 0.0 if c.estimator is None else 1.0,
)

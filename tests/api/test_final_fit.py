"""Whether the chosen configuration is fitted to all rows when little time is left."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from luthier.api.study import LATE_S, Means, _final_model, _FinalFits, _fits_with_the_best


def ended_search(left_s: float, *, fit_s: float) -> Any:
    """An engine whose search is over: the fit it predicts to take `fit_s` is done if it may take so long."""

    def fit_all(_trial: Any, limit_s: float) -> Any:
        if fit_s > limit_s:
            return SimpleNamespace(state="TIMEOUT", result=None, error="too slow")
        return SimpleNamespace(state="DONE", result=SimpleNamespace(model={"model": b"all"}), error=None)

    trials = [SimpleNamespace(number=number) for number in range(8)]
    history = SimpleNamespace(first_model={"model": "digest"}, trials=trials, complete=range(8), best=trials[5])
    predicted_s = 2 * fit_s
    return SimpleNamespace(
        history=history, left_s=left_s, refit_s=lambda *_: predicted_s, fit_all=fit_all, show=lambda _stage: None
    )


@pytest.mark.parametrize(
    ("executor", "left_s", "fit_s", "rows"),
    [
        ("processes", 10.0, 7.0, "all"),  # twice that was predicted, and the worker could have been stopped
        ("processes", 10.0, 11.0, "the training rows of the first fold"),
        ("inline", 10.0, 7.0, "the training rows of the first fold"),  # nobody could have stopped it
        ("inline", 10.0, 4.0, "all"),
        ("inline", 8.0, 4.0 + LATE_S / 3, "all"),  # a little late rather than another model
    ],
)
def test_the_chosen_one_is_fitted_where_that_costs_no_more_than_the_time_left(
    executor: str, left_s: float, fit_s: float, rows: str
) -> None:
    told: list[dict[str, int]] = []

    def verdict_on_one(*_: Any, **said: int) -> Any:
        told.append(said)
        return SimpleNamespace(shipped=0)

    judging: Any = SimpleNamespace(verdict_on_one=verdict_on_one)
    problem: Any = SimpleNamespace(train_share=0.8)
    log: Any = SimpleNamespace(kept=lambda digest: digest.encode())
    verdict: Any = SimpleNamespace(shipped=3)
    means = Means(executor=executor, n_jobs=1, final="refit", out=Path("out"), report=False)
    engine = ended_search(left_s + 0.4, fit_s=fit_s)
    _, files, found = _final_model(engine, _FinalFits(engine), problem, log, judging, verdict, means)
    assert found == rows
    assert files == {"model": b"all" if rows == "all" else b"digest"}
    assert told == ([] if rows == "all" else [{"passed_over": 8}])


def test_the_best_is_fitted_before_it_is_judged_so_that_judging_cannot_take_its_time() -> None:
    engine = ended_search(10.0, fit_s=4.0)
    problem: Any = SimpleNamespace(train_share=0.8)
    means = Means(executor="processes", n_jobs=1, report=False)
    fits = _fits_with_the_best(engine, problem, means, 8.0)
    assert engine.history.best in fits
    engine.left_s = -3.0  # judging took longer than anybody thought
    log: Any = SimpleNamespace(kept=lambda digest: digest.encode())
    verdict: Any = SimpleNamespace(shipped=engine.history.best.number)
    judging: Any = SimpleNamespace(pace=1.0)
    assert _final_model(engine, fits, problem, log, judging, verdict, means)[1:] == ({"model": b"all"}, "all")


@pytest.mark.parametrize(("fits_s", "select"), [(3.0, "best"), (math.inf, "best"), (8.0, "simplest")])
def test_it_is_not_where_there_is_no_time_or_no_haste_or_another_may_win(fits_s: float, select: str) -> None:
    engine = ended_search(10.0, fit_s=4.0)
    problem: Any = SimpleNamespace(train_share=0.8)
    fits = _fits_with_the_best(engine, problem, Means(executor="processes", select=select), fits_s)
    assert engine.history.best not in fits

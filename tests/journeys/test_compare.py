"""Comparing strategies as a user does: by command and by Python, on small real data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

import luthier
from luthier.cli import main
from luthier.errors import BudgetTooSmall, UnknownChoice
from luthier.store import Store

QUICK: dict[str, Any] = {"models": "linear", "cv": 3, "executor": "inline", "repeats": 2}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    data = load_breast_cancer(as_frame=True)
    small: pd.DataFrame = data.data.iloc[:200, :4].assign(diagnosis=data.target_names[data.target[:200]])
    return small


def command(monkeypatch: pytest.MonkeyPatch, folder: Path, *words: str) -> int:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["luthier", "compare", "t.csv", "--target", "diagnosis", *words])
    with pytest.raises(SystemExit) as exit_:
        main()
    return int(exit_.value.code or 0)


def fast(*words: str) -> tuple[str, ...]:
    return ("--models", "linear", "--folds", "3", "--executor", "inline", "--repeats", "2", *words)


def test_the_command_prints_one_object_with_everything_promised(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame.to_csv(tmp_path / "t.csv", index=False)
    words = fast("--strategies", "grid,random,tpe", "--budget", "5 trials", "--price", "0.40/h", "--json")
    assert command(monkeypatch, tmp_path, *words) == 0
    body = json.loads(capsys.readouterr().out)
    assert {s["name"] for s in body["strategies"]} == {"grid", "random", "tpe"}
    for strategy in body["strategies"]:
        assert {"name", "score", "rank", "explored_share", "curve"} <= strategy.keys()
        assert 1 <= strategy["rank"]["low"] <= strategy["rank"]["value"] <= strategy["rank"]["high"] <= 3
        assert 0 <= strategy["explored_share"] <= 1
        assert strategy["curve"][-1]["value"] == pytest.approx(strategy["score"])
        for point in strategy["curve"]:
            assert point["money"] == pytest.approx(point["seconds"] / 3600 * 0.40)
    assert body["advice"].startswith("for 5 trials on these data")
    # Run apart: three strategies, twice each, five configurations of three folds.
    assert body["fits"] + body["saving"]["fits"] == 3 * 2 * 5 * 3
    assert body["saving"]["fits"] >= 5 * 3  # the default at least is everybody's
    assert body["saving"]["seconds"] > 0
    page = (tmp_path / body["report"]).read_text()
    assert "<script" not in page
    assert page.count("<svg") >= 2


def test_people_get_the_advice_first_and_the_next_step_last(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert command(monkeypatch, tmp_path, *fast("--strategies", "random,sobol", "--budget", "3 trials")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("For 3 trials on these data")
    assert lines[-1].startswith("next: luthier tune t.csv --target diagnosis --strategy ")


def test_the_same_comparison_says_the_same_again(frame: pd.DataFrame, tmp_path: Path) -> None:
    def told(place: str) -> Any:
        found = luthier.compare(
            frame, "diagnosis", strategies="random,tpe", budget="6 trials", store=tmp_path / place, **QUICK
        )
        return found.strategies[["strategy", "score", "behind", "rank", "explored_share", "trials"]], found.saving[
            "fits"
        ]

    (first, saved), (second, again) = told("a"), told("b")
    pd.testing.assert_frame_equal(first, second)
    assert saved == again


def test_every_strategy_finds_what_tuning_with_it_alone_would(frame: pd.DataFrame, tmp_path: Path) -> None:
    found = luthier.compare(
        frame,
        "diagnosis",
        strategies="random,sobol",
        budget="5 trials",
        store=tmp_path / "a",
        **{**QUICK, "repeats": 1},
    )
    both = dict(zip(found.strategies["strategy"], found.strategies["score"], strict=True))
    alone = luthier.compare(
        frame, "diagnosis", strategies="sobol,grid", budget="5 trials", store=tmp_path / "b", **{**QUICK, "repeats": 1}
    )
    assert both["sobol"] == dict(zip(alone.strategies["strategy"], alone.strategies["score"], strict=True))["sobol"]


@pytest.mark.parametrize("after", [1, 8])
def test_an_interrupted_comparison_keeps_its_fits_and_goes_on(frame: pd.DataFrame, tmp_path: Path, after: int) -> None:
    def ask(**how: Any) -> Any:
        return luthier.compare(
            frame, "diagnosis", strategies=["random", "sobol"], budget="4 trials", store=tmp_path, **QUICK, **how
        )

    def stop(progress: Any) -> None:
        if progress.fits >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(on_progress=stop)
    seen: list[int] = []
    found = ask(on_progress=lambda progress: seen.append(progress.fits))
    assert min(seen) >= after
    fresh = luthier.compare(
        frame, "diagnosis", strategies=["random", "sobol"], budget="4 trials", store=tmp_path / "other", **QUICK
    )
    assert list(found.strategies["score"]) == list(fresh.strategies["score"])
    assert found.saving["fits"] == fresh.saving["fits"]


@pytest.mark.parametrize(
    ("strategies", "said"),
    [
        ("random,oracle", "there is no strategy 'oracle'"),
        ("random", "nothing to compare 'random' with"),
        ("random,tpe,random", "named 2 times"),
        ("", "no strategies to compare"),
    ],
)
def test_a_wrong_list_of_strategies_says_how_to_mend_it_and_writes_nothing(
    frame: pd.DataFrame, tmp_path: Path, strategies: str, said: str
) -> None:
    with pytest.raises(UnknownChoice, match=said):
        luthier.compare(frame, "diagnosis", strategies=strategies, budget="2 trials", store=tmp_path / "s", **QUICK)
    assert not (tmp_path / "s").exists()


def test_a_budget_too_small_says_how_much_is_enough_and_leaves_nothing(frame: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(BudgetTooSmall, match=r"(?s)not one configuration.*fix: allow about \d+s"):
        luthier.compare(frame, "diagnosis", strategies="random,tpe", budget="0.001s", store=tmp_path, **QUICK)
    with Store.open(tmp_path) as store:
        assert not store.list_studies()

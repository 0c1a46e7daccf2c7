"""What the answers rest on: held against a world whose law is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import luthier
from luthier.evaluation.drivers import Drivers
from luthier.report import render


def world() -> pd.DataFrame:
    """y = 3 a + (2 where kind is "yes") + noise of 1; b says nothing."""
    rng = np.random.default_rng(0)
    n = 800
    kind = rng.choice(["no", "yes"], n)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "kind": kind})
    return frame.assign(y=3 * frame["a"] + 2 * (kind == "yes") + rng.normal(size=n))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> luthier.TunedModel:
    frame = world()
    place = tmp_path_factory.mktemp("drivers")
    return luthier.tune(
        frame, "y", budget="2 trials", models="linear", n_jobs=1, executor="inline", store=place, time=False
    )


@pytest.fixture(scope="module")
def found(run: luthier.TunedModel) -> Drivers:
    said: list[str] = []
    part = luthier.evaluate(run, drivers=True, say=said.append)["drivers"]
    assert len(said) == 1
    assert said[0].startswith("fits ")
    assert isinstance(part, Drivers)
    return part


def test_the_loss_without_a_column_is_what_the_law_says(found: Drivers) -> None:
    """Dealing out x anew adds 2 b^2 var(x) to the mean squared error of a linear law: 18 for a, 2 for kind."""
    drops = {one.column: one for one in found.columns}
    frame, whole = world(), found.score
    law = {"a": 2 * 9 * frame["a"].var(), "kind": 2 * 4 * (frame["kind"] == "yes").var()}
    for column, added in law.items():
        assert drops[column].drop == pytest.approx(math.sqrt(whole**2 + added) - whole, rel=0.08)
        assert drops[column].low < math.sqrt(whole**2 + added) - whole < drops[column].high
    assert [one.column for one in found.columns if one.matters] == ["a", "kind"]
    assert not drops["b"].matters


def test_the_mean_answer_moves_as_the_law_says(found: Drivers) -> None:
    dependence = {one.column: one.dependence for one in found.columns}
    values = np.array([[float(point.value), point.mean] for point in dependence["a"]])
    assert np.polyfit(values[:, 0], values[:, 1], 1)[0] == pytest.approx(3, abs=0.15)
    no, yes = dependence["kind"]
    assert (no.value, yes.value) == ("no", "yes")
    assert yes.mean - no.mean == pytest.approx(2, abs=0.2)
    assert yes.low < yes.mean < yes.high
    assert dependence["b"] == ()


def test_it_is_said_to_people_and_in_the_report(run: luthier.TunedModel, found: Drivers, tmp_path: Path) -> None:
    assert found.lines()[0] == "The answers rest on a, kind, the strongest first."
    page = render(run.facts, {"drivers": found})
    assert "What drives it" in page
    assert "With kind set to" in page
    assert found.to_dict()["columns"][0]["column"] == "a"

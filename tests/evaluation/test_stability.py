"""What hangs on luck: held against models whose luck is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier

import luthier
from luthier.evaluation.stability import CHANGES, NUDGE, WRONG_LABELS, Stability


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORE", raising=False)


def asked(run: luthier.api.result.TunedModel) -> Stability:
    told: list[str] = []
    found = luthier.evaluate(run, stability=True, say=told.append)["stability"]
    assert "models with other luck, about" in told[0]
    assert isinstance(found, Stability)
    return found


def test_a_line_moves_as_much_as_its_numbers_and_not_with_the_seed() -> None:
    """y = x + e with a slope of 1: x moved by 1 % of its spread moves answers by as much."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    noise = rng.normal(size=1000)
    frame = pd.DataFrame({"x": x, "y": x + noise})
    found = asked(luthier.tune(frame, "y", models="linear", budget="1 trials", executor="inline", final="refit"))
    assert not found.decisions
    assert found.changed["seed"].value == pytest.approx(0.0, abs=1e-6)
    usual = np.sqrt(2 / np.pi)  # mean of |normal|, of the move and of the error alike
    assert found.changed["nudge"].value == pytest.approx(NUDGE * usual / usual, rel=0.15)
    assert 0 < found.changed["rows"].value < 0.05
    assert not found.shaky
    # A twentieth dealt out anew shrinks the slope by a twentieth: the squared error grows by its square.
    assert found.wrong_labels.value == pytest.approx(np.sqrt(1 + WRONG_LABELS**2) - 1, abs=0.004)


def test_where_there_is_nothing_to_learn_decisions_are_luck() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(300, 5)), columns=list("abcde")).assign(y=rng.integers(0, 2, 300))
    run = luthier.tune(
        frame, "y", models=RandomForestClassifier(20), space={"max_depth": [None, 3]}, metric="accuracy",
        budget="1 trials", executor="inline", final="refit",
    )  # fmt: skip
    found = asked(run)
    assert found.decisions
    assert found.changed["seed"].value > 0.1
    assert found.shaky
    assert found.sentence.startswith("much hangs on luck")
    assert len(found.lines()) == len(CHANGES) + 2
    assert found.to_dict()["of"] == "decisions"

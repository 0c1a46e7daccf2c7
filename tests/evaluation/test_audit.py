"""The audit of a study: tuned anew on parts of the rows, judged on the others."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_wine

import luthier
from luthier.errors import UsageError
from luthier.evaluation.audit import Audit, audit
from luthier.scoring import Estimate, get_metric

ACCURACY = get_metric("accuracy", "binary")


def read(right: float, promised: Estimate, n: int = 3000) -> Audit:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    p = np.where((rng.random(n) < right) == (y == 1), 0.9, 0.1)[:, None]
    said = [(rows, p[rows]) for rows in np.array_split(rng.permutation(n), 3)]
    return audit(ACCURACY, y, said, honest=promised, units=np.arange(n), weights=np.ones(n), share=2 / 3, rng=rng)


def test_parts_count_together_and_alone() -> None:
    found = read(0.8, Estimate(0.81, 0.79, 0.83, 3000))
    assert found.score.value == pytest.approx(np.mean(found.parts))  # parts of equal size
    assert found.score.value == pytest.approx(0.8, abs=3 * np.sqrt(0.16 / 3000))
    assert 0.8 in found.score
    assert found.agrees
    assert found.sentence.startswith("tuned anew 3 times on 67% of the rows")
    assert found.to_dict()["agrees"] is True


def test_a_promise_that_was_too_good_is_told() -> None:
    found = read(0.7, Estimate(0.81, 0.79, 0.83, 3000))
    assert not found.agrees
    assert found.sentence.endswith("does not agree with it: believe the audit")


@pytest.fixture
def _here(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORE", raising=False)


@pytest.mark.usefixtures("_here")
def test_a_study_is_tuned_anew_and_leaves_nothing_behind(tmp_path) -> None:
    wine = load_wine(as_frame=True).frame
    run = luthier.tune(
        wine, "target", models="linear", budget="2 trials", metric="log_loss", warm="off", executor="inline"
    )
    with pytest.raises(UsageError, match="cannot be tuned anew"):
        luthier.evaluate(run, audit=True)
    before = sorted(path.name for path in (tmp_path / ".luthier").iterdir())
    told: list[str] = []
    found = luthier.evaluate(run, audit=True, data=wine, say=told.append)["audit"]
    assert isinstance(found, Audit)
    assert told[0] == "tunes anew 3 times, with a budget of 2 trials each"
    assert len(found.parts) == len(told) - 1 == 3
    assert found.score.n == len(wine)
    assert found.score.value < 0.3  # of three classes; a guess is at 1.09
    assert sorted(path.name for path in (tmp_path / ".luthier").iterdir()) == before

"""Groups: rates as counted by hand, intervals that hold all at once, and columns that are no feature."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

import luthier
from luthier.api.evidence import gather_evidence
from luthier.errors import BadColumn
from luthier.evaluation.groups import GroupedBy, _gap, _mean, _sidak, difference, ratio
from luthier.scoring import Estimate


def rates_of(shares: list[float], n: int, rng: np.random.Generator, level: float) -> dict[str, Estimate]:
    return {
        str(k): _mean((rng.random(n) < share).astype(float), np.ones(n), np.arange(n), level, shares=True)
        for k, share in enumerate(shares)
    }


def test_intervals_hold_for_all_groups_at_once_and_gaps_for_all_pairs() -> None:
    rng, repeats, shares = np.random.default_rng(0), 400, [0.3, 0.4, 0.42, 0.5]
    all_held = gap_held = ratio_held = 0
    for _ in range(repeats):
        of = rates_of(shares, 200, rng, _sidak(4))
        all_held += all(e.low <= share <= e.high for e, share in zip(of.values(), shares, strict=True))
        gap = _gap("recall", rates_of(shares, 200, rng, _sidak(6)))
        gap_held += 0.2 in gap.difference
        ratio_held += 0.6 in gap.ratio
    noise = 3 * np.sqrt(0.95 * 0.05 / repeats)
    assert all_held / repeats > 0.95 - noise
    assert gap_held / repeats > 0.95 - noise
    assert ratio_held / repeats > 0.95 - noise


def test_groups_that_are_alike_are_seldom_said_to_differ() -> None:
    rng, repeats = np.random.default_rng(1), 300
    said = sum(_gap("recall", rates_of([0.4] * 5, 150, rng, _sidak(10))).is_there for _ in range(repeats))
    assert said / repeats < 0.05 + 3 * np.sqrt(0.05 * 0.95 / repeats)


def test_a_difference_is_newcombes() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table II (a): 56/70 and 48/80 give 0.0524 to 0.3339 (method 10)."""
    of = [
        _mean(np.repeat([1.0, 0.0], [k, n - k]), np.ones(n), np.arange(n), 0.95, shares=True)
        for k, n in ((56, 70), (48, 80))
    ]
    assert difference(of[0], of[1]) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_a_ratio_with_nobody_below_has_no_upper_end() -> None:
    none, some = Estimate(0.0, 0.0, 0.1, 30), Estimate(0.4, 0.3, 0.5, 30)
    assert ratio(none, some)[0] == 0.0
    assert ratio(some, none)[1] == np.inf


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> luthier.TunedModel:
    folder, rng = tmp_path_factory.mktemp("groups"), np.random.default_rng(0)
    n = 900
    frame = pd.DataFrame({"x0": rng.normal(size=n), "x1": rng.normal(size=n), "sex": rng.choice(["f", "m"], n)})
    wrong = (frame["sex"] == "m") & (rng.random(n) < 0.4)
    frame["left"] = np.where((frame["x0"] + 0.3 * rng.normal(size=n) > 0) ^ wrong, "yes", "no")
    frame.loc[::50, "left"] = None  # rows without a target are no rows of the study
    frame.to_csv(folder / "table.csv", index=False)
    return luthier.tune(
        folder / "table.csv", "left", drop=["sex"], budget="2 trials", models="linear", executor="inline",
        store=folder / ".luthier",
    )  # fmt: skip


def test_a_column_that_is_no_feature_is_compared_too(run: luthier.TunedModel) -> None:
    part = luthier.evaluate(run, groups="sex")["groups"]
    json.dumps(part.to_dict(), allow_nan=False)
    (grouped,) = part.by  # type: ignore[attr-defined]
    assert isinstance(grouped, GroupedBy)
    _, evidence = gather_evidence(run.run.study, problem=run.problem, store=run.store)
    sex = pd.read_csv(Path(evidence.plan.facts["source"])).dropna(subset="left")["sex"].to_numpy()
    men = sex[evidence.table.splits.rows] == "m"
    assert grouped.rates["recall"]["m"].value == pytest.approx(
        recall_score(evidence.y[men], evidence.decided[men]), abs=1e-9
    )
    gap = next(gap for gap in grouped.gaps if gap.rate == "recall")
    assert (gap.lowest, gap.highest, gap.is_there) == ("m", "f", True)
    threshold = grouped.thresholds["m"]
    found = evidence.given[men & (evidence.y == 1), 0] > threshold
    assert found.mean() >= grouped.rates["recall"]["f"].value


def test_a_column_that_is_not_there_is_asked_back(run: luthier.TunedModel) -> None:
    with pytest.raises(BadColumn, match="did you mean 'sex'"):
        luthier.evaluate(run, groups=["sexx"])


def test_a_regression_is_compared_by_its_errors(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=400), "shop": rng.choice(["a", "b"], 400)})
    frame["y"] = frame["x"] + np.where(frame["shop"] == "a", 0.1, 1.0) * rng.normal(size=400)
    run = luthier.tune(frame, "y", budget="2 trials", models="linear", executor="inline", store=tmp_path)
    (gap,) = luthier.evaluate(run, groups="shop")["groups"].by[0].gaps  # type: ignore[attr-defined]
    assert (gap.rate, gap.highest, gap.is_there) == ("mean error", "b", True)

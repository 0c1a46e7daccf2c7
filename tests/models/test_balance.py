"""However much rare classes counted in training, chances mean what they say, and stay so when the model is saved."""

from __future__ import annotations

import numpy as np
import pytest

import luthier
from luthier.errors import BadValues, DamagedModel
from luthier.evaluation.balancing import Balancing
from luthier.models import FAMILIES, Facts, Family, FittedPath, PathFamily
from luthier.models.balance import AS_THEY_ARE, BALANCE, EQUAL, FACTORS, FEWER, ROOT, balancing
from luthier.models.column_groups import choosing, load_fitted

KINDS = (ROOT, EQUAL, FEWER)


def rows(n: int, seed: int = 0, *, classes: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray, Facts]:
    """Linear logits; about one row in ten of class 1, and with three classes one in thirty of class 2."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    logits = np.column_stack([np.zeros(n), X[:, 0] - 2.5, X[:, 1] - 4.0])[:, :classes]
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (chance.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    facts = Facts("binary" if classes == 2 else "multiclass", n, 3, classes)
    return X, y.astype(np.int64), chance[:, 1:] if classes == 2 else chance, facts


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_chances_are_bent_back_to_the_truth(kind: str, classes: int) -> None:
    X, y, chance, facts = rows(20_000, classes=classes)
    family = balancing(FAMILIES["linear"](), np.bincount(y).tolist())
    config = {**family.default(facts), BALANCE: kind}
    family.space(facts).check(config)
    fitted = family.fit(config, facts, X, y)
    said = fitted.predict(X)
    # A logistic model of logistic truth: off by its sampling error only; of 20,000 rows 600 are of the rarest class.
    assert np.abs(said - chance).mean() < 0.02
    assert said.mean(axis=0) == pytest.approx(chance.mean(axis=0), abs=0.01)
    np.testing.assert_allclose(load_fitted(FAMILIES["linear"](), fitted.dump()).predict(X), said)


def test_weights_count_beside_the_balance() -> None:
    """Rows that are there twice and rows of weight 2 give the same model."""
    X, y, _, facts = rows(2_000)
    family = balancing(FAMILIES["linear"](), np.bincount(y).tolist())
    config = {**family.default(facts), BALANCE: EQUAL}
    twice = np.r_[np.arange(2_000), np.arange(500)]
    weights = np.ones(2_000)
    weights[:500] = 2.0
    weighed = family.fit(config, facts, X, y, weights=weights).predict(X)
    np.testing.assert_allclose(
        weighed, family.fit(config, facts, X[twice], y[twice]).predict(X), atol=1e-3
    )  # scaled alike but for that


def test_as_they_are_is_the_family_itself() -> None:
    X, y, _, facts = rows(500)
    plain = FAMILIES["lightgbm"]()
    family = balancing(plain, np.bincount(y).tolist())
    config = family.default(facts)
    assert config[BALANCE] == AS_THEY_ARE
    fitted = family.fit(config, facts, X, y)
    assert FACTORS not in fitted.dump()
    np.testing.assert_array_equal(fitted.predict(X), plain.fit(plain.default(facts), facts, X, y).predict(X))


def test_fewer_rows_cost_less() -> None:
    _, y, _, facts = rows(20_000)
    family = balancing(FAMILIES["lightgbm"](), np.bincount(y).tolist())
    default = family.default(facts)
    assert family.work({**default, BALANCE: FEWER}, facts) < 0.5 * family.work(default, facts)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_a_family_that_can_be_scored_along_a_path_still_can(name: str) -> None:
    plain = FAMILIES[name]()
    family: Family = balancing(plain, (9, 1))
    assert isinstance(family, PathFamily) == isinstance(plain, PathFamily)
    assert (family.name, family.path) == (plain.name, plain.path)


def test_a_path_is_bent_back_at_every_value() -> None:
    X, y, _, facts = rows(500)
    family = balancing(FAMILIES["lightgbm"](), np.bincount(y).tolist())
    assert isinstance(family, PathFamily)
    config = {**family.default(facts), BALANCE: EQUAL}
    fitted = family.fit(config, facts, X, y)
    assert isinstance(fitted, FittedPath)
    np.testing.assert_allclose(fitted.predict_path(X, family.path_values(config, facts))[-1], fitted.predict(X))


def test_it_is_saved_beside_a_choice_of_columns() -> None:
    X, y, _, facts = rows(500)
    plain = FAMILIES["linear"]()
    family = choosing(balancing(plain, np.bincount(y).tolist()), {"noise": (2,)})
    fitted = family.fit({**family.default(facts), BALANCE: EQUAL, "uses_noise": False}, facts, X, y)
    for reader in (plain, family):
        np.testing.assert_allclose(load_fitted(reader, fitted.dump()).predict(X), fitted.predict(X))


def test_factors_that_are_none_are_damage() -> None:
    X, y, _, facts = rows(500)
    plain = FAMILIES["linear"]()
    files = plain.fit(plain.default(facts), facts, X, y).dump()
    for content in (b"{", b"{}", b'{"factors": [1, -1]}', b'{"factors": "a"}', b'{"factors": [1, NaN]}'):
        with pytest.raises(DamagedModel, match=r"balance\.json"):
            load_fitted(plain, {**files, FACTORS: content})


def test_the_search_chooses_and_says_whether_it_helped(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORE", raising=False)
    X, y, _, _ = rows(1_500)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=np.where(y == 1, "yes", "no"))
    run = luthier.tune(
        frame, "y", models="linear", budget="8 trials", balance=True, metric="log_loss", warm="off", executor="inline"
    )
    kinds = run.trials["linear.balance"].tolist()
    assert kinds[:2] == [AS_THEY_ARE, EQUAL]
    found = luthier.evaluate(run)["balance"]
    assert isinstance(found, Balancing)
    assert not found.helps  # the truth is logistic
    assert min(found.plain, found.balanced) >= 1
    assert "to move the threshold is enough" in found.sentence
    assert np.isfinite(found.gain.low)
    assert run.predict_proba(frame)[:, 1].mean() == pytest.approx(y.mean(), abs=0.02)


def test_values_cannot_be_balanced() -> None:
    import pandas as pd

    frame = pd.DataFrame({"x": np.sin(np.arange(100.0)), "y": np.arange(100.0) ** 2})
    with pytest.raises(BadValues, match="no classes"):
        luthier.tune(frame, "y", balance=True, budget="1 trials")

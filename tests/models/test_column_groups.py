"""A model that is not shown a group of columns is the model of the other columns, and stays so when it is saved."""

from __future__ import annotations

import numpy as np
import pytest

from luthier.errors import DamagedModel
from luthier.models import FAMILIES, Facts, Family, FittedPath, PathFamily
from luthier.models.column_groups import COLUMNS, choosing, load_fitted

RNG = np.random.default_rng(0)
X = np.column_stack([RNG.normal(size=(120, 3)), RNG.integers(0, 3, 120), RNG.normal(size=(120, 1))])
Y = (X[:, 0] + X[:, 4] + 0.3 * RNG.normal(size=120) > 0).astype(np.int64)
FACTS = Facts("binary", 120, 5, 2, categorical=(3,), n_levels=(3,))
GROUPS = {"noise": (1, 2), "word": (3,)}


@pytest.mark.parametrize("name", ["lightgbm", "linear", "knn"])
def test_what_is_left_out_is_never_seen(name: str) -> None:
    plain = FAMILIES[name]()
    family = choosing(plain, GROUPS)
    config = {**family.default(FACTS), "uses_noise": False}
    family.space(FACTS).check(config)
    fitted = family.fit(config, FACTS, X, Y)
    facts = Facts("binary", 120, 3, 2, categorical=(1,), n_levels=(3,))
    kept = X[:, [0, 3, 4]]
    expected = plain.fit(plain.default(facts), facts, kept, Y).predict(kept)
    np.testing.assert_array_equal(fitted.predict(X), expected)
    noise = X.copy()
    noise[:, 1:3] = np.nan
    np.testing.assert_array_equal(load_fitted(plain, fitted.dump()).predict(noise), expected)


def test_with_every_group_it_is_the_family_itself_and_reads_by_itself() -> None:
    plain = FAMILIES["linear"]()
    family = choosing(plain, GROUPS)
    fitted = family.fit(family.default(FACTS), FACTS, X, Y)
    assert COLUMNS not in fitted.dump()
    np.testing.assert_array_equal(plain.load(fitted.dump()).predict(X), fitted.predict(X))


@pytest.mark.parametrize("name", list(FAMILIES))
def test_a_family_that_can_be_scored_along_a_path_still_can(name: str) -> None:
    plain = FAMILIES[name]()
    family: Family = choosing(plain, GROUPS)
    assert isinstance(family, PathFamily) == isinstance(plain, PathFamily)
    assert (family.name, family.path) == (plain.name, plain.path)


def test_a_path_is_read_on_the_columns_that_are_shown() -> None:
    family = choosing(FAMILIES["lightgbm"](), GROUPS)
    assert isinstance(family, PathFamily)
    config = {**family.default(FACTS), "uses_word": False}
    values = family.path_values(config, FACTS)
    fitted = family.fit(config, FACTS, X, Y)
    assert isinstance(fitted, FittedPath)
    np.testing.assert_allclose(fitted.predict_path(X, values)[-1], fitted.predict(X))


def test_without_any_column_left_all_are_shown() -> None:
    family = choosing(FAMILIES["linear"](), {"all": range(5)})
    config = {**family.default(FACTS), "uses_all": False}
    assert family.fit(config, FACTS, X, Y).predict(X).shape == (120, 1)


def test_a_list_of_columns_that_is_none_is_damage() -> None:
    plain = FAMILIES["linear"]()
    files = plain.fit(plain.default(FACTS), FACTS, X, Y).dump()
    for content in (b"{", b"{}", b'{"columns": [-1]}', b'{"columns": "a"}'):
        with pytest.raises(DamagedModel, match=r"columns\.json"):
            load_fitted(plain, {**files, COLUMNS: content})

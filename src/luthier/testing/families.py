"""What every model family must do: inherit `FamilySuite`, provide a fixture, and the tests run.

class TestMyFamily(FamilySuite):
    @pytest.fixture
    def family(self) -> Family:
        return MyFamily()
"""

# ruff: noqa: D102  (a test's name is its documentation)
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from luthier.errors import DamagedModel
from luthier.models import Family
from luthier.testing.tables import TASKS, Table, cheap, like, make_table


class FamilySuite:
    """Predictions, weights, seeds, folds that lack something, configurations, files."""

    @pytest.fixture(params=TASKS)
    def table(self, request: pytest.FixtureRequest) -> Table:
        return make_table(request.param)

    def test_predictions_have_the_shape_and_range_of_the_conventions(self, family: Family, table: Table) -> None:
        fitted = family.fit(cheap(family, table.facts), table.facts, table.X, table.y)
        p = fitted.predict(table.X_new)
        assert len(p) == len(table.X_new)
        like(p, table.facts)

    def test_a_family_learns_what_is_there_to_learn(self, family: Family, table: Table) -> None:
        config = dict(family.default(table.facts))
        if "iterations" in config:
            config["iterations"] = 200
        fitted = family.fit(config, table.facts, table.X, table.y)
        p = fitted.predict(table.X)
        if table.facts.task == "regression":
            assert np.corrcoef(p[:, 0], table.y)[0, 1] > 0.7
        else:
            guess = p.argmax(axis=1) if table.facts.task == "multiclass" else p[:, 0] > 0.5
            assert (guess == table.y).mean() > 0.7

    def test_the_same_seed_gives_the_same_model_on_one_thread_and_two(self, family: Family, table: Table) -> None:
        config = cheap(family, table.facts)
        one = family.fit(config, table.facts, table.X, table.y, seed=5, threads=1).predict(table.X_new)
        again = family.fit(config, table.facts, table.X, table.y, seed=5, threads=1).predict(table.X_new)
        two = family.fit(config, table.facts, table.X, table.y, seed=5, threads=2).predict(table.X_new)
        np.testing.assert_array_equal(one, again)
        np.testing.assert_allclose(one, two, rtol=1e-7)  # BLAS may sum in another order

    def test_a_large_seed_is_fine(self, family: Family) -> None:
        table = make_table("binary")
        like(
            family.fit(cheap(family, table.facts), table.facts, table.X, table.y, seed=2**63 - 1).predict(table.X),
            table.facts,
        )

    def test_rows_that_weigh_more_count_more(self, family: Family, table: Table) -> None:
        config = cheap(family, table.facts)
        if "min_samples_leaf" in config:  # in a leaf of its own a row answers alone, whatever it weighs
            config = {**config, "min_samples_leaf": 10}
        high = table.y > np.median(table.y) if table.facts.task == "regression" else table.y == table.y.max()
        plain = family.fit(config, table.facts, table.X, table.y).predict(table.X_new)
        heavy = family.fit(config, table.facts, table.X, table.y, weights=np.where(high, 9.0, 1.0)).predict(table.X_new)
        assert heavy[:, -1].mean() > plain[:, -1].mean()

    def test_only_the_relation_between_weights_matters(self, family: Family, table: Table) -> None:
        config = cheap(family, table.facts)
        weights = np.random.default_rng(1).integers(1, 4, len(table.y)).astype(float)
        small = family.fit(config, table.facts, table.X, table.y, weights=weights).predict(table.X_new)
        large = family.fit(config, table.facts, table.X, table.y, weights=weights * 1024).predict(table.X_new)
        np.testing.assert_allclose(small, large, rtol=1e-9)

    def test_equal_weights_are_no_weights(self, family: Family, table: Table) -> None:
        config = cheap(family, table.facts)
        plain = family.fit(config, table.facts, table.X, table.y).predict(table.X_new)
        equal = family.fit(config, table.facts, table.X, table.y, weights=np.full(len(table.y), 3.0)).predict(
            table.X_new
        )
        np.testing.assert_array_equal(plain, equal)

    def test_a_row_of_weight_zero_is_an_absent_row(self, family: Family, table: Table) -> None:
        config = cheap(family, table.facts)
        weights = np.random.default_rng(2).integers(0, 3, len(table.y)).astype(float)
        there = weights > 0
        zero = family.fit(config, table.facts, table.X, table.y, weights=weights).predict(table.X_new)
        absent = family.fit(config, table.facts, table.X[there], table.y[there], weights=weights[there]).predict(
            table.X_new
        )
        np.testing.assert_array_equal(zero, absent)

    def test_a_model_written_and_read_predicts_the_same(self, family: Family, table: Table) -> None:
        weights = np.random.default_rng(3).uniform(0.5, 2, len(table.y))
        fitted = family.fit(cheap(family, table.facts), table.facts, table.X, table.y, weights=weights)
        files = fitted.dump()
        assert all(isinstance(content, bytes) for content in files.values())
        read = _anew(family).load(files)
        np.testing.assert_allclose(read.predict(table.X_new), fitted.predict(table.X_new), rtol=1e-12, atol=1e-12)

    def test_writing_is_deterministic(self, family: Family) -> None:
        table = make_table("multiclass")
        first, second = (family.fit(cheap(family, table.facts), table.facts, table.X, table.y).dump() for _ in range(2))
        assert first == second

    def test_one_row_gets_the_answer_it_gets_among_others(self, family: Family, table: Table) -> None:
        fitted = family.fit(cheap(family, table.facts), table.facts, table.X, table.y)
        together = fitted.predict(table.X_new)
        alone = np.vstack([fitted.predict(table.X_new[i : i + 1]) for i in range(5)])
        np.testing.assert_allclose(alone, together[:5], rtol=1e-9, atol=1e-12)

    def test_the_training_rows_are_never_written_to(self, family: Family, table: Table) -> None:
        X, y, w = table.X.copy(), table.y.copy(), np.random.default_rng(0).uniform(0, 2, len(table.y))
        for array in (X, y, w):
            array.setflags(write=False)  # as memory-mapped training data are
        fitted = family.fit(cheap(family, table.facts), table.facts, X, y, weights=w)
        fitted.predict(X)
        np.testing.assert_array_equal(X, table.X)

    @pytest.mark.parametrize("order", ["C", "F"])
    def test_the_memory_layout_does_not_matter(self, family: Family, order: str) -> None:
        table = make_table("regression")
        config = cheap(family, table.facts)
        plain = family.fit(config, table.facts, table.X, table.y).predict(table.X_new)
        X = np.asarray(np.vstack([table.X, table.X])[: len(table.X)], order=order)  # type: ignore[call-overload]
        other = family.fit(config, table.facts, X, table.y).predict(np.asarray(table.X_new, order=order))  # type: ignore[call-overload]
        np.testing.assert_allclose(plain, other, rtol=1e-9)

    def test_categories_never_seen_and_gaps_never_seen_are_met_at_prediction(
        self, family: Family, table: Table
    ) -> None:
        complete = ~np.isnan(table.X).any(axis=1) & (table.X[:, 3] != 1)
        fitted = family.fit(cheap(family, table.facts), table.facts, table.X[complete], table.y[complete])
        X = np.tile(table.X_new[:1], (4, 1))
        X[0, 3], X[1, 3], X[2], X[3, 3] = 1.0, 4.0, np.nan, np.nan
        like(fitted.predict(X), table.facts)

    def test_a_class_the_fold_lacks_gets_probability_zero_in_its_own_column(self, family: Family) -> None:
        table = make_table("multiclass")
        kept = table.y != 1
        fitted = family.fit(cheap(family, table.facts), table.facts, table.X[kept], table.y[kept])
        p = fitted.predict(table.X_new)
        like(p, table.facts)
        assert (p[:, 1] == 0).all()
        assert p[:, 2].std() > 0
        read = _anew(family).load(fitted.dump())
        np.testing.assert_allclose(read.predict(table.X_new), p, rtol=1e-12, atol=1e-12)

    def test_a_fold_with_one_answer_gives_that_answer(self, family: Family, table: Table) -> None:
        y = np.full_like(table.y, table.y[0])
        fitted = family.fit(cheap(family, table.facts), table.facts, table.X, y)
        p = fitted.predict(table.X_new)
        like(p, table.facts)
        if table.facts.task == "multiclass":
            assert (p[:, int(y[0])] == 1).all()
        else:
            assert (p == y[0]).all()
        np.testing.assert_array_equal(_anew(family).load(fitted.dump()).predict(table.X_new), p)

    def test_columns_that_are_empty_or_constant_in_the_fold_do_no_harm(self, family: Family, table: Table) -> None:
        X = table.X.copy()
        X[:, 2] = np.nan  # numbers, all missing
        X[:, 3] = np.nan  # categories, all missing
        fitted = family.fit(cheap(family, table.facts), table.facts, X, table.y)
        like(fitted.predict(table.X_new), table.facts)

    def test_a_table_that_tells_nothing_still_gets_a_model(self, family: Family, table: Table) -> None:
        X = np.zeros_like(table.X)
        fitted = family.fit(cheap(family, table.facts), table.facts, X, table.y)
        p = fitted.predict(X[:2])
        like(p, table.facts)
        estimates_means = family.name not in ("knn", "svm", "mlp")
        if table.facts.task == "regression" and estimates_means:
            assert p[0, 0] == pytest.approx(table.y.mean(), rel=0.01)

    def test_a_handful_of_rows_is_enough_to_fit(self, family: Family, table: Table) -> None:
        rows = np.unique(table.y, return_index=True)[1][:6] if table.facts.task != "regression" else np.arange(4)
        facts = replace(table.facts, n_rows=len(rows))
        for config in (family.default(facts), cheap(family, table.facts)):
            fitted = family.fit(config, facts, table.X[rows], table.y[rows])
            like(fitted.predict(table.X_new), facts)

    def test_a_single_column_is_enough(self, family: Family, table: Table) -> None:
        facts = replace(table.facts, n_features=1, categorical=(), n_levels=())
        X = table.X[:, :1]
        like(family.fit(cheap(family, facts), facts, X, table.y).predict(X), facts)

    def test_a_table_of_categories_only_is_enough(self, family: Family, table: Table) -> None:
        facts = replace(table.facts, n_features=1, categorical=(0,), n_levels=(5,))
        X = table.X[:, 3:4]
        like(family.fit(cheap(family, facts), facts, X, table.y).predict(X), facts)

    def test_values_of_any_size_are_met_without_a_warning(self, family: Family) -> None:
        table = make_table("binary")
        X = table.X.copy()
        X[0, 0], X[1, 1], X[:, 5] = 1e300, -1e300, table.X[:, 5] * 1e-200
        like(family.fit(cheap(family, table.facts), table.facts, X, table.y).predict(X), table.facts)

    def test_the_default_lies_in_the_space(self, family: Family, table: Table) -> None:
        for facts in (table.facts, replace(table.facts, n_rows=20), replace(table.facts, n_rows=100_000)):
            family.space(facts).check(family.default(facts))

    def test_configurations_drawn_from_the_space_can_be_fitted(self, family: Family, table: Table) -> None:
        rng = np.random.default_rng(11)
        space = family.space(table.facts)
        for _ in range(4):
            config = dict(space.sample(rng))
            for rounds in ("n_estimators", "iterations", "max_iter"):
                if rounds in config:
                    config[rounds] = min(config[rounds], 20)
            like(family.fit(config, table.facts, table.X, table.y).predict(table.X_new), table.facts)

    def test_work_is_a_positive_number_that_grows_with_the_rows(self, family: Family, table: Table) -> None:
        rng = np.random.default_rng(12)
        for config in (family.default(table.facts), family.space(table.facts).sample(rng)):
            few, many = (family.work(config, replace(table.facts, n_rows=n)) for n in (200, 20_000))
            assert 0 < few < many < 1e5

    @pytest.mark.parametrize("name", ["model.json", None])
    def test_a_missing_or_foreign_file_is_a_damaged_model(self, family: Family, name: str | None) -> None:
        table = make_table("binary")
        files = family.fit(cheap(family, table.facts), table.facts, table.X, table.y).dump()
        victim = name or next(key for key in files if key != "model.json")
        for content in (None, b"", b"not what it was"):
            broken = {key: value for key, value in files.items() if key != victim}
            if content is not None:
                broken[victim] = content
            with pytest.raises(DamagedModel, match=r"(?s)LU401.*fix:"):
                family.load(broken)


def _anew(family: Family) -> Family:
    """The family as another process would make it."""
    return type(family)()

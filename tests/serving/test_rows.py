"""Rows read cell by cell give what the frame's reader gives, and what cannot be read is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data import Dataset, make_dataset
from luthier.errors import UnfitRows
from luthier.models import FAMILIES, Facts
from luthier.registry import pack
from luthier.scoring import Estimate
from luthier.serving import Predictor, ServedModel
from luthier.serving.golden import compare_paths, golden_rows
from luthier.serving.rows import MOST_PROBLEMS, RowReader
from luthier.serving.typical import typical_row

WORDS = ["late delivery", "the parcel was broken", "all good, thank you", "wrong size", "no answer for days"]


def table(n: int = 120) -> pd.DataFrame:
    """A column of every kind, some with gaps."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, rng.normal(40, 12, n).round(1)),
            "visits": rng.integers(0, 30, n),
            "city": rng.choice(["Bergen", "Oslo", "Tromsø", "7"], n),
            "member": rng.choice(["yes", "no"], n),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 40_000_000, n), unit="s"),
            "note": [f"{rng.choice(WORDS)} {i}" for i in range(n)],
            "y": rng.choice(["a", "b"], n),
        }
    )
    frame.loc[::9, "city"] = None
    return frame


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return make_dataset(table(), "y", time=False)


def read_both(dataset: Dataset, row: dict[str, Any]) -> tuple[Any, Any]:
    """What each path makes of a row: its numbers, or None where it refuses."""
    read = RowReader(dataset.schema).read([row])
    compiled = None if read.problems else read.X[0]
    try:
        ordinary = dataset.schema.encode(pd.DataFrame([row], dtype=object))[0]
    except UnfitRows:
        ordinary = None
    return compiled, ordinary


def test_every_kind_of_column_is_among_those_tested(dataset: Dataset) -> None:
    kinds = {feature.kind for feature in dataset.schema.features}
    assert kinds == {"numeric", "categorical", "boolean", "datetime_part", "text_hash"}


def test_rows_of_the_table_are_read_to_the_last_bit_as_they_were_for_training(dataset: Dataset) -> None:
    rows = table().drop(columns="y").astype(object)
    records: Any = rows.where(pd.notna(rows), None).to_dict("records")
    read = RowReader(dataset.schema).read(records)
    assert not read.problems
    np.testing.assert_array_equal(read.X, dataset.X)
    assert set(read.outside) == {()}


def test_a_thousand_odd_rows_are_read_or_refused_by_both_paths_alike(dataset: Dataset) -> None:
    rows = golden_rows(dataset.schema)
    assert len(rows) >= 1000
    reader = RowReader(dataset.schema)
    readable = [row for row in rows if not reader.read([row]).problems]
    # an equal mixture would have 40 % of whole rows refused; a golden set that is all refused proves nothing
    assert 300 < len(readable) < len(rows)
    encoded = dataset.schema.encode(pd.DataFrame(readable, dtype=object))
    np.testing.assert_array_equal(reader.read(readable).X, encoded)
    for row in [row for row in rows if reader.read([row]).problems][:100]:
        assert read_both(dataset, row) == (None, None)


CELLS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.dates().map(str)
    | st.datetimes().map(str)
    | st.sampled_from(["yes", "NA", " Oslo ", "1e5", "1_0", "٣", "0x10", "+5", "2024-02-30", "nan", "-inf"])
)


@settings(max_examples=150)
@given(field=st.sampled_from(["age", "visits", "city", "member", "since", "note"]), value=CELLS)
def test_whatever_a_cell_holds_both_paths_say_the_same_of_it(dataset: Dataset, field: str, value: Any) -> None:
    compiled, ordinary = read_both(dataset, {**typical_row(dataset.schema), field: value})
    assert (compiled is None) == (ordinary is None)
    if compiled is not None:
        np.testing.assert_array_equal(compiled, ordinary)


def test_problems_name_row_field_what_was_got_and_what_is_allowed(dataset: Dataset) -> None:
    typical = typical_row(dataset.schema)
    rows = [typical, {**typical, "visits": "many", "since": [1]}, {k: v for k, v in typical.items() if k != "city"}]
    found = [problem.to_json() for problem in RowReader(dataset.schema).read(rows).problems]
    assert [(one["row"], one["field"]) for one in found] == [(1, "visits"), (1, "since"), (2, "city")]
    assert found[0]["got"] == "many"
    assert "training showed 0 to 29" in found[0]["allowed"]
    assert found[2]["allowed"].startswith("the field must be there")


def test_the_same_mistake_in_every_row_is_not_said_a_million_times(dataset: Dataset) -> None:
    rows = [{**typical_row(dataset.schema), "age": "x" * 10_000}] * (3 * MOST_PROBLEMS)
    problems = RowReader(dataset.schema).read(rows).problems
    assert len(problems) == MOST_PROBLEMS
    assert len(problems[0].to_json()["got"]) < 100


@pytest.mark.parametrize(
    ("cell", "outside"),
    [
        ({"visits": 29}, ()),
        ({"visits": 30}, ("visits",)),
        ({"visits": None}, ("visits",)),
        ({"age": None}, ()),
        ({"city": "Paris"}, ("city",)),
        ({"city": None}, ()),
        ({"member": None}, ("member",)),
        ({"since": "2031-01-01"}, ("since",)),
        ({"age": -1e9, "since": "1970-01-01"}, ("age", "since")),
    ],
)
def test_a_row_is_outside_where_no_training_row_was_like_it(
    dataset: Dataset, cell: dict[str, Any], outside: tuple[str, ...]
) -> None:
    read = RowReader(dataset.schema).read([{**typical_row(dataset.schema), **cell}])
    assert set(read.outside[0]) == set(outside)


# --- the golden rows decide -------------------------------------------------------------------------------------------


def served(dataset: Dataset, name: str = "linear") -> ServedModel:
    family, facts = FAMILIES[name](), Facts.of(dataset)
    config = family.default(facts)
    files = pack(
        family.fit(config, facts, dataset.X, dataset.y).dump(),
        family=family.name,
        config=config,
        schema=dataset.schema,
        facts=facts,
        metric="log_loss",
        score=Estimate(0.5, 0.4, 0.6, 120),
        study="s",
        fingerprint=dataset.fingerprint,
        trained_on="all",
        created_at_utc="2026-01-01T00:00:00Z",
    )
    return ServedModel.of("m", "1", Predictor.of(files))


def test_a_path_that_differs_in_one_row_by_a_hair_is_found(dataset: Dataset) -> None:
    model = served(dataset)
    reader, predictor = model.predictor.reader, model.predictor
    rows = [row for row in golden_rows(dataset.schema) if not reader.read([row]).problems]
    victim = rows[len(rows) // 2]

    def compiled(some: Any, hair: float) -> Any:
        return predictor.ask_matrix(reader.read(some).X) + hair * (some[0] is victim)

    assert compare_paths(rows, predictor.ask_frame, lambda some: compiled(some, 0.0)).agreed
    verdict = compare_paths(rows, predictor.ask_frame, lambda some: compiled(some, 3e-9))
    assert verdict.difference is not None
    assert "instead of" in verdict.difference


def test_a_model_whose_paths_differ_answers_by_the_ordinary_one(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = served(dataset)
    assert model.compiled
    row = typical_row(dataset.schema)
    expected = model.ask([row], model.read([row]))
    monkeypatch.setattr(
        Predictor, "ask_matrix", lambda self, X: self._together([m.predict(X) for m in self.fitted]) / 2
    )
    doubted = ServedModel.of("m", "1", model.predictor)
    assert not doubted.compiled
    np.testing.assert_allclose(doubted.ask([row], doubted.read([row])), expected, rtol=1e-12)


def test_rows_only_one_path_refuses_are_a_difference(dataset: Dataset) -> None:
    def refuses(rows: Any) -> Any:
        raise UnfitRows("no", fix="none")

    ordinary = served(dataset).predictor.ask_frame
    verdict = compare_paths(golden_rows(dataset.schema)[:3], ordinary, refuses)
    assert verdict.difference is not None
    assert verdict.difference.startswith("only the compiled path refuses")
    assert replace(verdict, difference=None).agreed

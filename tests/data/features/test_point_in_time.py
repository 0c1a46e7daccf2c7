"""Features as of a moment, against a search through all events by the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data.features import (
    AGGREGATES,
    Expectation,
    Feature,
    FeatureView,
    point_in_time_join,
    run_tests,
    timeline_rows,
)
from luthier.errors import BadColumn, BadFeatureView, UnreadableData

HOUR = pd.Timedelta("1h")
START = pd.Timestamp("2026-01-01")
EVERY = [
    Feature(f"{aggregate}_{window or 'ever'}", aggregate, "amount", window)  # type: ignore[arg-type]
    for aggregate in AGGREGATES
    for window in (None, "3h", "24h")
]


def view_of(features: list[Feature], **changes: Any) -> FeatureView:
    fields: dict[str, Any] = {
        "source": "given as a frame",
        "keys": ["who"],
        "event_time": "happened",
        "known_at": "known",
        "event_id": "event",
    }
    return FeatureView("v", features=features, **fields | changes)


def table(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["who", "happened", "known", "event", "amount"])
    for name in ("happened", "known"):
        frame[name] = START + pd.to_timedelta(frame[name].astype(float), unit="h")
    return frame.astype({"amount": float, "event": int})


def by_definition(events: pd.DataFrame, who: Any, moment: pd.Timestamp, feature: Feature) -> float:
    """Every event's version that was known last, among those that had happened in the window."""
    known = events[(events.who == who) & (events.happened <= moment) & (events.known.fillna(events.happened) <= moment)]
    known = known.assign(order=known.known.fillna(known.happened)).sort_values("order", kind="stable")
    latest = known.groupby(["happened", "event"], sort=False).tail(1)
    if feature.window_s is not None:
        latest = latest[latest.happened > moment - pd.Timedelta(seconds=feature.window_s)]
    values = latest.amount.dropna()
    if feature.aggregate == "last":
        newest = latest[latest.happened == latest.happened.max()].sort_values("order", kind="stable")
        return float(newest.amount.iloc[-1]) if len(newest) else np.nan
    if feature.aggregate in ("count", "sum"):
        return float(getattr(values, feature.aggregate)())
    return float(getattr(values, feature.aggregate)()) if len(values) else np.nan


TESTED = pd.DataFrame(
    {
        "who": ["a", "b", "c", "c"], "happened": START, "number": [1.0, 2.0, np.nan, np.inf],
        "whole": [1, 2, 3, 3], "word": ["x", "y", "it's", None], "flag": [True, False, None, True],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("test", "n_wrong", "n_missing"),
    [
        (Expectation("number", at_least=1), 0, 0),
        (Expectation("number", at_least=1.5), 1, 0),
        (Expectation("number", at_most=10), 1, 0),  # infinity
        (Expectation("number", missing=0.25), 0, 0),
        (Expectation("number", missing=0.2), 0, 1),
        (Expectation("whole", one_of=[1, 2.0, 3]), 0, 0),
        (Expectation("whole", one_of=["1", "2"]), 2, 0),
        (Expectation("word", one_of=["x", "y", "it's"]), 0, 0),
        (Expectation("word", one_of=["x"], missing=0), 2, 1),
        (Expectation("flag", one_of=[True]), 1, 0),
    ],
)
def test_a_source_is_tested_row_by_row(test: Expectation, n_wrong: int, n_missing: int) -> None:
    view = FeatureView("v", "", ["who"], "happened", [Feature("n", "count")], tests=[test])
    (told,) = run_tests(view, TESTED)
    assert (told.n, told.n_wrong, told.n_missing) == (4, n_wrong, n_missing)
    assert told.holds == (n_wrong == n_missing == 0)
    assert FeatureView.from_json(view.to_json()) == view
    assert view.digest == FeatureView("v", "", ["who"], "happened", [Feature("n", "count")]).digest


def test_an_expectation_says_something_that_can_be_tested() -> None:
    nothing: list[dict[str, Any]] = [{}, {"missing": 1.5}, {"at_least": "a"}, {"one_of": []}]
    nothing += [{"at_most": np.inf}, {"at_least": True}, {"one_of": "card"}, {"one_of": [None]}, {"one_of": [np.nan]}]
    for fields in nothing:
        with pytest.raises(BadFeatureView):
            Expectation("amount", **fields)
    text = FeatureView("v", "", ["who"], "happened", [Feature("n", "count")], tests=[Expectation("word", at_least=1)])
    with pytest.raises(BadFeatureView, match="cannot be computed"):
        run_tests(text, TESTED)
    gone = FeatureView("v", "", ["who"], "happened", [Feature("n", "count")], tests=[Expectation("wrd", missing=0)])
    with pytest.raises(BadColumn, match="'word'"):
        run_tests(gone, TESTED)


hours = st.integers(0, 40)
events = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        hours,
        st.one_of(st.none(), hours),
        st.integers(0, 2),
        st.one_of(st.none(), st.integers(-5, 5)),
    ),
    max_size=14,
)


@settings(max_examples=25)
@given(events, st.lists(st.tuples(st.sampled_from("abc"), hours), min_size=1, max_size=8))
def test_every_aggregate_and_window_is_what_a_search_through_all_events_gives(
    happened: list[tuple[Any, ...]], asked: list[tuple[str, int]]
) -> None:
    source = table(happened)
    # Events of the same entity and time, known at the same time, have no order among them but that of the file.
    source = source.sort_values(["who", "event"], kind="stable").reset_index(drop=True)
    rows = pd.DataFrame({"who": [who for who, _ in asked], "at": [START + h * HOUR for _, h in asked]})
    found = point_in_time_join(rows, [view_of(EVERY)], at="at", sources={"v": source})
    assert len(found) == len(rows)
    for feature in EVERY:
        expected = [
            by_definition(source, who, moment, feature) for who, moment in zip(rows.who, rows["at"], strict=True)
        ]
        np.testing.assert_allclose(found[f"v__{feature.name}"].astype(float), expected, err_msg=feature.name)


def test_a_value_filled_in_later_does_not_leak_into_the_past() -> None:
    source = table([("a", 1, 1, 0, 10.0), ("a", 1, 9, 0, 99.0), ("a", 2, 8, 1, 5.0)])
    rows = pd.DataFrame({"who": "a", "at": START + np.array([0, 1, 7, 8, 9]) * HOUR})
    asked = [Feature("last", "last", "amount"), Feature("sum", "sum", "amount")]
    honest = point_in_time_join(rows, [view_of(asked)], at="at", sources={"v": source})
    assert honest["v__sum"].tolist() == [0.0, 10.0, 10.0, 15.0, 104.0]
    np.testing.assert_array_equal(honest["v__last"], [np.nan, 10.0, 10.0, 5.0, 5.0])
    leaking = point_in_time_join(rows, [view_of(asked, known_at=None)], at="at", sources={"v": source})
    assert leaking.v__sum.tolist()[1] == 99.0  # what a join on event time alone would have trained on


def test_rows_of_one_moment_are_events_of_their_own_where_nothing_makes_them_versions() -> None:
    source = table([("a", 1, 1, 0, 1.0), ("a", 1, 1, 0, 2.5)])
    rows = pd.DataFrame({"who": ["a"], "at": [START + HOUR]})
    asked = [Feature("sum", "sum", "amount"), Feature("last", "last", "amount")]
    for changes, expected in (
        ({"known_at": None, "event_id": None}, [3.5, 2.5]),
        ({"event_id": None}, [2.5, 2.5]),
        ({"known_at": None}, [2.5, 2.5]),
    ):
        found = point_in_time_join(rows, [view_of(asked, **changes)], at="at", sources={"v": source})
        assert found[["v__sum", "v__last"]].to_numpy().tolist() == [expected]


def test_rows_come_back_in_their_order_with_their_index_and_each_once() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"who": rng.choice(list("abcz"), 500), "at": START + rng.integers(0, 40, 500) * HOUR, "kept": np.arange(500)},
        index=rng.permutation(500),
    )
    source = table([("a", 1, 1, 0, 1.0), ("b", 2, 2, 0, 2.0), ("a", 3, 3, 0, 3.0)])
    found = point_in_time_join(rows, [view_of(EVERY)], at="at", sources={"v": source})
    pd.testing.assert_frame_equal(found[rows.columns], rows)
    assert found.columns.tolist() == [*rows.columns, *view_of(EVERY).columns]


@pytest.mark.parametrize(
    ("keys", "asked"),
    [([7, 8], [7, 8]), ([7, 8], [7.0, 8.0]), (["007", "7"], ["007", "7"]), (["7", "8"], [7, 8])],
)
def test_keys_meet_whatever_type_they_were_read_as_and_007_is_not_7(keys: list[Any], asked: list[Any]) -> None:
    source = table([(keys[0], 1, 1, 0, 1.0), (keys[1], 1, 1, 0, 2.0)])
    rows = pd.DataFrame({"who": asked, "at": START + 5 * HOUR})
    found = point_in_time_join(rows, [view_of([Feature("last", "last", "amount")])], at="at", sources={"v": source})
    assert found["v__last"].tolist() == [1.0, 2.0]


def test_several_keys_name_an_entity_and_moments_of_other_zones_are_the_same_moments() -> None:
    source = table([("a", 1, 1, 0, 1.0), ("a", 1, 1, 0, 2.0)]).assign(shop=["x", "y"])
    view = view_of([Feature("n", "count"), Feature("last", "last", "amount")], keys=["who", "shop"])
    moment = (START + HOUR).tz_localize("UTC").tz_convert("Asia/Tokyo")
    rows = pd.DataFrame({"shop": ["y", "x", "z"], "who": "a", "at": [moment, moment, moment]})
    found = point_in_time_join(rows, [view], at="at", sources={"v": source})
    assert found["v__n"].tolist() == [1, 1, 0]
    np.testing.assert_array_equal(found["v__last"], [2.0, 1.0, np.nan])


def test_without_a_moment_everything_in_the_source_is_known() -> None:
    source = table([("a", 1, 1, 0, 1.0), ("a", 30, 39, 1, 2.0)])
    view = view_of([Feature("sum", "sum", "amount"), Feature("sum_3h", "sum", "amount", "3h")])
    found = point_in_time_join(pd.DataFrame({"who": ["a"]}), [view], sources={"v": source})
    assert found[["v__sum", "v__sum_3h"]].to_numpy().tolist() == [[3.0, 0.0]]


def test_a_timeline_read_at_its_last_step_is_what_the_join_gives() -> None:
    rng = np.random.default_rng(1)
    n = 400
    happened = rng.integers(0, 200, n)
    known = happened + rng.integers(0, 9, n)
    drawn = (rng.choice(list("abc"), n), happened, known, rng.integers(0, 3, n), rng.normal(size=n))
    source = table(list(zip(*drawn, strict=True)))
    view = view_of(EVERY)
    lines = [
        pd.DataFrame([row for rows in line.chunks for row in rows], columns=["k0", "since", *line.columns]).sort_values(
            "since"
        )
        for line in timeline_rows(view, source)
    ]
    rows = pd.DataFrame({"who": rng.choice(list("abcd"), 300), "at": START + rng.integers(0, 230, 300) * HOUR})
    found = point_in_time_join(rows, [view], at="at", sources={"v": source})
    for line in lines:
        assert not line.duplicated(["k0", "since"]).any()
        columns = [name for name in line.columns if name not in ("k0", "since")]
        line["since"] = pd.to_datetime(line["since"], unit="us")
        for i, (who, moment) in enumerate(zip(rows.who, rows["at"], strict=True)):
            past = line[(line.k0 == who) & (line.since <= moment)]
            if len(past):
                read, joined = past[columns].iloc[-1].astype(float), found.loc[i, columns].astype(float)
                np.testing.assert_allclose(read, joined, rtol=1e-12, atol=1e-12)  # sums in two orders


def test_files_are_read_by_their_ending_and_keys_stay_as_written(tmp_path: Any) -> None:
    source = table([("007", 1, 1, 0, 1.0), ("7", 1, 1, 0, 2.0)])
    source.to_csv(tmp_path / "events.csv", index=False)
    source.to_json(tmp_path / "events.jsonl", orient="records", lines=True, date_format="iso")
    source.to_parquet(tmp_path / "events.parquet")
    rows = pd.DataFrame({"who": ["007", "7"], "at": START + 2 * HOUR})
    for name in ("events.csv", "events.jsonl", "events.parquet"):
        view = view_of([Feature("last", "last", "amount")], source=str(tmp_path / name))
        assert point_in_time_join(rows, [view], at="at")["v__last"].tolist() == [1.0, 2.0], name


@pytest.mark.parametrize(
    ("changes", "rows", "error", "word"),
    [
        ({"keys": ["whom"]}, {"whom": ["a"], "at": [START]}, BadColumn, "'whom'"),
        ({}, {"at": [START]}, BadColumn, "'who'"),
        ({}, {"who": ["a"]}, BadColumn, "'at'"),
        ({}, {"who": ["a"], "at": ["soon"]}, BadColumn, "no moments"),
        ({}, {"who": ["a", "b"], "at": [START, None]}, BadColumn, "row 1"),
        ({}, {"who": ["a"], "at": [START], "v__f": [1]}, BadColumn, "v__f"),
        ({"event_time": "who"}, {"who": ["a"], "at": [START]}, BadFeatureView, "cannot be computed"),
    ],
)
def test_what_cannot_be_joined_is_said(
    changes: dict[str, Any], rows: dict[str, Any], error: type[Exception], word: str
) -> None:
    view = view_of([Feature("f", "sum", "amount")], **changes)
    with pytest.raises(error, match=word):
        point_in_time_join(pd.DataFrame(rows), [view], at="at", sources={"v": table([("a", 1, 1, 0, 1.0)])})


def test_a_source_that_is_not_there_is_named() -> None:
    view = view_of([Feature("f", "count")], source="nowhere.parquet")
    with pytest.raises(UnreadableData, match=r"nowhere\.parquet"):
        point_in_time_join(pd.DataFrame({"who": ["a"]}), [view])


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Feature("1st", "count"), "1st"),
        (lambda: Feature("f", "median", "x"), "median"),  # type: ignore[arg-type]
        (lambda: Feature("f", "sum"), "of which column"),
        (lambda: Feature("f", "count", window="a month"), "a month"),
        (lambda: view_of([]), "at least one"),
        (lambda: view_of([Feature("f", "count"), Feature("f", "count")]), "different names"),
        (lambda: view_of([Feature("f", "count")], keys=[]), "name its entity"),
        (lambda: FeatureView.from_json(view_of([Feature("f", "count")]).to_json() | {"version": 99}), "99"),
    ],
)
def test_a_definition_that_means_nothing_is_refused(make: Any, word: str) -> None:
    with pytest.raises(BadFeatureView, match=word):
        make()


def test_a_view_survives_its_json_form_and_its_digest_is_of_what_it_computes() -> None:
    view = view_of(EVERY, description="what they paid")
    assert FeatureView.from_json(view.to_json()) == view
    assert view_of(EVERY, source="moved.parquet").digest == view.digest
    assert view_of(EVERY[:-1]).digest != view.digest

"""Drift is named where it is, is not named where it is not, and what is kept of the rows adds up."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import luthier
from luthier.data.frames import open_frame
from luthier.errors import BadColumn, UnreadableData, UsageError
from luthier.monitoring import ClassifierTwoSample, Reference, Window, find_drift

Tables = Callable[..., pd.DataFrame]


def test_undrifted_batches_raise_no_more_alarms_than_they_may(table: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    monkeypatch.setattr("luthier.monitoring.drift._together", lambda *_: NOTHING)
    repeats, alarms = 40, 0
    for _ in range(repeats):
        reference = Reference.of(open_frame(table(500, rng)))
        window = reference.start().after(open_frame(table(150, rng)), reference.columns)
        alarms += bool(find_drift(reference, window, rng=rng).drifted_columns)
    assert alarms / repeats <= 0.06 + 3 * math.sqrt(0.06 * 0.94 / repeats)


def test_a_shift_of_a_fifth_of_a_standard_deviation_is_found(table: Tables) -> None:
    rng = np.random.default_rng(1)
    found = luthier.drift(table(4000, rng), table(2000, rng, 0.2))
    assert found.drifted_columns == ["normal0"]


def test_a_sure_but_trifling_change_is_no_alarm(table: Tables) -> None:
    rng = np.random.default_rng(2)
    found = luthier.drift(table(60_000, rng), table(60_000, rng, 0.04))
    assert not found.drifted
    assert found.columns.set_index("column").verdict["normal0"] == "small"


def test_outside_of_a_range_is_not_yet_far_outside() -> None:
    """Winter after a summer lies outside what was seen; kelvin for degrees lie far outside."""
    rng = np.random.default_rng(4)
    reference = Reference.of(open_frame(pd.DataFrame({"celsius": rng.uniform(10, 40, 5000)})))
    for low, high, outside, far in [(0, 10, 1.0, 0.0), (80.5, 99, 1.0, 1.0), (10, 40, 0.0, 0.0)]:
        now = open_frame(pd.DataFrame({"celsius": rng.uniform(low, high, 400)}))
        window = reference.start().after(now, reference.columns)
        (column,) = find_drift(reference, window, rng=rng).columns
        assert column.range.effect == pytest.approx(outside, abs=0.01)
        assert column.far == far
        twice = window.merged(window)
        assert twice.counts[0].far == 2 * window.counts[0].far == 800 * far
        assert Window.from_json(twice.to_json()).counts[0].far == twice.counts[0].far


def test_every_kind_of_change_is_said_in_words(table: Tables) -> None:
    rng = np.random.default_rng(3)
    before, now = table(3000, rng), table(2000, rng)
    before["sold_at"], now["sold_at"] = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")
    before["customer_id"], now["customer_id"] = np.arange(3000), np.arange(3000, 5000)
    now.loc[:300, "gaps0"] = np.nan
    now["rare0"] = now["rare0"].astype(str).where(now.index > 400, "fresh")
    now.loc[:60, "normal1"] = -999.0
    now["count0"] = now["count0"].astype(str) + " pcs"
    now["added"] = 1
    found = luthier.drift(before, now.drop(columns="heavy0"))
    said = found.columns.set_index("column").what_changed
    assert set(found.drifted_columns) == {"gaps0", "rare0", "normal1", "count0", "heavy0"}
    assert "missing 9.5% → 22.7%" in said["gaps0"]
    assert "'fresh'" in said["rare0"]
    assert "3.0% outside" in said["normal1"]
    assert said["count0"] == "it held numbers, and now holds words"
    assert said["heavy0"] == "the column is not there"
    assert said["sold_at"] == "dates move on by themselves"
    assert said["customer_id"] == "it numbers the rows"
    assert found.to_dict()["extra"] == ["added"]
    json.dumps(found.to_dict(), allow_nan=False)


def test_what_no_column_shows_is_found_by_all_together() -> None:
    rng = np.random.default_rng(4)
    before = pd.DataFrame(rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 2000), columns=["a", "b"])
    found = luthier.drift(before, pd.DataFrame(rng.normal(size=(2000, 2)), columns=["a", "b"]))
    assert found.drifted_columns == []
    assert found.drifted
    assert found.summary()[0] == "No single column drifted, but the columns together did"


def test_words_that_the_reference_happens_not_to_hold_do_not_give_a_batch_away() -> None:
    """Of many rare words a batch always holds some that the reference lacks, also where nothing has changed."""

    def rows(n: int, rng: np.random.Generator) -> Any:
        return open_frame(pd.DataFrame({f"c{k}": rng.zipf(1.6, n).clip(1, 500).astype(str) for k in range(4)}))

    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        reference = Reference.of(rows(500, rng))
        window = reference.start().after(rows(2000, rng), reference.columns)
        found.append(find_drift(reference, window, rng=rng).multivariate.p <= 0.1)
    assert np.mean(found) <= 0.1 + 4 * np.sqrt(0.1 * 0.9 / 30)


def test_a_common_word_that_is_new_is_found_by_all_together() -> None:
    rng = np.random.default_rng(0)
    before, now = (rng.choice(["a", "b", "c"], 600) for _ in range(2))
    now[:120] = "d"
    reference = Reference.of(open_frame(pd.DataFrame({"c": before})))
    window = reference.start().after(open_frame(pd.DataFrame({"c": now})), reference.columns)
    assert find_drift(reference, window, rng=rng).multivariate.p < 1e-4


def test_the_notebook_view_cannot_be_broken_by_names() -> None:
    rng = np.random.default_rng(5)
    before = pd.DataFrame({"<script>alert(1)</script>": rng.normal(size=300), "b": ["<b>x"] * 300})
    now = before.assign(b="<img src=x>") + {"<script>alert(1)</script>": 3.0, "b": ""}
    html = luthier.drift(before, now)._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "2 of 2 columns drifted" in html


def test_tables_without_rows_and_names_that_are_not_there_are_refused(table: Tables) -> None:
    some = table(50, np.random.default_rng(0))
    with pytest.raises(UnreadableData, match="the current table has no rows"):
        luthier.drift(some, some[:0])
    with pytest.raises(BadColumn, match=r"(?s)no column.*did you mean 'normal1'"):
        luthier.drift(some, some, columns=["normal_1"])
    with pytest.raises(UsageError, match="level"):
        luthier.drift(some, some, level=2)


def test_files_and_frames_give_the_same_verdict(table: Tables, tmp_path: object) -> None:
    rng = np.random.default_rng(6)
    before, now = table(400, rng), table(300, rng, 1.0)
    before.to_csv(f"{tmp_path}/before.csv", index=False)
    now.to_parquet(f"{tmp_path}/now.parquet")
    files = luthier.drift(f"{tmp_path}/before.csv", f"{tmp_path}/now.parquet")
    assert files.to_dict() == luthier.drift(before, now).to_dict()


# --- what is kept ---


def as_json(window: Window | Reference) -> str:
    return json.dumps(window.to_json(), sort_keys=True)


@settings(max_examples=12)
@given(cuts=st.lists(st.integers(0, 3000), min_size=7, max_size=7), seed=st.integers(0, 99))
def test_eight_partial_windows_merged_are_the_whole(cuts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 3000
    rows = pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, rng.standard_cauchy(n)),
            "k": rng.poisson(2, n),
            "w": rng.choice(np.array(["a", "b", "c", None], dtype=object), n),
        }
    )
    keys = rng.permutation(n).astype(np.uint64)
    reference = Reference.of(open_frame(rows[:500]))
    rows.loc[1000:, "w"] = rows.loc[1000:, "w"].replace("c", "new")
    whole = reference.start().after(open_frame(rows), reference.columns, keys)
    merged = reference.start()
    for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), n], strict=True):
        part = reference.start().after(open_frame(rows[low:high]), reference.columns, keys[low:high])
        merged = merged.merged(part)
    assert as_json(merged) == as_json(whole)


def test_what_is_kept_is_written_and_read_back_and_stays_below_a_megabyte(table: Tables) -> None:
    rng = np.random.default_rng(7)
    reference = Reference.of(open_frame(table(20_000, rng)))
    window = reference.start().after(open_frame(table(30_000, rng)), reference.columns)
    texts = as_json(reference), as_json(window)
    assert sum(map(len, texts)) < 1_000_000
    assert as_json(Reference.from_json(json.loads(texts[0]))) == texts[0]
    assert as_json(Window.from_json(json.loads(texts[1]))) == texts[1]


def test_the_sample_is_drawn_from_all_rows_alike() -> None:
    rows = pd.DataFrame({"x": np.arange(50_000.0)})
    reference = Reference.of(open_frame(rows))
    window = reference.start()
    for low in range(0, 50_000, 10_000):
        window = window.after(open_frame(rows[low : low + 10_000]), reference.columns)
    sampled = window.sample.rows[:, 0]
    assert len(sampled) == 1000
    # Uniform on 0 to 50,000: the mean of a thousand has a standard error of 456.
    assert abs(float(sampled.mean()) - 25_000) < 4 * 456


def test_words_that_spell_numbers_are_the_words_of_the_reference() -> None:
    before = pd.DataFrame({"code": ["1", "2", "x"] * 200})
    now = pd.DataFrame({"code": [1, 2, 2] * 100})
    (column,) = luthier.drift(before, now).found.columns
    assert column.new == ()
    assert column.verdict == "drifted"


NOTHING = ClassifierTwoSample(0.5, 1.0, 0, ())


def test_far_is_beyond_the_width_and_the_size_of_what_was_seen() -> None:
    """Degrees Celsius of a winter against a summer and against kelvin; a level of prices against a year later."""
    winter, level = np.linspace(-4, 16, 500), np.linspace(96, 104, 500)
    for seen, now, share in ((winter, winter + 20, 0.0), (winter, winter + 273, 1.0), (level, level + 70, 0.0)):
        reference = Reference.of(open_frame(pd.DataFrame({"x": seen})))
        window = reference.start().after(open_frame(pd.DataFrame({"x": now})), reference.columns)
        (found,) = find_drift(reference, window, rng=np.random.default_rng(0), together=False).columns
        assert found.far == share

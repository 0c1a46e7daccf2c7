from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import pandas as hpd

from luthier.data.cells import settle
from luthier.data.fingerprint import fingerprint
from luthier.data.readers import open_table


def fingerprint_of(source: Any) -> str:
    with open_table(source) as (table, _):
        return fingerprint({name: settle(table.column(name)) for name in table.names})


# NUL ends a text for DuckDB's CSV reader, lone surrogates are no UTF-8, and a lone carriage return is a line end to it.
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)
dates = st.datetimes(
    min_value=pd.Timestamp(1, 1, 2).to_pydatetime(), max_value=pd.Timestamp(9999, 1, 1).to_pydatetime()
)
cells = {
    "whole": st.integers(-(2**60), 2**60),
    "number": st.floats(allow_nan=False, allow_infinity=False) | st.none(),
    "narrow": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "flag": st.booleans() | st.none(),
    "when": dates | st.none(),
    "word": words | st.none(),
    "digits": st.from_regex(r"0?[0-9]{1,3}", fullmatch=True) | st.none(),
    "code": st.sampled_from(["1", "2", "3"]),
}
tables = st.fixed_dictionaries({"n": st.integers(1, 12)}).flatmap(
    lambda drawn: st.fixed_dictionaries(
        {name: st.lists(cell, min_size=drawn["n"], max_size=drawn["n"]) for name, cell in cells.items()}
    )
)


def as_frame(table: dict[str, list[Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "whole": pd.Series(table["whole"], dtype="int64"),
            "number": pd.Series(table["number"], dtype="float64"),
            "narrow": np.array(table["narrow"], dtype=np.float32),
            "flag": pd.array(table["flag"], dtype="boolean"),
            "when": pd.Series(table["when"], dtype="datetime64[us]"),
            "word": pd.Series(table["word"], dtype="str"),
            "digits": pd.Series(table["digits"], dtype="str"),
            "code": pd.Categorical(table["code"]),
        }
    )


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tables)
def test_a_table_has_one_fingerprint_whichever_file_or_frame_it_comes_from(table: dict[str, list[Any]]) -> None:
    frame = as_frame(table)
    with tempfile.TemporaryDirectory() as folder:
        csv, parquet = Path(folder) / "t.csv", Path(folder) / "t.parquet"
        frame.to_csv(csv, index=False)
        frame.to_parquet(parquet)
        prints = {
            "pandas": fingerprint_of(frame),
            "csv": fingerprint_of(csv),
            "parquet": fingerprint_of(parquet),
            "polars": fingerprint_of(pl.from_pandas(frame)),
            "arrow": fingerprint_of(pa.Table.from_pandas(frame, preserve_index=False)),
        }
    assert len(set(prints.values())) == 1, prints


@given(hpd.data_frames([hpd.column("x", dtype=float), hpd.column("y", elements=st.sampled_from("abc"))]), st.data())
def test_another_value_another_name_or_another_order_is_another_table(frame: pd.DataFrame, data: st.DataObject) -> None:
    before = fingerprint_of(frame)
    assert fingerprint_of(frame.rename(columns={"x": "z"})) != before
    if len(frame):
        assert fingerprint_of(frame[["y", "x"]]) != before  # it would be another matrix
        changed = frame.copy()
        changed.loc[data.draw(st.sampled_from(list(frame.index))), "y"] = "d"
        assert fingerprint_of(changed) != before
        assert fingerprint_of(frame.iloc[:-1]) != before
    if not frame.iloc[::-1].reset_index(drop=True).equals(frame):
        reversed_ = frame.iloc[::-1]
        swapped = [
            (a, b)
            for a, b in zip(frame.to_numpy().tolist(), reversed_.to_numpy().tolist(), strict=True)
            if repr(a) != repr(b)
        ]
        if any(a[1] != b[1] for a, b in swapped):
            assert fingerprint_of(reversed_) != before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [1.0, 2.0]),
        (["1", "2.50"], [1.0, 2.5]),
        (["True", "false"], [True, False]),
        ([0.0, 1.0], [-0.0, 1.0]),
        ([0.1, 0.7], np.array([0.1, 0.7], dtype=np.float32)),
        (["a ", ""], ["a", None]),
        (
            ["2024-01-01", "2024-01-02 06:00"],
            pd.to_datetime(["2024-01-01", "2024-01-02T06:00Z"], format="ISO8601", utc=True),
        ),
        (["1.5", "NA"], [1.5, None]),
    ],
)
def test_the_same_content_in_another_type_is_the_same_table(one: Any, other: Any) -> None:
    assert fingerprint_of(pd.DataFrame({"c": one})) == fingerprint_of(pd.DataFrame({"c": other}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 0], [True, False]),
        (["a", "b"], ["b", "a"]),
        (["ab", "c"], ["a", "bc"]),
        ([2**60, 1], [2**60 + 1, 1]),
        (["a", None], [None, "a"]),
        (["01", "2"], ["1", "2"]),
    ],
)
def test_other_content_is_another_table(one: Any, other: Any) -> None:
    assert fingerprint_of(pd.DataFrame({"c": one})) != fingerprint_of(pd.DataFrame({"c": other}))

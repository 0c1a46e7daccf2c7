from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from luthier.data import make_dataset, read_rows
from luthier.data.cells import settle
from luthier.data.readers import open_table
from luthier.errors import BadColumn, UnreadableData

ROWS = "age,city,churn\n41,Ulm,no\n23,Köln,yes\n,Ulm,no\n35,Bonn,yes\n"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def columns(source: Any) -> dict[str, list[Any]]:
    with open_table(source) as (table, _):
        return {name: settle(table.column(name)).array.tolist() for name in table.names}


def test_csv_tsv_gz_zst_and_jsonl_of_the_same_table_read_alike(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.csv", ROWS)
    sources = [
        plain,
        write(tmp_path / "b.tsv", ROWS.replace(",", "\t")),
        write(tmp_path / "c.csv", ROWS.replace(",", ";")),
        write(tmp_path / "d.csv.gz", gzip.compress(ROWS.encode())),
        tmp_path / "e.csv.zst",
        tmp_path / "f.jsonl",
        tmp_path / "g.parquet",
    ]
    for path in sources[-3:]:
        duckdb.sql(f"COPY (FROM read_csv('{plain}', header=true, types={{'churn': 'VARCHAR'}})) TO '{path}'")
    prints = {str(path.name): make_dataset(path, "churn").fingerprint for path in sources}
    assert len(set(prints.values())) == 1, prints


def test_the_rows_keep_the_order_of_the_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.random.default_rng(0).permutation(300_000)})
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=10_000)
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert columns(tmp_path / "a.parquet")["x"] == columns(tmp_path / "a.csv")["x"] == frame["x"].tolist()


def test_a_pattern_reads_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path / "part-2.csv", "b,a\n4,3\n")
    write(tmp_path / "part-1.csv", "a,b\n1,2\n")
    assert columns(str(tmp_path / "part-*.csv")) == {"a": [1, 3], "b": [2, 4]}


def test_provenance_names_each_file_with_size_hash_and_rows(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"part-{i}.csv", ROWS) for i in (1, 2)]
    write(tmp_path / "part-3.csv", "age,city,churn\n50,Ulm,\n")
    provenance = make_dataset(str(tmp_path / "part-*.csv"), "churn").provenance
    assert [file.path for file in provenance.files[:2]] == [str(path) for path in paths]
    assert provenance.files[0].sha256 == hashlib.sha256(ROWS.encode()).hexdigest()
    assert [(file.n_bytes, file.rows) for file in provenance.files] == [(len(ROWS.encode()), 4)] * 2 + [(23, 1)]
    assert dict(provenance.options)["delimiter"] == ","
    assert (provenance.rows_read, provenance.rows_dropped) == (9, (("the target is missing", 1),))
    assert type(provenance).from_json(provenance.to_json()) == provenance


def test_brackets_and_quotes_in_a_file_name_are_only_a_name(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "x\n1\n")
    assert columns(write(tmp_path / "it's [a].csv", "x\n2\n")) == {"x": [2]}


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_names(tmp_path: Path) -> None:
    assert columns(write(tmp_path / "a.csv", b'\xef\xbb\xbf"a",b\r\n1,2\r\n')) == {"a": [1], "b": [2]}


def test_quoted_text_may_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    rows = read_rows(write(tmp_path / "a.csv", 'a,b\n"x,y","say ""yes""\nnow"\n'))
    assert rows["a"].tolist() == ["x,y"]
    assert rows["b"].tolist() == ['say "yes"\nnow']


def test_names_that_differ_in_capitals_only_are_two_columns(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1], "A": [2]}).to_parquet(tmp_path / "a.parquet")
    assert columns(tmp_path / "a.parquet") == columns(write(tmp_path / "a.csv", "a,A\n1,2\n")) == {"a": [1], "A": [2]}


def test_a_column_called_filename_is_a_column_like_any_other(tmp_path: Path) -> None:
    for i in (1, 2):
        pd.DataFrame({"filename": [i]}).to_parquet(tmp_path / f"a{i}.parquet")
    assert columns(str(tmp_path / "a*.parquet")) == {"filename": [1, 2]}


def test_rows_for_prediction_are_left_as_written(tmp_path: Path) -> None:
    rows = read_rows(write(tmp_path / "a.csv", "x,level\n1,1.0\n2,007\n"))
    assert rows["level"].tolist() == ["1.0", "007"]


def test_polars_arrow_and_pandas_frames_read_alike() -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2, 3],
            "x": [0.5, None, 1.5],
            "word": ["a", None, "b"],
            "cat": pd.Categorical(["u", "v", None]),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "when": pd.DatetimeIndex(["2024-01-01", "NaT", "2024-01-02"]).tz_localize("Europe/Berlin"),
            "count": pd.array([1, None, 3], dtype="Int64"),
        }
    )
    seen = [
        columns(frame),
        columns(pl.from_pandas(frame)),
        columns(pa.Table.from_pandas(frame)),
        columns(pl.from_pandas(frame).lazy()),
    ]
    for other in seen[1:]:
        for name in map(str, frame):
            np.testing.assert_array_equal(
                pd.Series(other[name]).to_numpy(), pd.Series(seen[0][name]).to_numpy(), str(name)
            )


def test_an_index_of_dates_is_data_and_any_other_index_is_not() -> None:
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.date_range("2024-01-01", periods=2, name="day"))
    assert list(columns(frame)) == ["day", "x"]
    assert list(columns(frame.reset_index(drop=True).set_axis([7, 5]))) == ["x"]


# --- what cannot be read is said with the place and a way out ---


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "a,b\n1,2\n3\n", "line 3: 1 values where the header names 2 columns"),
        ("a.csv", 'a,b\n1,"2\n3,4\n', "a quoted text does not end"),
        ("a.csv", "a,b\n1,ä\n".encode("latin1"), "line 2: the text is not UTF-8.*iconv -f latin1"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), "not UTF-8.*iconv -f utf-16"),
        ("a.jsonl", '{"a": 1}\n{"a": \n', "cannot be read.*check that the file is whole"),
        ("a.jsonl", "[1, 2]\n", "every line should be one object"),
        ("a.parquet", "hello", "check that the file is whole"),
        ("a.xlsx", "PK", "of no format read here.*save it as CSV"),
        ("a.csv", "\n\na,b\n1,2\n", "begins with a blank line"),
    ],
)
def test_an_unreadable_file_is_refused_with_its_place_and_a_way_out(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(UnreadableData, match=f"(?s){name}.*{said}"), open_table(path):
        pass


def test_a_mistyped_file_is_answered_with_the_one_that_is_there(tmp_path: Path) -> None:
    write(tmp_path / "churn.csv", ROWS)
    with pytest.raises(UnreadableData, match=r"(?s)no file .*chrun.csv.*did you mean '.*churn.csv'\?"):
        make_dataset(tmp_path / "chrun.csv", "churn")


def test_a_folder_is_answered_with_the_pattern_of_its_files(tmp_path: Path) -> None:
    write(tmp_path / "part.parquet", "x")
    with pytest.raises(UnreadableData, match=r"(?s)is a folder.*\*\.parquet"):
        make_dataset(tmp_path, "churn")


def test_a_pattern_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableData, match="no file matches"):
        make_dataset(tmp_path / "*.csv", "churn")


def test_a_table_without_rows_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableData, match="no rows under its columns 'a', 'b'"):
        make_dataset(write(tmp_path / "a.csv", "a,b\n"), "a")
    with pytest.raises(UnreadableData, match=r"this is ndarray.*\n.*pandas.DataFrame"):
        make_dataset(np.zeros((3, 2)), "a")


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_duplicate_column_names_are_refused_and_not_renamed_in_silence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.csv":
        write(path, "a,b,a\n1,2,3\n")
    else:
        import pyarrow.parquet as pq

        pq.write_table(pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "b", "a"]), path)
    with pytest.raises(BadColumn, match=r"more than one column named 'a' \(columns 1, 3\)"):
        make_dataset(path, "b")
    with pytest.raises(BadColumn, match="more than one column named 'a'"):
        make_dataset(pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]), "b")


def test_files_with_different_columns_are_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", "a,b\n1,2\n")
    write(tmp_path / "2.csv", "a,c\n1,2\n")
    with pytest.raises(BadColumn, match=r"2\.csv.*do not have the same columns: 'b', 'c'"):
        make_dataset(tmp_path / "*.csv", "a")

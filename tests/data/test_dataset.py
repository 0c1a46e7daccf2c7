from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from luthier.data import make_dataset, read_rows
from luthier.errors import BadColumn, BadValues

CATALOGUE = Path(__file__).parents[3] / "shared" / "data" / "datasets.json"
FRAME = pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.0], "income": [5, 6, 8, 7], "churn": ["no", "yes", "no", "yes"]})


def catalogue() -> list[dict[str, Any]]:
    return list(json.loads(CATALOGUE.read_text())["datasets"]) if CATALOGUE.exists() else []


@pytest.mark.skipif(not catalogue(), reason="the real data sets are not beside the repository")
@pytest.mark.parametrize("known", catalogue(), ids=lambda known: known["name"])
def test_real_tables_are_read_as_their_catalogue_describes_them(known: dict[str, Any]) -> None:
    data = make_dataset(CATALOGUE.parent / known["file"], known["target"])
    schema = data.schema
    assert (schema.task, schema.time, data.n_rows) == (known["task"], known["time_column"], known["rows"])
    if known["task"] == "binary":
        assert min(data.y.mean(), 1 - data.y.mean()) == pytest.approx(known["minority_share"], abs=5e-5)
        assert schema.positive == 1
    dropped = {column.name for column in schema.columns if column.role == "dropped"}
    assert dropped == ({"outlying_contour"} if known["name"] == "leaf_flavia" else set())  # constant there
    np.testing.assert_array_equal(schema.encode(read_rows(CATALOGUE.parent / known["file"])), data.X)
    if known["time_column"]:
        assert data.times is not None
        assert schema.column(known["time_column"]).role == "time"
        assert "days" not in {feature.part for feature in schema.features}


@pytest.mark.skipif(not catalogue(), reason="the real data sets are not beside the repository")
@pytest.mark.parametrize("known", [k for k in catalogue() if k["time_column"]], ids=lambda known: known["name"])
def test_time_is_found_too_where_dates_were_made_numbers_and_words_categories(known: dict[str, Any]) -> None:
    frame = pd.read_parquet(CATALOGUE.parent / known["file"]).head(5000)
    clock = frame[known["time_column"]]
    if clock.dtype.kind == "M":
        frame[known["time_column"]] = (clock - clock.iloc[0]).dt.total_seconds() / 86400
    for name in frame.columns[~frame.dtypes.map(pd.api.types.is_numeric_dtype)]:
        frame[name] = pd.Categorical(frame[name])
    assert make_dataset(frame, known["target"]).schema.time == known["time_column"]


def test_infinite_values_are_refused_with_column_count_and_row() -> None:
    frame = FRAME.assign(age=[1.0, np.inf, 3.0, -np.inf])
    with pytest.raises(BadValues, match=r"'age' holds 2 infinite values, the first in row 2(?s:.*)drop=\['age'\]"):
        make_dataset(frame, "churn")
    assert make_dataset(frame, "churn", drop=["age"]).n_rows == 4


@pytest.mark.parametrize("bad", ["-inf", "Infinity", "1e999"])
def test_infinities_written_in_a_csv_are_refused_too(tmp_path: Path, bad: str) -> None:
    (tmp_path / "a.csv").write_text(f"x,y\n1,a\n2,b\n{bad},a\n4,b\n")
    with pytest.raises(BadValues, match="'x' holds 1 infinite values, the first in row 3"):
        make_dataset(tmp_path / "a.csv", "y")


@pytest.mark.parametrize("role", ["target", "time", "group", "weight", "drop", "keep"])
def test_a_mistyped_column_is_answered_with_the_one_that_is_there(role: str) -> None:
    named: dict[str, Any] = {"target": "churn", role: ["incom"] if role in {"drop", "keep"} else "incom"}
    with pytest.raises(
        BadColumn, match=rf"(?s)no column 'incom'.*'age', 'income', 'churn'.*did you mean {role}=\[?'income'"
    ):
        make_dataset(FRAME, **named)


def test_a_file_without_a_header_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    with pytest.raises(BadColumn, match="first line seems to hold values"):
        make_dataset(tmp_path / "a.csv", "y")


def test_a_column_cannot_be_two_things() -> None:
    with pytest.raises(BadColumn, match="'income' is named both as group and as weight"):
        make_dataset(FRAME, "churn", group="income", weight="income")
    with pytest.raises(BadColumn, match="'churn' is named both as target and as drop"):
        make_dataset(FRAME, "churn", drop=["churn"])


def test_a_table_of_which_nothing_is_left_says_why() -> None:
    with pytest.raises(BadColumn, match=r"no column is left to learn 'churn' from: 'age' \(it is 1.0 in every row\)"):
        make_dataset(FRAME[["age", "churn"]].assign(age=1.0), "churn")


@pytest.mark.parametrize(
    ("weights", "error", "said"),
    [
        ([1, -1, 1, 1], BadValues, r"holds -1 in row 2"),
        ([1, None, 1, 1], BadValues, r"holds nan in row 2"),
        ([0, 0, 0, 0], BadValues, r"0 in every row"),
        (["a", "b", "c", "d"], BadColumn, r"text values"),
        ([1, np.inf, 1, 1], BadValues, r"infinite"),
    ],
)
def test_weights_that_weigh_nothing_are_refused(weights: list[Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make_dataset(FRAME.assign(w=weights), "churn", weight="w")


def test_the_users_frame_is_left_as_it_was() -> None:
    frame = FRAME.copy()
    make_dataset(frame, "churn")
    pd.testing.assert_frame_equal(frame, FRAME)


def test_the_name_is_that_of_the_file_unless_given(tmp_path: Path) -> None:
    path = tmp_path / "loans.2024.csv.gz"
    FRAME.to_csv(path, index=False)
    assert make_dataset(path, "churn").name == "loans"
    assert make_dataset(path, "churn", name="mine").name == "mine"
    assert make_dataset(tmp_path / "loans*.csv.gz", "churn").name == "loans"


def test_every_source_column_has_one_role_and_every_feature_a_source() -> None:
    data = make_dataset(FRAME, "churn")
    assert Counter(column.name for column in data.schema.columns) == Counter(FRAME.columns)
    assert data.X.shape == (4, len(data.schema.features))
    assert data.X.flags.c_contiguous


def test_no_arrow_is_needed_to_read_files_and_frames(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    FRAME.to_parquet(tmp_path / "a.parquet")
    files = [str(tmp_path / "a.csv"), str(tmp_path / "a.parquet")]
    script = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from luthier.data import make_dataset, read_rows\n"
        f"prints = {{make_dataset(path, 'churn').fingerprint for path in {files!r}}}\n"
        f"rows = read_rows({files[1]!r})\n"
        "prints.add(make_dataset(rows, 'churn').fingerprint)\n"
        "assert len(prints) == 1, prints\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

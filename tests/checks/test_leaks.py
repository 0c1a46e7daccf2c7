"""A leak of every kind that was planted in a table is found under its own code, and clean tables are left in peace."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import luthier
from luthier.checks.row_order import _in_blocks

TABLES = runpy.run_path(str(Path(__file__).parents[2] / "studies" / "checks" / "tables.py"))


def leaks(frame: pd.DataFrame, **options: Any) -> set[str]:
    return {f.code for f in luthier.check(frame, "y", **options).findings if f.code.startswith("leak.")}


@pytest.mark.parametrize("kind", TABLES["KINDS"], ids=lambda kind: kind.__name__)
def test_a_planted_leak_is_found_under_its_own_code(kind: Any) -> None:
    case = kind(np.random.default_rng(5), "binary")
    found = [f for f in luthier.check(case.frame, "y", **case.options).findings if f.code == case.code]
    assert found
    assert case.column is None or any(case.column in finding.columns for finding in found)


def test_clean_tables_have_no_leak() -> None:
    for frame, options in TABLES["clean"](seed=1, n=4):
        assert not leaks(frame, **options)


def test_copies_of_the_commonest_class_are_not_called_oversampled_and_those_of_a_rare_one_are() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"a": rng.normal(size=500), "b": rng.normal(size=500)})
    frame = frame.assign(y=(frame["a"] + rng.normal(size=500) > 1.2).astype(int))

    def copied(value: int, times: int) -> dict[str, Any]:
        more = pd.concat([frame, *[frame[frame["y"] == value]] * times])
        found = [f for f in luthier.check(more, "y").findings if f.code == "leak.duplicates"]
        return dict(found[0].evidence)

    assert "oversampled_class" not in copied(0, 1)
    assert copied(1, 3)["oversampled_class"] == "1"


def test_sorted_rows_and_rows_in_blocks_are_told_from_columns_that_are_mostly_zero() -> None:
    rng = np.random.default_rng(3)
    mostly_zero = np.where(rng.random(2000) < 0.77, 0.0, rng.normal(size=2000))
    assert not _in_blocks(mostly_zero)
    assert not _in_blocks(rng.normal(size=2000))
    assert not _in_blocks(np.r_[np.zeros(1999), 1.0])
    assert _in_blocks(np.sort(rng.normal(size=2000)))
    assert _in_blocks(np.repeat([0.0, 1.0], 1000))
    assert _in_blocks(np.repeat(rng.permutation(20), 100))

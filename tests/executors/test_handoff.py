"""One object for many processes: what arrives is what was sent, without a copy."""

from __future__ import annotations

import mmap
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from luthier.errors import UnwritableFolder, UsageError
from luthier.executors.handoff import Handoff, receive

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there the handoff is known by name")


def passed_on(content: object) -> Any:
    handoff = Handoff(content)
    try:
        return receive(handoff.descriptor)
    finally:
        handoff.close()


dtypes = st.one_of(
    hnp.floating_dtypes(),
    hnp.integer_dtypes(),
    hnp.boolean_dtypes(),
    hnp.unicode_string_dtypes(),
    hnp.datetime64_dtypes(endianness="="),  # NumPy itself pickles dates of the other endianness as native ones
)


@given(st.lists(hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, min_side=0)), max_size=4))
@settings(max_examples=50)
def test_any_arrays_arrive_as_they_were(arrays: list[np.ndarray[Any, Any]]) -> None:
    for sent, got in zip(arrays, passed_on(arrays), strict=True):
        assert got.dtype == sent.dtype
        np.testing.assert_array_equal(got, sent)


def test_frames_sparse_matrices_and_views_arrive_as_they_were() -> None:
    frame = pd.DataFrame(
        {
            "number": [1.5, np.nan, 3.0],
            "word": ["a", None, "c"],
            "level": pd.Categorical(["x", "y", "x"]),
            "day": pd.to_datetime(pd.Series(["2024-01-01", None, "2024-03-01"])),
        }
    )
    matrix = scipy.sparse.random_array((50, 20), density=0.1, format="csr", rng=np.random.default_rng(0))
    view = np.arange(100.0).reshape(10, 10)[::2, ::3]
    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    got_frame, got_matrix, got_view, got_fortran = passed_on((frame, matrix, view, fortran))
    pd.testing.assert_frame_equal(got_frame, frame)
    assert (got_matrix != matrix).nnz == 0
    np.testing.assert_array_equal(got_view, view)
    np.testing.assert_array_equal(got_fortran, fortran)


def test_arrays_are_views_of_the_mapping_and_cannot_be_written() -> None:
    got = passed_on({"X": np.ones((1000, 10))})["X"]
    owner = got
    while isinstance(owner, np.ndarray):
        owner = owner.base
    assert isinstance(owner, memoryview)
    assert isinstance(owner.obj, mmap.mmap)
    with pytest.raises(ValueError, match="read-only"):
        got[0, 0] = 5.0


def test_an_array_that_occurs_twice_is_written_once() -> None:
    X = np.zeros(1_000_000)
    handoff = Handoff([X, X, {"again": X}])
    try:
        assert handoff.size < 1.01 * X.nbytes
    finally:
        handoff.close()


def test_lambdas_and_local_classes_travel_by_value() -> None:
    class Local:
        factor = 3

    made = passed_on((lambda x: Local.factor * x, Local()))
    assert made[0](4) == 12
    assert made[1].factor == 3


def test_nothing_is_in_the_temporary_folder_even_while_it_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    handoff = Handoff(np.zeros(1000))
    assert list(tmp_path.iterdir()) == []
    assert os.fstat(handoff.descriptor).st_dev == tmp_path.stat().st_dev
    handoff.close()


def test_what_cannot_leave_the_process_is_refused_with_its_reason() -> None:
    with pytest.raises(
        UsageError, match=r"(?s)cannot be handed to worker processes \(TypeError: cannot pickle.*inline"
    ):
        Handoff({"lock": threading.Lock()})


def test_a_full_disk_says_how_much_is_needed_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: open("/dev/full", "wb", buffering=0))  # noqa: PTH123, SIM115
    with pytest.raises(UnwritableFolder, match=r"(?s)no room for the 8 MB.*TMPDIR"):
        Handoff(np.ones(1_000_000))

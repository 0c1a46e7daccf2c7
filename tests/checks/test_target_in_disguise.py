"""A column that is the target under another name is found, and a strong honest one is not called so."""

from __future__ import annotations

import numpy as np
import pandas as pd

import luthier


def table(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    return frame.assign(y=(frame["a"] + frame["b"] + rng.normal(size=n) > 0).astype(int))


def test_the_target_as_words_is_found() -> None:
    frame = table()
    frame = frame.assign(status=np.where(frame["y"] == 1, "closed", "open"))
    (finding,) = luthier.check(frame, "y").findings
    assert (finding.code, finding.severity, finding.columns) == ("leak.target", "error", ("status",))
    assert "--drop status" in finding.fix


def test_an_honest_table_is_left_in_peace() -> None:
    assert "leak.target" in luthier.check(table(), "y").quiet

"""What live traffic is held against: made when a study ends, kept with it, and taken along by its releases."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from luthier.api.resolving import Resolved
from luthier.errors import NoBaseline, UnknownStudy
from luthier.evaluation.evidence import Evidence, Finish
from luthier.monitoring.baseline import Baseline
from luthier.registry import MANIFEST, Manifest
from luthier.store import Store, StoredStudyLog

KEPT = "study.baseline"
"""Kind of the event whose body names the `object` that holds a study's baseline."""
FILE = "baseline.npz"
"""Its name among the files of a release."""
FEWEST = 20
"""Rows below which nothing can be held against them."""


def baseline_of(evidence: Evidence, ending: Finish) -> Baseline | None:
    """The baseline of what a study ships: its rows with their out-of-fold predictions; None where there are too few."""
    p = np.asarray(evidence.shipped, np.float64)
    if ending.recalibrator is not None:
        p = ending.recalibrator.apply(p)
    rows, first = np.unique(evidence.table.splits.rows, return_index=True)
    known = np.isfinite(p[first]).all(axis=1)
    rows, first = rows[known], first[known]
    if len(rows) < FEWEST:
        return None
    return Baseline.of(evidence.dataset.frame.iloc[rows], evidence.y[first], p[first], rng=evidence.rng("baseline"))


def kept_baseline(log: StoredStudyLog) -> bytes | None:
    """The bytes of a study's baseline; None where it has none."""
    named = [event.body["object"] for event in log.events() if event.kind == KEPT]
    return log.kept(named[-1]) if named else None


def extra_files(log: StoredStudyLog) -> Mapping[str, bytes]:
    """What a release of a study takes along beside the model."""
    found = kept_baseline(log)
    return {} if found is None else {FILE: found}


def find_baseline(model: Resolved, *, store: str | os.PathLike[str] | None = None) -> Baseline:
    """The baseline of a model that was found: a release's own, else that of the study its folder names.

    Raises
    ------
    NoBaseline
        There is none.
    """
    beside = model.folder.parent / FILE
    if model.version is not None and beside.is_file():
        return Baseline.from_bytes(beside.read_bytes())
    manifest = Manifest.from_bytes((model.folder / MANIFEST).read_bytes())
    try:
        with Store.open(store, create=False) as opened:
            found = kept_baseline(opened.load(manifest.study))
    except UnknownStudy:
        found = None
    if found is None:
        raise NoBaseline(
            f"nothing is known of the rows that {model.name or model.folder} was made for",
            fix="give them: luthier monitor MODEL --reference training.csv; or tune again with this version",
        )
    return Baseline.from_bytes(found)

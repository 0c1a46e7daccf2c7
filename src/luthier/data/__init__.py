"""A table one can vouch for: files and frames in, a `Dataset` with roles, provenance and fingerprint out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luthier.lazily import lazily

if TYPE_CHECKING:
    from luthier.data.columns import Column, Feature, FeatureKind, Floats, Label, Note, Task
    from luthier.data.dataset import Dataset, called, make_dataset
    from luthier.data.provenance import Provenance, SourceFile
    from luthier.data.readers import read_rows
    from luthier.data.schema import Schema

__all__ = [
    "Column",
    "Dataset",
    "Feature",
    "FeatureKind",
    "Floats",
    "Label",
    "Note",
    "Provenance",
    "Schema",
    "SourceFile",
    "Task",
    "called",
    "make_dataset",
    "read_rows",
]

__getattr__ = lazily(
    __name__,
    {
        "data.columns": ("Column", "Feature", "FeatureKind", "Floats", "Label", "Note", "Task"),
        "data.dataset": ("Dataset", "called", "make_dataset"),
        "data.provenance": ("Provenance", "SourceFile"),
        "data.readers": ("read_rows",),
        "data.schema": ("Schema",),
    },
)

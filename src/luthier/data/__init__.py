"""A table one can vouch for: files and frames in, a `Dataset` with roles, provenance and fingerprint out."""

from __future__ import annotations

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

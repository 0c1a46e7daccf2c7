"""The few facts about a table that a model family needs before it sees a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

if TYPE_CHECKING:  # a worker fits models on arrays and never reads a table
    from luthier.data import Dataset

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the feature matrix and the target.

    Parameters
    ----------
    task
        What is predicted.
    n_rows, n_features
        Shape of the feature matrix.
    n_classes
        Number of classes of the target; 1 for regression.
    categorical
        Columns of the matrix that hold level codes instead of numbers, ascending.
    n_levels
        Number of levels of each of those columns, in the same order.
    has_missing
        Whether any value of the matrix is missing.
    """

    task: Task
    n_rows: int
    n_features: int
    n_classes: int
    categorical: tuple[int, ...] = ()
    n_levels: tuple[int, ...] = ()
    has_missing: bool = False

    def __post_init__(self) -> None:
        if self.task not in ("binary", "multiclass", "regression"):
            raise ValueError(f"unknown task {self.task!r}")
        if self.n_rows < 0 or self.n_features < 0 or self.n_classes < 1:
            raise ValueError(f"counts cannot be negative: {self}")
        if self.task == "binary" and self.n_classes != 2:
            raise ValueError(f"a binary target has 2 classes, not {self.n_classes}")
        if len(self.categorical) != len(self.n_levels):
            raise ValueError("every categorical column needs its number of levels")
        if any(not 0 <= j < self.n_features for j in self.categorical) or list(self.categorical) != sorted(
            set(self.categorical)
        ):
            raise ValueError(f"categorical columns must be distinct, ascending and below {self.n_features}")

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Read the facts off a dataset."""
        features = dataset.schema.features
        categorical = tuple(j for j, feature in enumerate(features) if feature.kind == "categorical")
        return cls(
            task=dataset.schema.task,
            n_rows=len(dataset.X),
            n_features=len(features),
            n_classes=max(1, len(dataset.schema.classes)),
            categorical=categorical,
            n_levels=tuple(len(features[j].levels) for j in categorical),
            has_missing=bool(np.isnan(dataset.X).any()),
        )

    @property
    def numeric(self) -> tuple[int, ...]:
        """The columns that hold numbers."""
        codes = set(self.categorical)
        return tuple(j for j in range(self.n_features) if j not in codes)

    @property
    def n_outputs(self) -> int:
        """Number of columns of a prediction: one per class for several classes, otherwise one."""
        return self.n_classes if self.task == "multiclass" else 1

    @property
    def n_encoded(self) -> int:
        """About how many columns remain after one-hot encoding (before rare levels are pooled)."""
        return len(self.numeric) + sum(min(levels, 100) for levels in self.n_levels)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Back from `to_json`."""
        lists = {key: tuple(document[key]) for key in ("categorical", "n_levels")}
        return cls(**{**document, **lists})

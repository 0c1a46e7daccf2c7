"""A model under its name and version, ready to answer requests, by the compiled path where that is proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from luthier.data.columns import Floats, Label
from luthier.errors import UnfitRows, UsageError
from luthier.serving.golden import GoldenVerdict, compare_paths, golden_rows
from luthier.serving.predictor import Predictor
from luthier.serving.rows import ReadRows

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says of one row.

    Parameters
    ----------
    prediction
        The decision: a label, or a value; None where the model abstains.
    probabilities
        Of every class; None for a regression.
    outside
        Fields that hold what no training row held.
    """

    prediction: Label | None
    probabilities: Mapping[str, float] | None
    outside: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ServedModel:
    """A loaded model, what it is called, and how it is asked.

    Parameters
    ----------
    name, version
        As in every answer and in the prediction log.
    predictor
        The model.
    threshold
        Binary: the positive class is decided where its probability is greater. In (0, 1); the model's own unless
        another one was asked for.
    golden
        What the comparison of the compiled path with the ordinary one found; None where there is no compiled path,
        because the model takes frames.
    """

    name: str
    version: str
    predictor: Predictor
    threshold: float
    golden: GoldenVerdict | None

    @classmethod
    def of(cls, name: str, version: str, predictor: Predictor, *, threshold: float | None = None) -> ServedModel:
        """Prepare a model: its compiled path is compared with the ordinary one on the golden rows.

        Raises
        ------
        UsageError
            A threshold is given for a model that is not binary, or not within (0, 1).
        """
        if threshold is not None and (predictor.schema.task != "binary" or not 0 < threshold < 1):
            raise UsageError(
                f"a threshold of {threshold:g} cannot be used: the model is a {predictor.schema.task} one"
                if predictor.schema.task != "binary"
                else f"a threshold lies between 0 and 1, not at {threshold:g}",
                fix="leave the threshold out",
            )
        golden = None
        if predictor.takes_matrix:
            rows = golden_rows(predictor.schema)
            golden = compare_paths(rows, predictor.ask_frame, lambda some: _ask_compiled(predictor, some))
        return cls(name, version, predictor, predictor.manifest.threshold if threshold is None else threshold, golden)

    @property
    def compiled(self) -> bool:
        """Whether requests take the compiled path."""
        return self.golden is not None and self.golden.agreed

    @property
    def task(self) -> str:
        """Binary, multiclass or regression."""
        return self.predictor.schema.task

    @property
    def classes(self) -> tuple[Label, ...]:
        """Labels in the order of the columns of a prediction's probabilities; empty for regression."""
        return self.predictor.schema.classes

    def read(self, rows: Sequence[Row]) -> ReadRows:
        """Read rows, or find what is wrong with them."""
        return self.predictor.reader.read(rows)

    def ask(self, rows: Sequence[Row], read: ReadRows) -> Floats:
        """Predictions (n, k) for rows that were read without problems.

        Raises
        ------
        UnfitRows
            A user's own estimator refuses them.
        """
        if self.compiled:
            return self.predictor.ask_matrix(read.X)
        fields = self.predictor.reader.fields
        frame = pd.DataFrame({field: [row[field] for row in rows] for field in fields})
        try:
            return self.predictor.ask_frame(frame)
        except (ValueError, TypeError, LookupError) as error:
            raise UnfitRows(
                f"the model's own estimator refuses the rows: {error}",
                fix="send values such as the training table held",
            ) from error

    def say(self, p: Floats, outside: Sequence[tuple[str, ...]], *, abstain: bool = False) -> list[Answer]:
        """Answers from predictions.

        Parameters
        ----------
        p
            (n, k) as `ask` returns them.
        outside
            Of every row, the fields outside of what training showed.
        abstain
            Decide nothing for rows with such fields.
        """
        classes = self.classes
        if self.task == "regression":
            decided: list[Label] = p[:, 0].tolist()
            return [
                Answer(None if abstain and beyond else value, None, beyond)
                for value, beyond in zip(decided, outside, strict=True)
            ]
        if self.task == "binary":
            rows = [[1 - positive, positive] for positive in p[:, 0].tolist()]
            codes = (p[:, 0] > self.threshold).astype(np.int64).tolist()
        else:
            rows, codes = p.tolist(), p.argmax(axis=1).tolist()
        names = [class_name(label) for label in classes]
        return [
            Answer(None if abstain and beyond else classes[code], dict(zip(names, row, strict=True)), beyond)
            for code, row, beyond in zip(codes, rows, outside, strict=True)
        ]


def class_name(label: Label) -> str:
    """A class as the key of its probability.

    >>> class_name("yes"), class_name(1), class_name(True)
    ('yes', '1', 'true')
    """
    return str(label).lower() if isinstance(label, bool) else str(label)


def _ask_compiled(predictor: Predictor, rows: Sequence[Row]) -> Floats:
    read = predictor.reader.read(rows)
    if read.problems:
        first = read.problems[0]
        raise UnfitRows(f"{first.field} takes {first.allowed}, not {first.got!r}", fix="correct the value")
    return predictor.ask_matrix(read.X)

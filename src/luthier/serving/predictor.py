"""A model that answers: it reads rows as the training table was read, and speaks in the user's own labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from luthier.data import Schema
from luthier.errors import DamagedModel, UsageError
from luthier.models import FAMILIES, EstimatorFamily, Family, Fitted, Floats
from luthier.models.column_groups import load_fitted
from luthier.registry import Manifest, ModelPackage, unpack
from luthier.scoring.pool import pooled
from luthier.scoring.recalibration import Mapped, read_recalibrator
from luthier.serving.rows import RowReader

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """A loaded model.

    Parameters
    ----------
    schema
        How rows are read, and what the codes mean.
    fitted
        The models, in the order of the manifest's members.
    inputs
        What each of them takes: the coded matrix or the frame of the feature columns.
    manifest
        What is known of the model: where it came from, how good it is, above which chance a case is called positive.
    reader
        Reads rows given as mappings.
    recalibrator
        What maps the chances of the members to those that are given; None where nothing does.
    """

    schema: Schema
    fitted: tuple[Fitted, ...]
    inputs: tuple[Literal["matrix", "frame"], ...]
    manifest: Manifest
    reader: RowReader
    recalibrator: Mapped | None = None

    @classmethod
    def of(
        cls,
        package: ModelPackage | Mapping[str, bytes],
        *,
        families: Mapping[str, Family] | None = None,
        trusted: Sequence[str] = (),
    ) -> Predictor:
        """Load a packed model; nothing in it is executed.

        Parameters
        ----------
        package
            A checked package, or the bytes of one, which are checked first.
        families
            Families of the caller's by name, before the built-in ones: a study hands over those it tuned.
        trusted
            Full names of a user's own types that a saved estimator may hold ("package.module.Class"). Their code runs.

        Raises
        ------
        DamagedModel
            A file does not fit the manifest, does not fit the family, or needs a type that is not trusted.
        MissingExtra
            The family's library is not installed.
        """
        if not isinstance(package, ModelPackage):
            package = unpack(package)
        manifest = package.manifest
        known = [_family(member.family, families or {}, trusted) for member in manifest.members]
        fitted = tuple(
            load_fitted(family, package.files_of(member))
            for family, member in zip(known, manifest.members, strict=True)
        )
        inputs = tuple(family.input for family in known)
        return cls(manifest.schema, fitted, inputs, manifest, RowReader(manifest.schema), _recalibrator(manifest))

    @property
    def classes_(self) -> tuple[Any, ...]:
        """Labels in the order of the columns of `predict_proba`; binary: (negative, positive); empty for regression."""
        return self.schema.classes

    def predict(self, frame: Any) -> NDArray[Any]:
        """Predict a label of the training table's own type, or a value, for every row.

        Parameters
        ----------
        frame
            pandas, polars or Arrow, with the feature columns of the training table; others are ignored.

        Raises
        ------
        UnfitRows
            Columns are missing or hold what cannot be read as what they were.
        """
        return self._decode(self.ask_frame(frame))

    def predict_proba(self, frame: Any) -> Floats:
        """Predict the probability of every class (n, n_classes), columns as `classes_`.

        Raises
        ------
        UnfitRows
            As `predict`.
        UsageError
            The model is a regression.
        """
        return self._proba(self.ask_frame(frame))

    def answers(self, frame: Any) -> pd.DataFrame:
        """Column `prediction`, and for classes the probability of each, for every row of a frame.

        Raises
        ------
        UnfitRows
            As `predict`.
        """
        import pandas as pd

        columns: dict[str, Any] = {"prediction": self.predict(frame)}
        if self.classes_:
            p = self.predict_proba(frame)
            columns |= {f"p_{label}": p[:, code] for code, label in enumerate(self.classes_)}
        return pd.DataFrame(columns)

    def predict_row(self, row: Mapping[str, Any]) -> Any:
        """Predict for one row given as a mapping of column names to values, without building a frame."""
        return self._decode(self._one(row))[0]

    def predict_proba_row(self, row: Mapping[str, Any]) -> Floats:
        """Predict the probability of every class (n_classes,) for one row given as a mapping."""
        p: Floats = self._proba(self._one(row))[0]
        return p

    @property
    def takes_matrix(self) -> bool:
        """Whether all models take the coded matrix, so that rows need not become a frame."""
        return "frame" not in self.inputs

    def ask_frame(self, frame: Any) -> Floats:
        """Predictions (n, k) as the families give them, for the rows of a frame.

        Raises
        ------
        UnfitRows
            As `predict`.
        """
        read = {"matrix": self.schema.encode, "frame": self.schema.select}
        rows: dict[str, Any] = {form: read[form](frame) for form in sorted(set(self.inputs))}
        if any(len(block) == 0 for block in rows.values()):  # many libraries refuse to predict for nobody
            return np.empty((0, self.manifest.facts.n_outputs))
        return self._together([model.predict(rows[form]) for model, form in zip(self.fitted, self.inputs, strict=True)])

    def ask_matrix(self, X: Floats) -> Floats:
        """Predictions (n, k) for a feature matrix (n, p), n >= 1, where all models take one."""
        return self._together([model.predict(X) for model in self.fitted])

    def _together(self, answers: list[Floats]) -> Floats:
        """The answer of all members from that of each; one alone says it unchanged."""
        p = answers[0]
        if len(answers) > 1:
            weights = [member.weight for member in self.manifest.members]
            p = np.asarray(pooled(answers, weights, self.manifest.pool), np.float64)
        return p if self.recalibrator is None else self.recalibrator.apply(p)

    def _one(self, row: Mapping[str, Any]) -> Floats:
        if self.takes_matrix:
            read = self.reader.read([row])
            if not read.problems:
                return self.ask_matrix(read.X)
        # Of a row that cannot be read the frame's reader says why.
        import pandas as pd

        return self.ask_frame(pd.DataFrame([dict(row)], dtype=object))

    def _decode(self, p: Floats) -> NDArray[Any]:
        if self.schema.task == "regression":
            return p[:, 0]
        codes = (
            p.argmax(axis=1)
            if self.schema.task == "multiclass"
            else (p[:, 0] > self.manifest.threshold).astype(np.int64)
        )
        return self.schema.decode_labels(codes)

    def _proba(self, p: Floats) -> Floats:
        if self.schema.task == "regression":
            raise UsageError("a regression predicts values, not probabilities", fix="use predict")
        return np.hstack([1 - p, p]) if self.schema.task == "binary" else p


def _recalibrator(manifest: Manifest) -> Mapped | None:
    if manifest.recalibrator is None:
        return None
    try:
        return read_recalibrator(manifest.recalibrator)
    except ValueError as error:
        raise DamagedModel(
            f"the recalibrator of the model cannot be read: {error}", fix="pip install --upgrade luthier"
        ) from error


def _family(name: str, families: Mapping[str, Family], trusted: Sequence[str]) -> Family:
    family = families.get(name)
    if family is None and name in FAMILIES:
        family = FAMILIES[name]()
    if family is None and name == EstimatorFamily.name:
        family = EstimatorFamily.reader()
    if family is None:
        raise DamagedModel(
            f"the model is of the family {name!r}, which this Luthier does not know",
            fix="pip install --upgrade luthier",
        )
    return family.with_trusted(trusted) if isinstance(family, EstimatorFamily) else family

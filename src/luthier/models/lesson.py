"""What a model is taught: the rows that count, their weights, and the target as a library wants it.

A training fold may lack a class, hold one class only, or a target that does not vary. These cases are met here, once,
so that every family behaves the same: classes the fold lacks get probability 0, and where there is nothing to learn
the answer is a constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from luthier.models.facts import Facts, Task
from luthier.models.family import Files, Floats
from luthier.models.files import DOCUMENT, damaged, read_document, write_files


@dataclass(frozen=True, slots=True)
class Target:
    """How the coded target was told to a library, and how the library's answers are read back.

    Parameters
    ----------
    task, n_classes
        As in `Facts`.
    present
        The class codes seen in training, ascending; the library knows them as 0, 1, ...  Empty for regression.
    center, scale
        A regression target is told as (y - center) / scale.
    """

    task: Task
    n_classes: int
    present: tuple[int, ...] = ()
    center: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, y: NDArray[Any], facts: Facts, *, standardise: bool = False) -> Self:
        """Look at the training target; `standardise` tells a regression target with mean 0 and deviation 1."""
        if facts.task != "regression":
            return cls(facts.task, facts.n_classes, tuple(int(code) for code in np.unique(y)))
        if not standardise:
            return cls(facts.task, facts.n_classes)
        deviation = float(np.std(y))
        return cls(facts.task, facts.n_classes, (), float(np.mean(y)), deviation if deviation > 0 else 1.0)

    def tell(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return the target as the library is told it: codes without gaps, or the scaled value."""
        if self.task == "regression":
            return (np.asarray(y, dtype=np.float64) - self.center) / self.scale
        return np.searchsorted(np.array(self.present), y)

    def read(self, answers: NDArray[Any]) -> Floats:
        """Turn a library's answers into predictions (n, k).

        `answers` holds the told value (n,), the probability of the second class (n,), or of every present class (n, m).
        """
        answers = np.asarray(answers, dtype=np.float64)
        if self.task == "regression":
            return answers.reshape(-1, 1) * self.scale + self.center
        if self.task == "binary":
            return (answers if answers.ndim == 1 else answers[:, 1]).reshape(-1, 1)
        if len(self.present) == self.n_classes:
            return answers
        p = np.zeros((len(answers), self.n_classes))
        p[:, self.present] = answers
        return p

    def link(self, scores: Floats) -> Floats:
        """Turn scores into predictions (n, k): log odds (n,) or (n, 1), one score a class (n, m), or the told value."""
        if self.task == "regression":
            return self.read(scores)
        if scores.ndim == 1 or scores.shape[1] == 1:
            positive = expit(scores.reshape(-1, 1))
            return self.read(np.hstack([1 - positive, positive]))
        return self.read(softmax(scores, axis=1))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "task": self.task,
            "n_classes": self.n_classes,
            "present": list(self.present),
            "center": self.center,
            "scale": self.scale,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Back from `to_json`."""
        return cls(**{**document, "present": tuple(document["present"])})

    @classmethod
    def from_files(cls, files: Files) -> Self:
        """Read the target that a family wrote into its document, or raise DamagedModel."""
        try:
            target = cls.from_json(read_document(files)["target"])
            codes = set(range(target.n_classes))
            known = target.task == "regression" or (
                len(target.present) > 1
                and set(target.present) <= codes
                and list(target.present) == sorted(set(target.present))
            )
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(DOCUMENT, "does not describe a target") from error
        if not known:
            raise damaged(DOCUMENT, "describes classes that contradict each other")
        return target


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """The training rows as a library is told them.

    Parameters
    ----------
    X, y
        The rows whose weight is not zero; `y` as `target` tells it.
    weights
        With mean 1, or None where all rows count the same.
    target
        Reads the library's answers back.
    constant
        The whole model, where the training rows show a single answer, else None.
    """

    X: Floats
    y: NDArray[Any]
    weights: Floats | None
    target: Target
    constant: Constant | None

    @classmethod
    def of(cls, facts: Facts, X: Floats, y: NDArray[Any], weights: Floats | None, *, standardise: bool = False) -> Self:
        """Prepare the rows of one fit.

        Raises
        ------
        ValueError
            No row is left, shapes differ, or a weight is negative or not finite.
        """
        if len(X) != len(y) or (weights is not None and len(weights) != len(y)):
            raise ValueError("X, y and weights must have the same number of rows")
        if weights is not None:
            weights = np.asarray(weights, dtype=np.float64)
            if not (np.isfinite(weights).all() and (weights >= 0).all()):
                raise ValueError("weights must be finite and not negative")
            counts = weights > 0
            if not counts.all():
                X, y, weights = X[counts], y[counts], weights[counts]
            # Only the relation between rows matters. Libraries disagree about the rest: in some the sum of the weights
            # also sets the strength of the penalty, so all of them are told weights of mean 1.
            weights = None if len(weights) == 0 or (weights == weights[0]).all() else weights / weights.mean()
        if len(y) == 0:
            raise ValueError("a model cannot be fitted on no rows")
        target = Target.of(y, facts, standardise=standardise)
        constant: Constant | None = None
        if facts.task == "regression":
            if y.min() == y.max():
                constant = Constant(np.array([y[0]], dtype=np.float64))
        elif len(target.present) == 1:
            only = target.present[0]
            constant = Constant(np.array([float(only)]) if facts.task == "binary" else np.eye(facts.n_classes)[only])
        return cls(X, target.tell(y), weights, target, constant)

    def prior(self) -> Constant:
        """Return the best answer that looks at no feature: the mean, or the share of every class."""
        w = np.ones(len(self.y)) if self.weights is None else self.weights
        if self.target.task == "regression":
            answers = np.array([w @ self.y / w.sum()])
        else:
            answers = np.bincount(self.y, weights=w, minlength=len(self.target.present))[None, :] / w.sum()
        return Constant(self.target.read(answers)[0])


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """The model of a fold that shows a single answer: it gives that answer."""

    answer: Floats

    def predict(self, X: Any) -> Floats:
        """Predict (n, k)."""
        return np.tile(self.answer, (len(X), 1))

    def predict_path(self, X: Any, values: Sequence[int]) -> Floats:
        """Predict (len(values), n, k)."""
        return np.tile(self.answer, (len(values), len(X), 1))

    def dump(self) -> dict[str, bytes]:
        """Write the answer."""
        return write_files({"constant": self.answer.tolist()})


def load_constant(files: Files) -> Constant | None:
    """Read a `Constant` from the files of any family, or None when they hold a real model."""
    answer = read_document(files).get("constant")
    return None if answer is None else Constant(np.array(answer, dtype=np.float64))

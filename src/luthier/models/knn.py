"""k nearest neighbours: rows like this one, and what became of them.

The search is scikit-learn's; the vote is ours, because scikit-learn's takes no row weights: a neighbour counts its row
weight times 1 (`uniform`) or 1 / distance (`distance`). Without weights the answers are those of
`KNeighborsClassifier` and `KNeighborsRegressor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from luthier.models.encoding import SCALINGS, Encoder
from luthier.models.facts import Facts
from luthier.models.family import Config, Files, Fitted, Floats, prefixes
from luthier.models.files import ARRAYS, Arrays, damaged, read_document, write_files
from luthier.models.lesson import Lesson, Target, load_constant
from luthier.models.threads import at_most
from luthier.space import Categorical, Int, Parameter, SearchSpace

METRICS = ("euclidean", "manhattan")
VOTES = ("uniform", "distance")
_BLOCK = 4096
"""Rows answered at once, so that memory stays small whatever the table's size."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Votes of the nearest training rows, on standardised numbers and one-hot categories; row weights."""

    name: ClassVar[str] = "knn"
    input: ClassVar[Literal["matrix", "frame"]] = "matrix"
    path: ClassVar[str | None] = "n_neighbors"

    def unsuited(self, facts: Facts) -> str | None:
        """Tables so large that every prediction would compare too many numbers."""
        if facts.n_rows > 100_000 or facts.n_rows * facts.n_encoded > 1e7:
            return f"comparing every row with {facts.n_rows} others over {facts.n_encoded} columns would take too long"
        return None

    def default(self, facts: Facts) -> Config:
        """Return scikit-learn's defaults."""
        return {
            "n_neighbors": min(5, _most(facts)),
            "weights": "uniform",
            "metric": "euclidean",
            "scaling": "standard",
        }

    def space(self, facts: Facts) -> SearchSpace:
        """Return how many neighbours, how they vote, and what near means."""
        return SearchSpace(
            (
                Parameter("n_neighbors", Int(1, _most(facts), log=True)),
                Parameter("weights", Categorical(VOTES)),
                Parameter("metric", Categorical(METRICS)),
                Parameter("scaling", Categorical(SCALINGS)),
            )
        )

    def path_values(self, config: Config, facts: Facts) -> tuple[int, ...]:
        """Return numbers of neighbours over the whole range: the search for the most finds the fewer on the way."""
        return tuple(sorted({*prefixes(_most(facts), 1), int(config["n_neighbors"])}))

    def work(self, config: Config, facts: Facts) -> float:
        """Estimate CPU seconds, mostly of predicting a validation fold a quarter as large as the training rows."""
        n, p = facts.n_rows, facts.n_encoded
        per_pair = 5.5e-10 * p if config["metric"] == "manhattan" else 4e-11 * p + 6e-10
        return float(
            0.004 + 2e-8 * n * p + n / 4 * min(n, 3000 + 0.5 * n) * per_pair + 2e-8 * n * config["n_neighbors"]
        )

    def fit(
        self,
        config: Config,
        facts: Facts,
        X: Any,
        y: NDArray[Any],
        *,
        weights: Floats | None = None,
        seed: int = 0,  # noqa: ARG002  # nothing here is random
        threads: int = 1,
    ) -> Fitted:
        """Encode the rows and keep them."""
        lesson = Lesson.of(facts, X, y, weights)
        if lesson.constant is not None:
            return lesson.constant
        with at_most(threads):
            encoder = Encoder.fit(lesson.X, facts, config["scaling"])
            E = encoder.encode(lesson.X)
            answers = lesson.y.astype(np.float64)
            vote = _Vote(int(config["n_neighbors"]), str(config["weights"]), str(config["metric"]))
            return FittedNeighbours(
                encoder, E, answers, lesson.weights, vote, lesson.target, _index(E, vote.metric, threads)
            )

    def load(self, files: Files) -> Fitted:
        """Read the training rows and index them again."""
        constant = load_constant(files)
        if constant is not None:
            return constant
        target, arrays, document = Target.from_files(files), Arrays(files), read_document(files)
        encoder = Encoder.from_arrays(arrays)
        E = arrays.take("rows", "f", 2)
        answers = arrays.take("answers", "f", 1, len(E))
        weights = arrays.take("weights", "f", 1, len(E)) if document.get("weighted") else None
        k, by, metric = document.get("n_neighbors"), document.get("weights"), document.get("metric")
        if (
            not isinstance(k, int)
            or k < 1
            or by not in VOTES
            or metric not in METRICS
            or E.shape[1] != encoder.n_columns
        ):
            raise damaged(ARRAYS, "holds neighbours that do not fit their description")
        if target.task != "regression" and not np.isin(answers, np.arange(len(target.present))).all():
            raise damaged(ARRAYS, "holds answers that are no class of the target")
        return FittedNeighbours(encoder, E, answers, weights, _Vote(k, by, metric), target, _index(E, metric, 1))


def _index(rows: Floats, metric: str, threads: int) -> Any:
    return NearestNeighbors(metric=metric, n_jobs=threads).fit(rows)


def _most(facts: Facts) -> int:
    """Largest number of neighbours worth asking: at most a fifth of the rows."""
    return max(2, min(200, facts.n_rows // 5))


@dataclass(frozen=True, slots=True)
class _Vote:
    n_neighbors: int
    weights: str
    metric: str


@dataclass(frozen=True, slots=True, eq=False)
class FittedNeighbours:
    """The encoded training rows, their answers as told, and an index to search them."""

    encoder: Encoder
    rows: Floats
    answers: Floats
    weights: Floats | None
    vote: _Vote
    target: Target
    index: Any

    def predict(self, X: Any) -> Floats:
        """Predict (n, k)."""
        p: Floats = self.predict_path(X, [self.vote.n_neighbors])[0]
        return p

    def predict_path(self, X: Any, values: Sequence[int]) -> Floats:
        """Predict (len(values), n, k) by the `value` nearest each (all rows where there are fewer)."""
        out = np.empty((len(values), len(X), self.target.n_classes if self.target.task == "multiclass" else 1))
        E = self.encoder.encode(X)
        for start in range(0, len(E), _BLOCK):
            block = slice(start, start + _BLOCK)
            distance, near = self.index.kneighbors(E[block], n_neighbors=min(max(values), len(self.rows)))
            votes = self._votes(distance, near)
            for i, value in enumerate(values):
                out[i, block] = self._count(votes[:, :value], near[:, :value])
        return out

    def _votes(self, distance: Floats, near: NDArray[np.int64]) -> Floats:
        """Weight of each neighbour (n, k). Where a neighbour is identical, only identical ones count."""
        votes = np.ones_like(distance) if self.weights is None else self.weights[near]
        if self.vote.weights == "uniform":
            return votes
        same = distance == 0
        inverse: Floats = np.where(same.any(axis=1, keepdims=True), same, 1 / np.where(same, 1.0, distance))
        weighted: Floats = votes * inverse
        return weighted

    def _count(self, votes: Floats, near: NDArray[np.int64]) -> Floats:
        answers = self.answers[near]
        total = votes.sum(axis=1)
        if self.target.task == "regression":
            return self.target.read((votes * answers).sum(axis=1) / total)
        shares = [(votes * (answers == code)).sum(axis=1) / total for code in range(len(self.target.present))]
        return self.target.read(np.column_stack(shares))

    def dump(self) -> dict[str, bytes]:
        """Write the encoded training rows: such a model contains its training data."""
        arrays = {**self.encoder.arrays(), "rows": self.rows, "answers": self.answers}
        if self.weights is not None:
            arrays["weights"] = self.weights
        document = {
            "target": self.target.to_json(),
            "n_neighbors": self.vote.n_neighbors,
            "weights": self.vote.weights,
            "metric": self.vote.metric,
            "weighted": self.weights is not None,
        }
        return write_files(document, arrays)

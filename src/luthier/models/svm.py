"""Support vector machines with the RBF kernel, for tables of a few thousand rows.

Fitted by scikit-learn's `SVC` and `SVR`; kept as support vectors and coefficients, so that nothing but arrays is saved.
Probabilities: `SVC(probability=True)` is deprecated, so the decision values of three inner folds are mapped by one
sigmoid a class (see `platt`), which costs about 1.3 further fits. A regression target is standardised.
Source: Chang & Lin (2011), "LIBSVM", ACM TIST 2(3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.svm import SVC, SVR

from luthier.models.encoding import SCALINGS, Encoder
from luthier.models.facts import Facts
from luthier.models.family import Config, Files, Fitted, Floats
from luthier.models.files import ARRAYS, Arrays, damaged, write_files
from luthier.models.lesson import Lesson, Target, load_constant
from luthier.models.platt import fit_sigmoid
from luthier.models.threads import at_most
from luthier.space import Categorical, Float, Parameter, SearchSpace

MOST_ROWS = 5000
INNER_FOLDS = 3
_BLOCK = 1024
_CACHE_MB = 500


@dataclass(frozen=True, slots=True)
class SupportVectors:
    """RBF support vector machine on standardised numbers and one-hot categories; row weights scale each row's C."""

    name: ClassVar[str] = "svm"
    input: ClassVar[Literal["matrix", "frame"]] = "matrix"
    path: ClassVar[str | None] = None

    def unsuited(self, facts: Facts) -> str | None:
        """Tables on which one fit takes minutes: its cost grows with the square of the rows and more."""
        if facts.n_rows > MOST_ROWS:
            return f"its cost grows with the square of the rows, and {facts.n_rows} are more than {MOST_ROWS}"
        return None

    def default(self, facts: Facts) -> Config:
        """Return scikit-learn's defaults."""
        epsilon = {"epsilon": 0.1} if facts.task == "regression" else {}
        return {"C": 1.0, "gamma_factor": 1.0, "scaling": "standard", **epsilon}

    def space(self, facts: Facts) -> SearchSpace:
        """Return cost, kernel width and, for regression, the width of the tube in deviations of the target.

        `gamma_factor` multiplies scikit-learn's gamma="scale", 1 / (columns * variance).
        """
        tube = [Parameter("epsilon", Float(1e-3, 1.0, log=True))] if facts.task == "regression" else []
        return SearchSpace(
            (
                Parameter("C", Float(1e-2, 1e3, log=True)),
                Parameter("gamma_factor", Float(1e-3, 20.0, log=True)),
                Parameter("scaling", Categorical(SCALINGS)),
                *tube,
            )
        )

    def work(self, config: Config, facts: Facts) -> float:
        """Estimate CPU seconds: pairs of rows times columns, more where rows are costly to get wrong."""
        pairs = facts.n_rows**2 * (1 + np.log10(max(1.0, config["C"])))
        folds = 1.3 if facts.task == "regression" else 2.3
        return float(0.006 + folds * pairs * (2e-10 * facts.n_encoded + 1.2e-8))

    def fit(
        self,
        config: Config,
        facts: Facts,
        X: Any,
        y: NDArray[Any],
        *,
        weights: Floats | None = None,
        seed: int = 0,
        threads: int = 1,
    ) -> Fitted:
        """Encode and fit; for classes also the sigmoids."""
        lesson = Lesson.of(facts, X, y, weights, standardise=True)
        if lesson.constant is not None:
            return lesson.constant
        with at_most(threads):
            encoder = Encoder.fit(lesson.X, facts, config["scaling"])
            E = encoder.encode(lesson.X)
            variance = float(E.var())
            gamma = float(config["gamma_factor"]) / (E.shape[1] * variance if variance > 0 else 1.0)
            train = _Training(float(config["C"]), gamma)
            if facts.task == "regression":
                sigmoids = np.zeros((0, 2))
                machine = train.regressor(E, lesson.y, lesson.weights, float(config["epsilon"]))
            else:
                sigmoids = _sigmoids(train, E, lesson.y, lesson.weights, seed)
                machine = train.classifier(E, lesson.y, lesson.weights)
        return FittedMachine(encoder, machine, sigmoids, lesson.target)

    def load(self, files: Files) -> Fitted:
        """Read support vectors, coefficients and sigmoids."""
        constant = load_constant(files)
        if constant is not None:
            return constant
        target, arrays = Target.from_files(files), Arrays(files)
        encoder = Encoder.from_arrays(arrays)
        vectors = arrays.take("vectors", "f", 2)
        per_class = arrays.take("per_class", "i", 1)
        m = 1 if target.task == "regression" else len(target.present)
        machine = Machine(
            vectors,
            arrays.take("dual", "f", 2, max(1, m - 1)),
            arrays.take("intercept", "f", 1, max(1, m * (m - 1) // 2)),
            per_class,
            float(arrays.take("gamma", "f", 1, 1)[0]),
        )
        sigmoids = arrays.take("sigmoids", "f", 2, 0 if m == 1 else 1 if m == 2 else m)
        sound = (
            vectors.shape[1] == encoder.n_columns and machine.dual.shape[1] == len(vectors) and sigmoids.shape[1] == 2
        )
        classes_fit = m == 1 or (len(per_class) == m and (per_class >= 0).all() and per_class.sum() == len(vectors))
        if not (sound and classes_fit):
            raise damaged(ARRAYS, "holds a support vector machine whose parts contradict each other")
        return FittedMachine(encoder, machine, sigmoids, target)


def _sigmoids(train: _Training, E: Floats, y: NDArray[Any], w: Floats | None, seed: int) -> Floats:
    """Slope and offset of each class (one row for two classes), from decisions on rows left out.

    A class that an inner fold's training rows lack gets the lowest decision there.
    """
    rng = np.random.default_rng(seed)
    n_classes = int(y.max()) + 1
    fold = np.empty(len(y), dtype=np.int64)
    for code in range(n_classes):  # every class is spread over the folds as evenly as it goes
        rows = rng.permutation(np.flatnonzero(y == code))
        fold[rows] = (np.arange(len(rows)) + rng.integers(INNER_FOLDS)) % INNER_FOLDS
    decisions = np.full((len(y), n_classes), -1.0)
    for left_out in range(INNER_FOLDS):
        known, valid = fold != left_out, fold == left_out
        seen = np.unique(y[known])
        if len(seen) == 1:
            decisions[np.ix_(valid, seen)] = 1.0
        elif len(seen) > 1 and valid.any():
            machine = train.classifier(E[known], np.searchsorted(seen, y[known]), None if w is None else w[known])
            decisions[np.ix_(valid, seen)] = machine.one_against_rest(E[valid])
    codes = (1,) if n_classes == 2 else range(n_classes)
    return np.array([fit_sigmoid(decisions[:, code], y == code, w) for code in codes])


@dataclass(frozen=True, slots=True)
class _Training:
    """How machines are trained: cost and kernel width."""

    C: float
    gamma: float

    def classifier(self, E: Floats, y: NDArray[Any], w: Floats | None) -> Machine:
        model = SVC(C=self.C, gamma=self.gamma, cache_size=_CACHE_MB).fit(E, y, sample_weight=w)
        return Machine.of(model, self.gamma)

    def regressor(self, E: Floats, y: NDArray[Any], w: Floats | None, epsilon: float) -> Machine:
        model = SVR(C=self.C, gamma=self.gamma, epsilon=epsilon, cache_size=_CACHE_MB).fit(E, y, sample_weight=w)
        return Machine.of(model, self.gamma)


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """A trained machine as arrays, in LIBSVM's layout.

    Parameters
    ----------
    vectors
        (s, p) support vectors, those of class 0 first.
    dual
        (max(1, m - 1), s): for two classes and regression the coefficients; for m classes, of a vector of class i the
        coefficients against the other classes in their order.
    intercept
        One for every pair of classes (0, 1), (0, 2) ... (m - 2, m - 1).
    per_class
        (m,) number of support vectors of each class.
    gamma
        The kernel is exp(-gamma * squared distance).
    """

    vectors: Floats
    dual: Floats
    intercept: Floats
    per_class: NDArray[np.int64]
    gamma: float

    @classmethod
    def of(cls, model: Any, gamma: float) -> Machine:
        """Take the arrays out of a fitted `SVC` or `SVR`."""
        return cls(model.support_vectors_, model.dual_coef_, model.intercept_, model.n_support_.astype(np.int64), gamma)

    def decide(self, E: Floats) -> Floats:
        """Return the decision values (n, pairs of classes); for two classes and regression (n, 1)."""
        W = self.dual.T if len(self.dual) == 1 else self._pairwise()
        out = np.empty((len(E), W.shape[1]))
        vectors_squared = (self.vectors**2).sum(axis=1)
        for start in range(0, len(E), _BLOCK):
            rows = E[start : start + _BLOCK]
            squared = (rows**2).sum(axis=1)[:, None] + vectors_squared - 2 * rows @ self.vectors.T
            out[start : start + _BLOCK] = np.exp(-self.gamma * np.maximum(squared, 0)) @ W
        return out + self.intercept

    def one_against_rest(self, E: Floats) -> Floats:
        """Return a decision value for every class (n, m): its won duels, and by how much as a fraction.

        As scikit-learn's decision_function_shape="ovr"; for two classes (-d, d).
        """
        D = self.decide(E)
        if len(self.dual) == 1:
            return np.hstack([-D, D])
        m = len(self.per_class)
        won, margin = np.zeros((len(E), m)), np.zeros((len(E), m))
        for pair, (i, j) in enumerate(zip(*np.triu_indices(m, 1), strict=True)):
            for_first = D[:, pair] > 0
            won[:, i] += for_first
            won[:, j] += ~for_first
            margin[:, i] += D[:, pair]
            margin[:, j] -= D[:, pair]
        decisions: Floats = won + margin / (3 * (np.abs(margin) + 1))
        return decisions

    def _pairwise(self) -> Floats:
        """Coefficients (s, pairs): in the duel of i and j the vectors of both classes count."""
        ends = np.cumsum(self.per_class)
        of = [slice(end - n, end) for end, n in zip(ends, self.per_class, strict=True)]
        i_of, j_of = np.triu_indices(len(of), 1)
        W = np.zeros((len(self.vectors), len(i_of)))
        for pair, (i, j) in enumerate(zip(i_of, j_of, strict=True)):
            W[of[i], pair] = self.dual[j - 1, of[i]]
            W[of[j], pair] = self.dual[i, of[j]]
        return W


@dataclass(frozen=True, slots=True, eq=False)
class FittedMachine:
    """Encoder, machine and sigmoids: rows of (slope, offset), one for two classes, else one a class."""

    encoder: Encoder
    machine: Machine
    sigmoids: Floats
    target: Target

    def predict(self, X: Any) -> Floats:
        """Predict (n, k)."""
        E = self.encoder.encode(X)
        if self.target.task == "regression":
            return self.target.read(self.machine.decide(E))
        scores = self.machine.one_against_rest(E)
        if len(self.sigmoids) == 1:
            slope, offset = self.sigmoids[0]
            positive = expit(slope * scores[:, 1:] + offset)
            return self.target.read(np.hstack([1 - positive, positive]))
        p = expit(scores * self.sigmoids[:, 0] + self.sigmoids[:, 1])
        return self.target.read(p / p.sum(axis=1, keepdims=True))

    def dump(self) -> dict[str, bytes]:
        """Write the machine's arrays; the support vectors are encoded training rows."""
        arrays = {
            **self.encoder.arrays(),
            "vectors": self.machine.vectors,
            "dual": self.machine.dual,
            "intercept": self.machine.intercept,
            "per_class": self.machine.per_class,
            "gamma": np.array([self.machine.gamma]),
            "sigmoids": self.sigmoids,
        }
        return write_files({"target": self.target.to_json()}, arrays)

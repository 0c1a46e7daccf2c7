"""How much rare classes count in training, as a parameter that can be tuned like any other.

A family is wrapped, so that its space says whether classes weigh as they are, by the square root of their inverse
frequency, all the same, or all the same by leaving rows of the others out. Every one of these bends the chances that
are learned, and they are bent back, so that they mean what they say whatever was chosen:

    P(c | x) ∝ Q(c | x) / f_c

with Q what was learned and f_c by how much more than its share class c counted (Elkan 2001, "The foundations of
cost-sensitive learning", IJCAI; Saerens, Latinne & Decaestecker 2002, Neural Computation 14).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from luthier.errors import DamagedModel
from luthier.models.facts import Facts
from luthier.models.family import Config, Family, Files, Fitted, FittedPath, Floats, PathFamily
from luthier.space import Categorical, Parameter, SearchSpace

BALANCE = "balance"
"""The parameter."""
AS_THEY_ARE, ROOT, EQUAL, FEWER = "none", "root", "equal", "fewer_rows"
FACTORS = "balance.json"
"""The file of a dumped model that says by how much its classes counted; without it, as they are."""


def balancing(family: Family, counts: Sequence[int]) -> Family:
    """Let a family choose how much rare classes count.

    Parameters
    ----------
    family
        Any, of classes.
    counts
        Rows of every class of the table.
    """
    kept = tuple(int(count) for count in counts)
    wrapped = _BalancingPath(family, kept) if isinstance(family, PathFamily) else _Balancing(family, kept)
    return cast("Family", wrapped)


def balanced(config: Config) -> dict[str, Any] | None:
    """A joint configuration with all classes weighing the same; None where its family has no such choice."""
    switch = f"{config['model']}.{BALANCE}"
    return {**config, switch: EQUAL} if switch in config else None


def unbent(family: Family, files: Files) -> Fitted:
    """Read a model of a family, its classes as they were or balanced.

    Raises
    ------
    DamagedModel
        The files are not what the family writes.
    """
    if FACTORS not in files:
        return family.load(files)
    try:
        factors = np.asarray(json.loads(files[FACTORS])["factors"], dtype=np.float64)
    except (ValueError, LookupError, TypeError) as error:
        raise DamagedModel(f"{FACTORS} holds no factors: {error}", fix="copy the whole model folder again") from error
    if factors.ndim != 1 or not (np.isfinite(factors) & (factors > 0)).all():
        raise DamagedModel(f"{FACTORS} holds no factors", fix="copy the whole model folder again")
    return _unbending(family.load({name: data for name, data in files.items() if name != FACTORS}), factors)


@dataclass(frozen=True, slots=True, eq=False)
class _Balancing:
    inner: Family
    counts: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def input(self) -> Literal["matrix", "frame"]:
        return self.inner.input

    @property
    def path(self) -> str | None:
        return self.inner.path

    def unsuited(self, facts: Facts) -> str | None:
        return self.inner.unsuited(facts)

    def default(self, facts: Facts) -> Config:
        return {**self.inner.default(facts), BALANCE: AS_THEY_ARE}

    def space(self, facts: Facts) -> SearchSpace:
        choice = Parameter(BALANCE, Categorical((AS_THEY_ARE, ROOT, EQUAL, FEWER)))
        return SearchSpace((*self.inner.space(facts).parameters, choice))

    def work(self, config: Config, facts: Facts) -> float:
        if config[BALANCE] == FEWER:
            facts = replace(facts, n_rows=max(1, round(facts.n_rows * self._kept_share)))
        return self.inner.work(_own(config), facts)

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
        kind, own = config[BALANCE], _own(config)
        if kind == AS_THEY_ARE:
            return self.inner.fit(own, facts, X, y, weights=weights, seed=seed, threads=threads)
        mass = np.bincount(y, weights, minlength=len(self.counts))
        there = mass > 0
        factors = np.ones(len(mass))
        if kind == FEWER:
            rows = _fewer_rows(y, there, seed)
            X, y = (X.iloc[rows] if hasattr(X, "iloc") else X[rows]), y[rows]
            weights = None if weights is None else weights[rows]
            facts = replace(facts, n_rows=len(rows))
            factors[there] = np.bincount(y, weights, minlength=len(mass))[there] / mass[there]
        else:
            factors[there] = (mass[there].mean() / mass[there]) ** (0.5 if kind == ROOT else 1.0)
            weights = factors[y] if weights is None else factors[y] * weights
        fitted = self.inner.fit(own, facts, X, y, weights=weights, seed=seed, threads=threads)
        return _unbending(fitted, factors)

    def load(self, files: Files) -> Fitted:
        return unbent(self.inner, files)

    @property
    def _kept_share(self) -> float:
        there = [count for count in self.counts if count]
        return min(there) * len(there) / sum(there)


@dataclass(frozen=True, slots=True, eq=False)
class _BalancingPath(_Balancing):
    def path_values(self, config: Config, facts: Facts) -> tuple[int, ...]:
        assert isinstance(self.inner, PathFamily)
        return self.inner.path_values(_own(config), facts)


def _own(config: Config) -> Config:
    return {key: value for key, value in config.items() if key != BALANCE}


def _fewer_rows(y: NDArray[Any], there: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """As many rows of every class as the rarest has, drawn at random."""
    rng = np.random.default_rng([seed, len(y)])
    least = int(np.bincount(y, minlength=len(there))[there].min())
    drawn = [rng.permutation(np.flatnonzero(y == k))[:least] for k in np.flatnonzero(there)]
    return np.sort(np.concatenate(drawn))


@dataclass(frozen=True, slots=True, eq=False)
class _Unbending:
    """A fitted model whose chances are those of classes as they were."""

    inner: Fitted
    factors: Floats

    def predict(self, X: Any) -> Floats:
        return self._unbent(self.inner.predict(X))

    def dump(self) -> dict[str, bytes]:
        return {**self.inner.dump(), FACTORS: json.dumps({"factors": self.factors.tolist()}).encode()}

    def _unbent(self, q: Floats) -> Floats:
        if q.shape[-1] == 1:
            yes, no = q / self.factors[1], (1 - q) / self.factors[0]
            return np.asarray(yes / (yes + no))
        p = q / self.factors
        return np.asarray(p / p.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class _UnbendingPath(_Unbending):
    def predict_path(self, X: Any, values: Sequence[int]) -> Floats:
        assert isinstance(self.inner, FittedPath)
        return self._unbent(self.inner.predict_path(X, values))


def _unbending(fitted: Fitted, factors: Floats) -> Fitted:
    return _UnbendingPath(fitted, factors) if isinstance(fitted, FittedPath) else _Unbending(fitted, factors)

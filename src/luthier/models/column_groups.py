"""Which groups of columns a model is shown, as a parameter that can be tuned like any other.

A family is wrapped, so that its space says of every group whether it is used. What is left out, the model never sees:
not in training, and not in its answers, whatever the rows hold there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from luthier.errors import DamagedModel
from luthier.models.balance import unbent
from luthier.models.facts import Facts
from luthier.models.family import Config, Family, Files, Fitted, FittedPath, Floats, PathFamily
from luthier.space import Categorical, Parameter, SearchSpace

COLUMNS = "columns.json"
"""The file of a dumped model that says which columns of the matrix it was shown; without it, all."""

_USES = "uses_"


def choosing(family: Family, groups: Mapping[str, Sequence[int]]) -> Family:
    """Let a family choose among groups of columns; one that takes the frame is returned as it is.

    Parameters
    ----------
    family
        Any.
    groups
        Name -> columns of the matrix; columns in no group are always shown. "uses_<name>" becomes a parameter.
    """
    if family.input != "matrix" or not groups:
        return family
    kept = {name: tuple(columns) for name, columns in groups.items()}
    wrapped = _ChoosingPath(family, kept) if isinstance(family, PathFamily) else _Choosing(family, kept)
    return cast("Family", wrapped)


def all_but_one(config: Config, groups: Sequence[str]) -> list[dict[str, Any]]:
    """A joint configuration that uses every group, with each of them left out in turn."""
    name = config["model"]
    switches = [f"{name}.{_USES}{group}" for group in groups]
    return [{**config, switch: False} for switch in switches if switch in config]


def load_fitted(family: Family, files: Files) -> Fitted:
    """Read a model of a family, shown all columns or some.

    Raises
    ------
    DamagedModel
        The files are not what the family writes.
    """
    if COLUMNS not in files:
        return unbent(family, files)
    try:
        columns = np.asarray(json.loads(files[COLUMNS])["columns"], dtype=np.int64)
    except (ValueError, LookupError, TypeError) as error:
        raise DamagedModel(
            f"{COLUMNS} does not list columns: {error}", fix="copy the whole model folder again"
        ) from error
    if columns.ndim != 1 or (columns < 0).any():
        raise DamagedModel(f"{COLUMNS} does not list columns", fix="copy the whole model folder again")
    return _shown(unbent(family, {name: data for name, data in files.items() if name != COLUMNS}), columns)


@dataclass(frozen=True, slots=True, eq=False)
class _Choosing:
    inner: Family
    groups: Mapping[str, tuple[int, ...]]

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
        return {**self.inner.default(facts), **{_USES + name: True for name in self.groups}}

    def space(self, facts: Facts) -> SearchSpace:
        switches = tuple(Parameter(_USES + name, Categorical((True, False))) for name in self.groups)
        return SearchSpace((*self.inner.space(facts).parameters, *switches))

    def work(self, config: Config, facts: Facts) -> float:
        own, columns = self._split(config, facts)
        return self.inner.work(own, _facts_of(facts, columns))

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
        own, columns = self._split(config, facts)
        if len(columns) == facts.n_features:
            return self.inner.fit(own, facts, X, y, weights=weights, seed=seed, threads=threads)
        shown, rows = _facts_of(facts, columns), X[:, columns]
        return _shown(self.inner.fit(own, shown, rows, y, weights=weights, seed=seed, threads=threads), columns)

    def load(self, files: Files) -> Fitted:
        return load_fitted(self.inner, files)

    def _split(self, config: Config, facts: Facts) -> tuple[Config, NDArray[np.int64]]:
        """The family's own parameters, and the columns that are shown: never none."""
        own = {key: value for key, value in config.items() if key.removeprefix(_USES) not in self.groups}
        hidden = {j for name, columns in self.groups.items() if not config[_USES + name] for j in columns}
        columns = [j for j in range(facts.n_features) if j not in hidden]
        return own, np.array(columns or range(facts.n_features), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _ChoosingPath(_Choosing):
    def path_values(self, config: Config, facts: Facts) -> tuple[int, ...]:
        own, columns = self._split(config, facts)
        assert isinstance(self.inner, PathFamily)
        return self.inner.path_values(own, _facts_of(facts, columns))


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A fitted model that is shown some columns of the matrix."""

    inner: Fitted
    columns: NDArray[np.int64]

    def predict(self, X: Any) -> Floats:
        return self.inner.predict(X[:, self.columns])

    def dump(self) -> dict[str, bytes]:
        return {**self.inner.dump(), COLUMNS: json.dumps({"columns": self.columns.tolist()}).encode()}


@dataclass(frozen=True, slots=True, eq=False)
class _ShownPath(_Shown):
    def predict_path(self, X: Any, values: Sequence[int]) -> Floats:
        assert isinstance(self.inner, FittedPath)
        return self.inner.predict_path(X[:, self.columns], values)


def _shown(fitted: Fitted, columns: NDArray[np.int64]) -> Fitted:
    return _ShownPath(fitted, columns) if isinstance(fitted, FittedPath) else _Shown(fitted, columns)


def _facts_of(facts: Facts, columns: NDArray[np.int64]) -> Facts:
    """The facts of a table with these columns only."""
    levels = dict(zip(facts.categorical, facts.n_levels, strict=True))
    coded = [(new, levels[old]) for new, old in enumerate(columns.tolist()) if old in levels]
    return replace(
        facts,
        n_features=len(columns),
        categorical=tuple(new for new, _ in coded),
        n_levels=tuple(n for _, n in coded),
    )

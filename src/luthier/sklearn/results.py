"""`cv_results_`, as GridSearchCV writes it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.ma import MaskedArray
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.model_selection import ParameterGrid

from luthier.sklearn.fold_work import MeasuredFold
from luthier.sklearn.scorers import SINGLE
from luthier.sklearn.search import Found
from luthier.space import Config, SearchSpace
from luthier.space.choices import plain
from luthier.tuning import Trial

Floats = NDArray[np.float64]
Results = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The configurations of a search as rows of `cv_results_`.

    Attributes
    ----------
    trials
        In the order of the rows.
    params
        What each sets, as `set_params` takes it.
    names
        Names of the scores; ("score",) for a single one.
    multimetric
        Whether there are several scores.
    """

    found: Found
    trials: tuple[Trial, ...]
    params: tuple[dict[str, Any], ...]
    names: tuple[str, ...]
    multimetric: bool
    n_splits: int

    def measured(self, row: int) -> list[MeasuredFold | None]:
        """The folds of a row, None where a fit failed or never began."""
        number = self.trials[row].number
        return [self.found.folds.get((number, fold)) for fold in range(self.n_splits)]

    def complete(self, row: int) -> bool:
        """Whether every fold of a row gave a score."""
        return self.trials[row].state == "complete"


def candidates(
    found: Found, space: SearchSpace, source: Any, strategy: str, names: Sequence[str] | None, n_splits: int
) -> Candidates:
    """Put the configurations in order: scikit-learn's own where a grid was searched, else that of evaluation.

    Parameters
    ----------
    found
        The search.
    space, source
        The space, and what the user wrote it as.
    strategy
        Its name.
    names
        Names of the scores; None where only a scorer's answers tell.
    n_splits
        Folds.
    """
    trials = list(found.trials)
    if strategy == "grid" and space.n_configs < np.inf:
        places = {key: place for place, key in enumerate(_grid_order(space, source))}
        trials.sort(key=lambda trial: places.get(space.key(trial.config), len(places)))
    if names is None:
        known = [tuple(fold.test) for fold in found.folds.values()]
        names = next((those for those in known if those != (SINGLE,)), (SINGLE,))
    params = tuple(dict(sorted(space.params(trial.config).items())) for trial in trials)
    return Candidates(found, tuple(trials), params, tuple(names), tuple(names) != (SINGLE,), n_splits)


def tabulate(rows: Candidates, *, error_score: Any, train_scores: bool) -> Results:
    """`cv_results_`: the columns of GridSearchCV, under their names and in their order."""
    results: Results = {}
    _add(results, "fit_time", _times(rows, "fit_s"))
    _add(results, "score_time", _times(rows, "score_s"))
    results.update(_param_columns(rows.params))
    results["params"] = list(rows.params)
    otherwise = np.nan if error_score == "raise" else float(error_score)
    for name in rows.names:
        scores = _scores(rows, "test", name, otherwise)
        _add(results, f"test_{name}", scores, splits=True)
        results[f"rank_test_{name}"] = _rank(results[f"mean_test_{name}"])
        if train_scores:
            _add(results, f"train_{name}", _scores(rows, "train", name, otherwise), splits=True)
    return results


def _add(results: Results, name: str, values: Floats, *, splits: bool = False) -> None:
    """Add (candidates, splits) values with their mean and standard deviation."""
    if splits:
        for split in range(values.shape[1]):
            results[f"split{split}_{name}"] = values[:, split]
        mean, spread = values.mean(axis=1), values.std(axis=1)
        if not np.isfinite(mean).all():
            kind = name.partition("_")[0]
            warnings.warn(f"One or more of the {kind} scores are non-finite: {mean}", UserWarning, stacklevel=5)
    else:  # of the fits there were: those given up took no time
        known = np.isfinite(values)
        n = np.maximum(known.sum(axis=1), 1)
        mean = np.where(known, values, 0.0).sum(axis=1) / n
        spread = np.sqrt((np.where(known, values - mean[:, None], 0.0) ** 2).sum(axis=1) / n)
    results[f"mean_{name}"], results[f"std_{name}"] = mean, spread


def _times(rows: Candidates, part: str) -> Floats:
    seconds = np.full((len(rows.trials), rows.n_splits), np.nan)
    for i, trial in enumerate(rows.trials):
        for split, fold in enumerate(rows.measured(i)):
            failed = rows.found.failed.get((trial.number, split))
            if fold is not None:
                seconds[i, split] = getattr(fold, part)
            elif failed is not None:
                seconds[i, split] = failed.seconds if part == "fit_s" else 0.0
    return seconds


def _scores(rows: Candidates, part: str, name: str, otherwise: float) -> Floats:
    scores = np.full((len(rows.trials), rows.n_splits), otherwise)
    for i in range(len(rows.trials)):
        for split, fold in enumerate(rows.measured(i)):
            if fold is not None:
                scores[i, split] = getattr(fold, part).get(name, otherwise)
    return scores


def _rank(means: Floats) -> NDArray[np.int32]:
    """1 for the best; what has no score ties for the last place."""
    if np.isnan(means).all():
        return np.ones(len(means), dtype=np.int32)
    filled = np.where(np.isnan(means), np.nanmin(means) - 1, means)
    ranks: NDArray[np.int32] = rankdata(-filled, method="min").astype(np.int32)
    return ranks


def _param_columns(params: Sequence[Mapping[str, Any]]) -> dict[str, MaskedArray[Any, Any]]:
    """A masked column for every parameter; masked where a configuration does not set it."""
    columns: dict[str, MaskedArray[Any, Any]] = {}
    for name in dict.fromkeys(name for one in params for name in one):
        given = {row: one[name] for row, one in enumerate(params) if name in one}
        column = MaskedArray(np.empty(len(params), dtype=_dtype(list(given.values()))), mask=True)
        for row, value in given.items():
            column[row] = value
        columns[f"param_{name}"] = column
    return columns


def _dtype(values: list[Any]) -> np.dtype[Any]:
    """NumPy's own choice for numbers and truth values; object for everything else (strings, lists, estimators)."""
    plain_kinds = all(isinstance(value, (bool, int, float)) for value in values)
    return np.array(values).dtype if plain_kinds else np.dtype(object)


# --- the grid's order -------------------------------------------------------------------------------------------------


def _grid_order(space: SearchSpace, source: Any) -> list[str]:
    """Keys of all configurations, in the order of scikit-learn's ParameterGrid where the space was written for it."""
    configs, _ = space.grid(int(space.n_configs))
    own = [space.key(config) for config in configs]
    try:
        theirs = [_identity(params) for params in ParameterGrid(source)]
    except (TypeError, ValueError):  # the space was written in another form
        return own
    ours: dict[Any, list[str]] = {}
    for key, config in zip(own, configs, strict=True):
        ours.setdefault(_identity(space.params(config)), []).append(key)
    if set(theirs) != ours.keys():
        return own
    # Two of their grids may share a setting, which are two configurations here; a value listed twice is one.
    return [ours[identity].pop(0) for identity in theirs if ours[identity]]


def _identity(params: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two settings share exactly when they hold the same values, objects being the same by identity."""
    return tuple(sorted((name, _hashable(plain(value))) for name, value in params.items()))


def _hashable(value: Any) -> tuple[str, str]:
    scalar = value is None or isinstance(value, (bool, int, float, str))
    return type(value).__name__, repr(value) if scalar else str(id(value))


def row_of(rows: Candidates, space: SearchSpace, config: Config | None) -> int | None:
    """The row of a configuration, if it is there."""
    if config is None:
        return None
    key = space.key(config)
    return next((row for row, trial in enumerate(rows.trials) if space.key(trial.config) == key), None)

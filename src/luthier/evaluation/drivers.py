"""What a model's answers rest on: permutation importance and partial dependence, on rows no model of them has seen.

The importance of a column is by how much the score of the fold models gets worse when the column's values are dealt out
anew among the rows they are asked about (Breiman 2001, "Random forests", Machine Learning 45; Fisher, Rudin & Dominici
2019, "All models are wrong, but many are useful", JMLR 20). Columns that say the same share it between them: each looks
dispensable beside the others. Partial dependence is the mean answer with a column set to one value for all rows
(Friedman 2001, Annals of Statistics 29).

Intervals of the importance come from rows drawn again; those of the dependence from how much the fold models differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from luthier.canonical import finite
from luthier.data.columns import Feature
from luthier.evaluation.evidence import Evidence
from luthier.scoring.draws import draw
from luthier.scoring.spoken import spoken

Floats = NDArray[np.float64]
Ask = Callable[[int, Mapping[str, Any]], Floats]
"""(fold, its rows in each form a family asks for) -> (n, k) answers of the fold's model."""

REPEATS, REPLAYS, LEVEL = 3, 200, 0.95
SHOWN, POINTS, MOST_ASKED = 4, 8, 200
"""Columns whose dependence is worked out, at so many values, asked of so many rows of each fold."""


@dataclass(frozen=True, slots=True)
class Dependence:
    """The mean answer with a column set to `value` everywhere, and an interval from how fold models differ."""

    value: str
    mean: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"value": self.value, "mean": finite(self.mean), "low": finite(self.low), "high": finite(self.high)}


@dataclass(frozen=True, slots=True)
class Driver:
    """How much a model's score rests on one column.

    Attributes
    ----------
    column
        Its name in the table.
    drop, low, high
        By how much the score gets worse without it, in the metric's unit, positive is worse; interval at level 0.95.
    dependence
        How the mean answer moves with it; empty where it was not worked out.
    """

    column: str
    drop: float
    low: float
    high: float
    dependence: tuple[Dependence, ...] = ()

    @property
    def matters(self) -> bool:
        """Whether the score is told to rest on it."""
        return self.low > 0

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "column": self.column,
            "drop": finite(self.drop),
            "low": finite(self.low),
            "high": finite(self.high),
            "matters": self.matters,
            "dependence": [one.to_dict() for one in self.dependence],
        }


@dataclass(frozen=True, slots=True)
class Drivers:
    """What the model's answers rest on.

    Attributes
    ----------
    metric, score
        What is measured, and the score of the fold models with all columns.
    answer
        What an answer is, in words.
    n_rows, n_folds
        Rows asked about, and models asked.
    columns
        Every column, the one that matters most first.
    """

    metric: str
    score: float
    answer: str
    n_rows: int
    n_folds: int
    columns: tuple[Driver, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "answered": True,
            "metric": self.metric,
            "score": finite(self.score),
            "answer": self.answer,
            "rows": self.n_rows,
            "folds": self.n_folds,
            "level": LEVEL,
            "columns": [one.to_dict() for one in self.columns],
        }

    @property
    def sentence(self) -> str:
        """What to keep of it."""
        sure = [one.column for one in self.columns if one.matters]
        if not sure:
            return "No single column is told to matter: each can be spared, as far as these rows tell."
        named = sure[0] if len(sure) == 1 else f"{', '.join(sure[:4])}"
        more = "" if len(sure) <= 4 else f" and {len(sure) - 4} more"
        return f"The answers rest on {named}{more}, the strongest first."

    def lines(self) -> list[str]:
        """The verdict, and the numbers behind it."""
        said = [
            self.sentence,
            f"{spoken(self.metric)} {self.score:.4g} by {self.n_folds} models on {self.n_rows:,} rows; without",
        ]
        for one in self.columns:
            if one.matters:
                said.append(f"  {one.column}: worse by {one.drop:.2g} [{one.low:.2g}, {one.high:.2g}]")
                said += [
                    f"    {point.value}: {self.answer} {point.mean:.3g} [{point.low:.3g}, {point.high:.3g}]"
                    for point in one.dependence
                ]
        left = sum(not one.matters for one in self.columns)
        return [*said, f"{left} other columns are not told to matter by themselves"] if left else said


def drivers(evidence: Evidence, inputs: Mapping[str, Any], ask: Ask) -> Drivers:
    """Work out what the answers rest on.

    Parameters
    ----------
    evidence
        Of the study.
    inputs
        All rows of the table in each form a family asks for: "matrix" (n, p) and, where one does, "frame".
    ask
        Asks the model of a fold, which has not seen the fold's rows.
    """
    table, metric, rng = evidence.table, evidence.metric, evidence.rng("drivers")
    rows = [valid for _, valid in table.splits.folds]
    own = [_taken(inputs, valid) for valid in rows]
    y, sign = evidence.y, 1.0 if metric.greater_is_better else -1.0
    draws = draw(table.splits, REPLAYS, rng)
    weights = [draws.weights, *(draws.row_weights(replay) for replay in range(REPLAYS))]

    def scores(p: Floats) -> Floats:
        return np.array([sign * metric.score(y, p, w) for w in weights])

    whole = scores(np.concatenate([ask(fold, one) for fold, one in enumerate(own)]))
    features = _by_source(evidence.dataset.schema.features)
    found: list[Driver] = []
    for column, parts in features.items():
        without = np.zeros(len(weights))
        for _ in range(REPEATS):
            dealt = [ask(fold, _dealt(one, column, parts, rng)) for fold, one in enumerate(own)]
            without += scores(np.concatenate(dealt)) / REPEATS
        drops = whole - without
        low, high = np.quantile(drops[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="weibull")
        found.append(Driver(column, float(drops[0]), float(low), float(high)))
    found.sort(key=lambda one: -one.drop)
    answer = {"binary": f"chance of {''.join(evidence.classes[-1:])}", "regression": "mean answer"}.get(
        evidence.task, ""
    )
    if answer and set(inputs) == {"matrix"} and len(rows) > 1:
        for place, one in enumerate(found[:SHOWN]):
            if one.matters and len(features[one.column]) == 1:
                found[place] = replace(one, dependence=_dependence(own, *features[one.column][0], ask, rng))
    return Drivers(metric.name, sign * float(whole[0]), answer, len(y), len(rows), tuple(found))


def _by_source(features: Sequence[Feature]) -> dict[str, list[tuple[int, Feature]]]:
    """The features of the matrix that are read from each column."""
    found: dict[str, list[tuple[int, Feature]]] = {}
    for j, feature in enumerate(features):
        found.setdefault(feature.source, []).append((j, feature))
    return found


def _taken(inputs: Mapping[str, Any], index: NDArray[Any]) -> dict[str, Any]:
    return {form: rows.iloc[index] if form == "frame" else rows[index] for form, rows in inputs.items()}


def _dealt(
    rows: Mapping[str, Any], column: str, parts: Sequence[tuple[int, Feature]], rng: np.random.Generator
) -> dict[str, Any]:
    """The rows with one column, and all that is read from it, dealt out anew."""
    changed = dict(rows)
    order = rng.permutation(len(next(iter(rows.values()))))
    if "matrix" in rows:
        which = [j for j, _ in parts]
        changed["matrix"] = rows["matrix"].copy()
        changed["matrix"][:, which] = rows["matrix"][order][:, which]
    if "frame" in rows and column in rows["frame"]:
        changed["frame"] = rows["frame"].assign(**{column: rows["frame"][column].to_numpy()[order]})
    return changed


def _dependence(
    own: Sequence[Mapping[str, Any]], j: int, feature: Feature, ask: Ask, rng: np.random.Generator
) -> tuple[Dependence, ...]:
    """How the mean answer moves with a column that is read as one number or word."""
    known = np.concatenate([rows["matrix"][:, j] for rows in own])
    known = known[np.isfinite(known)]
    if not len(known):
        return ()
    if feature.levels:
        codes, counts = np.unique(known, return_counts=True)
        values = np.sort(codes[np.argsort(-counts, kind="stable")][:POINTS])
        names = [feature.levels[int(code)] for code in values]
    else:
        values = np.unique(np.quantile(known, (np.arange(POINTS) + 0.5) / POINTS, method="nearest"))
        yes_or_no = feature.kind == "boolean"
        names = [("yes" if value else "no") if yes_or_no else f"{value:.4g}" for value in values]
    asked = [rows["matrix"][rng.permutation(len(rows["matrix"]))[:MOST_ASKED]] for rows in own]
    found = []
    for value, name in zip(values, names, strict=True):
        means = []
        for fold, X in enumerate(asked):
            there = X.copy()
            there[:, j] = value
            means.append(float(ask(fold, {"matrix": there}).mean()))
        mean, sd = float(np.mean(means)), float(np.std(means, ddof=1))
        half = float(student.ppf((1 + LEVEL) / 2, len(means) - 1)) * sd / math.sqrt(len(means))
        found.append(Dependence(name, mean, mean - half, mean + half))
    return tuple(found)

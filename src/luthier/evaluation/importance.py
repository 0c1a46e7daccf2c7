"""Which settings decided how well the configurations of a study did, with the doubt that so few trials leave.

The functional analysis of variance of Hutter, Hoos & Leyton-Brown (2014), "An efficient approach for assessing
hyperparameter importance", ICML 31: a forest learns the loss from the settings; a setting's share is the variance,
over the values it can take, of the loss averaged over all other settings, in units of the whole variance. What a
setting does only together with others is in no share, so shares need not add up to 1. Only the family that is shipped
is asked about, and losses are cut off at their upper quartile: how bad a bad configuration is matters to nobody.

Trials are few and where the search liked to be, so every share has an interval (forests on trials drawn again) and is
held against the shares of shuffled copies of all settings in the same forests (Kursa & Rudnicki 2010, "Feature
selection with the Boruta package", Journal of Statistical Software 36).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.canonical import finite
from luthier.evaluation.evidence import Evidence, Unanswered
from luthier.models.catalogue import MODEL
from luthier.space import SearchSpace

Floats = NDArray[np.float64]

FEWEST_TRIALS = 25
"""Of one family: with fewer a forest says more about chance than about the settings."""
DRAWS = 24
TREES = 16
POINTS, VALUES = 128, 8
"""Points of the space that a share is averaged over, and values of a setting."""
LEVEL = 0.9
INACTIVE = -0.5
"""Coordinate of a setting that does not count: outside of [0, 1], where a tree can tell it apart."""
LEAST_LEARNED = 0.1
"""Share of the variance of the losses that a forest must foretell on trials it has not seen."""


@dataclass(frozen=True, slots=True)
class SettingShare:
    """How much one setting decided.

    Attributes
    ----------
    name
        Of the setting, without its family.
    share
        Of the variance of the loss, in [0, 1].
    low, high
        Interval at level 0.9.
    chance
        What the luckiest of as many settings that decide nothing stays below in nine of ten draws.
    """

    name: str
    share: float
    low: float
    high: float
    chance: float

    @property
    def matters(self) -> bool:
        """Whether there is evidence that it decides anything: more than chance, by the lower end of the interval."""
        return self.low > self.chance

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        numbers = {key: finite(getattr(self, key)) for key in ("share", "low", "high", "chance")}
        return {"name": self.name, **numbers, "matters": self.matters}


@dataclass(frozen=True, slots=True)
class Importance:
    """Which settings of the shipped family decided how well it did.

    Attributes
    ----------
    family
        The family; empty for an estimator of the user's own.
    n_trials
        Trials of it that the answer rests on.
    learned
        Share of the variance of the losses that can be foretold from the settings.
    settings
        Every setting with more than one value, the largest share first.
    """

    family: str
    n_trials: int
    learned: float
    settings: tuple[SettingShare, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "answered": True,
            "family": self.family,
            "trials": self.n_trials,
            "learned": finite(self.learned),
            "level": LEVEL,
            "settings": [one.to_dict() for one in self.settings],
        }

    def lines(self) -> list[str]:
        """The verdict, and the numbers behind it."""
        return [
            self.sentence,
            *(
                f"{one.name}: {one.share:.0%} of the differences [{one.low:.0%}, {one.high:.0%}]"
                + ("" if one.matters else ", not told from chance")
                for one in self.settings
            ),
        ]

    @property
    def sentence(self) -> str:
        """What to keep of it."""
        sure = [one.name for one in self.settings if one.matters]
        family = f" of {self.family}" if self.family else ""
        if not sure:
            return (
                f"The {self.n_trials} trials{family} are not enough evidence that any single setting decided the score."
            )
        named = sure[0] if len(sure) == 1 else f"{', '.join(sure[:-1])} and {sure[-1]}"
        return f"What decided the score{family}, by {self.n_trials} trials: {named}."


def importance(evidence: Evidence) -> Importance | Unanswered:
    """Read off the trials of the shipped family which of its settings decided how well they did."""
    trials = evidence.history.trials
    kind = trials[evidence.verdict.shipped].config.get(MODEL)
    seen = [
        one
        for one, trial in zip(evidence.history.observations(), trials, strict=True)
        if np.isfinite(one.loss) and one.config.get(MODEL) == kind and trial.twin is None
    ]
    if len(seen) < FEWEST_TRIALS:
        return Unanswered(f"{len(seen)} trials of the shipped family are too few: it takes {FEWEST_TRIALS}")
    losses = np.array([one.loss for one in seen], dtype=np.float64)
    if np.ptp(losses) == 0:
        return Unanswered("all trials of the shipped family did equally well")
    space = evidence.plan.space
    learned, names, shares = shares_of(
        space, space.to_units([one.config for one in seen]), losses, evidence.rng("importance"), {MODEL: kind}
    )
    if learned < LEAST_LEARNED:
        return Unanswered(
            f"the settings do not foretell how the {len(seen)} trials of the shipped family did: not enough evidence"
        )
    prefix = f"{kind}."
    found = [SettingShare(name.removeprefix(prefix), *map(float, row)) for name, row in zip(names, shares, strict=True)]
    return Importance(str(kind or ""), len(seen), learned, tuple(sorted(found, key=lambda one: -one.share)))


def importance_s(*, trials: int, settings: int) -> float:
    """Seconds that `importance` takes, from above."""
    return 0.8 + DRAWS * (0.02 + 2e-5 * trials + 4e-3 * min(settings, 12))


def shares_of(
    space: SearchSpace, units: Floats, losses: Floats, rng: np.random.Generator, fixed: dict[str, Any]
) -> tuple[float, list[str], Floats]:
    """Main effects of the settings on the loss.

    Parameters
    ----------
    space
        What could be set.
    units
        (n, d) coordinates of the trials, NaN where a setting did not count.
    losses
        (n,) lower is better.
    rng
        Draws trials and points.
    fixed
        Settings that all trials share, such as the family.

    Returns
    -------
    learned, names, shares
        Share of the variance that is foretold out of bag; names of the m settings that count in any trial and have more
        than one value; (m, 4) share, low, high and the share of chance.
    """
    cut = np.minimum(losses, np.quantile(losses, 0.75))
    columns, background, varied = _points(space, units, rng, fixed)
    X, d = _coordinates(units, columns), len(columns)

    def effects(rows: NDArray[np.intp]) -> Floats:
        shuffled = rng.permuted(X[rows], axis=0)
        return _effects(_forest(TREES, rng).fit(np.hstack([X[rows], shuffled]), cut[rows]), background, varied)

    whole = effects(np.arange(len(cut)))[:d]
    drawn = np.array([effects(rng.integers(len(cut), size=len(cut))) for _ in range(DRAWS)])
    low, high = np.quantile(drawn[:, :d], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0, method="weibull")
    chance = np.full(d, np.quantile(drawn[:, d:].max(axis=1), LEVEL)) if d else np.empty(0)
    shares = np.column_stack([whole, np.minimum(low, whole), np.maximum(high, whole), chance])
    return _learned(X, cut, rng), [space.dimensions[column].name for column in columns], shares


def _points(
    space: SearchSpace, units: Floats, rng: np.random.Generator, fixed: dict[str, Any]
) -> tuple[list[int], Floats, list[Floats]]:
    """Points drawn evenly from the part of the space in which the fixed settings hold, and each with one thing varied.

    Returns
    -------
    columns, background, varied
        The d settings that count in any trial; (POINTS, 2 d) points and, behind them, shuffled copies of the settings;
        for each of the 2 d columns the points where it counts, VALUES times, with its value varied.
    """
    names = [parameter.name for parameter in space.dimensions]
    points = rng.random((POINTS, len(names)))
    for name, value in fixed.items():
        if name in names and value is not None:
            points[:, names.index(name)] = space[name].distribution.to_unit(value)
    snapped = space.snap(points)
    counts = np.isfinite(units).any(axis=0) & (np.isfinite(snapped).sum(axis=0) > 1)
    columns = [j for j, name in enumerate(names) if counts[j] and name not in fixed]
    own = _coordinates(snapped, columns)
    shadows = rng.permuted(own, axis=0)
    values = (np.arange(VALUES) + 0.5) / VALUES
    varied = []
    for j in columns:
        active = np.isfinite(snapped[:, j])
        again = np.repeat(points[active], VALUES, axis=0)
        again[:, j] = np.tile(values, int(active.sum()))
        varied.append(np.hstack([_coordinates(space.snap(again), columns), np.repeat(shadows[active], VALUES, axis=0)]))
    background = np.hstack([own, shadows])
    for j in range(len(columns), 2 * len(columns)):
        again = np.repeat(background, VALUES, axis=0)
        again[:, j] = np.tile(np.quantile(background[:, j], values), POINTS)
        varied.append(again)
    return columns, background, varied


def _coordinates(units: Floats, columns: list[int]) -> Floats:
    return np.where(np.isfinite(units), units, INACTIVE)[:, columns]


def _forest(trees: int, rng: np.random.Generator) -> Any:
    from sklearn.ensemble import ExtraTreesRegressor

    # Splits at random keep a strong setting from hiding a weaker one.
    seed = int(rng.integers(2**31))
    return ExtraTreesRegressor(trees, min_samples_leaf=2, max_features=0.5, bootstrap=True, random_state=seed)


def _learned(X: Floats, y: Floats, rng: np.random.Generator) -> float:
    """Share of the variance that a forest foretells on trials it has not seen, by five folds."""
    folds = rng.permutation(len(y)) % 5
    foretold = np.empty(len(y))
    for fold in range(5):
        out = folds == fold
        foretold[out] = _forest(2 * TREES, rng).fit(X[~out], y[~out]).predict(X[out])
    return float(1 - np.mean((y - foretold) ** 2) / y.var())


def _effects(forest: Any, background: Floats, varied: list[Floats]) -> Floats:
    """Main effect of every column: its share of the variance of what a forest says of the background."""
    said = [forest.predict(rows).reshape(-1, VALUES) for rows in varied]
    # Where a setting always counts its points are the background again, with that setting spread evenly.
    whole = float(np.concatenate([forest.predict(background), *(p.ravel() for p in said if len(p) == POINTS)]).var())
    if whole == 0:
        return np.zeros(len(varied))
    return np.array([min(len(p) / POINTS * p.mean(axis=0).var() / whole, 1.0) for p in said])

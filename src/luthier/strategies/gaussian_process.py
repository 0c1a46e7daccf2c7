"""Bayesian optimisation by a Gaussian process."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np

from luthier.space import Config, SearchSpace
from luthier.space.config import Floats
from luthier.strategies.gp.effort import Effort
from luthier.strategies.gp.encoding import Encoding
from luthier.strategies.gp.improvement import log_expected_improvement
from luthier.strategies.gp.readings import Readings
from luthier.strategies.gp.regression import Beliefs, Regression
from luthier.strategies.gp.warping import Warping
from luthier.strategies.observation import Observation
from luthier.strategies.proposed import Proposed, untried
from luthier.strategies.sobol import SobolSearch
from luthier.strategies.strategy import Evidence, Suggestion
from luthier.strategies.tried import Tried, distance_to

_STARTS = 5
_MOST = 800
"""Readings the regression uses: its cost grows with their cube."""
_MOST_LEARNED_FROM = 128
_RANDOM = 400
_NEAR = 4
_AROUND_EACH = 50
_REACHES = (0.3, 0.1, 0.03)
_ROUNDS = (0.1, 0.05, 0.02, 0.01)
_KEPT = 5
_FROM_EACH = 20
_LISTED = 2000
_THRIFTY = 40
"""Results until which improvement is weighed against what it costs, less and less."""
_OUT_OF_REACH = 1e3
"""More than any two logarithms of expected improvements differ by."""


@dataclass(slots=True)
class _Learned:
    """The beliefs learned last, and from what: a cache, not a memory."""

    X: Floats = field(default_factory=lambda: np.empty((0, 0)))
    losses: Floats = field(default_factory=lambda: np.empty(0))
    beliefs: Beliefs | None = None


@dataclass(frozen=True, slots=True)
class GaussianProcess:
    """The configuration from which a Gaussian process expects the largest improvement.

    The loss is modelled over the whole space (Matern 5/2, a length scale for each parameter, unordered choices by
    whether they are equal, inactive parameters constant), after a power transform that makes it as normal as it will
    get; readings from some of the folds count with their larger noise, readings from a part of the training at that
    part. Where trials are still running their predicted loss is believed, which leaves the spread around them small, so
    that several workers spread out. Improvement is expected over the best predicted, not the best seen, loss: luck is
    not merit. From the sixth result on; the first five come from a Sobol sequence.

    Length scales, amplitude and noise are the most probable ones given the first m results, m rising by one up to 20
    and by a tenth beyond: a function of the history, so that a resumed study goes on as it would have.

    Told what configurations cost (`minding`), it looks for the largest improvement per second at first and for the
    largest improvement from the 40th result on, linearly in between (a cooled cost, after Lee et al.); and it keeps
    below the cost of what was skipped because the time left was too short for it.

    It exploits when it predicts a loss at least as low as the best predicted so far, and explores when the improvement
    it expects comes from not knowing.

    Source: Rasmussen & Williams (2006), "Gaussian Processes for Machine Learning"; Jones, Schonlau & Welch (1998),
    "Efficient Global Optimization of Expensive Black-Box Functions"; Ament et al. (2023), "Unexpected Improvements to
    Expected Improvement"; Ginsbourger, Le Riche & Carraro (2010), "Kriging Is Well-Suited to Parallelize Optimization";
    Lee, Perrone, Archambeau & Seeger (2020), "Cost-aware Bayesian Optimization".
    """

    n_configs: float
    encoding: Encoding
    start: SobolSearch
    effort: Effort | None = None
    _proposed: Proposed = field(default_factory=Proposed, repr=False, compare=False)
    _tried: Tried = field(default_factory=Tried, repr=False, compare=False)
    _learned: _Learned = field(default_factory=_Learned, repr=False, compare=False)

    name: ClassVar[str] = "gp"

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:
        """Set the search up; its randomness comes with every question."""
        start = SobolSearch.for_study(space, seed=seed, n_trials=n_trials)
        return cls(space.n_configs, Encoding.of(space), start)

    def minding(self, space: SearchSpace, work: Callable[[Config], float], *, seed: int) -> Self:
        """Return a search that weighs what trying a configuration costs.

        Parameters
        ----------
        work
            Seconds that trying a configuration roughly takes, above 0: as guessed beforehand, so that the same seed
            gives the same suggestions.
        """
        return replace(self, effort=Effort.learned(space, self.encoding, work, seed))

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        """Return the configuration of the largest expected improvement, or None when all were proposed."""
        left = untried(space, self.n_configs, history, self._proposed)
        if left is not None and not left:
            return None
        known = sum(o.state in ("partial", "complete") and math.isfinite(o.loss) for o in history)
        if known < _STARTS or not space.dimensions:
            return self.start.ask(space, history, rng)

        U = self._tried.units(space, history)
        model = self._model(U, history)
        points = self._candidates(space, model, rng) if left is None else _some_of(space, left, rng)
        X = self.encoding(points)
        mean, sd = model.predict(X)
        gains = model.gains(X)
        seen = self._proposed.keys(space, history)
        for k in np.argsort(-gains, kind="stable").tolist():
            config = space.from_unit(points[k])
            if space.key(config) not in seen:
                return self._suggest(config, points[k], U, model, float(mean[k]), float(sd[k]))
        config = space.sample(rng)
        evidence = Evidence(distance=distance_to(space.to_unit(config), U), source=self.name)
        return Suggestion(config, "explore", "drawn at random: all near the best are known", evidence)

    def _model(self, U: Floats, history: Sequence[Observation]) -> _Model:
        readings = Readings.of(history)
        partial = bool((readings.share < 1).any())
        group = np.append(self.encoding.group, len(self.encoding.centres)) if partial else self.encoding.group

        def encoded(readings: Readings) -> Floats:
            X = self.encoding(U[readings.row])
            return np.column_stack([X, readings.share]) if partial else X

        first = readings.part(np.arange(_level(len(readings)))).fewer(_MOST_LEARNED_FROM)
        X = encoded(first)
        kept = self._learned
        if kept.beliefs is None or not (np.array_equal(kept.X, X) and np.array_equal(kept.losses, first.loss)):
            warping = Warping.of(first.loss)
            extra = (first.sd * warping.slope(first.loss)) ** 2
            kept.beliefs = Beliefs.learned(X, group, warping(first.loss), extra)
            kept.X, kept.losses = X, first.loss
        beliefs = kept.beliefs

        readings = readings.fewer(_MOST)
        X, warping = encoded(readings), Warping.of(readings.loss)
        y, extra = warping(readings.loss), (readings.sd * warping.slope(readings.loss)) ** 2
        regression = Regression.of(beliefs, X, group, y, extra)
        tried = self.encoding(U[np.unique(readings.row)])
        model = _Model(regression, warping, partial, tried, price=self._price(U, history, len(readings)))
        running = [k for k, o in enumerate(history) if o.state == "running"]
        if running:
            there = model.whole(self.encoding(U[running]))
            y = np.append(y, regression.predict(there)[0])
            extra = np.append(extra, np.zeros(len(running)))
            regression = Regression.of(beliefs, np.vstack([X, there]), group, y, extra)
        return _Model(regression, warping, partial, tried, U[np.unique(readings.row)], model.price)

    def _price(self, U: Floats, history: Sequence[Observation], known: int) -> _Price | None:
        if self.effort is None:
            return None
        skipped = [k for k, o in enumerate(history) if o.state == "skipped"]
        limit = float(self.effort(self.encoding(U[skipped])).min()) if skipped else math.inf
        return _Price(self.effort, max(0.0, 1 - known / _THRIFTY), limit)

    def _candidates(self, space: SearchSpace, model: _Model, rng: np.random.Generator) -> Floats:
        """Return (m, d) coordinates, NaN where inactive: from anywhere, near the best, and in shrinking steps."""
        d = len(space.dimensions)
        points = [rng.random((_RANDOM, d))]
        for best in model.nearest_to_best(_NEAR):
            reach = rng.choice(_REACHES, size=(_AROUND_EACH, 1))
            points.append(self._around(np.repeat(best[None], _AROUND_EACH, axis=0), reach, 1.0, rng))
        found = space.snap(np.concatenate(points))
        gains = model.gains(self.encoding(found))
        for step in _ROUNDS:
            top = np.argsort(-gains, kind="stable")[:_KEPT]
            steps = self._around(np.repeat(found[top], _FROM_EACH, axis=0), np.array([[step]]), 0.2, rng)
            steps = space.snap(steps)
            found = np.concatenate([found[top], steps])
            gains = np.concatenate([gains[top], model.gains(self.encoding(steps))])
        return found

    def _around(self, points: Floats, reach: Floats, jump: float, rng: np.random.Generator) -> Floats:
        """Return (m, d) points each moved in some of its coordinates; choices are drawn anew with chance `jump`."""
        m, d = points.shape
        here = np.where(np.isnan(points), rng.random((m, d)), points)
        moved = np.clip(here + reach * rng.standard_normal((m, d)), 0.0, 1.0)
        chosen = np.array([centres is not None for centres in self.encoding.centres])
        moved = np.where(chosen, np.where(rng.random((m, d)) < jump, rng.random((m, d)), here), moved)
        moving = rng.random((m, d)) < max(0.3, 1.5 / d)
        moving[np.arange(m), rng.integers(d, size=m)] = True
        return np.where(moving, moved, here)

    def _suggest(
        self, config: Config, point: Floats, tried: Floats, model: _Model, mean: float, sd: float
    ) -> Suggestion:
        low, value, high, best = model.warping.loss(np.array([mean - sd, mean, mean + sd, model.best])).tolist()
        spread = (high - low) / 2
        finite = math.isfinite(value) and math.isfinite(spread)
        evidence = Evidence(
            value if finite else None, abs(spread) if finite else None, distance_to(point, tried), self.name
        )
        exploits = mean <= model.best
        said = f"a loss of {value:.5g} give or take {abs(spread):.2g} is predicted"
        why = f"{said}, no worse than the best predicted so far, {best:.5g}"
        if not exploits:
            why = f"{said}, which may beat the best predicted so far, {best:.5g}"
        return Suggestion(config, "exploit" if exploits else "explore", why, evidence)


@dataclass(frozen=True, slots=True, eq=False)
class _Price:
    """What is taken off the logarithm of an improvement for what it costs."""

    effort: Effort
    weight: float
    limit: float

    def __call__(self, X: Floats) -> Floats:
        effort = self.effort(X)
        return self.weight * effort + np.where(effort < self.limit, 0.0, _OUT_OF_REACH + effort)


@dataclass(slots=True, eq=False)
class _Model:
    regression: Regression
    warping: Warping
    partial: bool
    tried: Floats
    units: Floats = field(default_factory=lambda: np.empty((0, 0)))
    price: _Price | None = None
    best: float = field(init=False)
    _means: Floats = field(init=False)

    def __post_init__(self) -> None:
        self._means = self.predict(self.tried)[0]
        self.best = float(self._means.min())

    def whole(self, X: Floats) -> Floats:
        """Return the points with the full resource, where the model knows of parts."""
        return np.column_stack([X, np.ones(len(X))]) if self.partial else X

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        return self.regression.predict(self.whole(X))

    def gains(self, X: Floats) -> Floats:
        gains = log_expected_improvement(*self.predict(X), self.best)
        return gains if self.price is None else gains - self.price(X)

    def nearest_to_best(self, n: int) -> Floats:
        """Return the coordinates of the tried points with the best predictions."""
        return self.units[np.argsort(self._means, kind="stable")[:n]]


def _level(n: int) -> int:
    """Return how many of n results beliefs are learned from: all up to 20, then steps of a tenth."""
    level = min(n, 20)
    while (more := math.ceil(1.1 * level)) <= n and level >= 20:
        level = more
    return level


def _some_of(space: SearchSpace, left: dict[str, Config], rng: np.random.Generator) -> Floats:
    configs = list(left.values())
    chosen = rng.permutation(len(configs))[:_LISTED]
    return space.to_units([configs[k] for k in chosen])

"""CMA-ES, by the package `cmaes`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from luthier.space import Config, SearchSpace
from luthier.space.config import Floats
from luthier.strategies.comparable import comparable
from luthier.strategies.extras import optional
from luthier.strategies.observation import Observation
from luthier.strategies.proposed import Proposed, untried
from luthier.strategies.strategy import Evidence, Mode, Suggestion
from luthier.strategies.tried import Tried, distance_to

_SPREAD = 0.3
_MOST_STEPS = 64
_TRIES = 20

_Result = tuple[int, Config, float]
"""A trial's row in the history, its configuration and its loss."""


@dataclass(slots=True)
class _Generations:
    """The distribution after the results it was told of: only ever computed from them, never learned."""

    told: list[_Result] = field(default_factory=list)
    optimizer: Any = None


@dataclass(frozen=True, slots=True)
class CmaEs:
    """Draws from a normal distribution that moves, turns and shrinks or grows with every generation of results.

    Scales are normal in the unit cube, at first around its middle with standard deviation 0.3; whole numbers and steps
    (up to 64 of them) keep a least probability to change, and so do choices without an order, each of which has
    probabilities of its own. As many results as make a generation (4 + 3 ln d) are taken in the order of the trials,
    whoever proposed them, and only their ranks count. Failed trials and those stopped early are the worst of theirs.

    Two things are ours. Of a trial only the configuration is known, not where it was drawn before it was rounded or put
    at the end of its range: so it counts as drawn where it is. A parameter that is inactive in it counts as drawn from
    the distribution, which then neither narrows there nor goes anywhere. (Choices learn from its own draws rather than
    from others', which do not follow its probabilities.) When the distribution has degenerated, a new
    one of twice the population begins.

    It explores during the first generation, which knows nothing, and from then on exploits. Of little use below a
    hundred trials.

    Source: Hansen (2016), "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772; Hamano et al. (2025), "CatCMA
    with Margin", arXiv:2504.07884, for what is not continuous; Hansen (2011), "Injecting External Solutions Into
    CMA-ES", arXiv:1110.4181; restarts: Auger & Hansen (2005), "A Restart CMA Evolution Strategy With Increasing
    Population Size", IEEE CEC.
    """

    n_configs: float
    scales: tuple[int, ...]
    """Columns of the unit cube that count as continuous."""
    steps: tuple[int, ...]
    """Columns of values in an order."""
    choices: tuple[int, ...]
    """Columns of values without one."""
    _cmaes: Any = field(repr=False, compare=False)
    _generations: _Generations = field(default_factory=_Generations, repr=False, compare=False)
    _proposed: Proposed = field(default_factory=Proposed, repr=False, compare=False)
    _tried: Tried = field(default_factory=Tried, repr=False, compare=False)

    name: ClassVar[str] = "cmaes"

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:  # noqa: ARG003  (needs neither)
        """Sort the parameters by kind.

        Raises
        ------
        MissingExtra
            The package `cmaes` is not installed.
        """
        scales: list[int] = []
        steps: list[int] = []
        choices: list[int] = []
        for j, parameter in enumerate(space.dimensions):
            bins = parameter.distribution.bins
            if bins is None or (parameter.distribution.ordered and bins.n > _MOST_STEPS):
                scales.append(j)
            elif parameter.distribution.ordered and bins.n > 2:  # between two values there is nothing to order
                steps.append(j)
            else:
                choices.append(j)
        return cls(space.n_configs, tuple(scales), tuple(steps), tuple(choices), optional("cmaes", cls.name))

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        """Return a draw from the distribution that was never proposed, or None when all configurations were."""
        left = untried(space, self.n_configs, history, self._proposed)
        if left is not None and not left:
            return None
        tried = self._tried.units(space, history)
        if left is None and space.dimensions:
            optimizer = self._after(space, history, tried)
            seen = self._proposed.keys(space, history)
            optimizer.reseed_rng(int(rng.integers(2**32)))
            for _ in range(_TRIES):
                config = space.from_unit(self._point(space, optimizer.ask()))
                if space.key(config) in seen:
                    continue
                if not optimizer.generation:
                    return self._suggest(space, config, tried, "explore", "from around the middle: no generation yet")
                generations = f"{optimizer.generation} generation{'s' * (optimizer.generation > 1)}"
                why = f"from the distribution after {generations} of results"
                return self._suggest(space, config, tried, "exploit", why)
        config = space.sample(rng) if left is None else list(left.values())[int(rng.integers(len(left)))]
        return self._suggest(space, config, tried, "explore", "drawn at random: what the distribution offers is known")

    def _suggest(self, space: SearchSpace, config: Config, tried: Floats, mode: Mode, why: str) -> Suggestion:
        evidence = Evidence(distance=distance_to(space.to_unit(config), tried), source=self.name)
        return Suggestion(config, mode, why, evidence)

    # --- the distribution ---------------------------------------------------------------------------------------------

    def _after(self, space: SearchSpace, history: Sequence[Observation], tried: Floats) -> Any:
        """Return the optimizer that was told every whole generation of the history."""
        losses, _ = comparable(history, enough=1)
        results = [
            (k, o.config, float(losses[k]))
            for k, o in enumerate(history)
            if np.isfinite(losses[k]) or o.state in ("failed", "skipped") or o.fidelity < 1
        ]
        state = self._generations
        if state.optimizer is None or state.told != results[: len(state.told)]:
            state.told, state.optimizer = [], self._begun(space, None)
        while len(results) - len(state.told) >= (size := state.optimizer.population_size):
            generation = results[len(state.told) :][:size]
            ranks = np.argsort(np.argsort([loss for *_, loss in generation], kind="stable"))
            solutions = []
            for (k, *_), rank in zip(generation, ranks.tolist(), strict=True):
                state.optimizer.reseed_rng(k)
                solutions.append((self._solution(space, tried[k], state.optimizer.ask()), float(rank)))
            state.optimizer.tell(solutions)
            state.told.extend(generation)
            if (self.scales or self.steps) and state.optimizer.should_stop():
                state.optimizer = self._begun(space, 2 * size)
        return state.optimizer

    def _begun(self, space: SearchSpace, population_size: int | None) -> Any:
        n_normal = len(self.scales) + len(self.steps)
        return self._cmaes.CatCMAwM(
            x_space=[[0.0, 1.0] for _ in self.scales] or None,
            z_space=[_middles(space, j) for j in self.steps] or None,
            c_space=[len(_middles(space, j)) for j in self.choices] or None,
            population_size=population_size,
            mean=np.full(n_normal, 0.5),
            cov=_SPREAD**2 * np.eye(n_normal),
            sigma=1.0,
            seed=0,  # set anew before every draw
        )

    def _point(self, space: SearchSpace, solution: Any) -> Floats:
        """Return (d,) coordinates of one of its solutions."""
        point = np.empty(len(space.dimensions))
        if self.scales:
            point[list(self.scales)] = solution.x
        if self.steps:
            point[list(self.steps)] = solution.z
        for i, j in enumerate(self.choices):
            point[j] = _middles(space, j)[int(np.argmax(solution.c[i]))]
        return point

    def _solution(self, space: SearchSpace, point: Floats, stand_in: Any) -> Any:
        """Return a configuration as one of its solutions.

        Parameters
        ----------
        point
            (d,) coordinates, NaN where inactive.
        stand_in
            Another solution, for the parameters that are inactive.
        """
        drawn = self._point(space, stand_in)
        point = np.where(np.isfinite(point), point, drawn)
        x, z = point[list(self.scales)], point[list(self.steps)]
        c: Any = None
        if self.choices:
            c = np.zeros_like(stand_in.c)
            for i, j in enumerate(self.choices):
                c[i, int(np.argmin(np.abs(np.array(_middles(space, j)) - point[j])))] = True
        return self._cmaes.CatCMAwM.Solution(x, z, c, np.concatenate([x, z]))


def _middles(space: SearchSpace, column: int) -> list[float]:
    """Return the coordinate of every value of a parameter."""
    bins = space.dimensions[column].distribution.bins
    assert bins is not None
    return [bins.centre(k) for k in range(bins.n)]

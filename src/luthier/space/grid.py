"""A grid over a space, as fine as fits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from luthier.space.conditions import Conditions, count
from luthier.space.config import Config, Scalar
from luthier.space.distributions import Distribution, Quantiles
from luthier.space.parameter import Parameter
from luthier.space.scalars import Typed, typed


def grid(
    parameters: Mapping[str, Parameter], conditions: Mapping[str, Conditions], n_max: int
) -> tuple[list[Config], str]:
    """Return at most `n_max` different configurations and, in words, what they leave out (empty: nothing).

    Every parameter gets a number of levels. Those that others depend on get all their values first, as far as that
    fits, so that no branch is left out; then all parameters get equally many; what is still free goes to one parameter
    after the other, those with the fewest levels first.

    Parameters
    ----------
    parameters, conditions
        By name, parents first.
    n_max
        At least 1.
    """
    if n_max < 1:
        raise ValueError(f"a grid has at least one point, not {n_max}")
    levels = _Levels(parameters, conditions, n_max)
    parents = {parent for pairs in conditions.values() for parent, _ in pairs}
    for name in parameters:
        if name in parents:
            levels.raise_together([name])
    growing = [name for name in parameters if name not in parents]
    levels.raise_together(growing)
    while growing:
        fewest = min(levels.n[name] for name in growing)
        # among equals the one that costs least goes first: it belongs to a small branch
        turn = sorted((name for name in growing if levels.n[name] == fewest), key=levels.total_after_raising)
        growing = [name for name in growing if name not in turn or levels.raise_one(name)]
    return levels.configs(), levels.left_out()


class _Levels:
    """How many levels each parameter has, such that the configurations fit."""

    def __init__(self, parameters: Mapping[str, Parameter], conditions: Mapping[str, Conditions], n_max: int) -> None:
        self.parameters = parameters
        self.conditions = conditions
        self.n_max = n_max
        self.n = dict.fromkeys(parameters, 1)
        self.most = {name: int(min(p.distribution.n_values, n_max)) for name, p in parameters.items()}
        self._values: dict[tuple[str, int], dict[Typed, Scalar]] = {}

    def total(self, n: Mapping[str, int]) -> float:
        """Return the number of configurations with so many levels."""
        return count(
            self.conditions,
            {name: len(self._levels(name, k)) for name, k in n.items()},
            lambda name, value: value in self._levels(name, n[name]),
        )

    def total_after_raising(self, name: str) -> float:
        """Return the number of configurations with one more level of this parameter."""
        return self.total({**self.n, name: min(self.n[name] + 1, self.most[name])})

    def raise_one(self, name: str) -> bool:
        """Add a level where possible; return whether another try may make sense."""
        if self.n[name] == self.most[name] or self.total_after_raising(name) > self.n_max:
            return False
        self.n[name] += 1
        return True

    def raise_together(self, names: Iterable[str]) -> None:
        """Give all these parameters as many levels as fit, by bisection."""
        names = list(names)
        fits, too_many = 1, max((self.most[name] for name in names), default=0) + 1
        while too_many - fits > 1:
            k = (fits + too_many) // 2
            if self.total({**self.n, **{name: min(k, self.most[name]) for name in names}}) <= self.n_max:
                fits = k
            else:
                too_many = k
        self.n.update({name: min(fits, self.most[name]) for name in names})

    def configs(self) -> list[Config]:
        """Return every combination of levels, each parameter only where it is active."""
        configs: list[dict[str, Scalar]] = [{}]
        for name, pairs in self.conditions.items():
            values = list(self._levels(name, self.n[name]).values())
            longer = []
            for config in configs:
                if all(parent in config and typed(config[parent]) in allowed for parent, allowed in pairs):
                    longer += [{**config, name: value} for value in values]
                else:
                    longer.append(config)
            configs = longer
        return list(configs)

    def left_out(self) -> str:
        """Return in words which parameters have fewer levels than values."""
        parts = []
        for name, parameter in self.parameters.items():
            has, could = len(self._levels(name, self.n[name])), parameter.distribution.n_values
            if has < could:
                parts.append(f"{name} at {has} of {'infinitely many' if math.isinf(could) else int(could)} values")
        return ", ".join(parts)

    def _levels(self, name: str, n: int) -> dict[Typed, Scalar]:
        if (name, n) not in self._values:
            self._values[name, n] = {typed(v): v for v in _spread(self.parameters[name].distribution, n)}
        return self._values[name, n]


def _spread(distribution: Distribution, n: int) -> list[Scalar]:
    """Return about `n` values, spread evenly over the unit interval; all there are if `n` is as many.

    They sit in the middles of n equal parts rather than at the ends: the worst-covered point then lies nearest, and the
    ends of a range are seldom where one wants to be. Of choices without order it is the first `n`.
    """
    bins = distribution.bins
    if bins is not None and not isinstance(distribution, Quantiles):
        if n >= bins.n:
            return [distribution.at(k) for k in range(bins.n)]
        if not distribution.ordered:
            return [distribution.at(k) for k in range(n)]
    return [distribution.from_unit((k + 0.5) / n) for k in range(n)]

"""The space behind an objective that names its parameters while it runs: read from what its trials asked for.

A trial shows which parameters were asked for and which were not, never why. The reason is looked for among the
discrete parameters asked for before: "gamma is there exactly when kernel is rbf". All trials seen must agree with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, TypeAlias

from luthier.errors import BadSpace
from luthier.space.config import Config, Scalar
from luthier.space.distributions import Distribution, Quantiles
from luthier.space.parameter import Parameter, When
from luthier.space.scalars import Typed, typed
from luthier.space.search_space import SearchSpace

Asked: TypeAlias = Mapping[str, tuple[Distribution, Scalar]]
"""What one trial asked for: parameter -> (distribution, value), in the order asked."""

MAX_PARENTS = 3
"""So many parents at most share in one condition. Our judgement: nesting needs one at a time, a flat `and` two."""

MAX_VALUES = 256
"""A parameter with more values than that does not count as a switch: it would separate any trials by chance."""


def discovered_space(seen: Sequence[Asked]) -> SearchSpace:
    """Return the joint space of an objective's parameters, as far as the trials seen tell.

    Parameters come in the order in which they were first asked for, and:

    - One that every trial asked for is always active.
    - One that some trials did not ask for is active when an earlier discrete parameter holds one of certain values, or
      up to three of them do: those that tell the trials with it from the trials without it. The fewest parents win,
      then those with the fewest values, then the most recent. A value not seen so far counts as the nearest value seen
      where values have an order; otherwise the parameter is taken to be inactive there.
    - One whose presence nothing explains (it hangs on a real number, or on chance) is left out: the objective's own
      call has to draw it.
    - Where its distribution changed, the newest holds, provided that all values seen fit it. Otherwise (a range that
      depends on another parameter, choices that were taken away) it is left out as well.

    So every trial seen is a point of the space, up to the parameters left out; see `restricted`.

    Parameters
    ----------
    seen
        The trials, oldest first. One that broke off before it had asked for everything belongs here only when nothing
        better is known: it looks as if the rest did not exist for its values.

    Examples
    --------
    >>> from luthier.space import Categorical, Float
    >>> kernel, gamma = Categorical(("rbf", "linear")), Float(0.1, 1.0)
    >>> space = discovered_space([{"kernel": (kernel, "linear")}, {"kernel": (kernel, "rbf"), "gamma": (gamma, 0.5)}])
    >>> space["gamma"].when
    (('kernel', ('rbf',)),)
    """
    discovery = Discovery()
    for asked in seen:
        discovery.add(asked)
    return discovery.space()


def restricted(config: Config, space: SearchSpace) -> dict[str, Scalar] | None:
    """Return the part of a configuration that the space knows, or None when that is no point of the space.

    Examples
    --------
    >>> from luthier.space import Float, SearchSpace
    >>> restricted({"x": 0.5, "lucky": 7}, SearchSpace.parse({"x": Float(0, 1)}))
    {'x': 0.5}
    """
    known = {name: config[name] for name in (parameter.name for parameter in space) if name in config}
    try:
        space.check(known)
        return space.normal(known)
    except BadSpace:
        return None


@dataclass(slots=True)
class _Column:
    """One parameter over all trials. Sets of trials are the bits of whole numbers.

    `before`: the parameters asked for earlier in every trial that has this one. `where`: value -> trials. `fits`: the
    distribution takes all those values.
    """

    name: str
    distribution: Distribution
    before: frozenset[str]
    present: int = 0
    where: dict[Typed, int] = field(default_factory=dict)
    fits: bool = True

    def add(self, trial: int, distribution: Distribution, value: Scalar) -> None:
        """Take in what one more trial asked for."""
        self.present |= trial
        if distribution != self.distribution:
            values, self.where = self.where, {}
            self.distribution, self.fits = distribution, True
            for (_, other), trials in values.items():
                self._place(other, trials)
        self._place(value, trial)

    def _place(self, value: Scalar, trials: int) -> None:
        try:
            place = typed(self.distribution.normal(value))
        except ValueError:
            place, self.fits = typed(value), False
        self.where[place] = self.where.get(place, 0) | trials

    @property
    def is_switch(self) -> bool:
        """Whether other parameters may depend on it."""
        return self.distribution.bins is not None and 1 < self.distribution.n_values <= MAX_VALUES


class Discovery:
    """The trials of an objective, taken in one after the other: reading a thousand again for each costs too much."""

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._n = 0

    def add(self, asked: Asked) -> None:
        """Take in one more trial."""
        earlier: list[str] = []
        for name, (distribution, value) in asked.items():
            if name not in self._columns:
                self._columns[name] = _Column(name, distribution, frozenset(earlier))
            column = self._columns[name]
            column.before = column.before.intersection(earlier)
            column.add(1 << self._n, distribution, value)
            earlier.append(name)
        self._n += 1

    def space(self) -> SearchSpace:
        """Return what `discovered_space` does for the trials so far."""
        parameters: list[Parameter] = []
        switches: list[_Column] = []
        reasons: dict[int, When] = {0: ()}
        everywhere = (1 << self._n) - 1
        for column in self._columns.values():
            if not column.fits:
                continue
            absent = everywhere & ~column.present
            if absent not in reasons:
                when = _explanation(column, absent, switches)
                if when is None:
                    continue
                reasons[absent] = when
            parameters.append(Parameter(column.name, column.distribution, reasons[absent]))
            if column.is_switch:
                switches.append(column)
        return SearchSpace(tuple(parameters))


def _explanation(column: _Column, absent: int, switches: Sequence[_Column]) -> When | None:
    """Return the smallest condition that holds in the trials with the parameter and fails in all others."""
    candidates = []
    for switch in reversed(switches):  # the most recent first, and `min` keeps the first of equals
        if switch.name not in column.before:
            continue
        seen_with = [value for value, trials in switch.where.items() if trials & column.present]
        rules_out = absent
        for value in seen_with:
            rules_out &= ~switch.where[value]
        if rules_out:
            candidates.append((switch, seen_with, rules_out))
    for n_parents in range(1, min(MAX_PARENTS, len(candidates)) + 1):
        found = []
        for parents in combinations(candidates, n_parents):
            ruled_out = 0
            for _, _, rules_out in parents:
                ruled_out |= rules_out
            if ruled_out == absent:
                found.append(parents)
        if found:
            smallest = min(found, key=lambda parents: sum(len(values) for _, values, _ in parents))
            return tuple((switch.name, _allowed(switch, values)) for switch, values, _ in smallest)
    return None


def _allowed(switch: _Column, seen_with: Sequence[Typed]) -> tuple[Scalar, ...]:
    """Return the values that switch the parameter on: those seen to, and where there is an order those nearest them."""
    distribution = switch.distribution
    if not distribution.ordered or isinstance(distribution, Quantiles):  # quantiles are continuous, hence no switch
        return tuple(value for _, value in seen_with)
    number: Callable[[Any], int] = distribution.index
    seen = sorted((number(value), (kind, value) in seen_with) for kind, value in switch.where)
    allowed = []
    for k in range(int(distribution.n_values)):
        _, on = min(seen, key=lambda other: (abs(other[0] - k), other[0]))
        if on:
            allowed.append(distribution.at(k))
    return tuple(allowed)

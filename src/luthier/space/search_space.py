"""The parameters that may be tuned, parents before children."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from luthier.errors import BadSpace
from luthier.space.conditions import Conditions, check_arguments, conditions_of, count
from luthier.space.config import Config, Floats, Scalar
from luthier.space.distributions import Categorical, Distribution, distribution_from_json
from luthier.space.grid import grid
from luthier.space.neighbours import step_from
from luthier.space.parameter import Parameter
from luthier.space.parse import parse
from luthier.space.ranges import Float, Int

_to_text = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """What may be tuned, and when each part of it counts.

    Every parameter with more than one value has a coordinate in [0, 1] (see `dimensions`); coordinates of parameters
    that are inactive are NaN. A uniform draw from the unit cube is a draw from the space.

    Parameters
    ----------
    parameters
        Parents before children.
    objects
        Parameter -> label -> the object the label stands for; only in spaces parsed from objects that JSON cannot hold.
        They take no part in equality, and JSON keeps only the labels.

    Raises
    ------
    BadSpace
        Two parameters of one name, a parent that comes late or cannot take the value named, a parameter that can never
        be active, or two parameters that set the same argument at the same time.

    >>> space = SearchSpace.parse({
    ...     "C": (1.0, 16.0, "log"),
    ...     "kernel": {"rbf": {"gamma": (0.0, 2.0)}, "linear": {}},
    ... })
    >>> space.from_unit([0.5, 0.2, 0.75])
    {'C': 4.0, 'kernel': 'rbf', 'gamma': 1.5}
    >>> space.to_unit({"C": 16.0, "kernel": "linear"})
    array([1.  , 0.75,  nan])
    """

    parameters: tuple[Parameter, ...]
    objects: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False, repr=False)
    _conditions: Mapping[str, Conditions] = field(init=False, repr=False, compare=False)
    _nodes: tuple[tuple[str, Distribution, Conditions, int], ...] = field(init=False, repr=False, compare=False)
    _dimensions: tuple[Parameter, ...] = field(init=False, repr=False, compare=False)

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(self.parameters))
        earlier: dict[str, Parameter] = {}
        conditions: dict[str, Conditions] = {}
        nodes: list[tuple[str, Distribution, Conditions, int]] = []
        dimensions: list[Parameter] = []
        for parameter in self.parameters:
            if parameter.name in earlier:
                raise BadSpace(f"two parameters are named {parameter.name!r}", fix="give each a name of its own")
            pairs = conditions_of(parameter, earlier)
            column = -1
            if parameter.distribution.n_values > 1:
                column = len(dimensions)
                dimensions.append(parameter)
            earlier[parameter.name] = parameter
            conditions[parameter.name] = pairs
            nodes.append((parameter.name, parameter.distribution, pairs, column))
        check_arguments(self.parameters, conditions)
        object.__setattr__(self, "_conditions", conditions)
        object.__setattr__(self, "_nodes", tuple(nodes))
        object.__setattr__(self, "_dimensions", tuple(dimensions))

    @classmethod
    def parse(cls, source: Any) -> SearchSpace:
        """Read a space in Luthier's terse form, scikit-learn's or Optuna's.

        Parameters
        ----------
        source
            A mapping of parameter names to what they may be, forms mixed at will:

            ``(low, high)``
                a range, whole numbers if both bounds are ints, else real numbers: ``"subsample": (0.5, 1.0)``;
                ``(low, high, "log")`` the same on a log scale.
            ``[a, b, ...]``
                one of these choices; objects (estimators, functions, tuples) are welcome, see `params`.
            ``range(16, 257, 16)``
                whole numbers with a step.
            ``{value: {...}, ...}``
                one of the keys, each with the parameters that exist only then:
                ``"kernel": {"rbf": {"gamma": (1e-4, 1.0, "log")}, "linear": {}}``. Nests to any depth; the same name
                may occur in several branches.
            a `Float`, `Int`, `Categorical`, `Bool` or `Fixed`
                when the short forms do not say enough: ``"dropout": Float(0, 0.5, step=0.1)``.
            a frozen `scipy.stats` distribution
                ``uniform``, ``loguniform`` and ``randint`` exactly; other continuous ones through 256 quantiles, other
                discrete ones through their probabilities, tails beyond one in two thousand left out.
            an Optuna distribution
                as `study.best_trial.distributions` holds them.
            anything else
                a fixed value: ``"tol": 1e-3``.

            Or a list of such mappings, of which each configuration follows one, as in scikit-learn's grids; or a list
            of `Parameter`; or a `SearchSpace`, which is returned as it is.

        Raises
        ------
        BadSpace
            Something cannot be read; the message names the parameter.
        """
        return source if isinstance(source, SearchSpace) else cls(*parse(source, tuples="ranges"))

    @classmethod
    def from_scikit_learn(cls, param_grid: Any) -> SearchSpace:
        """Read what `GridSearchCV` or `RandomizedSearchCV` takes: as `parse`, but a tuple is a sequence of choices."""
        return param_grid if isinstance(param_grid, SearchSpace) else cls(*parse(param_grid, tuples="choices"))

    def __len__(self) -> int:
        """Return how many parameters there are, fixed ones included."""
        return len(self.parameters)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)

    # --- the unit cube -----------------------------------------------------------------------------------------------

    @property
    def dimensions(self) -> tuple[Parameter, ...]:
        """The parameters with more than one value, in the order of their coordinates."""
        return self._dimensions

    def sample(self, rng: np.random.Generator) -> Config:
        """Draw a configuration, every parameter from its own distribution."""
        return self.from_unit(rng.random(len(self._dimensions)))

    def from_unit(self, u: Floats | Sequence[float]) -> Config:
        """Return the configuration at a point of the unit cube; coordinates of inactive parameters are not looked at.

        Parameters
        ----------
        u
            (d,), d = len(dimensions). What lies outside [0, 1] counts as the nearest end.
        """
        point = u.tolist() if isinstance(u, np.ndarray) else u
        if len(point) != len(self._dimensions):
            raise ValueError(f"the space has {len(self._dimensions)} dimensions, the point {len(point)}")
        config: dict[str, Scalar] = {}
        for name, distribution, pairs, column in self._nodes:
            if pairs and not _hold(pairs, config):
                continue
            x = 0.5 if column < 0 else point[column]
            if math.isnan(x):
                raise ValueError(f"the coordinate of {name!r} is NaN, but {name!r} is active there")
            config[name] = distribution.from_unit(x)
        return config

    def chosen(self, choose: Callable[[str, Distribution], Any]) -> Config:
        """Return the configuration whose values are chosen one by one, parents first.

        Parameters
        ----------
        choose
            Called with the name and the distribution of every active parameter that has more than one value; returns
            one of its values.
        """
        config: dict[str, Scalar] = {}
        for name, distribution, pairs, column in self._nodes:
            if pairs and not _hold(pairs, config):
                continue
            config[name] = (
                distribution.from_unit(0.5) if column < 0 else distribution.normal(choose(name, distribution))
            )
        return config

    def to_unit(self, config: Config) -> Floats:
        """Return (d,) coordinates of a configuration, NaN where a parameter is inactive.

        Raises
        ------
        BadSpace
            An active parameter has no value or one it cannot take.
        """
        values = self.normal(config)
        point = [np.nan] * len(self._dimensions)
        for name, distribution, _, column in self._nodes:
            if column >= 0 and name in values:
                point[column] = distribution.to_unit(values[name])
        return np.array(point, dtype=np.float64)

    def to_units(self, configs: Sequence[Config]) -> Floats:
        """Return (n, d) coordinates of several configurations."""
        return np.array([self.to_unit(config) for config in configs]).reshape(len(configs), len(self._dimensions))

    def snap(self, U: Floats) -> Floats:
        """Return (n, d), for every row the coordinates `to_unit(from_unit(row))`, computed for all rows at once.

        What a model needs to judge thousands of candidate points as the configurations they stand for.
        """
        if U.ndim != 2 or U.shape[1] != len(self._dimensions):
            raise ValueError(f"the points must be (n, {len(self._dimensions)}), not {U.shape}")
        snapped = np.empty_like(U, dtype=np.float64)
        alive: dict[str, Any] = {}  # name -> (n,) active?
        where: dict[str, int] = {}
        distributions: dict[str, Distribution] = {}
        for name, distribution, pairs, column in self._nodes:
            active = np.ones(len(U), dtype=bool)
            for parent, allowed in pairs:
                active &= alive[parent]
                if parent in where:
                    centres = [distributions[parent].to_unit(value) for _, value in allowed]
                    # equal up to rounding: centres of different values are much further apart
                    own = snapped[:, where[parent]]
                    active &= np.isclose(own[:, None], np.array(centres)[None, :], rtol=0, atol=1e-12).any(axis=1)
            alive[name], distributions[name] = active, distribution
            if column >= 0:
                where[name] = column
                own = U[:, column]
                own = np.clip(own, 0.0, 1.0) if distribution.bins is None else distribution.bins.snap(own)
                snapped[:, column] = np.where(active, own, np.nan)
        return snapped

    # --- configurations ----------------------------------------------------------------------------------------------

    def normal(self, config: Config) -> dict[str, Scalar]:
        """Return the one form of a configuration: active parameters only, in the space's order, as JSON scalars.

        Raises
        ------
        BadSpace
            An active parameter has no value or one it cannot take.
        """
        values: dict[str, Scalar] = {}
        for name, distribution, pairs, _ in self._nodes:
            if pairs and not _hold(pairs, values):
                continue
            try:
                values[name] = distribution.normal(config[name])
            except KeyError:
                raise BadSpace(
                    f"the configuration has no {name!r}{self._because(name)}",
                    fix=f"add {name!r}: {distribution.expected}",
                ) from None
            except (ValueError, OverflowError):
                raise BadSpace(
                    f"{name}={config[name]!r} is outside the space: {name!r} is {distribution.expected}",
                    fix=f"set {name!r} to a value of that kind, or widen the space",
                ) from None
        return values

    def nearest(self, config: Config) -> dict[str, Scalar]:
        """Return the point of this space nearest to one of a space that differs in its bounds.

        A study of more rows, or an earlier version of a table, has the same parameters with other limits: a number
        beyond them becomes the limit, everything else stays. Parameters that do not count are left out.

        Raises
        ------
        BadSpace
            A parameter that counts has no value, or a value that no limit brings into the space.

        >>> SearchSpace.parse({"leaves": (2, 64)}).nearest({"leaves": 300, "gone": 1})
        {'leaves': 64}
        """
        values: dict[str, Any] = dict(config)
        for name, distribution, _, _ in self._nodes:
            if isinstance(distribution, Float | Int) and isinstance(values.get(name), int | float):
                values[name] = min(max(values[name], distribution.low), distribution.high)
        return self.normal(values)

    def active(self, config: Config) -> tuple[str, ...]:
        """Return the names of the parameters that count in a configuration."""
        return tuple(self.normal(config))

    def check(self, config: Config) -> None:
        """Check that a configuration is a point of the space.

        Raises
        ------
        BadSpace
            A value is missing, outside its range, unknown, or given for a parameter that is inactive.
        """
        values = self.normal(config)
        for name in config:
            if name in values:
                continue
            if name in self._conditions:
                raise BadSpace(
                    f"{name}={config[name]!r} is given, but {name!r} does not count here{self._because(name)}",
                    fix=f"leave {name!r} out",
                )
            alike = difflib.get_close_matches(str(name), self._conditions, n=1)
            raise BadSpace(
                f"{name}={config[name]!r} is given, but the space has no {name!r}",
                fix=f"did you mean {alike[0]!r}?" if alike else f"leave it out; known: {', '.join(self._conditions)}",
            )

    def key(self, config: Config) -> str:
        """Return what two configurations share exactly when they are the same point of the space."""
        return _to_text(self.normal(config))

    def params(self, config: Config) -> dict[str, Any]:
        """Return the arguments a configuration stands for, as `estimator.set_params(**...)` takes them.

        Labels become the objects they stand for (the very objects, not copies: clone estimators before fitting them);
        parameters that only select a branch are left out.

        Raises
        ------
        BadSpace
            The configuration is outside the space, or the space was read from JSON and no longer knows its objects.
        """
        values = self.normal(config)
        arguments: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.name not in values or not parameter.sets:
                continue
            value: Any = values[parameter.name]
            if isinstance(parameter.distribution, Categorical) and value in parameter.distribution.opaque:
                try:
                    value = self.objects[parameter.name][value]
                except KeyError:
                    raise BadSpace(
                        f"{parameter.name}={value!r} stands for an object, which a space read from JSON does not know",
                        fix="parse the original space again and use its params()",
                    ) from None
            arguments[parameter.sets] = value
        return arguments

    def neighbours(self, config: Config, rng: np.random.Generator, n: int, scale: float = 0.1) -> list[Config]:
        """Draw up to `n` different configurations near this one (fewer only where hardly any exist).

        Each changes one parameter, and each of the others with probability 1 / number of active ones. On a scale a step
        is normal with standard deviation `scale` of the range; without an order it is any other choice. Parameters that
        a change switches on are drawn from their distributions; whatever else was set stays as it was.
        """
        values = self.normal(config)
        movable = [p.name for p in self._dimensions if p.name in values]
        found: dict[str, Config] = {}
        if not movable:
            return []
        own = _to_text(values)
        for _ in range(4 * n + 16):
            if len(found) == n:
                break
            moves = rng.random(len(movable)) < 1 / len(movable)
            moves[int(rng.integers(len(movable)))] = True
            moved = {name for name, move in zip(movable, moves, strict=True) if move}
            fresh = rng.random(len(self._dimensions)).tolist()
            near: dict[str, Scalar] = {}
            for name, distribution, pairs, column in self._nodes:
                if pairs and not _hold(pairs, near):
                    continue
                if name in moved:
                    near[name] = step_from(values[name], distribution, scale, rng)
                elif name in values:
                    near[name] = values[name]
                else:
                    near[name] = distribution.from_unit(0.5 if column < 0 else fresh[column])
            if (text := _to_text(near)) != own:
                found.setdefault(text, near)
        return list(found.values())

    @property
    def n_configs(self) -> float:
        """How many configurations there are; infinite when an attainable parameter is continuous."""
        return count(self._conditions, {p.name: p.distribution.n_values for p in self.parameters}, lambda *_: True)

    def grid(self, n_max: int) -> tuple[list[Config], str]:
        """Return at most `n_max` different configurations on a grid as fine as fits, and in words what it leaves out.

        >>> configs, left_out = SearchSpace.parse({"depth": (1, 9), "bagging": [True, False]}).grid(6)
        >>> [config["depth"] for config in configs if config["bagging"]]
        [2, 5, 8]
        >>> left_out
        'depth at 3 of 9 values'
        """
        return grid({p.name: p for p in self.parameters}, self._conditions, n_max)

    # --- JSON --------------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Return the space as JSON values. Objects behind labels are not in it."""
        return {"version": self.version, "parameters": [p.to_json() for p in self.parameters]}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> SearchSpace:
        """Read what `to_json` wrote.

        Raises
        ------
        BadSpace
            It was written by a newer version, or describes no space.
        """
        if body.get("version") != cls.version:
            raise BadSpace(
                f"the search space has format version {body.get('version')!r}; this Luthier reads {cls.version}",
                fix="read it with the version of Luthier that wrote it",
            )
        parameters = []
        for part in body["parameters"]:
            parts = dict(part)
            name, when, argument = parts.pop("name"), parts.pop("when", ()), parts.pop("argument", None)
            allowed = tuple((parent, tuple(values)) for parent, values in when)
            parameters.append(Parameter(name, distribution_from_json(parts), allowed, argument))
        return cls(tuple(parameters))

    def _because(self, name: str) -> str:
        """Say when a parameter counts, to follow a sentence about it."""
        when = self[name].when
        if not when:
            return ""
        terms = " and ".join(f"{parent} is {' or '.join(map(repr, allowed))}" for parent, allowed in when)
        return f" ({name!r} counts when {terms})"


def _hold(pairs: Conditions, values: Mapping[str, Scalar]) -> bool:
    for parent, allowed in pairs:
        if parent not in values:
            return False
        value = values[parent]
        if (value.__class__, value) not in allowed:
            return False
    return True

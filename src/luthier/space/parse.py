"""Reading a search space from the forms people write: see `SearchSpace.parse` for what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Literal, TypeAlias

import numpy as np

from luthier.errors import BadSpace
from luthier.space.branches import Node, flatten
from luthier.space.choices import choose_from, plain
from luthier.space.distributions import Bool, Categorical, Distribution, Fixed, Float, Int, Quantiles
from luthier.space.optuna_form import from_optuna, is_optuna
from luthier.space.parameter import Parameter
from luthier.space.scalars import is_number, is_scalar
from luthier.space.scipy_form import from_scipy, is_scipy

Tuples: TypeAlias = Literal["ranges", "choices"]
"""What a tuple means: (low, high) in our form, a sequence of choices in scikit-learn's."""

_RANGE_FIX = (
    "write a range as (low, high) or (low, high, 'log'), choices as a list [a, b, ...], steps as Float(..., step=...)"
)


Parts: TypeAlias = tuple[tuple[Parameter, ...], Mapping[str, Mapping[str, Any]]]
"""What a space is made of: its parameters, and the objects that choices stand for."""


def parse(source: Any, *, tuples: Tuples) -> Parts:
    """Read the parts of a space.

    Raises
    ------
    BadSpace
        Something cannot be read; the message names the parameter.
    """
    if isinstance(source, Mapping):
        return _parts(_nodes(source, tuples))
    if isinstance(source, Sequence) and not isinstance(source, str | bytes):
        if source and all(isinstance(part, Parameter) for part in source):
            return tuple(source), {}
        if source and all(isinstance(part, Mapping) for part in source):
            return _union(source, tuples)
    raise BadSpace(
        f"a search space cannot be read from {source!r}",
        fix='give a mapping of names to ranges or choices, such as {"max_depth": (2, 12), "bagging": [True, False]}',
    )


def _parts(nodes: Sequence[Node]) -> Parts:
    parameters, objects = flatten(nodes)
    return tuple(parameters), objects


def _union(sources: Sequence[Mapping[Any, Any]], tuples: Tuples) -> Parts:
    """Return the parts of a space whose configurations each follow one of the mappings."""
    if len(sources) == 1:
        return parse(sources[0], tuples=tuples)
    branches = tuple((k, tuple(_nodes(source, tuples))) for k, source in enumerate(sources))
    names = {node.name for _, nodes in branches for node in nodes}
    selector = next(name for name in ("branch", *(f"branch{k}" for k in range(len(names) + 1))) if name not in names)
    return _parts([Node(selector, Categorical(tuple(range(len(sources)))), branches, sets="")])


def _nodes(source: Mapping[Any, Any], tuples: Tuples) -> list[Node]:
    nodes = []
    for name, spec in source.items():
        if not isinstance(name, str) or not name:
            raise BadSpace(f"a parameter is named {name!r}", fix="name parameters by non-empty strings")
        try:
            nodes.append(_conditional(name, spec, tuples) if isinstance(spec, Mapping) else _leaf(name, spec, tuples))
        except BadSpace as error:
            raise BadSpace(f"parameter {name!r}: {error.what}", fix=error.fix) from error
    return nodes


def _conditional(name: str, spec: Mapping[Any, Any], tuples: Tuples) -> Node:
    """Read {value: {child: ...}, ...}."""
    for value, children in spec.items():
        if not isinstance(children, Mapping):
            raise BadSpace(
                f"the choice {value!r} is followed by {children!r}, where the parameters that exist only then belong",
                fix="write {} behind a choice that brings none; a dict that is itself a choice belongs in a list",
            )
    distribution, objects = choose_from(spec)
    labels = {id(value): label for label, value in objects.items()}
    branches = tuple(
        (labels.get(id(value), plain(value)), tuple(_nodes(children, tuples))) for value, children in spec.items()
    )
    return Node(name, distribution, branches, objects)


def _leaf(name: str, spec: Any, tuples: Tuples) -> Node:
    distribution, objects = _distribution(spec, tuples)
    return Node(name, distribution, (), objects)


def _distribution(spec: Any, tuples: Tuples) -> tuple[Distribution, dict[str, Any]]:
    spec = plain(spec)
    if isinstance(spec, Float | Int | Categorical | Bool | Fixed | Quantiles):
        return spec, {}
    if is_scalar(spec):
        return Fixed(spec), {}
    if is_scipy(spec):
        return from_scipy(spec)
    if is_optuna(spec):
        return from_optuna(spec)
    if isinstance(spec, range):
        if not spec:
            raise BadSpace(f"{spec!r} is empty", fix="let it hold at least one number")
        low, high = sorted((spec[0], spec[-1]))
        return Int(low, high, step=abs(spec.step)), {}
    if isinstance(spec, tuple) and tuples == "ranges":
        return _range(spec), {}
    if isinstance(spec, np.ndarray):
        if spec.ndim != 1:
            raise BadSpace(f"an array of shape {spec.shape} is no list of choices", fix="give a one-dimensional array")
        return choose_from(spec)
    if isinstance(spec, list | tuple):
        return choose_from(spec)
    if isinstance(spec, set | frozenset):
        raise BadSpace("choices came as a set, whose order changes from run to run", fix="write them as a list")
    if hasattr(spec, "rvs"):
        raise BadSpace(
            f"{spec!r} can only be drawn from; a space also needs to know where a value lies",
            fix="use a frozen scipy.stats distribution, a range (low, high) or a list",
        )
    return choose_from([spec])  # an object that is always the same


def _range(spec: tuple[Any, ...]) -> Distribution:
    parts = [plain(part) for part in spec]
    log = len(parts) == 3 and parts[2] == "log"
    bounds = parts[:2] if log else parts
    if len(bounds) != 2 or not all(map(is_number, bounds)):
        raise BadSpace(f"{spec!r} is no range", fix=_RANGE_FIX)
    low, high = bounds
    if isinstance(low, Integral) and isinstance(high, Integral):
        return Int(int(low), int(high), log=log)
    return Float(low, high, log=log)

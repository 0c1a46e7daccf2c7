"""An estimator as the user handed it over, as a point of the user's space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from luthier.space import Categorical, Config, Parameter, SearchSpace


def own_point(space: SearchSpace, own: Mapping[str, Any]) -> Config:
    """Return the configuration that leaves an estimator as it is, or as nearly so as the space allows.

    Where the space does not hold a value of the estimator's, the parameter takes the middle of its range, or its
    middle choice.

    Parameters
    ----------
    space
        What may be tuned.
    own
        The estimator's parameters, as ``get_params(deep=True)`` gives them.

    Examples
    --------
    >>> space = SearchSpace.parse([{"C": [0.1, 1.0]}, {"C": [1.0], "penalty": ["l1", "l2"]}])
    >>> own_point(space, {"C": 1.0, "penalty": "l2"})
    {'branch': 0, 'C@0': 1.0}
    >>> own_point(SearchSpace.parse({"max_depth": (1, 9)}), {"max_depth": None})
    {'max_depth': 5}
    """
    exact = exact_point(space, own)
    if exact is not None:
        return exact
    nearest = _complete(space, own, {}, 0, nearly=True)
    assert nearest is not None  # every distribution has a middle
    return nearest


def exact_point(space: SearchSpace, own: Mapping[str, Any]) -> Config | None:
    """Return the configuration that leaves an estimator as it is; None where the space does not hold it.

    >>> exact_point(SearchSpace.parse({"C": (0.1, 10.0, "log")}), {"C": 50.0}) is None
    True
    """
    return _complete(space, own, {}, 0, nearly=False)


def _complete(
    space: SearchSpace, own: Mapping[str, Any], config: dict[str, Any], number: int, *, nearly: bool
) -> Config | None:
    """Set the parameters from `number` on; where a parameter only selects a branch, the first branch that works."""
    if number == len(space.parameters):
        return config
    parameter = space.parameters[number]
    if not all(_is_one_of(config, parent, allowed) for parent, allowed in parameter.when):
        return _complete(space, own, config, number + 1, nearly=nearly)
    candidates = _candidates(space, parameter, own)
    if nearly:
        candidates = [*candidates, parameter.distribution.from_unit(0.5)]
    for candidate in candidates:
        try:
            value = parameter.distribution.normal(candidate)
        except (ValueError, TypeError, OverflowError):
            continue
        found = _complete(space, own, {**config, parameter.name: value}, number + 1, nearly=nearly)
        if found is not None:
            return found
    return None


def _candidates(space: SearchSpace, parameter: Parameter, own: Mapping[str, Any]) -> list[Any]:
    if not parameter.sets and isinstance(parameter.distribution, Categorical):
        return list(parameter.distribution.choices)
    if parameter.sets not in own:
        return []
    value = own[parameter.sets]
    labels = [label for label, known in space.objects.get(parameter.name, {}).items() if _alike(known, value)]
    return labels or [value.item() if isinstance(value, np.generic) else value]


def _alike(a: Any, b: Any) -> bool:
    """Whether two objects would make the same estimator; scikit-learn's `repr` shows every parameter that matters."""
    return a is b or (type(a) is type(b) and repr(a) == repr(b))


def _is_one_of(config: Mapping[str, Any], parent: str, allowed: tuple[Any, ...]) -> bool:
    # With their types: Python takes 1 and True for the same.
    return parent in config and any(
        type(value) is type(config[parent]) and value == config[parent] for value in allowed
    )

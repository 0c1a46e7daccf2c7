"""The estimator as the user handed it over, as a point of the space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luthier.space import Categorical, Config, Parameter, SearchSpace
from luthier.space.choices import plain


def own_point(space: SearchSpace, own: Mapping[str, Any]) -> Config | None:
    """The configuration that leaves an estimator as it is; None where the space does not hold it.

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
    {'branch': 0, 'C': 1.0}
    >>> own_point(space, {"C": 0.5, "penalty": "l2"}) is None
    True
    """
    return _completed(space, own, {}, 0)


def _completed(space: SearchSpace, own: Mapping[str, Any], config: dict[str, Any], number: int) -> Config | None:
    """Set the parameters from `number` on; where a parameter only selects a branch, the first branch that works."""
    if number == len(space.parameters):
        return config
    parameter = space.parameters[number]
    if not all(_is_one_of(config, parent, allowed) for parent, allowed in parameter.when):
        return _completed(space, own, config, number + 1)
    for value in _candidates(space, parameter, own):
        try:
            value = parameter.distribution.normal(value)  # noqa: PLW2901  (its one form)
        except (ValueError, TypeError, OverflowError):
            continue
        found = _completed(space, own, {**config, parameter.name: value}, number + 1)
        if found is not None:
            return found
    return None


def _candidates(space: SearchSpace, parameter: Parameter, own: Mapping[str, Any]) -> list[Any]:
    if not parameter.sets:
        assert isinstance(parameter.distribution, Categorical)
        return list(parameter.distribution.choices)
    if parameter.sets not in own:
        return []
    value = own[parameter.sets]
    labels = [label for label, known in space.objects.get(parameter.name, {}).items() if _alike(known, value)]
    return labels or [plain(value)]


def _alike(a: Any, b: Any) -> bool:
    """Whether two objects would make the same estimator; scikit-learn's `repr` shows every parameter that matters."""
    return a is b or (type(a) is type(b) and repr(a) == repr(b))


def _is_one_of(config: Mapping[str, Any], parent: str, allowed: tuple[Any, ...]) -> bool:
    # With their types: Python takes 1 and True for the same.
    return parent in config and any(
        type(value) is type(config[parent]) and value == config[parent] for value in allowed
    )

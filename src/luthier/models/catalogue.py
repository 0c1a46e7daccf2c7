"""Which model families there are, which of them suit a table, and the one space over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from luthier.errors import BadSpace, MissingExtra, UnknownChoice
from luthier.models.catboost import CatBoost
from luthier.models.extra_trees import ExtraTrees
from luthier.models.extras import EXTRAS, installed
from luthier.models.facts import Facts
from luthier.models.family import Config, Family
from luthier.models.forest import RandomForest
from luthier.models.knn import Neighbours
from luthier.models.lightgbm import LightGBM
from luthier.models.linear import Linear
from luthier.models.mlp import Perceptron
from luthier.models.svm import SupportVectors
from luthier.models.xgboost import XGBoost
from luthier.space import Categorical, Fixed, Parameter, SearchSpace

MODEL = "model"
"""The parameter of a joint configuration that names the family."""

FAMILIES: dict[str, type[Family]] = {
    family.name: family
    for family in (
        LightGBM,
        RandomForest,
        ExtraTrees,
        Linear,
        Neighbours,
        SupportVectors,
        Perceptron,
        XGBoost,
        CatBoost,
    )
}
"""Every built-in family, the one to try first in front."""


def families_for(names: Sequence[str] | None, facts: Facts) -> tuple[dict[str, Family], tuple[str, ...]]:
    """Choose the families to tune.

    Parameters
    ----------
    names
        What the user asked for, in that order; or None for every family that needs no extra and suits the table.
    facts
        The table.

    Returns
    -------
    families, notes
        The families by name, the one to try first in front; and a sentence for everything left out, or kept against
        our advice because the user named it.

    Raises
    ------
    UnknownChoice
        No family has that name, or the list is empty.
    MissingExtra
        The family's library is not installed.
    """
    notes: list[str] = []
    chosen: dict[str, Family] = {}
    if names is not None and not names:
        raise UnknownChoice("the list of models is empty", fix=f"name at least one of: {', '.join(FAMILIES)}")
    for name in dict.fromkeys(FAMILIES if names is None else names):
        if name not in FAMILIES:
            raise UnknownChoice(f"there is no model family {name!r}", fix=f"choose from: {', '.join(FAMILIES)}")
        if name in EXTRAS and names is None:
            # Otherwise the same command would tune other models on a machine where a library happens to be installed.
            notes.append(f"{name} was left out: it is an optional library and is tried when you name it")
            continue
        if name in EXTRAS and not installed(name):
            raise MissingExtra(
                f"the library of the model family {name!r} is not installed", fix=f"pip install 'luthier[{name}]'"
            )
        family = FAMILIES[name]()
        why_not = family.unsuited(facts)
        if why_not is not None and names is None:
            notes.append(f"{name} was left out: {why_not}")
            continue
        if why_not is not None:
            notes.append(f"{name} is tried because you named it, although {why_not}")
        chosen[name] = family
    return chosen, tuple(notes)


def joint_space(families: Mapping[str, Family], facts: Facts) -> SearchSpace:
    """Join the families' spaces: "model" names the family, "lightgbm.num_leaves" counts where it is "lightgbm"."""
    names = tuple(families)
    several = len(names) > 1
    parameters = [Parameter(MODEL, Categorical(names) if several else Fixed(names[0]))]
    for name, family in families.items():
        mine = ((MODEL, (name,)),) if several else ()
        for parameter in family.space(facts).parameters:
            when = (*mine, *((f"{name}.{parent}", allowed) for parent, allowed in parameter.when))
            parameters.append(Parameter(f"{name}.{parameter.name}", parameter.distribution, when))
    return SearchSpace(tuple(parameters))


def joint_default(families: Mapping[str, Family], facts: Facts) -> Config:
    """Return the default configuration of the family in front."""
    name, family = next(iter(families.items()))
    return join_config(name, family.default(facts))


def join_config(name: str, params: Config) -> dict[str, Any]:
    """Write a family's configuration as a point of the joint space."""
    return {MODEL: name, **{f"{name}.{key}": value for key, value in params.items()}}


def split_config(config: Config) -> tuple[str, dict[str, Any]]:
    """Split a joint configuration into the family's name and its own parameters.

    Raises
    ------
    BadSpace
        It names no family, or holds parameters of another one.
    """
    name = config.get(MODEL)
    prefix = f"{name}."
    others = [key for key in config if key != MODEL and not key.startswith(prefix)]
    if not isinstance(name, str) or others:
        raise BadSpace(
            f"a configuration names its model and holds that model's parameters only; this one is {dict(config)!r}",
            fix=f"set {MODEL!r} and prefix every parameter with its name, such as 'lightgbm.num_leaves'",
        )
    return name, {key.removeprefix(prefix): value for key, value in config.items() if key != MODEL}

"""Choices of any kind, told apart by JSON scalars."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from luthier.errors import BadSpace
from luthier.space.config import Scalar
from luthier.space.distributions import Bool, Categorical, Distribution
from luthier.space.scalars import Typed, is_scalar, typed


def plain(value: Any) -> Any:
    """Return numpy's scalars as Python's own; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def choose_from(values: Iterable[Any]) -> tuple[Distribution, dict[str, Any]]:
    """Return a distribution over the values, and the objects behind the labels among its choices.

    What JSON holds stands for itself. Other objects (estimators, functions, tuples, NaN) get a label: their `repr`
    where that is the same in every process, else their type's name; numbered where two labels would be the same.
    Numbers in rising order make an ordered distribution; a value that is repeated counts once.

    Raises
    ------
    BadSpace
        There is no value to choose from.
    """
    known: set[Typed] = set()
    objects: dict[str, Any] = {}
    choices: list[Scalar] = []
    waiting: list[tuple[int, Any]] = []
    for value in map(plain, values):
        if is_scalar(value):
            if typed(value) not in known:
                known.add(typed(value))
                choices.append(value)
        elif not any(value is other for _, other in waiting):
            waiting.append((len(choices), value))
            choices.append(None)
    for k, value in waiting:  # labels last, so that they keep clear of strings that stand for themselves
        choices[k] = label = _free(label_of(value), known)
        known.add(typed(label))
        objects[label] = value
    if not choices:
        raise BadSpace("there are no choices", fix="give at least one choice, or leave the parameter out")
    if len(choices) == 2 and all(isinstance(choice, bool) for choice in choices):
        return Bool(), {}
    numbers = [c for c in choices if isinstance(c, int | float) and not isinstance(c, bool)]
    ordered = len(numbers) == len(choices) > 1 and not objects and all(a < b for a, b in pairwise(numbers))
    return Categorical(tuple(choices), ordered=ordered, opaque=tuple(objects)), objects


def label_of(value: Any) -> str:
    """Return a short name for an object, the same in every process.

    >>> label_of((50, 50)), label_of(len), label_of(float("nan"))
    ('(50, 50)', 'len', 'nan')
    """
    if callable(value) and hasattr(value, "__qualname__"):
        return str(value.__qualname__)
    text = " ".join(repr(value).split())
    if re.search(r"\bat 0x[0-9a-fA-F]+", text):  # an address: another one in the next process
        return type(value).__name__
    return text if len(text) <= 120 else text[:117] + "..."


def _free(label: str, known: Collection[Typed]) -> str:
    number, candidate = 1, label
    while typed(candidate) in known:
        number += 1
        candidate = f"{label} ({number})"
    return candidate

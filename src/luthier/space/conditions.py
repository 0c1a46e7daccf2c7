"""What conditions imply: which parameters exclude each other, and how many configurations there are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from luthier.errors import BadSpace
from luthier.space.parameter import Parameter
from luthier.space.scalars import Typed, typed

Conditions: TypeAlias = tuple[tuple[str, frozenset[Typed]], ...]


def conditions_of(parameter: Parameter, earlier: Mapping[str, Parameter]) -> Conditions:
    """Check and compile a parameter's `when`.

    Raises
    ------
    BadSpace
        A parent does not come earlier, is continuous, or cannot take one of the allowed values.
    """
    compiled = []
    for name, allowed in parameter.when:
        if name not in earlier:
            raise BadSpace(
                f"parameter {parameter.name!r} depends on {name!r}, which does not come before it",
                fix=f"list {name!r} in the space, before {parameter.name!r}",
            )
        distribution = earlier[name].distribution
        if distribution.bins is None:
            raise BadSpace(
                f"parameter {parameter.name!r} depends on {name!r}, which is continuous: none of its values is ever "
                "drawn twice",
                fix=f"give {name!r} choices or a step, or let a choice of its own switch {parameter.name!r} on",
            )
        try:
            compiled.append((name, frozenset(typed(distribution.normal(value)) for value in allowed)))
        except ValueError as error:
            raise BadSpace(
                f"parameter {parameter.name!r} is active when {name!r} is {error.args[0]!r}, "
                f"but {name!r} is {distribution.expected}",
                fix=f"name values that {name!r} can take",
            ) from error
    return tuple(compiled)


def check_arguments(parameters: Sequence[Parameter], conditions: Mapping[str, Conditions]) -> None:
    """Check that every parameter can be active, and that no two active ones set the same argument.

    Raises
    ------
    BadSpace
        Otherwise.
    """
    needs: dict[str, dict[str, frozenset[Typed]]] = {}  # name -> every ancestor with the values that keep it active
    setters: dict[str, list[str]] = {}
    for parameter in parameters:
        mine: dict[str, frozenset[Typed]] = {}
        for parent, allowed in conditions[parameter.name]:
            for ancestor, values in (*needs[parent].items(), (parent, allowed)):
                mine[ancestor] = mine.get(ancestor, values) & values
        needs[parameter.name] = mine
        if not all(mine.values()):
            raise BadSpace(
                f"parameter {parameter.name!r} can never be active: its conditions contradict each other",
                fix="mend its `when`, or leave it out",
            )
        if not parameter.sets:
            continue
        for other in setters.setdefault(parameter.sets, []):
            theirs = needs[other]
            if all(mine[a] & theirs[a] for a in mine.keys() & theirs.keys()):
                raise BadSpace(
                    f"{other!r} and {parameter.name!r} both set {parameter.sets!r} and may be active together",
                    fix="rename one, or make them active for different values of the same parent",
                )
        setters[parameter.sets].append(parameter.name)


def count(conditions: Mapping[str, Conditions], size: Mapping[str, float], has: Callable[[str, Typed], bool]) -> float:
    """Return the number of configurations.

    Parameters
    ----------
    conditions
        Of every parameter, parents first.
    size
        How many values each parameter takes (may be infinite).
    has
        Whether a parameter takes a value at all: a grid may leave some out.
    """
    wanted: dict[str, set[Typed]] = {}
    for pairs in conditions.values():
        for parent, allowed in pairs:
            wanted.setdefault(parent, set()).update(allowed)
    if not wanted:  # nobody depends on anybody
        return math.prod(size[name] for name in conditions)
    parent = next(name for name, pairs in conditions.items() if name in wanted and not pairs)
    # Parent values that switch the same parameters on are counted once, times how many they are.
    others = {name: pairs for name, pairs in conditions.items() if name != parent}
    live = [value for value in wanted[parent] if has(parent, value)]
    groups: dict[frozenset[str], float] = {}
    for value in live:
        off = frozenset(n for n, pairs in others.items() if any(p == parent and value not in ok for p, ok in pairs))
        groups[off] = groups.get(off, 0) + 1
    if rest := size[parent] - len(live):
        off = frozenset(name for name, pairs in others.items() if any(p == parent for p, _ in pairs))
        groups[off] = groups.get(off, 0) + rest
    return sum(times * count(_without(parent, off, others), size, has) for off, times in groups.items())


def _without(parent: str, off: frozenset[str], conditions: Mapping[str, Conditions]) -> dict[str, Conditions]:
    """Return the conditions left once `parent` is settled and `off` are switched off, with all that depend on those."""
    gone, left = set(off), dict[str, Conditions]()
    for name, pairs in conditions.items():
        if name in gone or any(p in gone for p, _ in pairs):
            gone.add(name)
        else:
            left[name] = tuple((p, allowed) for p, allowed in pairs if p != parent)
    return left

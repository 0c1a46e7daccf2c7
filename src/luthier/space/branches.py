"""Trees of conditional parameters laid out as a list.

A tree says "with this kernel, these parameters". The same name may occur in several branches: where it is followed by
exactly the same, it is one parameter, active in all of them, so that what is learned about it in one branch counts in
the others; where it differs, each variant is a parameter of its own, `name@value`, and sets the same argument.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from luthier.space.config import Scalar
from luthier.space.distributions import Distribution
from luthier.space.parameter import Parameter, When


@dataclass(frozen=True, slots=True)
class Node:
    """A parameter of the tree, and for some of its values the parameters that exist only then.

    `objects`: label -> object, for choices that JSON cannot hold. `sets`: the argument it sets, where not its name.
    """

    name: str
    distribution: Distribution
    branches: tuple[tuple[Scalar, tuple[Node, ...]], ...] = ()
    objects: dict[str, Any] = field(default_factory=dict)
    sets: str | None = None

    def same(self, other: Node) -> bool:
        """Whether the other node is followed by exactly the same."""
        return (
            (self.name, self.sets) == (other.name, other.sets)
            and self.objects.keys() == other.objects.keys()
            and all(self.objects[label] is other.objects[label] for label in self.objects)
            # as JSON, because Python takes 1, 1.0 and True for the same
            and json.dumps(self.distribution.to_json()) == json.dumps(other.distribution.to_json())
            and len(self.branches) == len(other.branches)
            and all(
                json.dumps(a) == json.dumps(b) and len(x) == len(y) and all(map(Node.same, x, y))
                for (a, x), (b, y) in zip(self.branches, other.branches, strict=True)
            )
        )


def flatten(nodes: Sequence[Node]) -> tuple[list[Parameter], dict[str, dict[str, Any]]]:
    """Return the parameters, parents first, and the objects behind their labels."""
    parameters: list[Parameter] = []
    objects: dict[str, dict[str, Any]] = {}
    reserved = {node.name for node in nodes}

    def lay(node: Node, when: When, name: str) -> None:
        argument = node.sets if node.sets is not None else (node.name if name != node.name else None)
        parameters.append(Parameter(name, node.distribution, when, argument))
        if node.objects:
            objects[name] = node.objects
        variants: dict[str, list[tuple[Node, list[Scalar]]]] = {}
        for value, children in node.branches:
            for child in children:
                alike = variants.setdefault(child.name, [])
                twin = next((values for other, values in alike if other.same(child)), None)
                if twin is None:
                    alike.append((child, [value]))
                else:
                    twin.append(value)
        for child_name, alike in variants.items():
            for child, values in alike:
                free = len(alike) == 1 and child_name not in taken and child_name not in reserved
                chosen = child_name if free else _free(f"{child_name}@{values[0]}", taken)
                taken.add(chosen)
                lay(child, ((name, tuple(values)),), chosen)

    taken = set(reserved)
    for node in nodes:
        lay(node, (), node.name)
    return parameters, objects


def _free(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name} ({number})"
    return candidate

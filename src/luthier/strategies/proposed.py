"""Which configurations were proposed already."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from operator import is_

from luthier.space import Config, SearchSpace
from luthier.strategies.observation import Observation


@dataclass(slots=True)
class Proposed:
    """The keys of a history's configurations, each computed once.

    A cache, not a memory: what it answers depends on the arguments alone. A key costs some microseconds, so computing
    all of them whenever one of a thousand suggestions is asked for would cost milliseconds.
    """

    _configs: list[Config] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)
    _space: SearchSpace | None = None

    def keys(self, space: SearchSpace, history: Sequence[Observation]) -> AbstractSet[str]:
        """Return the key of every configuration in the history. The set is shared and must not be changed."""
        configs = [observation.config for observation in history]
        known = len(self._configs)
        # the very same objects up to where we were? then only the new ones need a key
        if self._space is not space or known > len(configs) or not all(map(is_, self._configs, configs)):
            known, self._keys, self._space = 0, set(), space
        self._keys.update(space.key(config) for config in configs[known:])
        self._configs = configs
        return self._keys


def untried(
    space: SearchSpace, n_configs: float, history: Sequence[Observation], proposed: Proposed
) -> dict[str, Config] | None:
    """Return by key the configurations that were never proposed; None while there are too many to list.

    Blind strategies repeat themselves in small spaces. As long as at most one in four configurations was proposed that
    is rare and cheap (the engine answers from its log); then it is better to draw from those that are left.
    """
    if n_configs > 4 * len(history):
        return None
    seen = proposed.keys(space, history)
    configs, _ = space.grid(int(n_configs))
    return {key: config for config in configs if (key := space.key(config)) not in seen}

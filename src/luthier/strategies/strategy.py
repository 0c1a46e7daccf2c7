"""What every strategy can do: say which configuration to try next, from what is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np

from luthier.space import Config, SearchSpace
from luthier.strategies.observation import Observation

Mode: TypeAlias = Literal["default", "grid", "explore", "exploit"]
"""Where a suggestion comes from: a default, a list made beforehand, the unknown, or what is known to do well."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A configuration to try, with its reason in words (`why`), which the log keeps."""

    config: Config
    mode: Mode
    why: str


@runtime_checkable
class Strategy(Protocol):
    """Which configuration to try next, as a function of the space, the history and randomness: no clock, no store.

    A strategy may keep what it would only compute again (a grid, blocks of a sequence, keys of configurations), but no
    knowledge: a new instance given the same arguments must answer the same, or studies could not be resumed.
    `luthier.testing.strategies` checks that.
    """

    name: ClassVar[str]

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:
        """Set the strategy up for one study.

        Parameters
        ----------
        space
            The space it will be asked about.
        seed
            The study's: all that is random about the set-up follows from it.
        n_trials
            How many trials the study will have, the default's included; None if that depends on the clock.
        """
        ...

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        """Return the next configuration to try, or None when nothing is left to try.

        Parameters
        ----------
        space
            The space given to `for_study`.
        history
            One observation for every configuration proposed so far, in the order of the proposals: library defaults,
            which the engine starts with unasked, then this strategy's own; results may come in later. Never written to.
        rng
            A generator made for this question alone; the same one when a resumed study asks again.
        """
        ...

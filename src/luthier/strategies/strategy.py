"""What every strategy can do: say which configuration to try next, from what is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np

from luthier.space import Config, SearchSpace
from luthier.strategies.observation import Observation

Mode: TypeAlias = Literal["default", "prior", "grid", "explore", "exploit"]
"""Where a suggestion comes from: a default, what did well elsewhere, a list made beforehand, the unknown, or what is
known to do well here."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a model knew of a suggestion before it was tried: exploring against exploiting, in numbers.

    Attributes
    ----------
    mean, sd
        Predicted loss and its standard deviation, in the loss's own unit; None where no model predicts one.
    distance
        From the nearest configuration tried, in the unit cube: root mean square over the coordinates that are active in
        both, a coordinate active in one of them only counting 1; None when nothing was tried.
    source
        The strategy that made it, where several take turns.
    """

    mean: float | None = None
    sd: float | None = None
    distance: float | None = None
    source: str = ""

    def to_json(self) -> dict[str, float | str | None]:
        """As JSON values."""
        return {"mean": self.mean, "sd": self.sd, "distance": self.distance, "source": self.source}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A configuration to try, with its reason in words (`why`) and in numbers (`evidence`), which the log keeps."""

    config: Config
    mode: Mode
    why: str
    evidence: Evidence | None = None


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


@runtime_checkable
class CostAware(Protocol):
    """A strategy that can weigh what trying a configuration costs."""

    def minding(self, space: SearchSpace, work: Callable[[Config], float], *, seed: int) -> Strategy:
        """Return the strategy that does.

        Parameters
        ----------
        space
            The space given to `for_study`.
        work
            Seconds that trying a configuration roughly takes, above 0, guessed beforehand: no measurement, so that the
            same seed gives the same suggestions.
        seed
            The study's.
        """
        ...

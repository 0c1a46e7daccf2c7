"""The trial that an objective is handed: it names its parameters, reports on its way, and asks whether to go on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from luthier.space import Config, Distribution, Float, Int, Scalar
from luthier.space.choices import choose_from, plain
from luthier.tuning.pruning import Pruner, Reported


class TrialPruned(Exception):
    """Raised by an objective to end its trial early, because what it reported does not promise enough.

    Optuna's exception of the same name means the same.
    """


class ObjectiveTrial:
    """One trial, as an objective sees it: the calls of Optuna's `Trial`, without Optuna.

    Parameters
    ----------
    number
        Its number in the study.
    proposal
        Values a strategy proposes, by parameter; what is missing or does not fit is drawn.
    rng
        Draws those.
    signs
        1.0 for every objective to be minimised, -1.0 for one to be maximised.
    pruner
        Answers `should_prune`; None never to stop.
    others
        What other trials had reported when this one started, as losses.

    Attributes
    ----------
    number
        From 0.
    params
        Name -> value of the parameters asked for so far.
    distributions
        Name -> distribution of the same.
    user_attrs
        As set by `set_user_attr`.
    constraints
        As set by `set_constraint`.
    values
        What the objective returned, once it has; the `constraints` function of a study may look at it.
    """

    def __init__(
        self,
        number: int,
        proposal: Config,
        rng: np.random.Generator,
        *,
        signs: Sequence[float] = (1.0,),
        pruner: Pruner | None = None,
        others: Sequence[Reported] = (),
    ) -> None:
        self.number = number
        self.values: tuple[float, ...] = ()
        self.user_attrs: dict[str, Any] = {}
        self.constraints: dict[str, float] = {}
        self.asked: dict[str, tuple[Distribution, Scalar]] = {}
        self.steps: dict[float, float] = {}
        self._losses: dict[float, float] = {}
        self._objects: dict[str, Any] = {}  # the value itself, where it is one that JSON cannot hold
        self._proposal = proposal
        self._rng = rng
        self._signs = signs
        self._pruner = pruner
        self._others = others

    # --- parameters ---------------------------------------------------------------------------------------------------

    @property
    def params(self) -> dict[str, Any]:
        """The parameters asked for so far."""
        return {name: self._objects.get(name, value) for name, (_, value) in self.asked.items()}

    @property
    def distributions(self) -> dict[str, Distribution]:
        """The distributions of the parameters asked for so far."""
        return {name: distribution for name, (distribution, _) in self.asked.items()}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a number in [low, high], on a log scale or in steps if asked to."""
        value = self._suggest(name, Float(low, high, log=log, step=step))
        assert isinstance(value, float)
        return value

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Return a whole number in [low, high], on a log scale or in steps if asked to."""
        value = self._suggest(name, Int(low, high, log=log, step=step))
        assert isinstance(value, int)
        return value

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of the choices. Those that JSON cannot hold appear in the record under a label."""
        distribution, objects = choose_from(choices)
        value = self._suggest(name, distribution)
        if isinstance(value, str) and value in objects:
            self._objects[name] = objects[value]
        return self._objects.get(name, value)

    def _suggest(self, name: str, distribution: Distribution) -> Scalar:
        if name in self.asked:
            earlier, value = self.asked[name]
            try:
                return distribution.normal(value)
            except ValueError:
                raise ValueError(
                    f"{name!r} was {value!r} when it was first asked for, from {earlier!r}; {distribution!r} does not "
                    "have that value: give the second parameter a name of its own"
                ) from None
        try:
            value = distribution.normal(self._proposal[name])
        except (KeyError, ValueError, OverflowError):
            value = distribution.from_unit(self._rng.random())
        self.asked[name] = (distribution, value)
        return value

    # --- on the way ---------------------------------------------------------------------------------------------------

    def report(self, value: float, step: float) -> None:
        """Say what the objective is worth at a step (epoch, round, fold). The first report of a step counts."""
        if step < 0:
            raise ValueError(f"a step cannot be negative, as {step!r} is")
        step = plain(step)
        if step not in self.steps:
            self.steps[step] = float(value)
            self._losses[step] = self._signs[0] * self.steps[step]

    def should_prune(self) -> bool:
        """Tell whether to end now, by raising `TrialPruned`. With several objectives the answer is always no."""
        if self._pruner is None or len(self._signs) > 1:
            return False
        return self._pruner.stops(self.number, self._losses, self._others)

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a fact with the trial. What JSON cannot hold (a model, say) is kept as its text in the record."""
        self.user_attrs[key] = value

    def set_constraint(self, key: str, value: float) -> None:
        """Say how far a constraint is broken: kept when at most 0."""
        number = float(value)
        if math.isnan(number):
            raise ValueError(f"the constraint {key!r} is NaN")
        self.constraints[key] = number


def as_json(value: Any) -> Any:
    """Return a value as JSON gives it back: itself, numpy's as Python's own, and the text of what JSON cannot hold."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    value = plain(value)
    if isinstance(value, Mapping):
        return {str(key): as_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(part) for part in value]
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return repr(value)
    return value

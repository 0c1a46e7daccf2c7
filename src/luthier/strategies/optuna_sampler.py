"""Optuna's samplers as strategies: `optuna:TPESampler` and its like."""

from __future__ import annotations

import copy
import difflib
import importlib.util
import inspect
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np

from luthier.errors import MissingExtra, UnknownChoice
from luthier.space import Bool, Categorical, Config, Distribution, Float, Int, SearchSpace
from luthier.space.config import Floats
from luthier.space.optuna_form import to_optuna
from luthier.strategies.comparable import comparable
from luthier.strategies.extras import optional
from luthier.strategies.observation import Observation
from luthier.strategies.proposed import Proposed, untried
from luthier.strategies.strategy import Evidence, Mode, Strategy, Suggestion
from luthier.strategies.tried import Tried, distances

PREFIX = "optuna:"
"""What strategies' names begin with that are Optuna's samplers; the class's name follows."""

_BLIND = ("BruteForceSampler", "QMCSampler", "RandomSampler")
_REMEMBERING = ("CmaEsSampler", "NSGAIISampler", "NSGAIIISampler", "QMCSampler")
"""Samplers that write their state into the trials they are asked for: bare trials would tell them nothing."""

_LIBRARIES = {"CmaEsSampler": "cmaes", "GPSampler": "torch"}

_Told = tuple[Config, str, float | None]
"""A trial as Optuna has it: configuration, state, value."""


@dataclass(slots=True)
class _Mirror:
    """An Optuna study of the trials settled so far, from the first on: only ever computed from them."""

    told: list[_Told] = field(default_factory=list)
    study: Any = None


@dataclass(frozen=True, slots=True)
class OptunaSampler:
    """Whatever a sampler of Optuna's suggests; each has a subclass of this, made by `optuna_strategy`.

    The history is mirrored in an Optuna study in memory, and a sampler made and seeded for the question is asked
    for the next trial. CMA-ES, NSGA-II, NSGA-III and the quasi-random sampler keep their state in the trials they
    were asked for: with these, all trials are asked for again in their order, each fixed to the configuration it
    had. Both are functions of the history. Values are exchanged in the parameters' own units, so scales, steps and
    choices mean to Optuna what they mean here. (Steps on a log scale it does not know: there its answer is moved to
    a step.)

    A trial counts with its loss at the fidelity that others share (`comparable`); one stopped below it counts as
    pruned.

    Samplers do not say why, so the reason given is where the suggestion lies: it exploits when the nearest of the known
    trials is among their best quarter. Otherwise, and when the sampler is blind to results, it explores.
    """

    seed: int
    n_configs: float
    _mirror: _Mirror = field(default_factory=_Mirror, repr=False, compare=False)
    _proposed: Proposed = field(default_factory=Proposed, repr=False, compare=False)
    _tried: Tried = field(default_factory=Tried, repr=False, compare=False)

    name: ClassVar[str] = PREFIX

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:  # noqa: ARG003  (any number)
        """Set the search up."""
        return cls(seed, space.n_configs)

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        """Return what the sampler suggests, or None when all configurations were proposed."""
        left = untried(space, self.n_configs, history, self._proposed)
        if left is not None and not left:
            return None
        losses, _ = comparable(history, enough=1)
        with _quiet():
            study = self._mirrored(space, history, losses)
            study.sampler = self._made(int(rng.integers(2**31)))
            config = _asked(study.ask(), space)
        if left is not None and space.key(config) not in left:
            config = list(left.values())[int(rng.integers(len(left)))]
        return self._placed(space, config, self._tried.units(space, history), losses)

    @property
    def _sampler(self) -> str:
        return self.name.removeprefix(PREFIX)

    def _placed(self, space: SearchSpace, config: Config, tried: Floats, losses: Floats) -> Suggestion:
        """Return the configuration with the reason that its place among the known trials gives."""
        why, known = f"by Optuna's {self._sampler}", np.flatnonzero(np.isfinite(losses))
        mode: Mode = "explore"
        away = distances(space.to_unit(config), tried)
        if self._sampler not in _BLIND and len(known):
            nearest = known[np.argmin(away[known])]
            rank = 1 + int((losses < losses[nearest]).sum())
            why += f", nearest to trial {nearest}, number {rank} of {len(known)} known"
            mode = "exploit" if rank <= max(len(known) / 4, 1) else "explore"
        return Suggestion(
            config, mode, why, Evidence(distance=float(away.min()) if len(away) else None, source=self.name)
        )

    # --- the mirror ---------------------------------------------------------------------------------------------------

    def _mirrored(self, space: SearchSpace, history: Sequence[Observation], losses: Floats) -> Any:
        """Return a study of the whole history, to be thrown away after one question."""
        told = [_told(o, float(loss)) for o, loss in zip(history, losses, strict=True)]
        settled = next((k for k, (_, state, _) in enumerate(told) if state == "RUNNING"), len(told))
        mirror = self._mirror
        if mirror.study is None or mirror.told != told[: len(mirror.told)] or len(mirror.told) > settled:
            optuna = optional("optuna", self.name)
            mirror.told, mirror.study = [], optuna.create_study(sampler=self._made(self.seed))
        for one in told[len(mirror.told) : settled]:
            self._add(mirror.study, space, one)
            mirror.told.append(one)
        study = copy.deepcopy(mirror.study)
        for one in told[settled:]:
            self._add(study, space, one)
        return study

    def _add(self, study: Any, space: SearchSpace, told: _Told) -> None:
        """Add a trial to a study: as it is, or by asking for it where the sampler keeps its state in trials."""
        optuna = optional("optuna", self.name)
        config, word, value = told
        state = optuna.trial.TrialState[word]
        varied = {p.name: p.distribution for p in space.dimensions if p.name in config}
        params = {name: config[name] for name in varied}
        if self._sampler not in _REMEMBERING:
            distributions = {name: to_optuna(distribution) for name, distribution in varied.items()}
            study.add_trial(
                optuna.trial.create_trial(state=state, params=params, distributions=distributions, value=value)
            )
            return
        study.enqueue_trial(params)
        trial = study.ask()
        _ = trial.relative_params  # asks the sampler, which fixed parameters alone do not
        _asked(trial, space)
        if word != "RUNNING":
            study.tell(trial, value, state=state)

    def _made(self, seed: int) -> Any:
        samplers = optional("optuna", self.name).samplers
        kind = getattr(samplers, self._sampler)
        wanted = {"seed": seed, "warn_independent_sampling": False}
        if self._sampler == "QMCSampler":
            # points of one sequence, therefore of one seed; unscrambled it would be the same in every study
            wanted |= {"seed": self.seed, "scramble": True, "independent_sampler": samplers.RandomSampler(seed=seed)}
        offered = inspect.signature(kind).parameters
        return kind(**{name: value for name, value in wanted.items() if name in offered})


def _told(o: Observation, loss: float) -> _Told:
    if math.isfinite(loss):
        return o.config, "COMPLETE", loss
    if o.state == "partial":
        return o.config, "PRUNED" if o.fidelity < 1 else "RUNNING", None
    return o.config, "RUNNING" if o.state == "running" else "FAIL", None


def _asked(trial: Any, space: SearchSpace) -> Config:
    """Return the configuration an Optuna trial suggests, asked for as an objective would."""

    def choose(name: str, distribution: Distribution) -> Any:
        theirs = to_optuna(distribution)
        if isinstance(distribution, Categorical | Bool):
            return trial.suggest_categorical(name, theirs.choices)
        suggest = trial.suggest_int if isinstance(distribution, Int) else trial.suggest_float
        value = suggest(name, theirs.low, theirs.high, step=theirs.step, log=theirs.log)
        if isinstance(distribution, Int | Float) and distribution.step is not None:
            return distribution.at(distribution.index(value))
        return value

    return space.chosen(choose)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from announcing studies nobody made, and experiments of its own."""
    logging = optional("optuna", PREFIX).logging
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)


@cache
def optuna_strategy(name: str) -> type[Strategy]:
    """Return the strategy that asks a sampler of Optuna's.

    Parameters
    ----------
    name
        Of a class in `optuna.samplers`, after `optuna:`.

    Raises
    ------
    MissingExtra
        Optuna, or what it needs for this sampler, is not installed.
    UnknownChoice
        Optuna has no such sampler, or it cannot be made without further arguments.
    """
    optuna = optional("optuna", name)
    sampler = name.removeprefix(PREFIX)
    known = _without_arguments(optuna)
    if sampler not in known:
        short = {kind.removesuffix("Sampler").lower(): kind for kind in known}
        alike = difflib.get_close_matches(sampler.removesuffix("Sampler").lower(), short, n=1)
        raise UnknownChoice(
            f"Optuna has no sampler {sampler!r} that needs no arguments; there are: {', '.join(known)}",
            fix=f"did you mean {PREFIX + short[alike[0]]!r}?" if alike else "choose one of them",
        )
    library = _LIBRARIES.get(sampler)
    if library is not None and importlib.util.find_spec(library) is None:
        raise MissingExtra(
            f"Optuna's {sampler} needs the library {library!r}, which is not installed", fix=f"pip install {library}"
        )

    return type(sampler, (OptunaSampler,), {"name": name, "__slots__": ()})


def _without_arguments(optuna: Any) -> dict[str, type]:
    """Return the samplers that can be made without arguments, by name."""
    return {
        name: kind
        for name in optuna.samplers.__all__
        if inspect.isclass(kind := getattr(optuna.samplers, name))
        and not inspect.isabstract(kind)
        and all(p.default is not p.empty for p in inspect.signature(kind).parameters.values())
    }

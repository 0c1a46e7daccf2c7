"""The shared suite runs on every strategy in the room's list, unasked; and the list is complete."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import numpy as np
import pytest

import luthier.strategies
from luthier.space import Config, SearchSpace
from luthier.strategies import STRATEGIES, Evidence, Observation, Strategy, Suggestion
from luthier.strategies.optuna_sampler import PREFIX
from luthier.testing.strategies import STRATEGY_CHECKS, StrategyCheck, check_strategy


@pytest.mark.parametrize("check", STRATEGY_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", STRATEGIES.values(), ids=lambda kind: kind.name)
def test_every_strategy_keeps_the_promises_of_all(kind: type[Strategy], check: StrategyCheck) -> None:
    check(kind)


def strategies_in_files() -> dict[str, set[str]]:
    """Module -> names of the strategies it defines."""
    found: dict[str, set[str]] = {}
    for module_info in pkgutil.iter_modules(luthier.strategies.__path__):
        module = importlib.import_module(f"luthier.strategies.{module_info.name}")
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__ and kind is not Strategy and hasattr(kind, "for_study"):
                found.setdefault(module_info.name, set()).add(kind.__dict__["name"])
    return found


def test_every_strategy_with_a_file_is_in_the_list_and_every_listed_one_has_a_file_of_its_own() -> None:
    files = strategies_in_files()
    assert {name for names in files.values() for name in names} - {PREFIX} == set(STRATEGIES)
    assert all(len(names) == 1 for names in files.values())


def test_every_check_of_the_suite_is_in_its_list() -> None:
    module = inspect.getmodule(check_strategy)
    checks = {f for n, f in inspect.getmembers(module, inspect.isfunction) if n.startswith("check_")}
    assert checks - {check_strategy} == set(STRATEGY_CHECKS)


# --- the suite itself can fail: one broken strategy per promise -----------------------------------------------------


@dataclass
class Sound:
    """A strategy that keeps every promise, to break in one respect at a time."""

    seed: int

    name: ClassVar[str] = "sound"

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:
        return cls(seed)

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        return Suggestion(self.config(space, history, rng), "explore", "drawn")

    def config(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Config:
        return space.sample(rng)


class Nameless(Sound):
    name = "two words"


class OffTheMap(Sound):
    def config(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Config:
        return {**space.sample(rng), "gamma": 0.1}


class Mute(Sound):
    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        return Suggestion(space.sample(rng), "explore", " ")


class Boundless(Sound):
    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        return Suggestion(space.sample(rng), "explore", "drawn", Evidence(mean=float("inf")))


class SameForAll(Sound):
    def config(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Config:
        return space.sample(np.random.default_rng(sum(o.state == "complete" for o in history)))


class NeedsHistory(Sound):
    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        return super().ask(space, history, rng) if history else None


class Remembers(Sound):
    calls: int = 0

    def config(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Config:
        self.calls += 1
        return space.sample(np.random.default_rng(self.calls))


class ReadsOrder(Sound):
    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        return Suggestion(
            space.sample(rng), "explore", "first: " + next(iter(history[-1].config), "") if history else "?"
        )


class Scribbles(Sound):
    def config(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Config:
        if history:
            cast("dict[str, Any]", history[0].config)["seen"] = True
        return space.sample(rng)


class Global(Sound):
    def config(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Config:
        return space.sample(np.random.default_rng(np.random.randint(1000)))  # noqa: NPY002


class Fragile(Sound):
    def config(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Config:
        if any(not np.isfinite(o.loss) for o in history):
            raise FloatingPointError("loss")
        return space.sample(rng)


class Frozen(Sound):
    def config(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Config:
        return space.sample(np.random.default_rng(len(history)))


class GivesUp(Sound):
    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        return super().ask(space, history, rng) if len(history) < 5 else None


class OneBranch(Sound):
    def config(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Config:
        u = rng.random(len(space.dimensions))
        u[:1] = 0.1
        return space.from_unit(u)


BROKEN = {
    "check_name": Nameless,
    "check_suggestions_are_points_of_the_space": OffTheMap,
    "check_suggestions_say_why": Mute,
    "check_evidence_is_finite": Boundless,
    "check_workers_get_work_of_their_own": SameForAll,
    "check_works_without_history": NeedsHistory,
    "check_same_question_same_answer": Remembers,
    "check_answer_survives_json": ReadsOrder,
    "check_history_is_left_alone": Scribbles,
    "check_no_global_randomness": Global,
    "check_copes_with_every_kind_of_observation": Fragile,
    "check_study_seed_matters_or_rng_does": Frozen,
    "check_small_spaces_come_to_an_end": GivesUp,
    "check_every_branch_is_tried": OneBranch,
}


def test_a_sound_strategy_of_somebody_else_passes_the_whole_suite() -> None:
    check_strategy(Sound)


@pytest.mark.parametrize("check", STRATEGY_CHECKS, ids=lambda check: check.__name__)
def test_a_strategy_that_breaks_a_promise_is_caught(check: StrategyCheck) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  (BadSpace from a check of the space counts as caught)
        check(BROKEN[check.__name__])
    assert type(caught.value).__name__ in ("AssertionError", "BadSpace")

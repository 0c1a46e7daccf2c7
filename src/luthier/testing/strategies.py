"""What every strategy must do, as checks that raise AssertionError with the reason.

To run them on a strategy of your own, with pytest or without::

    from luthier.testing.strategies import STRATEGY_CHECKS, check_strategy

    check_strategy(MyStrategy)                                    # all of them

    @pytest.mark.parametrize("check", STRATEGY_CHECKS, ids=lambda check: check.__name__)
    def test_my_strategy(check):                                  # one test each
        check(MyStrategy)
"""

from __future__ import annotations

import copy
import json
import math
import pickle
from collections.abc import Callable, Sequence
from itertools import product
from typing import TypeAlias, get_args

import numpy as np

from luthier.canonical import canonical_json
from luthier.space import Bool, Categorical, Config, Fixed, Float, Int, Parameter, SearchSpace
from luthier.strategies import Mode, Observation, Strategy, Suggestion

StrategyCheck: TypeAlias = Callable[[type[Strategy]], None]

SEED = 7
RESUMED_AT = (1, 2, 4, 7, 12, 19)
"""Numbers of known trials at which a study is taken up by a new instance."""
FOLDS = 5


# --- material ---------------------------------------------------------------------------------------------------------


def example_spaces() -> dict[str, SearchSpace]:
    """Return spaces of every kind a strategy will meet, by name."""
    return {
        "one number": SearchSpace((Parameter("x", Float(0.0, 1.0)),)),
        "mixed": SearchSpace(
            (
                Parameter("learning_rate", Float(1e-4, 1.0, log=True)),
                Parameter("num_leaves", Int(2, 512, log=True)),
                Parameter("max_depth", Int(2, 12)),
                Parameter("dropout", Float(0.0, 0.5, step=0.1)),
                Parameter("booster", Categorical(("gbdt", "dart", "rf"))),
                Parameter("extra_trees", Bool()),
                Parameter("verbosity", Fixed(-1)),
            )
        ),
        "conditional": SearchSpace(
            (
                Parameter("model", Categorical(("svm", "forest", "constant"))),
                Parameter("svm.kernel", Categorical(("rbf", "poly", "linear")), (("model", ("svm",)),)),
                Parameter("svm.C", Float(1e-3, 1e3, log=True), (("model", ("svm",)),)),
                Parameter("svm.gamma", Float(1e-4, 1.0, log=True), (("svm.kernel", ("rbf", "poly")),)),
                Parameter("svm.degree", Int(2, 5), (("svm.kernel", ("poly",)),)),
                Parameter("forest.max_features", Float(0.05, 1.0), (("model", ("forest",)),)),
            )
        ),
        "few configurations": SearchSpace(
            (Parameter("depth", Int(1, 3)), Parameter("bagging", Bool()), Parameter("p", Categorical((1, 2.0, None))))
        ),
        "one configuration": SearchSpace((Parameter("tol", Fixed(1e-3)),)),
        "nothing to set": SearchSpace(()),
    }


def loss_of(space: SearchSpace, config: Config) -> float:
    """Return a smooth loss with its minimum at 0.3 in every coordinate; inactive parameters cost nothing."""
    point = space.to_unit(config)
    return float(np.nansum((point - 0.3) ** 2))


def observed(space: SearchSpace, trial: int, config: Config) -> Observation:
    """Return the observation of a complete trial."""
    return Observation(trial, config, "complete", loss_of(space, config), 0.01, 0.5 + trial % 3, FOLDS, FOLDS)


def answer(
    strategy: Strategy, space: SearchSpace, history: Sequence[Observation], seed: int = SEED
) -> Suggestion | None:
    """Ask once, with the generator that belongs to the question."""
    return strategy.ask(space, history, np.random.default_rng([seed, len(history)]))


def played(
    kind: type[Strategy], space: SearchSpace, n: int, *, n_trials: int | None = None, seed: int = SEED
) -> list[Observation]:
    """Play a small study as the engine does: a default configuration first, then what the strategy suggests."""
    strategy = kind.for_study(space, seed=seed, n_trials=n_trials)
    history = [observed(space, 0, space.from_unit([0.5] * len(space.dimensions)))]
    while len(history) < n:
        suggestion = answer(strategy, space, history, seed)
        if suggestion is None:
            break
        history.append(observed(space, len(history), suggestion.config))
    return history


def _same(a: Suggestion | None, b: Suggestion | None) -> bool:
    if a is None or b is None:
        return a is b
    said = [(s.mode, s.why, s.evidence) for s in (a, b)]
    return canonical_json(dict(a.config)) == canonical_json(dict(b.config)) and said[0] == said[1]


# --- checks -----------------------------------------------------------------------------------------------------------


def check_name(kind: type[Strategy]) -> None:
    """The name is a non-empty string that can be typed on a command line."""
    assert isinstance(kind.name, str), f"name is {kind.name!r}, not a string"
    assert kind.name, "name is empty"
    assert not any(c.isspace() for c in kind.name), f"name {kind.name!r} holds white space"


def check_suggestions_are_points_of_the_space(kind: type[Strategy]) -> None:
    """Every suggestion is a configuration of the space, exactly its active parameters, and of JSON scalars only."""
    for name, space in example_spaces().items():
        for n_trials in (None, 20):
            for o in played(kind, space, 20, n_trials=n_trials)[1:]:
                space.check(o.config)
                back = json.loads(canonical_json(dict(o.config)))
                assert space.key(back) == space.key(o.config), f"{name}: {o.config!r} is not the same read from JSON"


def check_suggestions_say_why(kind: type[Strategy]) -> None:
    """Every suggestion has a mode and a reason in words."""
    for name, space in example_spaces().items():
        suggestion = answer(kind.for_study(space, seed=SEED, n_trials=10), space, played(kind, space, 1))
        if suggestion is not None:
            assert suggestion.mode in get_args(Mode), f"{name}: the mode {suggestion.mode!r} is unknown"
            assert suggestion.why.strip(), f"{name}: no reason is given"


def check_evidence_is_finite(kind: type[Strategy]) -> None:
    """Numbers given as evidence are finite, and spreads and distances not negative: the log holds them as JSON."""
    for name, space in example_spaces().items():
        history = played(kind, space, 12, n_trials=30)
        strategy = kind.for_study(space, seed=SEED, n_trials=30)
        for known in (0, 1, len(history)):
            suggestion = answer(strategy, space, history[:known])
            evidence = None if suggestion is None else suggestion.evidence
            if evidence is not None:
                numbers = [x for x in (evidence.mean, evidence.sd, evidence.distance) if x is not None]
                assert all(map(math.isfinite, numbers)), f"{name}: {evidence} is not finite"
                assert min(evidence.sd or 0.0, evidence.distance or 0.0) >= 0, f"{name}: {evidence} is negative"


def check_workers_get_work_of_their_own(kind: type[Strategy]) -> None:
    """Asked six times while nothing comes in, it suggests six different configurations where there are plenty."""
    for name in ("one number", "mixed"):
        space = example_spaces()[name]
        history = played(kind, space, 12, n_trials=40)
        strategy = kind.for_study(space, seed=SEED, n_trials=40)
        for trial in range(len(history), len(history) + 6):
            suggestion = answer(strategy, space, history)
            if suggestion is None:
                break
            assert space.key(suggestion.config) not in {space.key(o.config) for o in history if o.state == "running"}, (
                f"{name}: {suggestion.config!r} was suggested while it was running"
            )
            history.append(Observation(trial, suggestion.config, "running", math.nan, math.nan, 0.0, 0, FOLDS))


def check_works_without_history(kind: type[Strategy]) -> None:
    """The first question may come before anything was evaluated, and then there is something to try."""
    for name, space in example_spaces().items():
        suggestion = answer(kind.for_study(space, seed=SEED, n_trials=None), space, [])
        assert suggestion is not None, f"{name}: nothing was suggested for an empty history"
        space.check(suggestion.config)


def check_same_question_same_answer(kind: type[Strategy]) -> None:
    """A new instance, told the same history, answers as the one that lived through it: studies can be resumed."""
    for (name, space), n_trials in product(example_spaces().items(), (20, None)):
        lived = kind.for_study(space, seed=SEED, n_trials=n_trials)
        history = [observed(space, 0, space.from_unit([0.5] * len(space.dimensions)))]
        while len(history) < 20:
            suggestion = answer(lived, space, history)
            if len(history) in RESUMED_AT:
                again = answer(kind.for_study(space, seed=SEED, n_trials=n_trials), space, history)
                assert _same(suggestion, again), f"{name}, {len(history)} known: {suggestion} and, resumed, {again}"
            if suggestion is None:
                break
            history.append(observed(space, len(history), suggestion.config))
        fresh = kind.for_study(space, seed=SEED, n_trials=n_trials)
        assert _same(answer(lived, space, history[:3]), answer(fresh, space, history[:3])), (
            f"{name}: asked about an earlier moment again, it answers differently"
        )


def check_answer_survives_json(kind: type[Strategy]) -> None:
    """The answer is the same when space and history were read back from JSON, names sorted."""
    for name, space in example_spaces().items():
        history = played(kind, space, 12, n_trials=15)
        read_space = SearchSpace.from_json(json.loads(json.dumps(space.to_json())))
        read = [
            Observation(
                o.trial,
                json.loads(canonical_json(dict(o.config))),
                o.state,
                o.loss,
                o.loss_sd,
                o.cost_s,
                o.folds_done,
                o.folds,
            )
            for o in history
        ]
        a = answer(kind.for_study(space, seed=SEED, n_trials=15), space, history)
        b = answer(kind.for_study(read_space, seed=SEED, n_trials=15), read_space, read)
        assert _same(a, b), f"{name}: {a} and, read from JSON, {b}"


def check_history_is_left_alone(kind: type[Strategy]) -> None:
    """Neither the history nor its configurations are changed by asking."""
    for name, space in example_spaces().items():
        rng = np.random.default_rng(SEED)
        history = [observed(space, trial, space.sample(rng)) for trial in range(8)]
        before = copy.deepcopy(history)
        answer(kind.for_study(space, seed=SEED, n_trials=20), space, history)
        assert history == before, f"{name}: the history was changed"


def check_no_global_randomness(kind: type[Strategy]) -> None:
    """Answers do not depend on numpy's global generator, nor do they disturb it."""
    space = example_spaces()["mixed"]
    history = played(kind, space, 6)
    answers: list[Suggestion | None] = []
    kept = np.random.get_state()  # noqa: NPY002  (the global generator is what this is about)
    try:
        for seed in (1, 2):
            np.random.seed(seed)  # noqa: NPY002
            before = pickle.dumps(np.random.get_state())  # noqa: NPY002
            answers.append(answer(kind.for_study(space, seed=SEED, n_trials=20), space, history))
            assert pickle.dumps(np.random.get_state()) == before, "numpy's global generator was used"  # noqa: NPY002
    finally:
        np.random.set_state(kept)  # noqa: NPY002
    assert _same(*answers), "the answer depends on numpy's global seed"


def check_copes_with_every_kind_of_observation(kind: type[Strategy]) -> None:
    """Failed, running and partial trials, equal, huge and infinite losses, and repetitions are all digested."""
    for name, space in example_spaces().items():
        rng = np.random.default_rng(SEED)
        configs = [space.sample(rng) for _ in range(12)]
        histories: dict[str, list[Observation]] = {
            "all failed": [Observation(i, c, "failed", math.nan, math.nan, 1.0, 0, 5) for i, c in enumerate(configs)],
            "all running": [Observation(i, c, "running", math.nan, math.nan, 0.0, 0, 5) for i, c in enumerate(configs)],
            "all partial": [Observation(i, c, "partial", 0.1 * i, math.nan, 1.0, 1, 5) for i, c in enumerate(configs)],
            "all equal": [Observation(i, c, "complete", 1.0, 0.0, 1.0, 5, 5) for i, c in enumerate(configs)],
            "huge": [Observation(i, c, "complete", 1e300 * (-1) ** i, 1e299, 1.0, 5, 5) for i, c in enumerate(configs)],
            "infinite": [
                Observation(i, c, "complete", math.inf if i else 0.0, math.nan, 0.0, 5, 5)
                for i, c in enumerate(configs)
            ],
            "the same again": [Observation(i, configs[0], "complete", 0.5, 0.1, 1.0, 5, 5) for i in range(12)],
            "stopped early": [
                Observation(i, c, "partial", 0.1 * i, math.nan, 1.0, 0, 1, 0.25 + 0.05 * i, ((0.1, 1.0), (0.2, 0.5)))
                for i, c in enumerate(configs)
            ],
            "one of each": [
                Observation(0, configs[0], "complete", 0.2, 0.1, 1.0, 5, 5),
                Observation(1, configs[1], "failed", math.nan, math.nan, 1.0, 0, 5),
                Observation(2, configs[2], "partial", 0.3, 0.2, 1.0, 2, 5),
                Observation(3, configs[3], "running", math.nan, math.nan, 0.0, 0, 5),
            ],
        }
        for what, history in histories.items():
            try:
                suggestion = answer(kind.for_study(space, seed=SEED, n_trials=30), space, history)
            except Exception as error:
                raise AssertionError(f"{name}, {what}: {type(error).__name__}: {error}") from error
            if suggestion is not None:
                space.check(suggestion.config)


def check_study_seed_matters_or_rng_does(kind: type[Strategy]) -> None:
    """Two studies with different seeds do not try the same configurations in the same order."""
    space = example_spaces()["mixed"]
    runs = [[space.key(o.config) for o in played(kind, space, 10, n_trials=40, seed=seed)] for seed in (1, 2)]
    assert runs[0] != runs[1], "the seed changes nothing"


def check_small_spaces_come_to_an_end(kind: type[Strategy]) -> None:
    """Where there are only 18 configurations, 200 questions find all of them or end; they never fail."""
    space = example_spaces()["few configurations"]
    history = played(kind, space, 200)
    tried = {space.key(o.config) for o in history}
    assert len(history) == 200 or len(tried) == space.n_configs, (
        f"it gave up with {len(tried)} of {space.n_configs} configurations tried"
    )


def check_every_branch_is_tried(kind: type[Strategy]) -> None:
    """In a conditional space 100 suggestions reach every value of the parameter that others depend on."""
    space = example_spaces()["conditional"]
    tried = {o.config["model"] for o in played(kind, space, 100, n_trials=100)}
    assert tried == {"svm", "forest", "constant"}, f"only {sorted(tried)} were ever tried"


STRATEGY_CHECKS: tuple[StrategyCheck, ...] = (
    check_name,
    check_suggestions_are_points_of_the_space,
    check_suggestions_say_why,
    check_evidence_is_finite,
    check_workers_get_work_of_their_own,
    check_works_without_history,
    check_same_question_same_answer,
    check_answer_survives_json,
    check_history_is_left_alone,
    check_no_global_randomness,
    check_copes_with_every_kind_of_observation,
    check_study_seed_matters_or_rng_does,
    check_small_spaces_come_to_an_end,
    check_every_branch_is_tried,
)


def check_strategy(kind: type[Strategy]) -> None:
    """Run every check on a strategy class.

    Raises
    ------
    AssertionError
        The first promise it does not keep, with the reason.
    """
    for check in STRATEGY_CHECKS:
        check(kind)

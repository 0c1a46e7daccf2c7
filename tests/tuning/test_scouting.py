from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from luthier.executors import InlineExecutor, ProcessExecutor
from luthier.models import FAMILIES, Facts, PathFamily, join_config
from luthier.models.family import prefixes
from luthier.scoring import choose_splits, get_metric
from luthier.space import SearchSpace
from luthier.store import MemoryStudyLog, predictions_digest
from luthier.strategies import get_strategy
from luthier.tuning import Budget, Engine, FoldResult, History, Job, StudyPlan, Surroundings, TableWork

# --- the fold that settles --------------------------------------------------------------------------------------------

FACTS = Facts("binary", 240, 4, 2)


def a_table_work() -> TableWork:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 4))
    y = (X[:, 0] + 0.5 * X[:, 1] ** 2 + rng.normal(size=240) > 0.5).astype(np.int64)
    splits = choose_splits(y, "binary", n_folds=3)
    families = {name: FAMILIES[name]() for name in ("lightgbm", "knn", "forest")}
    return TableWork(families, FACTS, {"matrix": X}, y, None, splits.folds, get_metric("log_loss", "binary"))


def a_job(name: str, *, scout: bool, **changes: Any) -> Job:
    config = {**FAMILIES[name]().default(FACTS), **changes}
    return Job(1, 1, 0, join_config(name, config), seed=3, scout=scout)


@pytest.mark.parametrize(("name", "changes"), [("lightgbm", {"n_estimators": 400}), ("knn", {"n_neighbors": 2})])
def test_a_scout_settles_on_the_best_of_the_path_and_predicts_as_a_fit_of_it_would(name: str, changes: Any) -> None:
    work, job = a_table_work(), a_job(name, scout=True, **changes)
    scouted = work.run(job, 1)
    assert scouted.config is not None
    plain = work.run(replace(job, scout=False), 1)
    refitted = work.run(replace(job, scout=False, config=scouted.config), 1)
    assert scouted.score < plain.score  # log loss: 400 rounds and 2 neighbours are both far from the best
    assert scouted.score == pytest.approx(refitted.score, rel=1e-6)
    assert scouted.predictions == pytest.approx(refitted.predictions, abs=1e-6)
    assert set(scouted.config) == set(job.config)
    assert sum(scouted.config[key] != job.config[key] for key in job.config) == 1


def test_a_fold_that_is_no_scout_leaves_the_configuration_alone() -> None:
    assert a_table_work().run(a_job("lightgbm", scout=False, n_estimators=400), 1).config is None


def test_forests_have_nothing_to_settle_because_more_trees_are_never_worse() -> None:
    assert not isinstance(FAMILIES["forest"](), PathFamily)
    assert a_table_work().run(a_job("forest", scout=True), 1).config is None


@pytest.mark.parametrize("name", [name for name, kind in FAMILIES.items() if isinstance(kind(), PathFamily)])
def test_the_values_of_a_path_are_few_rise_and_hold_the_configurations_own(name: str) -> None:
    family = FAMILIES[name]()
    assert isinstance(family, PathFamily)
    assert family.path is not None
    space = family.space(FACTS)
    for seed in range(20):
        config = space.sample(np.random.default_rng(seed))
        values = family.path_values(config, FACTS)
        assert config[family.path] in values
        assert list(values) == sorted(set(values))
        assert len(values) <= 13
        for value in values:
            space.check({**config, family.path: value})


def test_prefixes_stop_at_the_fewest() -> None:
    assert prefixes(16, 16) == (16,)
    assert prefixes(12, 16) == (12,)
    assert min(prefixes(2048, 16)) >= 16


# --- in the engine ----------------------------------------------------------------------------------------------------

K, ROWS = 4, 2
SPACE = SearchSpace.parse({"x": (0.0, 1.0), "rounds": (1, 100)})


@dataclass(frozen=True)
class Rounds:
    """The best number of rounds is at most 30, and a scout finds it."""

    def run(self, job: Job, threads: int) -> FoldResult:
        x, rounds = job.config["x"], job.config["rounds"]
        settled = min(rounds, 30) if job.scout else rounds
        score = (x - 0.7) ** 2 + 0.001 * abs(settled - 30) + 0.01 * job.fold
        config = {"x": x, "rounds": settled} if settled != rounds else None
        return FoldResult(np.full((ROWS, 1), settled, dtype=np.float32), score, 0.0, config=config)


def run(executor: Any, log: MemoryStudyLog | None = None, **changes: Any) -> Engine:
    start = {"x": 0.5, "rounds": 90}
    plan = StudyPlan({"what": "rounds"}, SPACE, (start,), "random", K, False, Budget.parse("15 trials"), scouting=True)
    plan = replace(plan, **changes)
    around = Surroundings(
        clock=lambda: 0.0,
        now_utc=lambda: "2026-01-01T00:00:00.000000Z",
        predictions_digest=predictions_digest,
        pooled_score=lambda _trial, scores: float(np.mean(scores)),
        has_path=lambda _: True,
    )
    strategy = get_strategy("random").for_study(SPACE, seed=0, n_trials=None)
    with closing(executor):
        engine = Engine(plan, strategy, log or a_log(), executor, around)
        engine.open([fold * ROWS for fold in range(K)], {})
        engine.search()
    return engine


def a_log() -> MemoryStudyLog:
    return MemoryStudyLog("s", shape=(K * ROWS, 1))


def told(history: History) -> list[tuple[Any, ...]]:
    return [(t.number, dict(t.config), t.proposal, t.state, t.score, t.fold_scores) for t in history.trials]


def test_what_the_first_fold_settles_holds_for_all_folds_and_whoever_asks_later() -> None:
    log = a_log()
    history = run(InlineExecutor(Rounds()), log).history
    settled = [t for t in history.trials if t.proposal is not None]
    assert settled
    for trial in settled:
        assert trial.proposal is not None
        assert trial.proposal["rounds"] > trial.config["rounds"] == 30
        assert (log.read_predictions([trial.number]) == 30).all()
        assert history.observations()[trial.number].config == trial.config
    retold = History(SPACE, K, greater_is_better=False)
    retold.replay(log.events())
    assert told(retold) == told(history)


def test_the_default_is_taken_at_its_word() -> None:
    history = run(InlineExecutor(Rounds())).history
    assert history.trials[0].config == {"x": 0.5, "rounds": 90}
    assert history.trials[0].proposal is None


def test_workers_wait_for_the_scout_and_give_the_same_trials() -> None:
    one = run(InlineExecutor(Rounds()), deterministic=True)
    three = run(ProcessExecutor(Rounds(), 3), deterministic=True)
    assert told(one.history) == told(three.history)


@pytest.mark.parametrize("cut", [5, 8, 9, 16])
def test_a_study_cut_after_a_scout_goes_on_with_what_it_settled(cut: int) -> None:
    whole, torn = a_log(), a_log()
    run(InlineExecutor(Rounds()), whole, deterministic=True)
    torn.append(whole.events()[:cut])
    for trial in range(15):
        torn.write_fold(trial, 0, whole.read_predictions([trial])[0])
    resumed = run(InlineExecutor(Rounds()), torn, deterministic=True)
    retold = History(SPACE, K, greater_is_better=False)
    retold.replay(whole.events())
    assert told(resumed.history) == told(retold)

"""What it costs to remember a trial: CPU per trial of a no-op objective with 10 parameters, durably stored.

    python benchmarks/engine_cost.py                 # 1,000 trials: ours, then Optuna with journal and SQLite storage
    python benchmarks/engine_cost.py --trials 200 --json

CPU is user plus system time of this process, so waiting for the disk does not count and another load on the machine
hardly does. All contestants run in the same process, one after the other, after a warm-up, on the same disk.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from luthier.executors import InlineExecutor, ProcessExecutor
from luthier.space import SearchSpace
from luthier.store import Store, predictions_digest
from luthier.strategies import get_strategy
from luthier.tuning import Budget, Engine, Executor, FoldResult, Job, StudyPlan, Surroundings, chained

N_PARAMETERS = 10
WARM_UP = 20


@contextmanager
def cpu_ms(n_trials: int, name: str, results: dict[str, dict[str, float]]) -> Iterator[None]:
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    results[name] = {
        "cpu_ms_per_trial": (time.process_time() - cpu) / n_trials * 1e3,
        "wall_ms_per_trial": (time.perf_counter() - wall) / n_trials * 1e3,
    }


def now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def our_store(folder: Path, n_trials: int, results: dict[str, dict[str, float]]) -> None:
    """One transaction per trial: proposed and fold finished, as with a single fold; then also with predictions."""
    rng = np.random.default_rng(0)
    predictions = rng.random((2000, 1), dtype=np.float32)

    def run(name: str, n: int, *, with_fold: bool) -> None:
        with Store.open(folder / "store") as store:
            log = store.create_study({"question": {"dataset": "none"}}, "q", shape=(len(predictions), 1))
            last = None
            spent = {"append": 0.0}
            with cpu_ms(n, name, results):
                for trial in range(n):
                    config = {f"x{i}": float(x) for i, x in enumerate(rng.random(N_PARAMETERS))}
                    sealed = None
                    if with_fold:
                        log.write_fold(trial, 0, predictions)
                        sealed = predictions_digest(predictions)
                    proposed = chained(
                        last,
                        "trial.proposed",
                        {"trial": trial, "config": config, "mode": "explore", "why": "drawn at random", "spent_s": 0.1},
                        now_utc(),
                    )
                    finished = chained(
                        proposed,
                        "fold.finished",
                        {
                            "trial": trial,
                            "fold": 0,
                            "state": "DONE",
                            "score": config["x0"],
                            "seconds": 0.001,
                            "error": None,
                            "predictions": sealed,
                            "spent_s": 0.1,
                        },
                        now_utc(),
                    )
                    before = time.process_time()
                    log.append([proposed, finished])
                    spent["append"] += time.process_time() - before
                    last = finished
            results[name]["cpu_ms_per_append"] = spent["append"] / n * 1e3

    run("warm-up", WARM_UP, with_fold=True)
    run("luthier store", n_trials, with_fold=False)
    run("luthier store, 2,000 predictions a fold", n_trials, with_fold=True)
    with Store.open(folder / "store") as store:
        before = time.process_time()
        rows = store.list_studies()
        results["luthier, list of the studies above"] = {"cpu_ms": (time.process_time() - before) * 1e3}
        log = store.load(rows[-1].id)
        before = time.process_time()
        log.check_predictions(log.events(), [0])
        results["luthier, resume: read and verify all of it"] = {"cpu_ms": (time.process_time() - before) * 1e3}


class Nothing:
    """A no-op objective: its only fold costs nothing and has no predictions."""

    def run(self, job: Job, threads: int) -> FoldResult:  # noqa: ARG002  (the protocol's signature)
        return FoldResult(None, job.config["x0"], 0.0)


def our_engine(folder: Path, n_trials: int, results: dict[str, dict[str, float]]) -> None:
    """The whole engine, with what it does around the record: ask, schedule, time, seal, store."""
    space = SearchSpace.parse({f"x{i}": (0.0, 1.0) for i in range(N_PARAMETERS)})
    around = Surroundings(
        clock=time.monotonic,
        now_utc=now_utc,
        predictions_digest=predictions_digest,
        pooled_score=lambda _trial, scores: scores[0],
    )

    def run(executor: Executor, name: str, n: int, seed: int) -> None:
        plan = StudyPlan(
            question={"what": "nothing"},
            space=space,
            starts=({f"x{i}": 0.5 for i in range(N_PARAMETERS)},),
            strategy="random",
            n_folds=1,
            greater_is_better=False,
            budget=Budget(trials=n),
            seed=seed,
        )
        with Store.open(folder / "store") as store, closing(executor):
            log = store.create_study(plan.to_json(), plan.identity)
            strategy = get_strategy("random").for_study(space, seed=seed, n_trials=n)
            engine = Engine(plan, strategy, log, executor, around)
            with cpu_ms(n, name, results):
                engine.open([0], {})
                engine.search()

    run(InlineExecutor(Nothing()), "warm-up", WARM_UP, 0)
    run(InlineExecutor(Nothing()), "luthier engine, inline", n_trials, 1)
    run(ProcessExecutor(Nothing(), 1), "luthier engine, one worker process", n_trials, 2)


def optuna_with(storage: Callable[[Path], object], name: str) -> Callable[..., None]:
    """Random sampling, so that what is measured is the storage and Optuna's own loop."""

    def run(folder: Path, n_trials: int, results: dict[str, dict[str, float]]) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)

        def objective(trial: optuna.Trial) -> float:
            drawn = [trial.suggest_float(f"x{i}", 0.0, 1.0) for i in range(N_PARAMETERS)]
            return drawn[0]

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # experimental-feature notices
            study = optuna.create_study(storage=storage(folder), sampler=optuna.samplers.RandomSampler(seed=0))
            study.optimize(objective, n_trials=WARM_UP)
            with cpu_ms(n_trials, name, results):
                study.optimize(objective, n_trials=n_trials)

    return run


def journal(folder: Path) -> object:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(folder / "journal.log")))


def rdb(folder: Path) -> object:
    return f"sqlite:///{folder / 'optuna.db'}"


CONTESTANTS = (our_store, our_engine, optuna_with(journal, "optuna, journal file"), optuna_with(rdb, "optuna, SQLite"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    logging.getLogger("alembic").setLevel(logging.ERROR)
    results: dict[str, dict[str, float]] = {}
    for contestant in CONTESTANTS[: 2 if arguments.ours_only else None]:
        # Beside this script's checkout rather than in a memory-backed /tmp: syncing must mean a disk.
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            contestant(Path(folder), arguments.trials, results)
    results.pop("warm-up")
    if arguments.json:
        print(json.dumps({"trials": arguments.trials, "results": results}, indent=1))
        return
    for name, figures in results.items():
        print(f"{name:45s}" + "  ".join(f"{figure} {value:8.3f}" for figure, value in figures.items()))


if __name__ == "__main__":
    main()

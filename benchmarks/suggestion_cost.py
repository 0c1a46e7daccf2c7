"""What a suggestion costs: CPU of one question by the number of trials known, for every strategy and Optuna's TPE.

    python benchmarks/suggestion_cost.py
    python benchmarks/suggestion_cost.py --strategies tpe,gp --sizes 100,300 --json

Ten mixed parameters, all trials complete, random configurations. "next" is what a running study pays: another result
came in since the last question, and what was computed before may be used. "first" is the first question of a study that
was resumed, or of every question for a strategy that keeps nothing. CPU is user plus system time of this process; BLAS
has one thread. A strategy that has taken more than --patience CPU seconds for a size is not asked about larger ones.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Mapping

import numpy as np
from threadpoolctl import threadpool_limits

from luthier.errors import MissingExtra
from luthier.space import Bool, Categorical, Config, Float, Int, Parameter, SearchSpace
from luthier.strategies import Observation, Strategy, get_strategy, strategy_names

SPACE = SearchSpace(
    (
        Parameter("learning_rate", Float(1e-4, 1.0, log=True)),
        Parameter("l2", Float(1e-6, 10.0, log=True)),
        Parameter("rows", Float(0.5, 1.0)),
        Parameter("columns", Float(0.3, 1.0)),
        Parameter("dropout", Float(0.0, 0.5, step=0.05)),
        Parameter("num_leaves", Int(4, 512, log=True)),
        Parameter("min_child_samples", Int(1, 200, log=True)),
        Parameter("max_depth", Int(2, 16)),
        Parameter("booster", Categorical(("gbdt", "dart", "rf"))),
        Parameter("balanced", Bool()),
    )
)
BARS_MS = {("tpe", 1000): 10.0, ("gp", 100): 15.0, ("gp", 300): 50.0}
QUESTIONS = 10


def loss_of(config: Config) -> float:
    return float(((SPACE.to_unit(config) - 0.3) ** 2).sum())


def studied(n: int) -> list[Observation]:
    rng = np.random.default_rng(0)
    configs = [SPACE.sample(rng) for _ in range(n)]
    return [Observation(k, c, "complete", loss_of(c), 0.01, 1.0, 5, 5) for k, c in enumerate(configs)]


def cpu_ms(question: Callable[[], object]) -> float:
    start = time.process_time()
    question()
    return (time.process_time() - start) * 1e3


def ours(kind: type[Strategy], n: int) -> tuple[float, float]:
    """Median CPU of the next question, and the CPU of the first, in ms."""
    history = studied(n)
    strategy = kind.for_study(SPACE, seed=0, n_trials=None)
    first = cpu_ms(lambda: strategy.ask(SPACE, history, np.random.default_rng(0)))
    spent = []
    for k, new in enumerate(studied(n + QUESTIONS)[n:]):
        history = [*history, new]
        rng = np.random.default_rng(k)
        spent.append(cpu_ms(lambda h=history, r=rng: strategy.ask(SPACE, h, r)))  # type: ignore[misc]
    return float(np.median(spent)), first


def optunas(n: int) -> tuple[float, float]:
    """The same of Optuna's TPE in a study of its own, in memory."""
    import optuna
    from luthier.space.optuna_form import to_optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {p.name: to_optuna(p.distribution) for p in SPACE}
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, multivariate=True))

    def known(o: Observation) -> optuna.trial.FrozenTrial:
        return optuna.trial.create_trial(params=dict(o.config), distributions=distributions, value=o.loss)

    study.add_trials([known(o) for o in studied(n)])
    spent = []
    for _ in range(QUESTIONS + 1):
        spent.append(cpu_ms(lambda: study.ask(distributions)))
        study.tell(len(study.trials) - 1, 1.0)
    return float(np.median(spent[1:])), spent[0]


def contestants(names: list[str]) -> Mapping[str, Callable[[int], tuple[float, float]]]:
    found: dict[str, Callable[[int], tuple[float, float]]] = {}
    for name in names:
        try:
            kind = get_strategy(name)
            kind.for_study(SPACE, seed=0, n_trials=None)
        except MissingExtra as error:
            print(f"{name}: left out; {error.what}")
            continue
        found[name] = lambda n, kind=kind: ours(kind, n)  # type: ignore[misc]
    try:
        import optuna  # noqa: F401
    except ImportError:
        print("Optuna's TPE: left out; pip install 'luthier[optuna]'")
    else:
        found["Optuna's TPE"] = optunas
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", help="names separated by commas; every registered one when left out")
    parser.add_argument("--sizes", default="30,100,300,1000", help="trials known")
    parser.add_argument("--patience", type=float, default=20.0, help="CPU seconds for one size")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sizes = [int(size) for size in options.sizes.split(",")]
    names = options.strategies.split(",") if options.strategies else list(strategy_names())
    results: dict[str, dict[int, dict[str, float]]] = {}
    for name, asked in contestants(names).items():
        asked(20)  # libraries are imported and caches of code filled before anything is timed
        for n in sizes:
            start = time.process_time()
            with threadpool_limits(1):
                following, first = asked(n)
            results.setdefault(name, {})[n] = {"next_ms": following, "first_ms": first}
            if time.process_time() - start > options.patience:
                break
    if options.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{'CPU ms a suggestion':22}" + "".join(f"{f'n = {n}: next (first)':>24}" for n in sizes))
    for name, by_size in results.items():
        cells = [f"{r['next_ms']:.2f} ({r['first_ms']:.1f})" if (r := by_size.get(n)) else "-" for n in sizes]
        print(f"{name:22}" + "".join(f"{cell:>24}" for cell in cells))
    for (name, n), bar in BARS_MS.items():
        if n in results.get(name, {}):
            got = results[name][n]["next_ms"]
            print(f"bar: {name} at n = {n}: {got:.2f} ms, at most {bar:g} ms: {'met' if got <= bar else 'NOT MET'}")
    theirs = results.get("Optuna's TPE", {})
    for n in sizes:
        if n in theirs and n in results.get("tpe", {}):
            print(f"Optuna's TPE / tpe at n = {n}: {theirs[n]['next_ms'] / results['tpe'][n]['next_ms']:.1f}")


if __name__ == "__main__":
    main()

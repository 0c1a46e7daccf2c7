"""How far is a reported score from what came? Real tables and made streams; see README.md.

python studies/time_order/run.py            # all, about ten minutes on one core
python studies/time_order/run.py streams    # one part: tables, windows, cuts, horizons or streams
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn.model_selection import KFold
from streams import STREAMS
from tables import NAMES, Episode, configurations, episode

from luthier.scoring import Estimate, OutOfFold, choose_splits
from luthier.scoring.ahead import ahead
from luthier.scoring.forward import forward_windows, time_blocks
from luthier.scoring.replay import replay

RESULTS = Path(__file__).parent / "results"
N_RANDOM = 12
N_STREAMS = 300


def tables() -> Iterator[dict[str, Any]]:
    """The bar: default and random-search winner, as the product reports them, against shuffled folds."""
    for name in NAMES:
        e = episode(name)
        sign = 1 if e.metric.greater_is_better else -1
        splits = choose_splits(e.y[: e.n], e.facts.task, times=e.times)
        candidates = configurations(e.facts, N_RANDOM)
        came = [e.future(c) for c in candidates]
        shuffled = [e.shuffled(c) for c in candidates]
        predictions = np.array([np.concatenate(e.forward(c, list(splits.folds))) for c in candidates], np.float32)
        table = OutOfFold(splits, e.y[splits.rows], tuple(range(len(candidates))), predictions)
        forward = table.scores(e.metric)
        found = replay(table, e.metric, n_replays=500, rng=np.random.default_rng(0), default=0)
        by_fold = table.fold_scores(e.metric)
        for what, by_shuffle, by_forward in (
            ("default", 0, 0),
            ("winner", int(np.argmax(sign * np.array(shuffled))), int(np.argmax(sign * forward))),
        ):
            honest = found.default_estimate if what == "default" else found.estimate
            wide = ahead(honest, splits, by_fold[by_forward], greater_is_better=e.metric.greater_is_better)
            off = abs(shuffled[by_shuffle] - came[by_shuffle])
            yield {
                "table": name,
                "model": what,
                "shuffled": shuffled[by_shuffle],
                "came_to_shuffled": came[by_shuffle],
                "shuffled_off": off,
                "forward": float(forward[by_forward]),
                "honest": honest.value,
                "low": wide.low,
                "high": wide.high,
                "came": came[by_forward],
                "forward_ratio": abs(float(forward[by_forward]) - came[by_forward]) / off,
                "honest_ratio": abs(honest.value - came[by_forward]) / off,
                "windows": by_fold[by_forward].tolist(),
            }


def _judged(e: Episode, rule: str, config: Any) -> float:
    """The default's score by another rule for windows."""
    n, times = e.n, e.times
    if rule.startswith("last"):
        start = round(n * (1 - float(rule.split()[1])))
        rows = np.arange(start, n)
        return e.metric.score(e.y[rows], e.predict(config, np.arange(start), rows))
    if "ranks" in rule:
        times = np.argsort(np.argsort(times, kind="stable")).astype(float)
    windows = forward_windows(times, n_windows=int(rule.split(maxsplit=1)[0]))
    rows = np.concatenate([valid for _, valid in windows.folds])
    weights = windows.weights[rows]
    folds = list(windows.folds)
    if "gap" in rule:
        folds = [(train[: max(len(train) - len(valid), len(valid) // 2)], valid) for train, valid in folds]
    if "late" in rule:
        weights = weights * np.concatenate([np.full(len(valid), len(train)) for train, valid in folds])
    if "long" in rule:
        folds = [(train, np.arange(len(train), min(n, round(len(train) * 10 / 7)))) for train, _ in folds]
        rows = np.concatenate([valid for _, valid in folds])
        weights = windows.weights[rows] / np.bincount(rows, minlength=n)[rows]
    return e.metric.score(e.y[rows], np.concatenate(e.forward(config, folds)), weights)


def windows() -> Iterator[dict[str, Any]]:
    """How much hangs on number, length, gap and weighting of windows: signed error over that of shuffled folds."""
    rules = ["3", "5", "6", "7", "8", "9", "10", "12", "8 ranks", "8 gap", "8 late", "8 long", "last 0.2", "last 0.3"]
    for name in NAMES:
        for clock in (False, True):
            e = episode(name, clock=clock)
            default = configurations(e.facts, 0)[0]
            came, shuffled = e.future(default), e.shuffled(default)
            sign = 1 if e.metric.greater_is_better else -1
            too_much = {rule: sign * (_judged(e, rule, default) - came) / abs(shuffled - came) for rule in rules}
            yield {"table": name, "clock": clock, "shuffled": shuffled, "came": came, "promised_too_much": too_much}


def cuts() -> Iterator[dict[str, Any]]:
    """The same question asked at earlier moments, with the rule as chosen for what came after 0.7."""
    for name in NAMES:
        for cut in (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7):
            e = episode(name, cut)
            default = configurations(e.facts, 0)[0]
            came, shuffled, forward = e.future(default), e.shuffled(default), _judged(e, "8", default)
            sign = 1 if e.metric.greater_is_better else -1
            yield {
                "table": name,
                "cut": cut,
                "shuffled": shuffled,
                "forward": forward,
                "came": came,
                "shuffled_too_much": sign * (shuffled - came),
                "forward_too_much": sign * (forward - came),
            }


def horizons() -> Iterator[dict[str, Any]]:
    """What the season rule owes to assuming a stretch to come of just the length that is then asked about."""
    e = episode("vic_elec")
    default = configurations(e.facts, 0)[0]
    came, shuffled = e.future(default), e.shuffled(default)
    for coming in (0.1, 0.2, 0.3, 0.4, 3 / 7, 0.45, 0.5, 1.0):
        windows = forward_windows(e.times, coming=coming)
        rows = np.concatenate([valid for _, valid in windows.folds])
        forward = e.metric.score(
            e.y[rows], np.concatenate(e.forward(default, list(windows.folds))), windows.weights[rows]
        )
        yield {"coming": coming, "forward": forward, "came": came, "ratio": abs(forward - came) / abs(shuffled - came)}


def streams() -> Iterator[dict[str, Any]]:
    """Streams whose law is known: log(reported / came) of the RMSE, below 0 for too good; coverage of two intervals."""
    for name, make in STREAMS.items():
        rng = np.random.default_rng(1)
        seen = []
        for _ in range(N_STREAMS):
            stream = make(1000, rng)
            n = 700
            X, y = stream.X, stream.y

            def errors(train: Any, valid: Any, X: Any = X, y: Any = y, model: Any = stream.model) -> Any:
                return y[valid] - model().fit(X[train], y[train]).predict(X[valid])

            came = np.sqrt(np.mean(errors(np.arange(n), np.arange(n, 1000)) ** 2))
            shuffled = np.concatenate([errors(*f) for f in KFold(5, shuffle=True, random_state=0).split(X[:n])])
            last = errors(np.arange(560), np.arange(560, n))
            splits = choose_splits(y[:n], "regression", times=stream.times[:n])
            by_window = [errors(*fold) for fold in splits.folds]
            squares = np.concatenate(by_window) ** 2
            forward = np.sqrt(np.average(squares, weights=splits.weights))
            units = time_blocks([len(error) for error in by_window])
            U = units.max() + 1
            drawn = rng.multinomial(U, np.full(U, 1 / U), 200)
            mean = (drawn @ np.bincount(units, splits.weights * squares)) / (drawn @ np.bincount(units, splits.weights))
            low, high = np.sqrt(np.quantile(mean, [0.025, 0.975]))
            plain = Estimate(forward, low, high, int(U))
            scores = np.array([np.sqrt(np.mean(error**2)) for error in by_window])
            wide = ahead(plain, splits, scores, greater_is_better=False)
            reported = np.array([np.sqrt(np.mean(shuffled**2)), forward, np.sqrt(np.mean(last**2))])
            seen.append([*np.log(reported / came), came in plain, came in wide, np.log(wide.high / wide.low) / 2])
        seen_ = np.array(seen, float)
        bias, size = seen_[:, :3].mean(axis=0), np.abs(seen_[:, :3]).mean(axis=0)
        yield {
            "stream": name,
            "n": N_STREAMS,
            **{f"bias_{k}": float(v) for k, v in zip(("shuffled", "forward", "last_fifth"), bias, strict=True)},
            **{f"error_{k}": float(v) for k, v in zip(("shuffled", "forward", "last_fifth"), size, strict=True)},
            "coverage_of_past": float(seen_[:, 3].mean()),
            "coverage_widened": float(seen_[:, 4].mean()),
            "half_width_widened": float(seen_[:, 5].mean()),
        }


PARTS = {part.__name__: part for part in (tables, windows, cuts, horizons, streams)}


def main(names: list[str]) -> None:
    RESULTS.mkdir(exist_ok=True)
    for name in names or list(PARTS):
        start = time.process_time()
        rows = []
        for row in PARTS[name]():
            rows.append(row)
            print({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
        about = {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "cpu_s": round(time.process_time() - start),
        }
        (RESULTS / f"{name}.json").write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

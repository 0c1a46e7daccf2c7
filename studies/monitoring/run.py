"""Do the detectors keep their promises? Usage:

    pip install river && OMP_NUM_THREADS=1 python studies/monitoring/run.py [PART ...]

Parts: batches, years, power, two_sample, delays, unlabelled, promotion; all when none is named. Every part writes
results/PART.csv, one line a simulation or a cell of many, and prints a summary.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm, wasserstein_distance

from luthier.data.frames import open_frame
from luthier.monitoring import Baseline, ConceptDrift, Live, PairedComparison, WatchPolicy, expected_score, watch
from luthier.monitoring.classifier import classifier_two_sample
from luthier.monitoring.drift import find_drift
from luthier.monitoring.window import Reference
from luthier.scoring import get_metric

HERE = Path(__file__).parent
WEEK_US = 7 * 86_400_000_000
WORDS = np.array([f"w{i}" for i in range(200)])
Row = dict[str, Any]


def mixed(n: int, rng: np.random.Generator, shift: float = 0.0) -> pd.DataFrame:
    """Twenty columns with heavy tails, ties, gaps and rare levels; `shift` moves the first, in standard deviations."""
    columns: dict[str, Any] = {"normal0": rng.normal(shift, 1, n)}
    columns |= {f"normal{k}": rng.normal(size=n) for k in range(1, 5)}
    columns |= {f"heavy{k}": rng.standard_t(1.5, n) for k in range(5)}
    columns |= {f"count{k}": rng.poisson(1 + k, n) for k in range(3)}
    columns |= {f"gaps{k}": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(size=n)) for k in range(2)}
    columns |= {f"rare{k}": pd.Categorical(WORDS[rng.zipf(1.6, n).clip(1, 200) - 1], WORDS) for k in range(5)}
    return pd.DataFrame(columns)


def coded(n: int, rng: np.random.Generator) -> np.ndarray:
    """The same as codes."""
    frame = mixed(n, rng)
    return np.column_stack([c.cat.codes if c.dtype == "category" else c for _, c in frame.items()]).astype(np.float64)


def batches() -> Iterator[Row]:
    """False alarms of a batch in which nothing has changed, at level 0.05; each with a reference of its own."""
    for n_reference in (500, 5_000, 50_000):
        for n in (100, 1_000, 10_000, 50_000):
            repeats = 400 if n_reference * n < 5_000 * 50_000 else 100
            for seed in range(repeats):
                rng = np.random.default_rng([n_reference, n, seed])
                reference = Reference.of(open_frame(mixed(n_reference, rng)))
                window = reference.start().after(open_frame(mixed(n, rng)), reference.columns)
                # The classifier test is a part of its own below; here it would be nearly all of the time.
                plain = find_drift(reference, window, rng=rng, together=seed % 10 == 0)
                sure = any(column.verdict in {"small", "drifted"} for column in plain.columns)
                yield {
                    "reference": n_reference, "batch": n, "seed": seed, "alarm": bool(plain.drifted_columns),
                    "sure": sure, "together": plain.together if seed % 10 == 0 else None,
                }  # fmt: skip


def of_batches(found: pd.DataFrame) -> None:
    by = found.groupby(["reference", "batch"])
    print(by[["alarm", "sure", "together"]].mean().assign(n=by.size()).round(3).to_string())
    print(f"all: alarm {found.alarm.mean():.4f}, unlikely by chance {found.sure.mean():.4f} of {len(found)}")


def answers(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    frame = mixed(n, rng)
    chance = 1 / (1 + np.exp(-1.2 * frame["normal0"] + 0.8 * frame["normal1"]))
    return frame, (rng.random(n) < chance).astype(np.int64), chance.to_numpy()[:, None]


def years() -> Iterator[Row]:
    """Model-years of 52 weekly looks at 200 rows each, labels an hour later, one false alarm a year allowed."""
    metric = get_metric("roc_auc", "binary")
    policy = WatchPolicy(alarms_per_year=1.0, every_s=7 * 86_400.0)
    for seed in range(200):
        rng = np.random.default_rng([7, seed])
        frame, y, p = answers(4_000, rng)
        baseline = Baseline.of(frame, y, p, rng=rng)
        frame, y, p = answers(52 * 200, rng)
        at = np.sort(rng.integers(0, 52 * WEEK_US, len(frame)))
        n = len(frame)
        live = Live(frame, p, at, y, np.ones(n, bool), at + 3_600_000_000, np.full(n, None, object))
        start = time.process_time()
        found = watch(baseline, live, metric, policy, now_us=None, seed=seed)
        yield {
            "seed": seed, "alarms": len(found.alarms), "looks": len(found.looks),
            "detectors": " ".join(alarm.detector for alarm in found.alarms), "cpu_s": time.process_time() - start,
        }  # fmt: skip


def of_years(found: pd.DataFrame) -> None:
    se = found.alarms.std() / np.sqrt(len(found))
    print(
        f"{len(found)} model-years: {found.alarms.mean():.3f} ± {se:.3f} false alarms a year; most {found.alarms.max()}"
    )
    print(found.detectors.str.split(" ").explode().value_counts().to_string())


def power() -> Iterator[Row]:
    """A shift of 0.2 standard deviations in one of twenty columns; evidently's default for more than 1,000 rows beside:
    a numeric column drifted where the Wasserstein distance over the reference's standard deviation exceeds 0.1."""
    for shift in (0.0, 0.1, 0.2):
        for seed in range(300):
            rng = np.random.default_rng([int(10 * shift), seed])
            before, now = mixed(2_000, rng), mixed(2_000, rng, shift)
            reference = Reference.of(open_frame(before))
            window = reference.start().after(open_frame(now), reference.columns)
            found = find_drift(reference, window, rng=rng, together=False)
            distance = wasserstein_distance(before["normal0"], now["normal0"]) / before["normal0"].std()
            heavy = max(
                wasserstein_distance(before[c].dropna(), now[c].dropna()) / before[c].std()
                for c in before.columns if before[c].dtype != "category"
            )  # fmt: skip
            yield {
                "shift": shift, "seed": seed, "ours": "normal0" in found.drifted_columns,
                "ours_any": bool(found.drifted_columns), "wasserstein": distance >= 0.1,
                "wasserstein_any": heavy >= 0.1,
            }  # fmt: skip


def of_power(found: pd.DataFrame) -> None:
    print(found.groupby("shift")[["ours", "ours_any", "wasserstein", "wasserstein_any"]].mean().round(3).to_string())


def two_sample() -> Iterator[Row]:
    """False alarms of the classifier two-sample test at level 0.05."""
    for n, repeats in ((100, 1_000), (300, 1_000), (1_000, 500), (3_000, 300), (10_000, 200)):
        for seed in range(repeats):
            rng = np.random.default_rng([n, seed])
            X, Y = coded(n, rng), coded(n, rng)
            found = classifier_two_sample(X, Y, rng=rng, categorical=range(15, 20), n_permutations=199)
            yield {"n": n, "seed": seed, "p": found.p, "auc": found.auc}


def of_two_sample(found: pd.DataFrame) -> None:
    by = found.groupby("n").p
    rate = by.agg(lambda p: (p <= 0.05).mean())
    print(pd.DataFrame({"rate": rate, "se": np.sqrt(0.0475 / by.size()), "runs": by.size()}).round(4).to_string())
    all_of = (found.p <= 0.05).mean()
    print(f"all: {all_of:.4f} ± {np.sqrt(0.0475 / len(found)):.4f}")


def delays() -> Iterator[Row]:
    """Streams of 0/1 errors at 0.20: false alarms in 5,000; then after 1,000 a rise to 0.25, 0.30, 0.40: how long."""
    from river.drift import ADWIN, PageHinkley

    def ours(mean_time: float) -> Callable[[np.ndarray], int | None]:
        def first(x: np.ndarray) -> int | None:
            state = ConceptDrift.watching(0.2, mean_time=mean_time).after(x)
            return state.n if state.alarms else None

        return first

    def of(make: Callable[[], Any]) -> Callable[[np.ndarray], int | None]:
        def first(x: np.ndarray) -> int | None:
            detector = make()
            for k, value in enumerate(x):
                detector.update(float(value))
                if detector.drift_detected:
                    return k + 1
            return None

        return first

    detectors = {
        "ours": ours(100_000.0),
        "ADWIN 0.002": of(lambda: ADWIN(delta=0.002)),
        "ADWIN 0.0001": of(lambda: ADWIN(delta=0.0001)),
        "Page-Hinkley 50": of(lambda: PageHinkley(mode="up")),
        "Page-Hinkley 60, 0.02": of(lambda: PageHinkley(mode="up", delta=0.02, threshold=60)),
    }
    for seed in range(400):
        rng = np.random.default_rng(seed)
        quiet = (rng.random(5_000) < 0.2).astype(np.float64)
        for name, first in detectors.items():
            yield {"detector": name, "seed": seed, "to": 0.2, "false": first(quiet) is not None, "delay": None}
        if seed % 2:
            continue
        for to in (0.25, 0.3, 0.4):
            x = np.r_[rng.random(1_000) < 0.2, rng.random(20_000) < to].astype(np.float64)
            for name, first in detectors.items():
                at = first(x)
                early = at is not None and at <= 1_000
                delay = None if early else (at or len(x)) - 1_000
                yield {"detector": name, "seed": seed, "to": to, "false": early, "delay": delay}


def of_delays(found: pd.DataFrame) -> None:
    false = found[found.to == 0.2].groupby("detector")["false"].mean().rename("false in 5,000")
    delay = found[found.to > 0.2].pivot_table(index="detector", columns="to", values="delay", aggfunc="mean")
    print(delay.round(0).join(false.round(3)).to_string())


def unlabelled() -> Iterator[Row]:
    """The score expected without labels, where nothing moved and where the inputs did; an over-confident model."""

    def rows(n: int, rng: np.random.Generator, shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        X = rng.normal(size=(n, 6)) + np.array([shift, 0, 0, 0, 0, 0])
        logit = 1.2 * X[:, 0] - 0.8 * X[:, 1]
        y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(np.int64)
        return X, y, 1 / (1 + np.exp(-1.5 * logit))[:, None]

    for name in ("roc_auc", "log_loss", "accuracy", "f1"):
        metric = get_metric(name, "binary")
        for shift in (0.0, 0.6, 1.2):
            for seed in range(100):
                rng = np.random.default_rng([seed, int(10 * shift)])
                X, y, p = rows(4_000, rng, 0.0)
                X_now, y_now, p_now = rows(1_500, rng, shift)
                found = expected_score(metric, y, p, p_now, X=X, X_now=X_now, rng=rng)
                truth = metric.score(y_now, p_now)
                yield {
                    "metric": name, "shift": shift, "seed": seed, "truth": truth, "said": found.score.value,
                    "unchanged": found.reference, "held": truth in found.score, "lamp": bool(found.broken),
                }  # fmt: skip


def of_unlabelled(found: pd.DataFrame) -> None:
    found = found.assign(error=(found.said - found.truth) ** 2, naive=(found.unchanged - found.truth) ** 2)
    by = found.groupby(["metric", "shift"])
    table = by[["error", "naive"]].mean() ** 0.5
    table["sampling se"] = by.truth.std()
    table["error / se"] = table.error / table["sampling se"]
    table["error / unchanged"] = table.error / table.naive
    print(table.join(by[["held", "lamp"]].mean()).round(4).to_string())


def promotion() -> Iterator[Row]:
    """Champion and challenger on the same requests: no difference, looked at after every label up to 100,000; a
    challenger that is better by so much that a fixed-size test would need 1,000 or 5,000 labels; a harm of 10 %."""
    step = 20
    for seed in range(1_000):
        rng = np.random.default_rng(seed)
        before, after = rng.random((2, 100_000)) < 0.2
        d = before.astype(np.int8) - after.astype(np.int8)
        state, at = PairedComparison(alpha=0.05), None
        for k in range(0, len(d), step):
            state = state.after(before[k : k + step], after[k : k + step])
            if state.verdict == "better":
                at = state.n
                break
        total = np.cumsum(d)[99:]
        n = np.arange(100, len(d) + 1)
        z = total / np.sqrt(np.maximum(np.cumsum(d.astype(np.int64) ** 2)[99:] - total**2 / n, 1))
        yield {"kind": "no difference", "seed": seed, "promoted": at is not None, "labels": at,
               "z_promoted": bool((z > norm.ppf(0.95)).any()), "fixed": None}  # fmt: skip
    for fixed in (1_000, 5_000):
        # Differences of -1, 0, 1 with variance of about 0.32: their mean for 80 % power at one-sided 5 %.
        gain = (norm.ppf(0.95) + norm.ppf(0.8)) * np.sqrt(0.32 / fixed)
        for seed in range(300):
            rng = np.random.default_rng([fixed, seed])
            before, after = rng.random(40 * fixed) < 0.2 + gain / 2, rng.random(40 * fixed) < 0.2 - gain / 2
            state, at = PairedComparison(alpha=0.05), None
            for k in range(0, len(before), step):
                state = state.after(before[k : k + step], after[k : k + step])
                if state.verdict == "better":
                    at = state.n
                    break
            yield {"kind": "better", "seed": seed, "promoted": at is not None, "labels": at, "z_promoted": None,
                   "fixed": fixed}  # fmt: skip
    for seed in range(300):
        # A new champion that errs in 22 % instead of 20 %: back within 30,000 labels?
        rng = np.random.default_rng([22, seed])
        new, old = rng.random(30_000) < 0.22, rng.random(30_000) < 0.2
        state, at = PairedComparison(alpha=0.05), None
        for k in range(0, len(new), step):
            state = state.after(new[k : k + step], old[k : k + step])
            if state.verdict == "better":
                at = state.n
                break
        yield {"kind": "harm of 10 %", "seed": seed, "promoted": at is not None, "labels": at, "z_promoted": None,
               "fixed": None}  # fmt: skip


def of_promotion(found: pd.DataFrame) -> None:
    none = found[found.kind == "no difference"]
    print(f"no difference, {len(none)} runs of 100,000 labels: promoted {none.promoted.mean():.3f}; "
          f"by a z-test after every label {none.z_promoted.astype(bool).mean():.3f}")  # fmt: skip
    for fixed, of in found[found.kind == "better"].groupby("fixed"):
        quantiles = of.labels.fillna(40 * fixed).quantile([0.5, 0.8]) / fixed
        mean = of.labels.fillna(40 * fixed).mean() / fixed
        print(f"fixed-size test {fixed:.0f} labels at 80 % power: median {quantiles[0.5]:.2f}, 80 % decided by "
              f"{quantiles[0.8]:.2f}, mean {mean:.2f} times as many")  # fmt: skip
    harm = found[found.kind == "harm of 10 %"]
    undone = f"undone in {harm.promoted.mean():.3f}, median {harm.labels.median():.0f} labels"
    print(f"a harm of 10 % (error 0.20 to 0.22): {undone}")


PARTS = {
    "batches": (batches, of_batches),
    "power": (power, of_power),
    "two_sample": (two_sample, of_two_sample),
    "delays": (delays, of_delays),
    "unlabelled": (unlabelled, of_unlabelled),
    "promotion": (promotion, of_promotion),
    "years": (years, of_years),
}


def main() -> None:
    (HERE / "results").mkdir(exist_ok=True)
    for part in sys.argv[1:] or PARTS:
        simulate, summarise = PARTS[part]
        start = time.process_time()
        found = pd.DataFrame(list(simulate()))
        found.to_csv(HERE / "results" / f"{part}.csv.gz", index=False, float_format="%.5g")
        print(f"--- {part} ({time.process_time() - start:.0f} CPU s)", flush=True)
        summarise(found)


if __name__ == "__main__":
    main()

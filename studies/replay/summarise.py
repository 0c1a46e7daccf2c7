"""Tables of the README from the raw results.

Usage: python studies/replay/summarise.py > studies/replay/results/summary.md
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent / "results"
BY = ["scenario", "metric", "n", "configs"]
LOSSES = ["log_loss", "rmse"]


def direction(rows):
    """+1 where greater is better: biases and gains below are turned so that positive means too good, or better."""
    return np.where(rows.metric.isin(LOSSES), -1, 1)


def inside(rows, low, high, truth="truth"):
    return 100 * ((rows[low] <= rows[truth]) & (rows[truth] <= rows[high])).mean()


def cell(rows):
    """One row of the table."""

    def bias(column):
        return float((direction(rows) * (rows[column] - rows.truth)).mean())

    def width(low, high):
        return (rows[high] - rows[low]).mean()

    naive = bias("naive")
    return pd.Series(
        {
            "naive": naive,
            "honest": bias("honest"),
            "+-": 2 * (rows.honest - rows.truth).std() / np.sqrt(len(rows)),
            "bar": max(0.01, naive / 4),
            "BBC": bias("bbc"),
            "optimism": bias("optimism_corrected"),
            "R in full": bias("plus"),
            "no last term": bias("half_off"),
            "coverage": inside(rows, "low", "high"),
            "t": inside(rows, "t_low", "t_high"),
            "corrected t": inside(rows, "nb_low", "nb_high"),
            "BBC pct": inside(rows, "bbc_low", "bbc_high"),
            "width": width("low", "high"),
            "width corrected t": width("nb_low", "nb_high"),
            "width BBC": width("bbc_low", "bbc_high"),
        }
    )


def decide(rows, threshold=0.5):
    """What keeping the default does, against always shipping the winner."""
    gain = direction(rows) * (rows.truth - rows.truth_default)
    kept = rows.p_default >= threshold
    shipped = np.where(kept, 0.0, gain)
    quoted = np.where(kept & (gain != 0), rows.default_value - rows.truth_default, rows.honest - rows.truth)
    return pd.Series(
        {
            "default kept, %": 100 * kept.mean(),
            "gain, always the winner": gain.mean(),
            "gain, the rule": shipped.mean(),
            "worse than default, always the winner, %": 100 * (gain < -1e-12).mean(),
            "worse than default, the rule, %": 100 * (shipped < -1e-12).mean(),
            "bias of the score that is said": float((direction(rows) * quoted).mean()),
            "gain interval covers, %": 100
            * ((rows.gain_low - 1e-12 <= gain) & (gain <= rows.gain_high + 1e-12)).mean(),
        }
    )


def calibration(rows):
    """Of worlds in which p was such, in how many was the default truly as good?"""
    as_good = 100.0 * (direction(rows) * (rows.truth_default - rows.truth) >= -1e-12)
    bins = pd.cut(rows.p_default, [0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0], include_lowest=True)
    by_bin = as_good.groupby(bins, observed=True)
    return pd.DataFrame({"worlds": by_bin.size(), "default truly as good, %": by_bin.mean()})


def fitted(real):
    """Bias and coverage against both truths."""
    columns = {}
    for truth in ("folds", "refit"):
        for score in ("naive", "honest", "bbc"):
            columns[f"{score}, {truth}"] = direction(real) * (real[score] - real[f"truth_{truth}"])
        held = (real.low <= real[f"truth_{truth}"]) & (real[f"truth_{truth}"] <= real.high)
        columns[f"covers {truth}, %"] = 100.0 * held
    return pd.DataFrame(columns).groupby([real.signal, real.metric, real.n]).mean()


def show(title, frame):
    text = frame.to_string(float_format=lambda v: f"{v:.4f}" if abs(v) < 2 else f"{v:.1f}")
    print(f"### {title}\n\n```\n{text}\n```\n")


def main():
    raw = pd.read_csv(HERE / "simulated.csv.gz")
    cells = raw.groupby(BY, sort=False)[raw.columns].apply(cell).astype(float)
    repeats = int(raw.groupby(BY).size().min())
    covered = cells.coverage.between(93, 99)
    unbiased = cells.honest.abs() <= cells.bar
    doubt = 200 * np.sqrt(0.95 * 0.05 / repeats)
    print(f"{len(cells)} cells of {repeats} repetitions; a coverage of 95 % is known to +- {doubt:.1f}.\n")
    print(f"Coverage within [93, 99]: {covered.sum()} cells; least {cells.coverage.min():.1f}, ", end="")
    print(f"mean {cells.coverage.mean():.1f}, most {cells.coverage.max():.1f}.")
    print(f"Bias within max(0.01, naive optimism / 4): {unbiased.sum()} cells.\n")
    show("Cells outside a bar", cells.loc[~(covered & unbiased), ["naive", "honest", "+-", "bar", "coverage", "t"]])
    if (HERE / "recheck.csv.gz").exists():
        again = pd.read_csv(HERE / "recheck.csv.gz").groupby(BY, sort=False)
        frame = again[raw.columns].apply(cell).astype(float)[["naive", "honest", "+-", "bar", "coverage", "t"]]
        show("Those cells again, other seed", frame.assign(repeats=again.size()))
    ratios = {
        name: cells[name].abs() / cells.bar for name in ("honest", "no last term", "BBC", "optimism", "R in full")
    }
    show(
        "Bias by method, in units of the bar",
        pd.DataFrame(
            {n: {"cells within": (r <= 1).sum(), "worst": r.max(), "mean": r.mean()} for n, r in ratios.items()}
        ).T,
    )
    intervals = {}
    for name, width in {
        "coverage": "width",
        "t": None,
        "corrected t": "width corrected t",
        "BBC pct": "width BBC",
    }.items():
        c = cells[name]
        wider = (cells[width] / cells.width).mean() if width else np.nan
        intervals[name] = {
            "cells in [93, 99]": c.between(93, 99).sum(),
            "least": c.min(),
            "mean": c.mean(),
            "most": c.max(),
        }
        intervals[name]["width / ours"] = wider
    show("Intervals by method", pd.DataFrame(intervals).T)
    show("All cells", cells.drop(columns="bar"))
    show("Default or winner: the rule p >= 0.5", raw.groupby(["scenario", "n"], sort=False)[raw.columns].apply(decide))
    signal = raw[~raw.scenario.str.startswith("null")].reset_index(drop=True)
    rules = {threshold: decide(signal, threshold) for threshold in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.01)}
    show("The threshold, scenarios with signal", pd.DataFrame(rules).T.iloc[:, :5])
    show("Is p calibrated? (scenarios with signal)", calibration(signal))
    if (HERE / "real_fits.csv.gz").exists():
        show("Fitted models: bias and coverage", fitted(pd.read_csv(HERE / "real_fits.csv.gz")))


if __name__ == "__main__":
    main()

"""Tables of the README from the raw results. Usage: python studies/replay/summarise.py > studies/replay/results/summary.md"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent / "results"


def inside(rows, low, high, truth="truth"):
    return 100 * ((rows[low] <= rows[truth]) & (rows[truth] <= rows[high])).mean()


def cell(rows):
    """One row of the table. Biases are turned so that positive means too good."""
    sign = -1 if rows.metric.iloc[0] in {"log_loss", "rmse"} else 1
    bias = lambda column: sign * (rows[column] - rows.truth).mean()  # noqa: E731
    naive, honest = bias("naive"), bias("honest")
    width = lambda low, high: (rows[high] - rows[low]).mean()  # noqa: E731
    bar = max(0.01, naive / 4)
    return pd.Series(
        {
            "naive": naive,
            "honest": honest,
            "+-": 2 * (rows.honest - rows.truth).std() / np.sqrt(len(rows)),
            "bar": bar,
            "bias ok": abs(honest) <= bar,
            "BBC": bias("bbc"),
            "optimism": bias("optimism_corrected"),
            ".632+": bias("plus"),
            "half off": bias("half_off"),
            "coverage": inside(rows, "low", "high"),
            "t": inside(rows, "t_low", "t_high"),
            "corrected t": inside(rows, "nb_low", "nb_high"),
            "BBC pct": inside(rows, "bbc_low", "bbc_high"),
            "width": width("low", "high"),
            "width corrected t": width("nb_low", "nb_high"),
            "width BBC": width("bbc_low", "bbc_high"),
        }
    )


def decide(rows):
    """What keeping the default at p >= 0.5 does, against always shipping the winner."""
    sign = np.where(rows.metric.isin(["log_loss", "rmse"]), -1, 1)
    gain = sign * (rows.truth - rows.truth_default)
    kept = rows.p_default >= 0.5
    shipped = np.where(kept, 0.0, gain)
    quoted = np.where(kept & (gain != 0), rows.default_value - rows.truth_default, rows.honest - rows.truth)
    return pd.Series(
        {
            "default kept, %": 100 * kept.mean(),
            "gain if always shipped": gain.mean(),
            "gain of the rule": shipped.mean(),
            "worse than default if always shipped, %": 100 * (gain < -1e-12).mean(),
            "worse than default by the rule, %": 100 * (shipped < -1e-12).mean(),
            "bias of the shipped one's score": float((sign * quoted).mean()),
            "gain interval covers, %": 100
            * ((rows.gain_low - 1e-12 <= gain) & (gain <= rows.gain_high + 1e-12)).mean(),
        }
    )


def calibration(rows):
    """Of worlds in which p was such, in how many was the default truly as good?"""
    sign = np.where(rows.metric.isin(["log_loss", "rmse"]), -1, 1)
    as_good = sign * (rows.truth_default - rows.truth) >= -1e-12
    bins = pd.cut(rows.p_default, [0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0], include_lowest=True)
    return pd.DataFrame(
        {
            "worlds": as_good.groupby(bins, observed=True).size(),
            "default truly as good, %": 100 * as_good.groupby(bins, observed=True).mean(),
        }
    )


def show(frame, **kwargs):
    print(
        "```\n" + frame.to_string(float_format=lambda v: f"{v:.4f}" if abs(v) < 2 else f"{v:.1f}", **kwargs) + "\n```\n"
    )


def main():
    raw = pd.read_csv(HERE / "simulated.csv.gz")
    by = ["scenario", "metric", "n", "configs"]
    cells = raw.groupby(by, sort=False)[raw.columns].apply(cell)
    se = 100 * np.sqrt(0.95 * 0.05 / raw.groupby(by).size().min())
    missed = cells[(cells.coverage < 93) | (cells.coverage > 99) | ~cells["bias ok"].astype(bool)]
    print(
        f"## {len(cells)} cells of {raw.groupby(by).size().min()} repetitions; coverage is known to +- {2 * se:.1f}\n"
    )
    print(f"Coverage within [93, 99]: {((cells.coverage >= 93) & (cells.coverage <= 99)).sum()} of {len(cells)} cells "
          f"(min {cells.coverage.min():.1f}, mean {cells.coverage.mean():.1f}, max {cells.coverage.max():.1f}); "
          f"bias within the bar: {cells['bias ok'].sum()} of {len(cells)}.\n")  # fmt: skip
    print("### Cells outside a bar\n")
    show(missed[["naive", "honest", "+-", "bar", "coverage", "t", "corrected t", "BBC pct"]])
    print("### Methods: cells inside the bars, and the worst\n")
    bar = cells.bar.astype(float)
    rows = {}
    for name in ("honest", "half off", "BBC", "optimism", ".632+"):
        ratio = cells[name].astype(float).abs() / bar
        rows[name] = {
            "bias within bar": (ratio <= 1).sum(),
            "worst |bias| / bar": ratio.max(),
            "mean |bias| / bar": ratio.mean(),
        }
    show(pd.DataFrame(rows).T)
    rows = {}
    for name, width in (
        ("coverage", "width"),
        ("t", None),
        ("corrected t", "width corrected t"),
        ("BBC pct", "width BBC"),
    ):
        c = cells[name].astype(float)
        rows[name] = {"within [93, 99]": ((c >= 93) & (c <= 99)).sum(), "min": c.min(), "mean": c.mean(), "max": c.max(),
                      "width / replay's": np.nan if width is None else (cells[width] / cells.width).astype(float).mean()}  # fmt: skip
    show(pd.DataFrame(rows).T)
    print("### All cells\n")
    show(cells.drop(columns=["bias ok", "bar"]).astype(float))
    print("### Default or winner: the rule p >= 0.5\n")
    show(raw.groupby(["scenario", "n"], sort=False)[raw.columns].apply(decide))
    print("### Is p calibrated? (scenarios weak, strong and cluster)\n")
    show(calibration(raw[~raw.scenario.str.startswith("null")].reset_index(drop=True)))
    path = HERE / "real_fits.csv.gz"
    if path.exists():
        real = pd.read_csv(path)
        sign = np.where(real.metric.isin(["log_loss", "rmse"]), -1, 1)
        print("### Fitted models: bias (positive: too good) and coverage against both truths\n")
        frame = pd.DataFrame(
            {
                **{f"{c} - {t}": sign * (real[c] - real[f"truth_{t}"]) for t in ("folds", "refit") for c in ("naive", "honest", "bbc")},
                **{f"covers {t}, %": 100.0 * ((real.low <= real[f"truth_{t}"]) & (real[f"truth_{t}"] <= real.high)) for t in ("folds", "refit")},
            }
        )  # fmt: skip
        show(frame.groupby([real.signal, real.metric, real.n]).mean())


if __name__ == "__main__":
    main()

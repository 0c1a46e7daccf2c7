"""Does tuning leave out a useless feature view, and can a leak be built? Usage: python studies/feature_views/run.py

Three views of payments: `spend` is what the label depends on; `noise` is useless (30 columns); `late` is booked after
the label is known and equals it, so that a join on event time alone would make any model perfect.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import luthier
from luthier.features import Feature, FeatureView, point_in_time_join
from luthier.testing.events import made_payments, made_questions


def problem(folder, seed):
    rng = np.random.default_rng(seed)
    payments = made_payments(2000, n_customers=60, seed=seed)
    payments.to_parquet(folder / "payments.parquet")
    noise = payments[["customer", "paid_at"]].assign(**{f"x{i}": rng.normal(size=len(payments)) for i in range(30)})
    noise.to_parquet(folder / "noise.parquet")
    spend = FeatureView(
        "spend",
        str(folder / "payments.parquet"),
        ["customer"],
        "paid_at",
        [Feature("sum_20d", "sum", "amount", "20d"), Feature("n_20d", "count", window="20d")],
        "booked_at",
        event_id="payment",
    )
    useless = FeatureView(
        "noise",
        str(folder / "noise.parquet"),
        ["customer"],
        "paid_at",
        [Feature(f"x{i}", "last", f"x{i}") for i in range(30)],
    )
    rows = made_questions(250, n_customers=60, seed=seed + 1000)
    spent = point_in_time_join(rows, [spend], at="asked_at")["spend__sum_20d"]
    rows["left"] = np.where(spent + rng.normal(0, 60, len(rows)) > spent.median(), "yes", "no")
    outcome = pd.DataFrame(
        {
            "customer": rows.customer,
            "at": rows.asked_at,
            "booked": rows.asked_at + pd.Timedelta(days=1),
            "y": (rows.left == "yes").astype(float),
        }
    )
    outcome.to_parquet(folder / "late.parquet")
    late = FeatureView("late", str(folder / "late.parquet"), ["customer"], "at", [Feature("y", "last", "y")], "booked")
    blind = FeatureView("late", str(folder / "late.parquet"), ["customer"], "at", [Feature("y", "last", "y")])
    return rows, [spend, useless, late], blind


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    found = []
    for seed in range(options.first, options.first + options.seeds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            rows, views, blind = problem(folder, seed)
            run = luthier.tune(
                rows,
                "left",
                features=views,
                at="asked_at",
                time=False,
                drop=["customer", "asked_at"],
                models="linear",
                budget="12 trials",
                executor="inline",
                final="refit",
                seed=seed,
                store=folder / "store",
            )
            label = (rows.left == "yes").astype(float)
            agrees = [
                float((point_in_time_join(rows, [view], at="asked_at")["late__y"] == label).mean())
                for view in (views[2], blind)
            ]
            uses = {view.name: run.best_config[f"linear.uses_{view.name}"] for view in views}
            found.append({"seed": seed, "uses": uses, "late_agrees": agrees[0], "late_by_event_time": agrees[1]})
            print(json.dumps(found[-1]), flush=True)
    left_out = np.mean([not one["uses"]["noise"] for one in found])
    used = np.mean([one["uses"]["spend"] for one in found])
    print(f"useless view left out in {left_out:.0%} of {len(found)} seeds, useful view used in {used:.0%}")


if __name__ == "__main__":
    main()

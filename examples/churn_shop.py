"""A shop asks which customers are about to leave: a CSV in, a brief for the owner out.

    python examples/churn_shop.py [--budget 60s] [--out churn]

A customer who leaves costs the shop 120 in lost profit; keeping one back with a gift costs 15. So the model is not
asked for the chance alone: it decides for the gift where that is the cheaper of the two, and the brief says what that
saves on customers the model has never seen. The customers are made up, so that the example runs anywhere and anybody
can see what is true about them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import luthier

LEAVES, GIFT = 120, 15


def customers(n: int, seed: int) -> pd.DataFrame:
    """Customers as a shop would export them: months of custom, orders, complaints, a plan, a city, and who left."""
    rng = np.random.default_rng(seed)
    months, orders = rng.integers(1, 72, n), rng.poisson(6, n)
    complaints, plan = rng.poisson(0.5, n), rng.choice(["basic", "plus", "gold"], n, p=[0.6, 0.3, 0.1])
    pull = -1.6 + 1.1 * complaints - 0.15 * orders - 0.02 * months - 0.8 * (plan == "gold")
    left = rng.random(n) < 1 / (1 + np.exp(-pull))
    spend = np.where(rng.random(n) < 0.08, np.nan, np.round(orders * rng.gamma(3.0, 8.0, n), 2))
    return pd.DataFrame(
        {
            "months": months,
            "orders_last_year": orders,
            "complaints": complaints,
            "plan": plan,
            "city": rng.choice(["Bern", "Basel", "Chur", "Genf"], n),
            "spend_last_year": spend,
            "left": np.where(left, "yes", "no"),
        }
    )


def cost_of(rows: pd.DataFrame, gift: np.ndarray) -> float:
    """What a customer costs on average when these get a gift."""
    leaves = (rows["left"] == "yes").to_numpy()
    return float((LEAVES * (leaves & ~gift) + GIFT * gift).mean())


def main(budget: str = "60s", out: str = "churn") -> dict[str, float]:
    """Run the example; returns the mean cost of a customer under each way to decide."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    customers(3000, 0).to_csv(folder / "customers.csv", index=False)

    run = luthier.tune(
        folder / "customers.csv",
        "left",
        budget=budget,
        positive="yes",
        cost=f"fn={LEAVES},fp={GIFT},tp={GIFT}",
        out=folder,
    )
    print(run.summary())
    print(f"\nthe report for the owner: {folder / 'report.html'}")

    later = customers(4000, 1)  # next month's customers, whose fate the shop does not know yet
    decided = run.predict(later) == "yes"
    costs = {
        "a gift for nobody": cost_of(later, np.zeros(len(later), bool)),
        "a gift for everybody": cost_of(later, np.ones(len(later), bool)),
        "a gift where leaving is likelier than not": cost_of(later, run.predict_proba(later)[:, 1] > 0.5),
        "a gift where the model decides for it": cost_of(later, decided),
    }
    print("\nwhat a customer costs on average, on 4,000 new ones:")
    for way, cost in costs.items():
        print(f"  {cost:6.2f}  {way}")
    return costs


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--out", default="churn")
    main(**vars(parser.parse_args()))

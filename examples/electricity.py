"""Electricity demand, month after month: a model that is watched, and tuned again when the world has changed.

    python examples/electricity.py vic_elec.parquet [--months 12] [--budget 20s]

The table is vic_elec (R package tsibbledata): demand and temperature in Victoria, Australia, every half hour from 2012
to 2014, with columns Time, Demand, Temperature and Holiday. It is not shipped with the library; any Parquet file with
these columns, in order of time, will do. A model is tuned on the first eight weeks, which are in summer, and released.
Then the months (of four weeks) come one by one, as they came then: the model answers hour after hour, the truth becomes
known, `luthier.monitor` looks, and when it raises an alarm, `luthier.retune` looks for the cheapest response that
suffices. Its challenger answers beside the champion in the month after, and is promoted if it has surely been nearer to
the truth, on hours that neither has seen. What most people do runs along: the first model, for ever.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

import luthier
from luthier.monitoring import PairedComparison

NAME = "demand"
HOUR = 2
MONTH = 4 * 7 * 24 * HOUR
FIRST, MEMORY = 2, 6
"""Months that the first model is tuned on, and that a response may learn from."""


def off_by_hour(model: object, rows: pd.DataFrame) -> np.ndarray:
    """How far off the model is in each hour, in MW."""
    said = model.predict(rows.drop(columns="Demand"))  # type: ignore[attr-defined]
    return np.abs(np.asarray(said) - rows["Demand"].to_numpy()).reshape(-1, HOUR).mean(axis=1)


def main(data: str, months: int = 12, budget: str = "20s") -> pd.DataFrame:
    """Replay the months; returns how far off the managed and the first model were in each, and what was done."""
    frame = pd.read_parquet(data)
    run = luthier.tune(frame.iloc[: FIRST * MONTH], "Demand", budget=budget, time="Time", name=NAME)
    luthier.release(run.run.study, NAME, why="the first two months")
    print(run.summary())
    first = champion = luthier.load(f"{NAME}@champion")
    challenger, told, since = None, [], FIRST * MONTH
    for month in range(1, min(months, len(frame) // MONTH - FIRST) + 1):
        begin, end = (FIRST + month - 1) * MONTH, (FIRST + month) * MONTH
        now, did = frame.iloc[begin:end], []
        ours, never = off_by_hour(champion, now), off_by_hour(first, now)
        if challenger is not None:
            race = PairedComparison().after(ours, off_by_hour(challenger, now))
            did.append(f"challenger is {race.verdict}")
            if race.verdict == "better":
                luthier.promote(NAME, why=f"surely nearer to the truth over {race.n} hours")
                champion, since = luthier.load(f"{NAME}@champion"), begin
                did.append("promoted")
            challenger = None
        if alarms := luthier.monitor(NAME, on=frame.iloc[since:end]).alarms:
            done = luthier.retune(NAME, on=frame.iloc[max(0, end - MEMORY * MONTH) : end], budget=budget)
            did.append(f"alarm ({alarms[0].detector}): {done.why}")
            if done.version is not None:
                challenger = luthier.load(f"{NAME}@{done.version.version}")
        what = "; ".join(did)
        told.append({"managed": ours.mean(), "never touched": never.mean(), "what was done": what})
        print(
            f"month {month:2d}: off by {ours.mean():3.0f} MW, never touched {never.mean():3.0f} MW; {what}", flush=True
        )
    table = pd.DataFrame(told)
    print(f"on average {table['managed'].mean():.0f} MW, never touched {table['never touched'].mean():.0f} MW")
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--budget", default="20s")
    main(**vars(parser.parse_args()))

"""Is what `luthier evaluate` says of the course of a search true? Usage: OMP_NUM_THREADS=1 python studies/course/run.py

Searches whose every configuration's true score is known (the worlds of studies/replay), in random order, the default
first: 2 k configurations are drawn, the search sees k of them. Writes results/searches.csv.gz, one row a search, and
prints the tables of the README. Options: --repeats 40 --seed 7.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "replay"))

from worlds import METRICS, SCENARIOS, draw_world  # noqa: E402

from luthier.evaluation.course import stops_of  # noqa: E402
from luthier.evaluation.judging import KEEP_DEFAULT_FROM  # noqa: E402
from luthier.scoring import get_metric  # noqa: E402
from luthier.scoring.replay import replay  # noqa: E402

SIZES, CONFIGS = (100, 400, 2000), (16, 32, 64)
REPLAYS = 200


def search(scenario, name, n, k, seed) -> dict:
    """One search of k configurations, and what was true of it."""
    rng = np.random.default_rng(seed)
    table, truth = draw_world(scenario, METRICS[name], n, 2 * k, rng)
    order = np.r_[0, 1 + rng.permutation(2 * k - 1)]
    truth, values = truth[order], table.values[order]  # noqa: PD011 - no frame
    metric = get_metric(METRICS[name], "regression" if name == "rmse" else "binary")
    sign = 1.0 if metric.greater_is_better else -1.0
    scores = sign * np.array([metric.score(table.y, p) for p in values])
    seen = replace(table, trials=tuple(range(k)), values=values[:k])
    now, then = int(scores[:k].argmax()), int(scores.argmax())
    judged = replay(seen, metric, n_replays=REPLAYS, rng=rng, default=0)
    moments = [k * share for share in (1 / 8, 1 / 4, 1 / 2, 1.0)]
    stops, doubling = stops_of(
        seen, metric, {t: t + 1.0 for t in range(k)}, moments, rng=np.random.default_rng(seed), n_replays=REPLAYS
    )
    enough = stops[-1]
    for stop in reversed(stops):
        if not stop.settled:
            break
        enough = stop
    at_enough = int(scores[: int(enough.seconds)].argmax())
    width = judged.estimate.high - judged.estimate.low
    return {
        "scenario": scenario.name, "metric": name, "n": n, "k": k,
        "p_default": judged.p_default_as_good, "default_as_good": float(sign * (truth[0] - truth[now]) >= 0),
        "worse": float(sign * (truth[now] - truth[0]) < -1e-9),
        "doubling": doubling.value, "low": doubling.low, "high": doubling.high,
        "doubled": sign * (truth[then] - truth[now]),
        "enough_share": enough.seconds / k, "lost_by_ending": sign * (truth[now] - truth[at_enough]),
        "gain": sign * (truth[now] - truth[0]), "se": width / 3.92,
    }  # fmt: skip


def tables(found: pd.DataFrame) -> str:
    """The README's tables."""
    said = []
    real = found[~found.scenario.str.startswith("null")]
    p, came = real.p_default, real.default_as_good
    brier, constant = ((p - came) ** 2).mean(), came.mean() * (1 - came.mean())
    said.append(f"Chance that the default does as well, {len(real)} searches: Brier score {brier:.4f}, of the best "
                f"constant {constant:.4f}")  # fmt: skip
    bins = pd.cut(p, [-0.01, 0.02, 0.1, 0.3, 0.5, 1.0])
    for where, part in real.groupby(bins, observed=True):
        said.append(
            f"  said {part.p_default.mean():.2f}: came true {part.default_as_good.mean():.2f} ({len(part)}, in {where})"
        )
    kept = real.p_default >= KEEP_DEFAULT_FROM
    bad = (real.worse * ~kept).mean()
    said.append(f"Worse than the default: the best score {real.worse.mean():.1%}, as we choose {bad:.1%}")
    said.append(f"  the default is kept in {kept.mean():.1%}")
    for least in (0.2, 0.3, KEEP_DEFAULT_FROM, 0.4, 0.5, 0.6, 1.01):
        tuned = real.p_default < least
        bad, gained = (real.worse * tuned).mean(), (real.gain / real.se * tuned).mean()
        said.append(f"  kept from {least:.2f} on: {bad:.1%} worse, gained {gained:.2f} standard errors")
    for n, part in real.groupby("n"):
        still = (part.worse * (part.p_default < KEEP_DEFAULT_FROM)).mean()
        said.append(f"  n = {n}: {part.worse.mean():.1%} and {still:.1%} of {len(part)}")
    said.append("The next doubling, in standard errors of the score; share of 90 % intervals that held:")
    for name, part in [*found.groupby("scenario", sort=False), ("all", found)]:
        held = (part.low - 1e-12 <= part.doubled) & (part.doubled <= part.high + 1e-12)
        said.append(
            f"  {name:12} said {(part.doubling / part.se).mean():.2f}, came {(part.doubled / part.se).mean():.2f}, "
            f"held {held.mean():.3f} of {len(part)}, above {(part.doubled > part.high + 1e-12).mean():.3f}"
        )
    said.append("Ending where the score had stopped rising: share of the budget, and what was lost in standard errors:")
    for name, part in found.groupby("scenario", sort=False):
        lost = part.lost_by_ending / part.se
        said.append(
            f"  {name:12} {part.enough_share.mean():.2f}, lost {lost.mean():.2f} (1 or more in {(lost > 1).mean():.1%})"
        )
    return "\n".join(said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    rows, seeds = [], np.random.SeedSequence(given.seed)
    for _ in range(given.repeats):
        for scenario in SCENARIOS:
            for name in METRICS:
                for n in SIZES:
                    (seed,) = seeds.spawn(1)
                    drawn = int(seed.generate_state(1)[0])
                    rows.append(search(scenario, name, n, CONFIGS[drawn % len(CONFIGS)], drawn))
    found = pd.DataFrame(rows)
    found.to_csv(HERE / "results" / "searches.csv.gz", index=False, float_format="%.6g")
    (HERE / "results" / "summary.txt").write_text(tables(found) + "\n")
    print(tables(found))


if __name__ == "__main__":
    main()

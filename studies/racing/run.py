"""How many fits racing saves and how often it changes the winner: python studies/racing/run.py [--tables FOLDER]

Replays searches on tables of fold scores that `build.py` measured (and on simulated ones), under the very rule the
engine uses. Every search is run twice on the same order of configurations, with all folds and with racing.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from luthier.tuning import PairedRacing, Trial
from luthier.tuning.history import Fold
from luthier.tuning.scheduling import N_RIVALS

HERE = Path(__file__).parent
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Scores (C, k), seconds (C, k) and pooled scores (C,) of C configurations; the first is the default."""

    name: str
    splits: str
    sign: float
    scores: Floats
    seconds: Floats
    pooled: Floats
    families: Sequence[str]

    @classmethod
    def read(cls, path: Path) -> Table:
        """Read what `build.py` wrote."""
        with gzip.open(path, "rt", newline="") as file:
            rows = list(csv.DictReader(file))
        folds = range(sum(name.startswith("score") for name in rows[0]))
        return cls(
            path.name.removesuffix(".csv.gz"),
            rows[0]["splits"],
            1.0 if rows[0]["greater_is_better"] == "True" else -1.0,
            np.array([[float(row[f"score{i}"]) for i in folds] for row in rows]),
            np.array([[float(row[f"seconds{i}"]) for i in folds] for row in rows]),
            np.array([float(row["pooled"]) for row in rows]),
            [row["family"] for row in rows],
        )


def simulated(noise: float, rng: np.random.Generator, n: int = 80, k: int = 5) -> Table:
    """Configurations with heavy-tailed merits, folds of unit effect, and noise of their own on every fold."""
    merit = -np.abs(rng.standard_t(3, n))
    scores = merit[:, None] + rng.normal(size=k) + noise * (1 - 0.3 * merit[:, None]) * rng.normal(size=(n, k))
    return Table(
        f"simulated, noise {noise:g}", "simulated", 1.0, scores, np.ones((n, k)), scores.mean(axis=1), [""] * n
    )


def orders(table: Table, repeats: int, length: int) -> Iterator[tuple[str, list[int]]]:
    """The default first, then configurations at random; or better and better ones, as a model would propose them."""
    rng = np.random.default_rng(0)
    rank = np.argsort(np.argsort(table.sign * table.pooled)) / len(table.pooled)
    for _ in range(repeats):
        some = 1 + rng.permutation(len(table.pooled) - 1)[: length - 1]
        yield "random", [0, *some.tolist()]
        climbing = some[np.argsort(rank[some] + rng.normal(0, 0.2, len(some)))]
        yield "climbing", [0, *climbing.tolist()]


def race(table: Table, order: Sequence[int], rule: PairedRacing, by_family: bool) -> tuple[int, int, float]:
    """Return the winner, the folds fitted and their seconds."""

    def rank(trial: Trial) -> tuple[float, int]:
        return -table.sign * (trial.score or 0.0), trial.number

    k = table.scores.shape[1]
    families: defaultdict[str, list[Trial]] = defaultdict(list)
    fits, seconds = 0, 0.0
    for number, config in enumerate(order):
        trial = Trial(number, {"row": config}, "explore", "")
        rivals = families[table.families[config] if by_family else ""]
        for fold in range(k):
            trial.folds[fold] = Fold(
                "DONE", float(table.scores[config, fold]), float(table.seconds[config, fold]), None
            )
            fits, seconds = fits + 1, seconds + float(table.seconds[config, fold])
            if fold < k - 1 and rule.drop(trial, rivals[:N_RIVALS]) is not None:
                break
        else:
            trial.score = float(table.pooled[config])
            rivals.append(trial)
            rivals.sort(key=rank)
    return int(min((ranked[0] for ranked in families.values()), key=rank).config["row"]), fits, seconds


def study(table: Table, repeats: int, length: int, at_least: int, z: float, by_family: bool) -> list[dict[str, object]]:
    """Run all searches on one table; a row an order."""
    k = table.scores.shape[1]
    rule = PairedRacing(1 / (k - 1), table.sign > 0, at_least=at_least, z=z)
    found: dict[str, list[tuple[float, float, float]]] = {}
    for kind, order in orders(table, repeats, length):
        winner, fits, seconds = race(table, order, rule, by_family)
        best = max(order, key=lambda c: table.sign * table.pooled[c])
        lost = table.sign * (table.pooled[best] - table.pooled[winner]) / table.scores[best].std(ddof=1)
        found.setdefault(kind, []).append((fits / (k * len(order)), seconds / table.seconds[order].sum(), lost))
    return [
        {
            "table": table.name,
            "splits": table.splits,
            "folds": k,
            "order": kind,
            "searches": len(rows),
            "fits": round(fmean(fits for fits, _, _ in rows), 4),
            "seconds": round(fmean(seconds for _, seconds, _ in rows), 4),
            "changed": round(fmean(float(lost > 0) for _, _, lost in rows), 4),
            "worst_loss_in_fold_sd": round(max(lost for _, _, lost in rows), 4),
        }
        for kind, rows in found.items()
    ]


def main() -> None:
    """Run the study and write results/."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, default=HERE / "tables")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--length", type=int, default=40)
    parser.add_argument("--at-least", type=int, default=2)
    parser.add_argument("--z", type=float, default=2.0)
    parser.add_argument("--by-family", action="store_true", help="race against the best of the own family only")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "racing.json")
    args = parser.parse_args()
    tables = [Table.read(path) for path in sorted(args.tables.glob("*.csv.gz"))]
    rng = np.random.default_rng(0)
    rows = []
    for table in [*tables, *(simulated(noise, rng) for noise in (0.1, 0.3, 1.0))]:
        if np.isfinite(table.scores).all():
            rows += study(table, args.repeats, args.length, args.at_least, args.z, args.by_family)
    for order in ("random", "climbing"):
        for what, real in (("measured", True), ("simulated", False)):
            some = [row for row in rows if row["order"] == order and (row["splits"] != "simulated") == real]
            print(
                f"{order}, {len(some)} {what} tables: fits {fmean(float(str(r['fits'])) for r in some):.3f}, "
                f"seconds {fmean(float(str(r['seconds'])) for r in some):.3f}, "
                f"winner changed in {fmean(float(str(r['changed'])) for r in some):.2%} of searches, "
                f"at worst by {max(float(str(r['worst_loss_in_fold_sd'])) for r in some):.2f} fold deviations"
            )
    args.out.write_text(json.dumps(rows, indent=0) + "\n")


if __name__ == "__main__":
    main()

"""Choose the configurations to start with from the tables of build.py: python studies/portfolio/choose.py [--list]

Greedy: the next configuration is the one that lowers the mean normalised regret of the best so far most, per second to
a power. What a list is worth is said of a table that had no part in choosing it, against starting with every family's
default, quickest first, at the same seconds. With --list the list chosen from all tables is printed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import itertools
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
FRONT = "lightgbm"
"""The family whose default every study begins with."""
SHARES = (0.5, 1.0, 2.0, 4.0)
"""Where lists are compared: the seconds of all defaults, times these."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """One table: configuration numbers, their families, whether a default, losses, seconds of all folds."""

    name: str
    task: str
    numbers: list[int]
    families: list[str]
    configs: list[dict[str, Any]]
    losses: Floats
    seconds: Floats

    def regret(self) -> dict[int, float]:
        """(loss - best) / (median - best), at most 1."""
        low, middle = self.losses.min(), float(np.median(self.losses))
        scaled = np.minimum((self.losses - low) / max(middle - low, 1e-12), 1.0)
        return dict(zip(self.numbers, scaled.tolist(), strict=True))

    def cost(self) -> dict[int, float]:
        """Seconds of every configuration."""
        return dict(zip(self.numbers, self.seconds.tolist(), strict=True))


def read(path: Path) -> Measured:
    """One table's file."""
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    sign = -1.0 if rows[0]["greater_is_better"] == "True" else 1.0
    times = [key for key in rows[0] if key.startswith("seconds")]
    return Measured(
        path.name.removesuffix(".csv.gz"),
        rows[0]["task"],
        [int(row["number"]) for row in rows],
        [row["family"] for row in rows],
        [json.loads(row["config"]) for row in rows],
        np.array([sign * float(row["pooled"]) for row in rows]),
        np.array([sum(float(row[key]) for key in times) for row in rows]),
    )


def defaults(table: Measured) -> list[int]:
    """Every family's default, the first of its kind: the one in front, then the quickest first."""
    firsts = {family: number for number, family in reversed(list(zip(table.numbers, table.families, strict=True)))}
    cost = table.cost()
    others = sorted((number for family, number in firsts.items() if family != FRONT), key=lambda n: cost[n])
    return [firsts[FRONT], *others]


def greedy(tables: Sequence[Measured], n: int, power: float, first: int = 1) -> list[int]:
    """Numbers of the configurations: `first` defaults, what helps most, and in the end the defaults not yet in it."""
    regrets, costs = [table.regret() for table in tables], [table.cost() for table in tables]
    numbers = sorted(set.union(*(set(table.numbers) for table in tables)))
    # A family that a table does not suit brings it nothing, and costs it nothing.
    R = np.array([[regret.get(number, np.inf) for number in numbers] for regret in regrets])
    C = np.array([[cost.get(number, 0.0) / np.median(list(cost.values())) for number in numbers] for cost in costs])
    usual = defaults(tables[0])
    chosen = usual[:first]
    best = R[:, [numbers.index(number) for number in chosen]].min(axis=1)
    while len(chosen) < n:
        gain = np.maximum(best[:, None] - R, 0.0).mean(axis=0)
        worth = gain / np.maximum(C.mean(axis=0), 0.05) ** power
        k = int(np.argmax(worth))
        if gain[k] <= 0:
            break
        chosen.append(numbers[k])
        best = np.minimum(best, R[:, k])
    return [*chosen, *(number for number in usual if number not in chosen)]


def after(table: Measured, order: Sequence[int], seconds: float) -> float:
    """Normalised regret of the best that is done after so many seconds."""
    regret, cost = table.regret(), table.cost()
    spent, best = 0.0, 1.0
    for number in order:
        if number not in regret:
            continue
        spent += cost[number]
        if spent > seconds and best < 1.0:
            break
        best = min(best, regret[number])
    return best


def left_out(tables: Sequence[Measured], n: int, power: float, first: int) -> list[dict[str, Any]]:
    """What a list is worth on each table that it was not chosen on, beside the defaults."""
    rows = []
    for table in tables:
        chosen = greedy([other for other in tables if other is not table], n, power, first)
        usual = defaults(table)
        every = sum(table.cost()[number] for number in usual)
        for share in SHARES:
            rows.append({
                "table": table.name, "share": share, "portfolio": after(table, chosen, share * every),
                "defaults": after(table, usual, share * every),
            })  # fmt: skip
    return rows


def main() -> None:
    """Say what lists are worth, and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=6)
    parser.add_argument("--powers", type=float, nargs="*", default=[0.0, 0.5, 1.0])
    parser.add_argument("--first", type=int, nargs="*", default=[1, 7])
    parser.add_argument("--list", action="store_true", help="print the list of the first power, to paste")
    parser.add_argument("--without", nargs="*", default=[], help="tables to leave out altogether")
    args = parser.parse_args()
    tables = [read(path) for path in sorted((HERE / "tables").glob("*.csv.gz"))]
    tables = [table for table in tables if table.name not in args.without]
    for kind in ("classification", "regression"):
        own = [table for table in tables if (table.task == "regression") == (kind == "regression")]
        for power, first in itertools.product(args.powers, args.first):
            rows = left_out(own, args.n, power, first)
            for share in SHARES:
                at = [row for row in rows if row["share"] == share]
                chosen, usual = (np.array([row[which] for row in at]) for which in ("portfolio", "defaults"))
                diff = usual - chosen
                t = diff.mean() / (diff.std(ddof=1) / len(diff) ** 0.5 + 1e-12)
                print(
                    f"{kind} power {power} first {first} at {share} x: {chosen.mean():.3f} beside {usual.mean():.3f}, "
                    f"better {np.sum(diff > 1e-9)}, worse {np.sum(diff < -1e-9)} of {len(at)}, t {t:.1f}"
                )
        found = {n: config for table in own for n, config in zip(table.numbers, table.configs, strict=True)}
        if args.list:
            print(library_text([found[number] for number in greedy(own, args.n, args.powers[0], args.first[0])]))


def library_text(configs: Sequence[dict[str, Any]]) -> str:
    """The list as the library's module holds it, values rounded to two digits."""
    lines = []
    for config in configs:
        short = {
            key.split(".")[-1]: float(f"{value:.2g}") if isinstance(value, float) else value
            for key, value in config.items()
            if key != "model"
        }
        line = f"({config['model']!r}, {short!r}),".replace("'", '"')
        lines += textwrap.wrap(line, 116, initial_indent="    ", subsequent_indent="     ", break_on_hyphens=False)
    return "\n".join(lines)


if __name__ == "__main__":
    main()

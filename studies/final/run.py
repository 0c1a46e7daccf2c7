"""What to ship: one refitted configuration, a blend, or what the replay prefers? By test score and by what it costs.

    python studies/final/fit.py ../shared/data cache/
    python studies/final/run.py cache/ --out studies/final/results-25s.json

A study of `--budget` seconds is the table's first configurations whose cross-validation fits them (never fewer than the
first six, every family's default). What a rule ships is scored on rows nobody saw, and compared with the single best
configuration by the logarithm of the ratio of losses (1 - AUC, log loss, RMSE): 0.05 is five percent less loss.
"""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata, wilcoxon

from luthier.evaluation import Blend, Blender, judge
from luthier.scoring import Metric, OutOfFold, get_metric
from luthier.scoring.pool import pooled

MS_PER_1000 = 40.0
FEWEST = 6
SHAPES: dict[str, dict[str, Any]] = {
    "as shipped": {},
    "no anchor": {"anchor": None},
    "3 members": {"most_members": 3},
    "5 members": {"most_members": 5},
    "8 members": {"most_members": 8},
    "8 contenders, 2 of a kind": {"contenders": 8, "of_a_kind": 2},
    "1 of a kind": {"of_a_kind": 1},
    "6 contenders": {"contenders": 6},
    "6 steps": {"steps": 6},
    "16 steps": {"steps": 16},
}


@dataclass(frozen=True, eq=False)
class Case:
    """One table under one seed, as a study of the budget would have known it."""

    name: str
    seed: int
    forward: bool
    metric: Metric
    table: OutOfFold
    trials: list[dict[str, Any]]
    refit: Any  # (C, m_test, k): predictions of the configurations fitted on all rows
    y_test: Any
    again: dict[str, Any] | None
    other_default: Any

    @property
    def sign(self) -> int:
        return 1 if self.metric.greater_is_better else -1

    def loss(self, p: Any) -> float:
        score = self.metric.score(self.y_test, p)
        return 1 - score if self.metric.greater_is_better else score

    def loss_of(self, blend: Blend) -> float:
        return self.loss(pooled([self.refit[t].astype(np.float64) for t in blend.members], blend.weights, blend.pool))

    def blender(self, **shape: Any) -> Blender:
        costs = np.array([[trial["ms_per_1000"]] for trial in self.trials])
        anchor = 0 if self.forward else None
        return Blender(
            [trial["family"] for trial in self.trials], costs, np.array([MS_PER_1000]), **{"anchor": anchor, **shape}
        )

    def blend(self, **shape: Any) -> Blend:
        return self.blender(**shape).choose(self.table, self.metric, self.table.splits.weights)

    def best(self, among: Any = None) -> int:
        scores = self.sign * self.table.scores(self.metric)
        among = np.arange(len(scores)) if among is None else np.asarray(among)
        return int(among[np.nanargmax(scores[among])])

    def cost_of(self, blend: Blend) -> dict[str, float]:
        """Milliseconds for 1,000 rows and for one, megabytes: sums over the members."""
        fields = ("ms_per_1000", "ms_one_row", "size_mb")
        return {field: sum(self.trials[t][field] for t in blend.members) for field in fields}


def read(path: Path, budget_s: float) -> Case:
    """A case cut to what a study of so many seconds would have evaluated."""
    body = pickle.loads(path.read_bytes())
    spent = np.cumsum([trial["cv_s"] for trial in body["trials"]])
    n = max(FEWEST, int((spent <= budget_s).sum()))
    oof = body["oof"][:n]
    again = body["again"]
    return Case(
        body["name"],
        body["seed"],
        body["forward"],
        get_metric(body["metric"], body["task"]),
        OutOfFold(body["splits"], body["y"], tuple(range(len(oof))), oof),
        body["trials"][:n],
        body["refit"][:n],
        body["y_test"],
        again if again is not None and max(again["positions"]) < len(oof) else None,
        body["other_default"],
    )


def one(trial: int) -> Blend:
    return Blend((trial,), (1.0,), "linear")


def outcome(case: Case) -> dict[str, Any]:
    """Losses on the test rows of everything that could have been shipped."""
    losses = {
        "single": case.loss_of(one(case.best())),
        "default": case.loss_of(one(0)),
        "other default": case.loss(case.other_default),
    }
    for name, shape in SHAPES.items():
        losses[f"blend, {name}"] = case.loss_of(case.blend(**shape))
    judged = {
        final: judge(
            case.table,
            case.metric,
            default_trial=0,
            rng=np.random.default_rng(case.seed),
            n_replays=300,
            blender=case.blender(),
            final=final,
        )
        for final in ("refit", "auto")
    }
    auto, refit = judged["auto"], judged["refit"]
    shipped = {name: v.blend or one(v.shipped) for name, v in judged.items()}
    blend = case.blend()
    losses["refit, or the default if as good"] = case.loss_of(shipped["refit"])
    losses["auto"] = case.loss_of(shipped["auto"])
    return {
        "table": case.name,
        "seed": case.seed,
        "forward": case.forward,
        "configurations": len(case.table),
        "metric": case.metric.name,
        "losses": losses,
        "p_single_as_good": None if np.isnan(auto.p_single_as_good) else auto.p_single_as_good,
        "p_default_as_good_as_single": refit.p_default_as_good,
        "members": [[case.trials[t]["family"], weight] for t, weight in zip(blend.members, blend.weights, strict=True)],
        "pool": blend.pool,
        "cost": {"single": case.cost_of(one(case.best())), "blend": case.cost_of(blend)},
    }


def summary(rows: list[dict[str, Any]], of: Callable[[dict[str, Any]], bool]) -> dict[str, dict[str, Any]]:
    """Every rule's gain over the single best: tables weigh alike, whatever the number of seeds."""
    rows = [row for row in rows if of(row)]
    rules = list(rows[0]["losses"])
    gains = np.array([[np.log(row["losses"]["single"] / row["losses"][rule]) for rule in rules] for row in rows])
    tables = np.array([row["table"] for row in rows])
    by_table = np.array([gains[tables == name].mean(axis=0) for name in np.unique(tables)])
    ranks = np.array([rankdata(-row) for row in gains]).mean(axis=0)
    found = {}
    for r, rule in enumerate(rules):
        differs = np.abs(by_table[:, r]) > 1e-12
        found[rule] = {
            "mean gain": round(float(by_table[:, r].mean()), 4),
            "median gain": round(float(np.median(by_table[:, r])), 4),
            "worst": round(float(gains[:, r].min()), 3),
            "better": int((gains[:, r] > 1e-12).sum()),
            "worse": int((gains[:, r] < -1e-12).sum()),
            "runs": len(rows),
            "mean rank": round(float(ranks[r]), 2),
            "p": round(float(wilcoxon(by_table[:, r]).pvalue), 4) if differs.sum() > 4 else None,
        }
    return found


def left_out(rows: list[dict[str, Any]], rules: list[str]) -> dict[str, Any]:
    """Mean gain on each table of the rule that was best on all others, and how often each was chosen."""
    tables = sorted({row["table"] for row in rows})
    gain = {
        name: np.mean(
            [
                [np.log(row["losses"]["single"] / row["losses"][rule]) for rule in rules]
                for row in rows
                if row["table"] == name
            ],
            axis=0,
        )
        for name in tables
    }
    chosen = {
        name: int(np.argmax(np.mean([gain[other] for other in tables if other != name], axis=0))) for name in tables
    }
    counts = {rule: sum(r == chosen[name] for name in tables) for r, rule in enumerate(rules)}
    return {
        "mean gain": round(float(np.mean([gain[name][chosen[name]] for name in tables])), 4),
        "chosen": {rule: count for rule, count in counts.items() if count},
    }


ANCHORS = (0.0, 0.25, 0.5, 0.75)
FIRST_CUT = 3
COMING = 3  # windows


def cuts(case: Case) -> list[dict[str, float]]:
    """Chosen on the first windows of a table in order of time, gains over the default on the next few."""
    splits, y = case.table.splits, case.table.y
    order = sorted(range(len(splits.folds)), key=lambda fold: splits.folds[fold][1].min())
    windows = [np.arange(len(y))[splits.fold_slice(fold)] for fold in order]
    found = []
    for cut in range(FIRST_CUT, len(windows)):
        past, coming = (np.concatenate(part) for part in (windows[:cut], windows[cut : cut + COMING]))
        seen = np.isin(np.arange(len(y)), past).astype(np.float64)
        scores = [case.sign * case.metric.score(y[past], p[past]) for p in case.table.values]
        found.append(over_default(case, case.table.values[:, coming], y[coming], seen, int(np.nanargmax(scores))))
    return found


def over_default(case: Case, values: Any, y: Any, seen: Any, single: int) -> dict[str, float]:
    """Gains over the default of what was chosen on the rows seen, for every weight of the default in a blend."""
    values = values.astype(np.float64)
    blend = case.blender(anchor=None).choose(case.table, case.metric, seen)
    blended = pooled([values[t] for t in blend.members], blend.weights, blend.pool)
    said = {"single": values[single]} | {
        f"anchor {share}": pooled([values[0], blended], [share, 1 - share], blend.pool) for share in ANCHORS
    }

    def loss(p: Any) -> float:
        score = case.metric.score(y, p)
        return 1 - score if case.metric.greater_is_better else score

    return {rule: float(np.log(loss(values[0]) / loss(p))) for rule, p in said.items()}


def anchors(cases: list[Case]) -> dict[str, Any]:
    """Per table and rule: mean gain over the default at the cuts, how often it was worse, and gains in the end."""
    found: dict[str, Any] = {}
    for name in sorted({case.name for case in cases}):
        mine = [case for case in cases if case.name == name]
        at_cuts = [gains for case in mine for gains in cuts(case)]
        weights = [case.table.splits.weights for case in mine]
        end = [over_default(c, c.refit, c.y_test, w, c.best()) for c, w in zip(mine, weights, strict=True)]
        found[name] = {
            rule: {
                "mean": round(float(np.mean([gains[rule] for gains in at_cuts])), 3),
                "worse": sum(gains[rule] < -1e-9 for gains in at_cuts),
                "cuts": len(at_cuts),
                "worst": round(min(gains[rule] for gains in at_cuts), 3),
                "last 30 %": [round(gains[rule], 3) for gains in end],
            }
            for rule in end[0]
        }
    return found


def honest_finish(cases: list[Case]) -> dict[str, Any]:
    """What fresh folds for the five best would change, were they free: gains over choosing by the first folds."""
    single, blends, agree = [], [], 0
    for case in cases:
        if case.again is None:
            continue
        positions, again = np.array(case.again["positions"]), case.again
        first = case.table.scores(case.metric)[positions]
        second = np.array([case.metric.score(again["y"], p, again["splits"].weights) for p in again["oof"]])
        at_first, at_both = (int(positions[np.nanargmax(case.sign * s)]) for s in (first, first + second))
        agree += at_first == at_both
        single.append(np.log(case.loss_of(one(at_first)) / case.loss_of(one(at_both))))
        few = OutOfFold(case.table.splits, case.table.y, tuple(positions.tolist()), case.table.values[positions])
        both = OutOfFold(again["splits"], again["y"], few.trials, again["oof"])
        kinds, free = [case.trials[t]["family"] for t in positions], np.zeros((len(positions), 1))
        blender = Blender(kinds, free, np.ones(1))
        one_table, other = (blender.choose(t, case.metric, t.splits.weights) for t in (few, both))
        shares = dict.fromkeys(positions.tolist(), 0.0)
        for blend in (one_table, other):
            for t, weight in zip(blend.members, blend.weights, strict=True):
                shares[t] += weight / 2
        shares = {t: share for t, share in shares.items() if share > 0}
        averaged = Blend(tuple(shares), tuple(shares.values()), one_table.pool)
        blends.append(np.log(case.loss_of(one_table) / case.loss_of(averaged)))
    return {
        "runs": len(single),
        "same configuration": agree,
        "single": _of(single),
        "blend": _of(blends),
    }


def more_search(paths: list[Path], budget_s: float) -> dict[str, Any]:
    """What a tenth more of the budget gives the search: gains of the single best and of the blend."""
    pairs = [(read(path, 0.9 * budget_s), read(path, budget_s)) for path in paths]
    pairs = [(less, more) for less, more in pairs if len(more.table) > len(less.table)]
    return {
        "runs": len(pairs),
        "single": _of([np.log(a.loss_of(one(a.best())) / b.loss_of(one(b.best()))) for a, b in pairs]),
        "blend": _of([np.log(a.loss_of(a.blend()) / b.loss_of(b.blend())) for a, b in pairs]),
    }


def _of(gains: list[float]) -> dict[str, float]:
    error = np.std(gains, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.nan
    return {"mean": round(float(np.mean(gains)), 4), "standard error": round(float(error), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--budget", type=float, default=25.0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    paths = sorted(args.cache.glob("*.pkl"))
    cases = [read(path, args.budget) for path in paths]
    rows = [outcome(case) for case in cases]
    kinds: dict[str, Callable[[dict[str, Any]], bool]] = {
        "unordered": lambda row: not row["forward"],
        "ordered in time": lambda row: row["forward"],
    }
    found = {kind: summary(rows, of) for kind, of in kinds.items()}
    for kind, rules in found.items():
        print(f"\n{kind}")
        for rule, numbers in rules.items():
            print(f"  {rule:34s}", *(f"{key} {value}" for key, value in numbers.items()))
    shapes = [f"blend, {name}" for name in SHAPES]
    found["shape chosen on the other tables"] = left_out([row for row in rows if not row["forward"]], shapes)
    print("\nshape chosen on the other tables:", found["shape chosen on the other tables"])
    found["weight of the default, ordered in time"] = anchors([case for case in cases if case.forward])
    print("\nweight of the default:", json.dumps(found["weight of the default, ordered in time"], indent=1))
    found["fresh folds for the best five, were they free"] = honest_finish([read(path, np.inf) for path in paths])
    found["a tenth more search"] = {f"{b:.0f}s": more_search(paths, b) for b in (5, 10, 15, 20, 25, 30, 40)}
    print(json.dumps({k: found[k] for k in list(found)[-2:]}, indent=1))
    for row in rows:
        print(
            row["table"], row["seed"], row["configurations"], "p_single", row["p_single_as_good"],
            *(f"{rule} {np.log(row['losses']['single'] / row['losses'][rule]):.3f}"
              for rule in ("default", "other default", "blend, as shipped", "auto")),
            {k: {f: round(x, 1) for f, x in v.items()} for k, v in row["cost"].items()},
        )  # fmt: skip
    if args.out:
        args.out.write_text(json.dumps({"budget_s": args.budget, "summary": found, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()

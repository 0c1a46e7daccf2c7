"""Is the model kept good, and at what cost? Usage: python studies/retune/run.py DATA [--parts warm,harmless,streams]

DATA is a folder with elec2.parquet, vic_elec.parquet and hotel_rates.parquet, each in order of time; streams whose
table is not there are left out. River gives ADWIN its place. Every part writes results/PART.csv.

warm       A model is tuned on a first period, the world moves, and it is tuned again on the second: anew with 14
           trials, and warm, as `luthier retune` does it, with 4. Both are judged on the period after.
harmless   Inputs move in ways that change nothing about what they mean. Does anything get replaced, and for good?
streams    Batch after batch: never touched, fitted again after every batch, fitted again when ADWIN alarms on the
           model's losses, and Luthier's loop of monitor, retune, race on the next batch, promote.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import luthier
from luthier.api.refitting import Labelled, refitted
from luthier.api.warming import best_before
from luthier.models.catalogue import MODEL
from luthier.monitoring import PairedComparison

HERE = Path(__file__).resolve().parent
FULL, WARM = 14, 4
FAMILIES = "linear,lightgbm,forest,knn"
MEMORY = 3
"""Batches that whoever fits or tunes again may learn from."""


@dataclass(frozen=True)
class Stream:
    """Rows in order of time; a first part to tune on, then batches."""

    name: str
    frame: pd.DataFrame
    target: str
    first: int
    batch: int
    n_batches: int
    time: str | bool = False

    @property
    def regression(self) -> bool:
        """Whether the target is a number."""
        return self.frame[self.target].nunique() > 20

    @property
    def metric(self) -> str:
        """The loss that is tuned for."""
        return "rmse" if self.regression else "log_loss"

    def losses(self, model: object, rows: pd.DataFrame) -> np.ndarray:
        """(n,): absolute errors, or log losses."""
        truth = rows[self.target].to_numpy()
        asked = rows.drop(columns=self.target)
        if self.regression:
            return np.abs(np.asarray(model.predict(asked)) - truth)
        at = {label: k for k, label in enumerate(model.classes_)}
        p = np.clip(model.predict_proba(asked), 1e-6, 1)
        return -np.log(p[np.arange(len(rows)), [at[label] for label in truth.tolist()]])

    def loss(self, model: object, rows: pd.DataFrame) -> float:
        """The metric on these rows."""
        each = self.losses(model, rows)
        return float(np.sqrt((each**2).mean()) if self.regression else each.mean())


def simulated(kind: str, n: int, seed: int) -> pd.DataFrame:
    """Two classes by eight inputs; what moves along the rows is said by `kind`."""
    rng = np.random.default_rng(seed)
    X, now = rng.normal(size=(n, 8)), np.linspace(0, 1, n)
    turn = np.zeros(n)
    if kind == "gradual turn":
        turn = 1.5 * now
    elif kind == "sudden turn":
        turn = np.where(now > 0.4, 1.5, 0.0)
    elif kind == "back and forth":
        turn = np.where((now > 0.35) & (now < 0.7), 1.5, 0.0)
    elif kind == "harmless":
        X[:, 0] += 0.8 * (now > 0.4)
        X[:, 5:] += 1.5 * (now[:, None] > 0.4)
    elif kind == "prior":
        turn[:] = 0.0
    score = 1.2 * (np.cos(turn) * X[:, 0] + np.sin(turn) * X[:, 1]) + 0.8 * X[:, 2] + 0.5 * np.abs(X[:, 3])
    shift = np.where(now > 0.4, 1.5, 0.0) if kind == "prior" else 0.0
    y = rng.random(n) < 1 / (1 + np.exp(-(score - 0.5 + shift)))
    table = pd.DataFrame(X, columns=[f"x{j}" for j in range(8)])
    return table.assign(step=np.arange(n), y=np.where(y, "yes", "no"))


def real(data: Path) -> dict[str, pd.DataFrame]:
    """The tables that are there."""
    names = {"elec2": "step", "vic_elec": "Time", "hotel_rates": "arrival_date"}
    found = {name: data / f"{name}.parquet" for name in names}
    tables = {name: pd.read_parquet(file) for name, file in found.items() if file.is_file()}
    return {name: table.sort_values(names[name], kind="stable", ignore_index=True) for name, table in tables.items()}


def tuned(stream: Stream, rows: pd.DataFrame, trials: int, **options: object) -> luthier.TunedModel:
    """The main job, on a file, which a response may read again."""
    file = f"{stream.name}-{len(list(Path().glob('*.parquet')))}.parquet"
    rows.to_parquet(file, index=False)
    return luthier.tune(
        file, stream.target, metric=stream.metric, budget=f"{trials} trials", n_jobs=1, fold_limit_s=5, seed=1,
        time=stream.time, **{"models": FAMILIES, "warm": "off", **options},
    )  # fmt: skip


# --- warm against full ------------------------------------------------------------------------------------------------


def drifts(data: Path) -> Iterator[tuple[str, Stream, pd.DataFrame, pd.DataFrame, pd.DataFrame]]:
    """Twelve or so: a name, a stream, what was, what came, and what came after it."""
    tables = real(data)
    plans = [
        ("elec2", "class", "step", 2000, (0, 12_000, 30_000)),
        ("vic_elec", "Demand", "Time", 2000, (0, 10_000, 25_000)),
        ("hotel_rates", "avg_price_per_room", "arrival_date", 2500, (0, 4500)),
    ]
    for name, target, when, n, begins in plans:
        if name not in tables:
            continue
        for begin in begins:
            rows = tables[name].iloc[begin : begin + 3 * n]
            stream = Stream(name, rows, target, n, n, 2, when)
            yield f"{name} from row {begin}", stream, rows[:n], rows[n : 2 * n], rows[2 * n :]
    for seed, kind in enumerate(("gradual turn", "sudden turn", "prior", "harmless")):
        rows = simulated(kind, 6000, seed)
        stream = Stream(kind, rows, "y", 2000, 2000, 2, "step")
        yield kind, stream, rows[:2000], rows[2000:4000], rows[4000:]


def known_families(run: luthier.TunedModel) -> list[str]:
    """The families that `luthier retune` searches warm: those that are in use, and those that did best."""
    known = [member.family for member in run.predictor.manifest.members]
    known += [str(config[MODEL]) for config in best_before(run.run.study, None)]
    return list(dict.fromkeys(known))


def warm_against_full(data: Path) -> Iterator[dict[str, object]]:
    """One row a drift."""
    for name, stream, was, came, after in drifts(data):
        before = tuned(stream, was, FULL)
        body = {"drift": name, "untouched": stream.loss(before, after)}
        for kind in ("full", "warm"):
            begun = _cpu_s()
            options = {} if kind == "full" else {"warm": before.run.study, "models": known_families(before)}
            again = tuned(stream, came, FULL if kind == "full" else WARM, **options)
            body |= {kind: stream.loss(again, after), f"{kind}_cpu_s": _cpu_s() - begun}
        yield body


# --- harmless drift ---------------------------------------------------------------------------------------------------


def harmless_drift(repeats: int) -> Iterator[dict[str, object]]:
    """One row a simulated model: did it alarm, was anything made and promoted, and was that for good?"""
    for repeat in range(repeats):
        rows = simulated("harmless", 6000, 1000 + repeat)
        stream = Stream("harmless", rows, "y", 2400, 1200, 3, "step")
        name = f"harmless-{repeat}"
        run = tuned(stream, rows[:2400], 3, models="linear")
        luthier.release(run.run.study, name)
        champion = luthier.load(f"{name}@champion")
        alarms = luthier.monitor(name, on=rows[2400:4800]).alarms
        made = luthier.retune(name, on=rows[2400:4800], budget=f"{WARM} trials") if alarms else None
        body = {"alarms": len(alarms), "response": made and made.chosen, "verdict": "", "gain": 0.0}
        if made is not None and made.version is not None:
            challenger = luthier.load(f"{name}@{made.version.version}")
            race = PairedComparison().after(
                stream.losses(champion, rows[4800:]), stream.losses(challenger, rows[4800:])
            )
            fresh = simulated("harmless", 60_000, 2000 + repeat)[24_000:]
            gain = stream.losses(champion, fresh).mean() - stream.losses(challenger, fresh).mean()
            body |= {"verdict": race.verdict, "gain": float(gain)}
        yield body


# --- streams ----------------------------------------------------------------------------------------------------------


def streams(data: Path) -> Iterator[Stream]:
    """Real ones where they are there, and simulated ones."""
    tables = real(data)
    if "elec2" in tables:
        yield Stream("elec2", tables["elec2"], "class", 3000, 1500, 12, "step")
    if "vic_elec" in tables:
        yield Stream("vic_elec", tables["vic_elec"], "Demand", 2688, 1344, 12, "Time")
    if "hotel_rates" in tables:
        yield Stream("hotel_rates", tables["hotel_rates"], "avg_price_per_room", 3000, 1200, 10, "arrival_date")
    for seed, kind in enumerate(("gradual turn", "sudden turn", "back and forth", "harmless")):
        yield Stream(kind, simulated(kind, 2000 + 12 * 1000, 50 + seed), "y", 2000, 1000, 12, "step")


class Never:
    """The first model for ever."""

    def __init__(self, stream: Stream, study: str) -> None:
        self.stream, self.name = stream, f"{stream.name} {type(self).__name__}".replace(" ", "-").lower()
        luthier.release(study, self.name)
        self.model = luthier.load(f"{self.name}@champion")

    def batch(self, known: pd.DataFrame, losses: np.ndarray) -> None:
        """What is done after a batch whose truth has become known."""


class Refitted(Never):
    """The same settings, fitted again on the newest batches after every batch."""

    def batch(self, known: pd.DataFrame, losses: np.ndarray) -> None:  # noqa: ARG002
        self.again(known)

    def again(self, known: pd.DataFrame) -> None:
        rows = known.iloc[-MEMORY * self.stream.batch :].reset_index(drop=True)
        y = self.model.schema.encode_target(rows[self.stream.target])
        self.model, _ = refitted(self.model, Labelled(rows.drop(columns=self.stream.target), y), seed=0)


class OnAdwin(Refitted):
    """Fitted again after a batch in which ADWIN saw the losses change."""

    def __init__(self, stream: Stream, study: str) -> None:
        super().__init__(stream, study)
        from river.drift import ADWIN

        self.detector = ADWIN()

    def batch(self, known: pd.DataFrame, losses: np.ndarray) -> None:
        seen = False
        for loss in losses:
            self.detector.update(float(loss))
            seen |= self.detector.drift_detected
        if seen:
            self.again(known)


class Loop(Never):
    """Monitor; on an alarm retune; the challenger races on the next batch; promoted if it is better beyond doubt."""

    policy = ""

    def __init__(self, stream: Stream, study: str) -> None:
        super().__init__(stream, study)
        Path("luthier.toml").write_text(self.policy)
        self.challenger, self.since, self.told = None, stream.first, []

    def batch(self, known: pd.DataFrame, losses: np.ndarray) -> None:
        stream, now = self.stream, known.iloc[-self.stream.batch :]
        if self.challenger is not None:
            race = PairedComparison().after(losses, stream.losses(self.challenger, now))
            if race.verdict == "better":
                luthier.promote(self.name, why="better beyond doubt")
                self.model, self.since = luthier.load(f"{self.name}@champion"), len(known) - stream.batch
                self.told.append("promoted")
            self.challenger = None
        if self.wanted(known):
            done = luthier.retune(self.name, on=known.iloc[-MEMORY * stream.batch :], budget=f"{FULL} trials")
            self.told.append(str(done.chosen))
            if done.version is None:
                return
            made = luthier.load(f"{self.name}@{done.version.version}")
            if done.proof is not None and done.proof.act == "promote":
                luthier.promote(self.name, why=done.proof.words)
                self.model, self.since = made, len(known) - stream.batch
                self.told.append("promoted at once")
            else:
                self.challenger = made

    def wanted(self, known: pd.DataFrame) -> bool:
        """Whether a response is looked for."""
        return bool(luthier.monitor(self.name, on=known.iloc[self.since :]).alarms)


class OnLabels(Loop):
    """The same, but what the labels prove that a response had no part in is in use at once."""

    policy = '[lifecycle]\nproof = "labels"\n'


class Scheduled(OnLabels):
    """A refit or a recalibration looked for after every batch, whatever the monitor says; in use once proven."""

    policy = OnLabels.policy + 'responses = ["recalibrate", "refit"]\n'

    def wanted(self, known: pd.DataFrame) -> bool:  # noqa: ARG002
        return True


def run_streams(data: Path, only: str | None) -> Iterator[dict[str, object]]:
    """One row a stream and policy."""
    for stream in streams(data):
        if only and stream.name != only:
            continue
        run = tuned(stream, stream.frame[: stream.first], FULL)
        for policy in (Never, Refitted, OnAdwin, Loop, OnLabels, Scheduled):
            keeper, losses = policy(stream, run.run.study), []
            spent = 0.0
            for k in range(stream.n_batches):
                end = stream.first + (k + 1) * stream.batch
                known = stream.frame[:end]
                losses.append(stream.losses(keeper.model, known.iloc[-stream.batch :]))
                begun = _cpu_s()
                keeper.batch(known, losses[-1])
                spent += _cpu_s() - begun
            yield {
                "stream": stream.name, "policy": policy.__name__, "loss": float(np.concatenate(losses).mean()),
                "cpu_s": spent, "did": "; ".join(getattr(keeper, "told", [])),
            }  # fmt: skip


def _cpu_s() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--parts", default="warm,harmless,streams")
    parser.add_argument("--repeats", type=int, default=60, help="models of the part `harmless`")
    parser.add_argument("--only", help="one stream of the part `streams`")
    asked = parser.parse_args()
    data, results = asked.data.resolve(), HERE / "results"
    results.mkdir(exist_ok=True)
    ways = {
        "warm": lambda: warm_against_full(data),
        "harmless": lambda: harmless_drift(asked.repeats),
        "streams": lambda: run_streams(data, asked.only),
    }
    for part in asked.parts.split(","):
        rows = []
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            os.environ.pop("LUTHIER_STORE", None)
            for row in ways[part]():
                rows.append(row)
                print(part, {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
            os.chdir(results)
        with (results / f"{part}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()

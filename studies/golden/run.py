"""Does the path without frames give the frame's answers, for every model family and every data set?

Usage: OMP_NUM_THREADS=1 python studies/golden/run.py DATA_FOLDER

DATA_FOLDER holds Parquet files and a datasets.json that names their targets. Writes results/golden.json.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from luthier.data import make_dataset, read_rows
from luthier.models import FAMILIES, Facts, families_for
from luthier.models.extras import EXTRAS, installed
from luthier.registry import pack_blend
from luthier.registry.package import FittedMember
from luthier.scoring import Estimate
from luthier.serving import Predictor, ServedModel
from luthier.serving.golden import compare_paths

HERE = Path(__file__).parent
TRAINED, OWN = 1500, 300
SMALLER = {"n_estimators": 40}
NAMES = [name for name in FAMILIES if name not in EXTRAS or installed(name)]


def packed(dataset, facts, members, pool):
    return pack_blend(
        members,
        pool,
        schema=dataset.schema,
        facts=facts,
        metric="any",
        score=Estimate(0.5, 0.4, 0.6, TRAINED),
        study="golden",
        fingerprint=dataset.fingerprint,
        trained_on="all",
        created_at_utc="2026-01-01T00:00:00Z",
        recalibrator={"kind": "platt", "slope": 0.8, "offset": 0.1} if dataset.schema.task == "binary" else None,
    )


def judged(dataset, facts, members, pool, rows):
    """The golden verdict, and that of rows of the table itself."""
    predictor = Predictor.of(packed(dataset, facts, members, pool))
    served = ServedModel.of("golden", "1", predictor)

    def compiled(some):
        return predictor.ask_matrix(predictor.reader.read(some).X)

    own = compare_paths(rows, predictor.ask_frame, compiled) if served.golden is not None else None
    return {
        "compiled": served.compiled,
        "golden_rows": 0 if served.golden is None else served.golden.n_rows,
        "golden_difference": "takes frames" if served.golden is None else served.golden.difference,
        "own_rows": 0 if own is None else own.n_rows,
        "own_difference": None if own is None else own.difference,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="Parquet files and a datasets.json that names their targets")
    folder = parser.parse_args().data
    found = []
    for entry in json.loads((folder / "datasets.json").read_text())["datasets"]:
        began = time.process_time()
        frame = read_rows(str(folder / entry["file"]))
        frame = frame.iloc[np.random.default_rng(0).permutation(len(frame))[: TRAINED + OWN]]
        warnings.simplefilter("ignore")  # converging is not what is judged here
        dataset = make_dataset(frame.head(TRAINED), entry["target"], time=False)
        facts = Facts.of(dataset)
        own = frame.tail(OWN).drop(columns=entry["target"])
        rows = own.astype(object).where(pd.notna(own), None).to_dict("records")
        fitted = {}
        families, _ = families_for(NAMES, facts)
        for name, family in families.items():
            config = family.default(facts)
            config = {**config, **{k: v for k, v in SMALLER.items() if k in config}}
            files = family.fit(config, facts, dataset.X, dataset.y).dump()
            fitted[name] = FittedMember(family.name, config, files)
            verdict = judged(dataset, facts, [fitted[name]], "linear", rows)
            found.append({"data": entry["name"], "model": name, **verdict})
        members = [FittedMember(m.family, m.config, m.files, 1 / len(fitted)) for m in fitted.values()]
        found.append({"data": entry["name"], "model": "blend", **judged(dataset, facts, members, "linear", rows)})
        mine = [one for one in found if one["data"] == entry["name"]]
        good = sum(one["compiled"] and one["own_difference"] is None for one in mine)
        print(f"{entry['name']:18s} {good} of {len(mine)} agree, {time.process_time() - began:.0f} s CPU")
        for one in mine:
            if not one["compiled"] or one["own_difference"]:
                print("   ", one["model"], one["golden_difference"], one["own_difference"])
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "golden.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()

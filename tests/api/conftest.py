"""Studies that have ended, without the time it takes to run them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import luthier
from luthier.api.baselines import KEPT
from luthier.data import make_dataset
from luthier.models import FAMILIES, Facts
from luthier.monitoring import Baseline
from luthier.registry import Manifest, pack
from luthier.report import DataFacts, FinalFacts, MemberFacts, MetricFacts, ReportFacts, RunFacts, VerdictFacts
from luthier.scoring import Estimate
from luthier.store import Store, write_model
from luthier.store.journal import Journal
from luthier.store.traffic import FEEDBACK_COLUMNS, PREDICTION_COLUMNS
from luthier.tuning.record import Event, chained

MakeStudy = Callable[..., str]

AT = "2026-01-01T00:00:00.000000Z"


def fitted(study: str, *, family: str = "linear", seed: int = 0) -> dict[str, bytes]:
    """A packed model of a small table: is `a` greater than nought?"""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80), "c": rng.choice(["x", "y"], 80)})
    frame["y"] = np.where(frame["a"] > 0, "ja", "nein")
    dataset = make_dataset(frame, "y")
    facts, kind = Facts.of(dataset), FAMILIES[family]()
    config = kind.default(facts)
    return pack(
        kind.fit(config, facts, dataset.X, dataset.y).dump(),
        family=family,
        config=config,
        schema=dataset.schema,
        facts=facts,
        metric="roc_auc",
        score=Estimate(0.9, 0.85, 0.95, 80),
        study=study,
        fingerprint=dataset.fingerprint,
        trained_on="all",
        created_at_utc=AT,
    )


def ended_study(
    store: Store,
    *,
    family: str = "linear",
    seed: int = 0,
    also: Sequence[tuple[str, Mapping[str, Any]]] = (),
    metric: str = "roc_auc",
    greater_is_better: bool = True,
) -> str:
    """A study that has ended with a model in the store; `also` are further events of its record."""
    plan = {"question": {"dataset": "small", "target": "y"}, "facts": {}}
    log = store.create_study(plan, "q")
    files = fitted(log.study, family=family, seed=seed)
    folder = store.folder / "runs" / log.study / "model"
    write_model(folder, files)
    facts = ReportFacts(
        data=DataFacts("small", 80, 3, "y", "binary", classes=("ja", "nein")),
        metric=MetricFacts(metric, greater_is_better),
        run=RunFacts("random", study=log.study),
        verdict=VerdictFacts(honest=Estimate(0.9, 0.85, 0.95, 80), naive=0.91),
        final=FinalFacts((MemberFacts(0, 1.0, family),), seconds_per_1000=0.004, size_mb=0.01),
    )
    digest = Manifest.from_bytes(files["manifest.json"]).digest
    told: list[tuple[str, Mapping[str, Any]]] = [
        ("study.opened", {"plan": plan}),
        ("model.fitted", {"trial": 0, "rows": "all", "folder": str(folder), "digest": digest}),
        ("study.ended", {"reason": "budget", "facts": facts.to_json()}),
        *also,
    ]
    events: list[Event] = []
    for kind, body in told:
        events.append(chained(events[-1] if events else None, kind, body, AT))
    log.append(events)
    return log.study


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, with a store of its own."""
    for variable in ("LUTHIER_STORE", "LUTHIER_OBJECTS", "LUTHIER_SIGNING_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def make_study(project: Path) -> MakeStudy:
    """Make a study that has ended in the project's store, and return its id."""

    def make(**how: Any) -> str:
        with Store.open(project / ".luthier") as store:
            return ended_study(store, **how)

    return make


# --- traffic ----------------------------------------------------------------------------------------------------------

NOW = pd.Timestamp("2026-03-10", tz="UTC").timestamp()


def rows(n: int, seed: int, *, shift: float = 0.0, turn: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(shift, 1, n), "b": rng.normal(size=n), "c": rng.choice(["x", "y"], n)})
    frame["y"] = np.where(turn * frame["a"] + rng.normal(0, 0.4, n) > 0, "ja", "nein")
    return frame


@pytest.fixture
def churn(make_study: MakeStudy) -> str:
    """A released model with its baseline."""
    study = make_study()
    model = luthier.load(Path(".luthier/runs") / study / "model")
    seen = rows(3000, 1)
    y = model.schema.encode_target(seen["y"])
    baseline = Baseline.of(seen[["a", "b", "c"]], y, model.ask_frame(seen), rng=np.random.default_rng(0))
    with Store.open(".luthier") as store:
        log = store.load(study)
        events = log.events()
        log.append([chained(events[-1], KEPT, {"object": log.keep(baseline.to_bytes())}, events[-1].at_utc)])
    luthier.release(study, "churn")
    return "churn"


def serve(
    frame: pd.DataFrame, *, labels: bool = True, source: str | None = None, until: float = NOW, version: int = 1
) -> None:
    """Write what a server would have logged of these rows, over the nine days before now."""
    model = luthier.load(f"churn@{version}")
    at = pd.Timestamp(until, unit="s") - pd.to_timedelta(np.linspace(9 * 86_400, 10, len(frame)), unit="s")
    p = model.predict_proba(frame)
    folder, batch = Path(".luthier/traffic/churn"), f"{version}-{until}"
    with_lines: dict[str, list[dict[str, Any]]] = {"predictions": [], "feedback": []}
    for i, row in enumerate(frame.drop(columns="y").to_dict("records")):
        chances = dict(zip(map(str, model.classes_), p[i].tolist(), strict=True))
        moment = at[i].isoformat()
        with_lines["predictions"].append(
            {
                "prediction_id": f"{batch}-{i}",
                "at": moment,
                "name": "churn",
                "version": str(version),
                "role": "champion",
                "inputs": row,
                "prediction": max(chances, key=lambda k: chances[k]),
                "p": chances,
                "outside": False,
                "latency_ms": 1.0,
            }
        )
        if labels:
            with_lines["feedback"].append(
                {
                    "prediction_id": f"{batch}-{i}",
                    "label": frame["y"].iloc[i],
                    "known_at": moment,
                    "received_at": moment,
                    "source": source,
                }
            )
    for part, columns in (("predictions", PREDICTION_COLUMNS), ("feedback", FEEDBACK_COLUMNS)):
        journal = Journal(folder / part, columns, capacity=100_000)
        for line in with_lines[part]:
            journal.append(json.dumps(line).encode() + b"\n", 1)
        journal.close()

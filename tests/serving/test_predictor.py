from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from luthier.data import Dataset, make_dataset
from luthier.errors import DamagedModel, UnfitRows, UsageError
from luthier.models import FAMILIES, EstimatorFamily, Facts, Family
from luthier.models.extras import EXTRAS, installed
from luthier.registry import pack, unpack
from luthier.scoring import Estimate
from luthier.serving import Predictor
from luthier.space import SearchSpace

TARGETS = {"binary": "churned", "multiclass": "plan", "regression": "spend"}
NEW = 12


def people(n: int = 150) -> pd.DataFrame:
    """A table with everything: numbers with gaps, words, yes and no, dates, and a target of each kind."""
    rng = np.random.default_rng(4)
    age = rng.normal(40, 12, n).round(1)
    city = rng.choice(["Bergen", "Oslo", "Tromsø"], n)
    member = rng.choice(["yes", "no"], n)
    spend = 10 * age + np.where(city == "Oslo", 300, 0) + rng.normal(0, 20, n)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, age),
            "visits": rng.integers(0, 30, n),
            "city": city,
            "member": member,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "churned": np.where(spend > 450, "stays", "goes"),
            "plan": np.digitize(spend, [350, 500]) * 10,
            "spend": spend,
        }
    )


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON would bring them: gaps are None."""
    return [
        {str(key): None if pd.isna(value) else value for key, value in row.items()} for row in frame.to_dict("records")
    ]


def dataset_of(task: Any) -> Dataset:
    others = [column for column in TARGETS.values() if column != TARGETS[task]]
    return make_dataset(people(), TARGETS[task], task=task, drop=others)


def packed(dataset: Dataset, family: Family, files: dict[str, bytes], config: dict[str, Any]) -> dict[str, bytes]:
    return pack(
        files,
        family=family.name,
        config=config,
        schema=dataset.schema,
        facts=Facts.of(dataset),
        metric="log_loss",
        score=Estimate(0.5, 0.4, 0.6, 150),
        study="s",
        fingerprint=dataset.fingerprint,
        trained_on="all",
        created_at_utc="2026-01-01T00:00:00Z",
    )


def fitted_package(name: str, task: str) -> tuple[Dataset, dict[str, bytes], Any]:
    if name in EXTRAS and not installed(name):
        pytest.skip(f"the extra {name} is not installed")
    dataset = dataset_of(task)
    family, facts = FAMILIES[name](), Facts.of(dataset)
    config = dict(family.default(facts))
    config.update({key: 20 for key in ("n_estimators", "iterations", "max_iter") if key in config})
    fitted = family.fit(config, facts, dataset.X, dataset.y)
    return dataset, packed(dataset, family, fitted.dump(), config), fitted


@pytest.mark.parametrize("task", TARGETS)
@pytest.mark.parametrize("name", FAMILIES)
def test_a_packed_model_answers_in_the_users_own_labels(name: str, task: str) -> None:
    dataset, files, fitted = fitted_package(name, task)
    predictor = Predictor.of(unpack(files))
    rows = people().head(NEW)
    answers = predictor.predict(rows)
    assert answers.shape == (NEW,)
    raw = fitted.predict(dataset.schema.encode(rows))
    if task == "regression":
        np.testing.assert_allclose(answers, raw[:, 0], rtol=1e-12)
        assert predictor.classes_ == ()
        with pytest.raises(UsageError, match="use predict"):
            predictor.predict_proba(rows)
        return
    p = predictor.predict_proba(rows)
    assert p.shape == (NEW, len(predictor.classes_))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(p[:, 1:] if task == "binary" else p, raw, rtol=1e-12)
    assert [predictor.classes_[code] for code in p.argmax(axis=1)] == answers.tolist()
    assert set(answers.tolist()) <= set(people()[TARGETS[task]].tolist())


@pytest.mark.parametrize("name", ["lightgbm", "linear"])
@pytest.mark.parametrize("task", TARGETS)
def test_one_row_as_a_mapping_gets_the_answer_of_the_frame(name: str, task: str) -> None:
    _, files, _ = fitted_package(name, task)
    predictor = Predictor.of(unpack(files))
    rows = people().head(NEW)
    expected = predictor.predict(rows)
    for i, row in enumerate(records(rows)):
        assert predictor.predict_row(row) == (pytest.approx(expected[i]) if task == "regression" else expected[i])
        if task != "regression":
            np.testing.assert_allclose(predictor.predict_proba_row(row), predictor.predict_proba(rows)[i], rtol=1e-9)


def test_a_row_may_hold_gaps_and_words_never_seen() -> None:
    _, files, _ = fitted_package("lightgbm", "binary")
    predictor = Predictor.of(unpack(files))
    row: dict[str, Any] = {"age": None, "visits": 3, "city": "Atlantis", "member": None, "since": None, "unasked": 1}
    frame = pd.DataFrame([row])
    np.testing.assert_allclose(predictor.predict_proba_row(row), predictor.predict_proba(frame)[0])


def test_a_polars_frame_in_another_column_order_will_do() -> None:
    _, files, _ = fitted_package("linear", "binary")
    predictor = Predictor.of(unpack(files))
    rows = people().head(NEW)
    shuffled = pl.from_pandas(rows[["since", "city", "visits", "member", "age"]])
    np.testing.assert_allclose(predictor.predict_proba(shuffled), predictor.predict_proba(rows))


@pytest.mark.parametrize("as_row", [True, False])
def test_a_missing_column_is_named(as_row: bool) -> None:
    _, files, _ = fitted_package("linear", "binary")
    predictor = Predictor.of(unpack(files))
    rows = people().head(1).drop(columns="city")
    with pytest.raises(UnfitRows, match=r"(?s)LU402.*city"):
        predictor.predict_row(records(rows)[0]) if as_row else predictor.predict(rows)


@pytest.mark.parametrize("name", FAMILIES)
def test_nobody_gets_no_answers(name: str) -> None:
    _, files, _ = fitted_package(name, "multiclass")
    predictor = Predictor.of(unpack(files))
    assert predictor.predict(people().head(0)).shape == (0,)
    assert predictor.predict_proba(people().head(0)).shape == (0, 3)


# A user's own pipeline


def pipeline() -> Any:
    words = ColumnTransformer([("words", OneHotEncoder(handle_unknown="ignore"), ["city"])], remainder="drop")
    return make_pipeline(words, LogisticRegression())


def pipeline_package(family: EstimatorFamily) -> tuple[Dataset, dict[str, bytes]]:
    dataset = dataset_of("binary")
    fitted = family.fit({}, Facts.of(dataset), dataset.frame, dataset.y)
    return dataset, packed(dataset, family, fitted.dump(), {})


def test_a_users_pipeline_gets_the_feature_columns_as_a_frame() -> None:
    _, files = pipeline_package(EstimatorFamily(pipeline(), SearchSpace(())))
    predictor = Predictor.of(unpack(files))
    rows = people().head(NEW)
    p = predictor.predict_proba(rows)
    np.testing.assert_allclose(p[0], predictor.predict_proba_row(records(rows)[0]))
    in_oslo = (rows["city"] == "Oslo").to_numpy()
    stays = list(predictor.classes_).index("stays")
    assert p[in_oslo, stays].min() > p[~in_oslo, stays].max()


def shout(X: Any) -> Any:
    """A function of the user's: loading it means running their module."""
    return X


def test_a_users_own_function_is_refused_unless_named_but_not_by_the_study_that_fitted_it() -> None:
    shout.__module__ = "their_functions"
    module: Any = type(sys)("their_functions")
    module.shout = shout
    sys.modules["their_functions"] = module
    try:
        mine = EstimatorFamily(make_pipeline(FunctionTransformer(shout), pipeline()), SearchSpace(()))
        _, files = pipeline_package(mine)
        with pytest.raises(DamagedModel, match=r"(?s)not trusted: their_functions\.shout.*trusted="):
            Predictor.of(unpack(files))
        rows = people().head(NEW)
        named = Predictor.of(unpack(files), trusted=["their_functions.shout"]).predict_proba(rows)
        in_the_study = Predictor.of(files, families={"estimator": mine}).predict_proba(rows)
        np.testing.assert_array_equal(named, in_the_study)
    finally:
        del sys.modules["their_functions"]


def test_a_family_of_a_newer_luthier_is_a_damaged_model() -> None:
    _, files, _ = fitted_package("linear", "binary")
    package = unpack(files)
    manifest = package.manifest
    known = {key: getattr(manifest, key) for key in ("config", "schema", "facts", "metric", "score", "study")}
    other = pack(package.files, family="tabfm", **known, fingerprint="", trained_on="", created_at_utc="")
    with pytest.raises(DamagedModel, match=r"(?s)'tabfm'.*--upgrade"):
        Predictor.of(unpack(other))


# A process that trusts nothing

READER = """
import json, pickle, sys
from pathlib import Path

def never(*args, **kwargs):
    raise AssertionError("something was unpickled")

def watch(event, args):
    if event == "pickle.find_class":
        never()

sys.addaudithook(watch)
pickle.load = pickle.loads = never

import luthier
from luthier.registry import unpack
from luthier.serving import Predictor

class Never(pickle.Unpickler):
    __init__ = never

class NeverEither(pickle._Unpickler):
    __init__ = never

pickle.Unpickler, pickle._Unpickler = Never, NeverEither

folder = Path(sys.argv[1])
rows = json.loads(sys.argv[2])
answers = {}
for model in sorted(folder.iterdir()):
    files = {file.name: file.read_bytes() for file in model.iterdir()}
    predictor = Predictor.of(unpack(files))
    answers[model.name] = [predictor.predict_proba_row(row).tolist() for row in rows]
print(json.dumps(answers))
"""


def test_a_process_that_cannot_unpickle_predicts_the_same(tmp_path: Path) -> None:
    rows = records(people().head(3).drop(columns=["since"]).assign(since="2020-05-05"))
    expected = {}
    packages = {
        name: fitted_package(name, "multiclass")[1] for name in FAMILIES if name not in EXTRAS or installed(name)
    }
    packages["estimator"] = pipeline_package(EstimatorFamily(pipeline(), SearchSpace(())))[1]
    for name, files in packages.items():
        folder = tmp_path / name
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_bytes(content)
        predictor = Predictor.of(unpack(files))
        expected[name] = [predictor.predict_proba_row(row).tolist() for row in rows]
    command = [sys.executable, "-c", READER, str(tmp_path), json.dumps(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert set(answers) == set(expected)
    for name, p in expected.items():
        np.testing.assert_allclose(answers[name], p, rtol=1e-12, err_msg=name)


# --- what follows the models: a recalibrator and a threshold --------------------------------------------------------


def finished_package(recalibrator: Any, threshold: float) -> tuple[Dataset, dict[str, bytes], Any]:
    dataset = dataset_of("binary")
    family, facts = FAMILIES["linear"](), Facts.of(dataset)
    config = family.default(facts)
    fitted = family.fit(config, facts, dataset.X, dataset.y)
    package = pack(
        fitted.dump(),
        family=family.name,
        config=config,
        schema=dataset.schema,
        facts=facts,
        metric="log_loss",
        score=Estimate(0.5, 0.4, 0.6, 150),
        study="s",
        fingerprint=dataset.fingerprint,
        trained_on="all",
        created_at_utc="2026-01-01T00:00:00Z",
        recalibrator=recalibrator,
        threshold=threshold,
    )
    return dataset, package, fitted


def test_probabilities_are_recalibrated_and_cut_where_the_model_says() -> None:
    dataset, package, fitted = finished_package({"kind": "platt", "slope": 0.5, "offset": -0.3}, 0.2)
    model, rows = Predictor.of(package), people().head(NEW)
    z = np.log(fitted.predict(dataset.X[:NEW]) / (1 - fitted.predict(dataset.X[:NEW])))[:, 0]
    expected = 1 / (1 + np.exp(-(0.5 * z - 0.3)))
    np.testing.assert_allclose(model.predict_proba(rows)[:, 1], expected, rtol=1e-6)
    positive = dataset.schema.classes[1]
    np.testing.assert_array_equal(model.predict(rows) == positive, expected > 0.2)
    one = records(rows)[0]
    np.testing.assert_allclose(model.predict_proba_row(one)[1], expected[0], rtol=1e-6)
    assert model.predict_row(one) == model.predict(rows)[0]


def test_a_recalibrator_nobody_knows_is_refused() -> None:
    _, package, _ = finished_package({"kind": "spline"}, 0.5)
    with pytest.raises(DamagedModel, match="recalibrator"):
        Predictor.of(package)

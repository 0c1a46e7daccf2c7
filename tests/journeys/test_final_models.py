"""What is shipped: one model or a blend, from the study to the process that answers with it."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from tests.journeys.commands import luthier as command

import luthier
from luthier.errors import DamagedModel, UnknownChoice
from luthier.models import FAMILIES
from luthier.registry import unpack
from luthier.scoring.pool import pooled
from luthier.store import read_model


def tumours() -> pd.DataFrame:
    data = load_breast_cancer(as_frame=True)
    frame: pd.DataFrame = data.data.iloc[:, :6].assign(diagnosis=data.target_names[data.target])
    return frame


def tuned(frame: pd.DataFrame, target: str, folder: Path, **options: Any) -> Any:
    return luthier.tune(
        frame,
        target,
        models="linear,knn,extra_trees",
        budget="4 trials",
        n_jobs=1,
        executor="inline",
        store=folder / "store",
        out=folder / "out",
        **options,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blend")


@pytest.fixture(scope="module")
def blend(folder: Path) -> Any:
    return tuned(tumours().iloc[:400], "diagnosis", folder, final="blend")


def test_a_blend_is_two_models_or_more_and_says_which_and_what_it_costs(blend: Any) -> None:
    final = blend.to_json()["final"]
    assert final["kind"] == "blend"
    assert len(final["members"]) >= 2
    assert sum(member["weight"] for member in final["members"]) == pytest.approx(1.0)
    assert {member["model"] for member in final["members"]} <= {"linear", "knn", "extra_trees"}
    assert 0 < final["predict_ms_per_1000"] < 1000
    on_disk = sum(path.stat().st_size for path in blend.model_path.iterdir()) / 1e6
    assert final["size_mb"] == pytest.approx(on_disk, rel=0.01)
    assert blend.best_config["model"] == "blend"
    assert blend.score.low <= blend.score.value <= blend.score.high


def test_it_answers_by_the_weighted_answers_of_its_members(blend: Any) -> None:
    rows = tumours().iloc[400:]
    package = unpack(read_model(blend.model_path))
    manifest = package.manifest
    X = manifest.schema.encode(rows)
    alone = [FAMILIES[m.family]().load(package.files_of(m)).predict(X) for m in manifest.members]
    expected = pooled(alone, [m.weight for m in manifest.members], manifest.pool)[:, 0]
    positive = list(blend.classes_).index(manifest.schema.positive)
    np.testing.assert_allclose(blend.predict_proba(rows)[:, positive], expected, rtol=1e-12)


def test_read_back_it_gives_the_same_answers_to_frames_and_to_single_rows(blend: Any) -> None:
    rows, model = tumours().iloc[400:], luthier.load(blend.model_path)
    np.testing.assert_array_equal(model.predict_proba(rows), blend.predict_proba(rows))
    np.testing.assert_array_equal(model.predict(rows), blend.predict(rows))
    for position in (0, 50):
        row = {str(name): value for name, value in rows.iloc[position].items()}
        # One row and many may take other paths through a library's arithmetic.
        np.testing.assert_allclose(model.predict_proba_row(row), model.predict_proba(rows)[position], rtol=1e-6)


def test_a_changed_or_missing_file_of_any_member_is_refused(blend: Any, tmp_path: Path) -> None:
    for number, member in enumerate(unpack(read_model(blend.model_path)).manifest.members):
        copy = tmp_path / str(number)
        shutil.copytree(blend.model_path, copy)
        file = max(copy.glob(f"{member.prefix}*"), key=lambda path: path.stat().st_size)
        good = file.read_bytes()
        file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        with pytest.raises(DamagedModel, match=re.escape(file.name)):
            luthier.load(copy)
        file.unlink()
        with pytest.raises(DamagedModel, match=re.escape(file.name)):
            luthier.load(copy)


def test_the_report_says_in_words_what_a_blend_is_and_lists_its_models(blend: Any, folder: Path) -> None:
    page = html.unescape(re.sub(r"<[^>]+>", " ", (folder / "out" / "report.html").read_text()))
    n = len(blend.final.members)
    assert f"The model is a blend: {['', '', 'two', 'three'][n]} models answer together." in page
    assert "answers 1,000 rows in" in page
    assert "on disk" in page
    for member in blend.final.members:
        assert member.family in page
    assert page.count("shipped") >= n  # each of its trials is marked
    assert f"a blend of {n} models: " in blend.summary()


def test_one_model_is_shipped_when_one_is_asked_for(folder: Path) -> None:
    run = tuned(tumours().iloc[:400], "diagnosis", folder, final="refit", resume=False)
    final = run.to_json()["final"]
    assert (final["kind"], len(final["members"]), final["members"][0]["weight"]) == ("refit", 1, 1.0)
    assert final["members"][0]["model"] == run.best_config["model"]
    page = (folder / "out" / "report.html").read_text()
    assert "is a blend" not in page
    assert "on disk" in page


@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_by_itself_it_ships_what_the_replay_prefers_for_classes_and_for_values(name: str, tmp_path: Path) -> None:
    frame = (load_iris if name == "iris" else load_diabetes)(as_frame=True).frame
    run = tuned(frame, "target", tmp_path, **({"task": "multiclass"} if name == "iris" else {}))
    verdict, final = run.verdict, run.to_json()["final"]
    assert (final["kind"] == "blend") == (verdict.blend is not None)
    if verdict.blend is not None:
        assert verdict.p_single_as_good < 0.5
    answers = luthier.load(run.model_path).predict(frame)
    np.testing.assert_array_equal(answers, run.predict(frame))
    if name == "iris":
        assert np.allclose(run.predict_proba(frame).sum(axis=1), 1.0)


def test_on_days_in_order_the_default_has_half_of_a_blend(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    day = pd.date_range("2022-01-01", periods=700, freq="D")
    x = rng.normal(size=700)
    y = x + np.sin(day.day_of_year.to_numpy() / 58) + rng.normal(size=700)
    run = tuned(pd.DataFrame({"day": day, "x": x, "y": y}), "y", tmp_path, final="blend")
    weights = dict(zip(run.verdict.blend.members, run.verdict.blend.weights, strict=True))
    assert weights[0] >= 0.5
    assert run.final.predict_ms_per_1000 > 0


def test_there_are_three_answers_to_what_is_shipped(tmp_path: Path) -> None:
    with pytest.raises(UnknownChoice, match="auto, blend, refit"):
        tuned(tumours(), "diagnosis", tmp_path, final="stack")
    assert not (tmp_path / "store").exists()


def test_the_command_line_ships_a_blend_when_told_to(tmp_path: Path) -> None:
    tumours().to_csv(tmp_path / "tumours.csv", index=False)
    words = ["tune", "tumours.csv", "--target", "diagnosis", "--models", "linear,knn", "--budget", "4 trials"]
    words += ["--jobs", "1", "--final", "blend", "--json"]
    done = command(*words, cwd=tmp_path)
    final = json.loads(done.stdout)["final"]
    assert {"kind", "members", "predict_ms_per_1000", "size_mb"} <= final.keys()
    assert final["kind"] == "blend"

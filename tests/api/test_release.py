"""Releasing a study's model, and what happens to it afterwards."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import luthier
from luthier.api import resolve, show_model
from luthier.errors import (
    BadSettings,
    BadSignature,
    DamagedModel,
    GateNotMet,
    NoKey,
    StoreDamaged,
    UnknownModel,
    UnknownStudy,
    UsageError,
)
from luthier.registry import MANIFEST, peek_release
from luthier.scoring import Estimate
from luthier.store import Store, read_model, write_model

from .conftest import MakeStudy, fitted

ROWS = pd.DataFrame({"a": [3.0, -3.0], "b": [0.0, 0.0], "c": ["x", "y"]})


def test_a_released_model_answers_to_its_name_as_the_study_s_own_folder_does(make_study: MakeStudy) -> None:
    study = make_study()
    version = luthier.release(study, "churn", why="the first", by="ada")
    assert (version.name, version.version, version.study, version.by) == ("churn", 1, study, "ada")
    own = luthier.load(Path(".luthier/runs") / study / "model")
    for called in ("churn", "churn@champion", "churn@1", "churn@v1"):
        assert luthier.load(called).predict_proba(ROWS).tolist() == own.predict_proba(ROWS).tolist()


def test_a_release_states_where_it_came_from_and_what_it_needs(make_study: MakeStudy) -> None:
    version = luthier.release(make_study(), "churn")
    names = {dependency.name: dependency for dependency in version.dependencies}
    assert {"luthier", "numpy", "scikit-learn", "scipy", "threadpoolctl"} <= names.keys()
    assert "BSD" in names["scikit-learn"].license
    assert version.data["fingerprint"]
    assert version.code["luthier"] == luthier.__version__
    assert len(version.environment["fingerprint"]) == 64
    assert version.score.low == 0.85
    assert version.measured["ms_per_1000_rows"] == 4.0


def test_later_versions_challenge_and_are_promoted_rolled_back_and_retired(make_study: MakeStudy) -> None:
    for seed in range(3):
        luthier.release(make_study(seed=seed), "churn")
    assert luthier.history_of("churn").aliases == {"champion": 1, "challenger": 3, "previous": None}
    assert luthier.promote("churn", why="better", by="ada").aliases == {
        "champion": 3,
        "challenger": None,
        "previous": 1,
    }
    luthier.promote("churn@2")
    assert luthier.rollback("churn")["aliases"] == {"champion": 3, "challenger": None, "previous": 1}
    assert luthier.rollback("churn")["aliases"] == {"champion": 1, "challenger": None, "previous": None}
    with pytest.raises(UnknownModel, match=r"(?s)no previous champion.*fix: promote another"):
        luthier.rollback("churn")
    luthier.retire("churn@2", why="it was biased")
    with pytest.raises(UnknownModel, match=r"retired at .*: it was biased"):
        luthier.load("churn@2")
    with pytest.raises(UnknownModel, match="is the champion"):
        luthier.retire("churn@1", why="x")
    moves = luthier.history_of("churn").moves
    assert [move.what for move in moves] == ["release"] * 3 + ["promotion"] * 2 + ["rollback"] * 2 + ["retirement"]
    assert (moves[3].by, moves[3].why, moves[3].evidence["promoted"]["version"]) == ("ada", "better", 3)


def test_the_state_at_a_past_moment_is_what_held_then(make_study: MakeStudy) -> None:
    luthier.release(make_study(), "churn")
    luthier.release(make_study(seed=1), "churn")
    before = luthier.history_of("churn").moves[-1].at_utc
    luthier.promote("churn")
    assert luthier.history_of("churn").champion == 2
    assert luthier.history_of("churn", at=before).champion == 1
    assert [model["aliases"]["champion"] for model in luthier.list_models(at=before)] == [1]
    assert luthier.list_models(at="2020-01-01") == []
    with pytest.raises(UnknownModel, match="had no version"):
        show_model("churn", at="2020-01-01")
    with pytest.raises(UsageError, match="no moment"):
        luthier.list_models(at="yesterday")


def test_a_drill_measures_the_time_to_effect_records_it_and_returns(make_study: MakeStudy) -> None:
    luthier.release(make_study(), "churn")
    luthier.release(make_study(seed=1), "churn")
    luthier.promote("churn")
    done = luthier.rollback("churn", drill=True)
    assert done["aliases"]["champion"] == 2
    assert 0 < done["seconds"] <= done["seconds_to_effect"]
    with Store.open() as store:
        events = store.models.events("churn")
    assert [event.kind for event in events[-3:]] == ["version.rolled_back", "version.promoted", "rollback.drilled"]
    assert events[-1].body["seconds_to_effect"] == done["seconds_to_effect"]


def test_names_and_versions_that_do_not_exist_say_what_does(make_study: MakeStudy) -> None:
    with pytest.raises(UnknownModel, match="no models are registered here"):
        luthier.promote("churn@1")
    luthier.release(make_study(), "churn")
    for asked, answer in {
        "churn@7": "no version 7.*use one of the versions 1",
        "churn@challenger": "no challenger",
        "chrun": "no registered model and no folder 'chrun'",
    }.items():
        with pytest.raises(UnknownModel, match=rf"(?s){answer}"):
            luthier.load(asked)
    with pytest.raises(UnknownModel, match="use one of: churn"):
        luthier.history_of("other")
    for name in ("Churn", "../x", "", "-a", "a@b", "x" * 65, "con champion"):
        with pytest.raises(UnknownModel, match="is no name for a model"):
            luthier.release("study", name)


def test_a_folder_that_is_called_like_a_model_is_reached_by_a_path(make_study: MakeStudy, project: Path) -> None:
    luthier.release(make_study(), "churn")
    write_model(project / "churn", fitted("elsewhere", seed=5))
    assert resolve("churn").version == 1
    assert resolve("./churn").version is None
    assert luthier.load(Path("churn")).manifest.study == "elsewhere"


def test_what_out_named_leads_to_the_model_within(project: Path) -> None:
    write_model(project / "run" / "model", fitted("s"))
    assert resolve("./run").folder == Path("run/model")
    assert luthier.load("run").manifest.study == "s"


def test_only_studies_that_have_ended_with_a_model_are_released(make_study: MakeStudy, project: Path) -> None:
    make_study()
    with Store.open() as store:
        unfinished = store.create_study({}, "q2").study
    with pytest.raises(UnknownStudy, match=r"(?s)has not ended.*runs resume"):
        luthier.release(unfinished, "churn")
    with pytest.raises(UnknownStudy, match="there is no study"):
        luthier.release("nonsense", "churn")
    assert luthier.list_models() == []


def test_a_model_folder_that_now_holds_another_model_is_not_released(make_study: MakeStudy) -> None:
    study = make_study()
    write_model(Path(".luthier/runs") / study / "model", fitted(study, seed=9))
    with pytest.raises(DamagedModel, match="no longer holds the model"):
        luthier.release(study, "churn")


# --- gates ------------------------------------------------------------------------------------------------------------


def with_gates(text: str) -> None:
    Path("luthier.toml").write_text(f"[gates]\n{text}\n", encoding="utf-8")


def test_a_model_that_misses_a_gate_is_not_released_and_the_gate_is_named(make_study: MakeStudy) -> None:
    with_gates("min_honest_low = 0.86\nmax_size_mb = 5.0")
    with pytest.raises(GateNotMet, match=r"min_honest_low: the lower end of the honest roc_auc is 0\.85") as caught:
        luthier.release(make_study(), "churn")
    assert [gate["passed"] for gate in caught.value.gates] == [False, True]
    assert luthier.list_models() == []


def test_gates_that_are_met_are_part_of_the_signed_release(make_study: MakeStudy) -> None:
    with_gates("min_honest_low = 0.8\nmax_ms_per_1000_rows = 10\nmax_size_mb = 5")
    version = luthier.release(make_study(), "churn")
    assert [(gate.gate, gate.passed) for gate in version.gates] == [
        ("min_honest_low", True),
        ("max_ms_per_1000_rows", True),
        ("max_size_mb", True),
    ]


@pytest.mark.parametrize("gate", ["max_calibration_error = 1.0", "min_worst_slice_low = 0.0", "no_open_errors = true"])
def test_what_was_not_measured_does_not_pass(make_study: MakeStudy, gate: str) -> None:
    with_gates(gate)
    with pytest.raises(GateNotMet, match=r"was not measured|were not run"):
        luthier.release(make_study(), "churn")


def finding(code: str) -> dict[str, Any]:
    return {"code": code, "title": "t", "severity": "error", "columns": [], "evidence": {}, "fix": None}


def test_an_error_the_checks_found_holds_the_release_until_somebody_answers_for_it(make_study: MakeStudy) -> None:
    with_gates("no_open_errors = true\nmax_calibration_error = 0.05\nmin_worst_slice_low = 0.6")
    study = make_study(
        also=[
            ("study.checked", {"findings": [finding("leak.target")]}),
            ("study.evaluated", {"calibration_error": 0.01}),
            ("study.evaluated", {"worst_slice": Estimate(0.7, 0.65, 0.8, 20).to_json()}),
        ]
    )
    with pytest.raises(GateNotMet, match=r"no_open_errors: 1 findings .* leak\.target"):
        luthier.release(study, "churn")
    with pytest.raises(UsageError, match="no finding 'leak' to waive"):
        luthier.release(study, "churn", waive={"leak": "known"})
    with pytest.raises(UsageError, match="gives no reason"):
        luthier.release(study, "churn", waive={"leak.target": " "})
    version = luthier.release(study, "churn", waive={"leak.target": "known before the event"}, by="ada")
    assert [waiver.to_json() for waiver in version.waivers] == [
        {"code": "leak.target", "by": "ada", "why": "known before the event"}
    ]


def test_settings_that_mean_nothing_are_refused(make_study: MakeStudy) -> None:
    study = make_study()
    for text, complaint in {
        "min_auc = 0.5": "knows no gate 'min_auc'",
        'max_size_mb = "small"': "is not a number",
        "no_open_errors = 1": "is not true or false",
        "max_size_mb = nan": "is not a number",
        "max_size_mb": "cannot be read",
    }.items():
        with_gates(text)
        with pytest.raises(BadSettings, match=complaint):
            luthier.release(study, "churn")


# --- keys -------------------------------------------------------------------------------------------------------------


def test_init_makes_a_project_once_and_its_key_is_for_its_owner_only(project: Path) -> None:
    made = luthier.init()
    assert {Path(path).name for path in made["made"]} == {".luthier", "signing.pem", "luthier.pub", "luthier.toml"}
    assert stat.S_IMODE((project / ".luthier/keys/signing.pem").stat().st_mode) == 0o600
    assert luthier.init() == {**made, "made": []}
    assert luthier.init("elsewhere")["key_id"] != made["key_id"]


def test_what_others_signed_is_refused_until_their_key_is_trusted(
    make_study: MakeStudy, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = Path(luthier.init("theirs")["folder"]).absolute()
    monkeypatch.setenv("LUTHIER_SIGNING_KEY", str(theirs / ".luthier/keys/signing.pem"))
    luthier.release(make_study(), "churn")
    monkeypatch.delenv("LUTHIER_SIGNING_KEY")
    with pytest.raises(BadSignature, match="is not trusted here"):
        luthier.load("churn")
    assert not luthier.verify("churn").ok
    assert luthier.verify("churn", key=theirs / "luthier.pub").ok
    (project / "luthier.toml").write_text('[signing]\ntrusted = ["theirs/luthier.pub"]\n')
    assert luthier.load("churn").predict(ROWS).tolist() == ["ja", "nein"]


def test_a_file_that_holds_no_key_is_said(make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study()
    monkeypatch.setenv("LUTHIER_SIGNING_KEY", "missing.pem")
    with pytest.raises(NoKey, match=r"cannot read the key missing\.pem"):
        luthier.release(study, "churn")
    Path("missing.pem").write_text("hello")
    with pytest.raises(NoKey, match="no ed25519 private key"):
        luthier.release(study, "churn")


# --- verifying --------------------------------------------------------------------------------------------------------


def release_folder() -> Path:
    return resolve("churn").folder.parent


def test_verify_recomputes_everything_there_is(make_study: MakeStudy) -> None:
    study = make_study()
    luthier.release(study, "churn")
    luthier.release(make_study(seed=1), "churn")
    whole = luthier.verify("churn")
    assert (whole.ok, whole.kind, whole.checked["versions"], whole.checked["events"]) == (True, "model", 2, 2)
    assert luthier.verify("churn@2").checked["versions"] == 1
    assert (luthier.verify(study).kind, luthier.verify(study).ok) == ("study", True)
    assert luthier.verify(release_folder()).kind == "release"
    assert luthier.verify(release_folder() / "model").kind == "model folder"
    with pytest.raises(UnknownStudy, match="there is no study"):
        luthier.verify("nonsense")


def test_verify_names_the_file_that_was_changed(make_study: MakeStudy) -> None:
    luthier.release(make_study(), "churn")
    files = read_model(release_folder())
    victim = next(name for name in files if name.endswith("model.json"))
    version = peek_release(files["release.dsse.json"])
    path = Path(".luthier/objects") / version.files[victim][:2] / version.files[victim][2:]
    path.write_bytes(path.read_bytes()[:-1])
    found = luthier.verify("churn")
    assert isinstance(found.problem, StoreDamaged)
    assert path.name in str(found.problem)
    assert found.to_json()["problem"]["code"] == "LU303"


def test_a_damaged_copy_is_made_anew_from_what_was_released(make_study: MakeStudy) -> None:
    luthier.release(make_study(), "churn")
    copy = release_folder() / "model" / MANIFEST
    copy.write_bytes(b"{}")
    assert luthier.load("churn").predict(ROWS).tolist() == ["ja", "nein"]
    assert json.loads(copy.read_bytes())["kind"] == "luthier model"


def test_a_release_whose_bytes_are_gone_is_neither_promoted_nor_rolled_back_to(make_study: MakeStudy) -> None:
    for seed in range(2):
        luthier.release(make_study(seed=seed), "churn")
    with Store.open() as store:
        first, second = luthier.history_of("churn").versions
        objects = store.folder / "objects"
        (objects / second.envelope[:2] / second.envelope[2:]).rename("second")
    with pytest.raises(StoreDamaged):
        luthier.promote("churn@2")
    Path("second").rename(objects / second.envelope[:2] / second.envelope[2:])
    luthier.promote("churn@2")
    (objects / first.envelope[:2] / first.envelope[2:]).unlink()
    with pytest.raises(StoreDamaged):
        luthier.rollback("churn")
    assert luthier.history_of("churn").champion == 2


def test_a_study_that_is_removed_takes_no_released_byte_with_it(make_study: MakeStudy) -> None:
    study = make_study()
    luthier.release(study, "churn")
    with Store.open() as store:
        log = store.load(study)
        log.keep(next(iter(fitted(study).values())))  # the same bytes, kept by the study as well
        store.remove(study)
    assert luthier.verify("churn").ok
    assert luthier.load("churn").predict(ROWS).tolist() == ["ja", "nein"]


def test_a_report_is_verified_against_the_record_it_was_drawn_from(make_study: MakeStudy) -> None:
    study = make_study()
    from luthier.api.verifying import _drawn_again

    with Store.open() as store:
        page = _drawn_again(store.load(study).events()[2].body)
    Path("report.html").write_bytes(page)
    found = luthier.verify("report.html")
    assert (found.kind, found.ok) == ("report", True)
    Path("report.html").write_bytes(page.replace(b"0.9", b"0.99"))
    assert "does not follow from its record" in str(luthier.verify("report.html").problem)
    Path("report.html").write_bytes(b"<html>")
    with pytest.raises(UnknownStudy, match="no report of a study"):
        luthier.verify("report.html")


def test_nothing_is_verified_where_there_is_no_store(project: Path) -> None:
    with pytest.raises(UnknownStudy, match="no studies here"):
        luthier.verify("churn")
    assert luthier.list_models() == []

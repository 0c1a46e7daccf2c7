"""The command line as a user meets it: real commands, real files, small real data."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from tests.journeys.commands import luthier, luthier_alone

QUICK = ("--budget", "4 trials", "--models", "linear,lightgbm", "--jobs", "1")
ONCE = ("--budget", "1 trials", "--models", "linear", "--jobs", "1")


@pytest.fixture(scope="module")
def tumours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tumours")
    data = load_breast_cancer(as_frame=True)
    frame = data.data.iloc[:, :8].assign(diagnosis=data.target_names[data.target])
    frame.to_csv(folder / "tumours.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def tuned(tumours: Path) -> dict[str, Any]:
    done = luthier_alone("tune", "tumours.csv", "--target", "diagnosis", *QUICK, "--out", "out", "--json", cwd=tumours)
    body: dict[str, Any] = json.loads(done.stdout)  # one object and nothing else
    return body


def test_tune_prints_one_object_with_everything_promised(tuned: dict[str, Any]) -> None:
    promised = "study dataset task metric strategy budget_s elapsed_s trials fold_fits score naive_score default_score "
    promised += "best_config model report findings greater_is_better"
    assert set(promised.split()) <= tuned.keys()
    assert (tuned["task"], tuned["metric"], tuned["trials"]) == ("binary", "roc_auc", 4)
    assert 5 + 3 * 2 <= tuned["fold_fits"] <= 20  # all folds of the default, and what the race left of the others
    assert {"value", "low", "high", "n", "level", "method"} <= tuned["score"].keys()
    assert 0.9 < tuned["score"]["low"] < tuned["score"]["high"] <= 1.0
    assert all({"code", "title", "severity", "columns", "evidence", "fix"} <= f.keys() for f in tuned["findings"])


def test_the_report_is_one_file_that_needs_nothing_else(tumours: Path, tuned: dict[str, Any]) -> None:
    page = (tumours / tuned["report"]).read_text()
    assert "<script" not in page
    assert 'src="http' not in page
    assert page.count("<svg") >= 3
    assert len(page) < 1_000_000


def test_predict_answers_every_row_with_a_label_and_probabilities(tumours: Path, tuned: dict[str, Any]) -> None:
    luthier_alone("predict", tuned["model"], "tumours.csv", "--out", "answers.csv", cwd=tumours)
    answers, truth = pd.read_csv(tumours / "answers.csv"), pd.read_csv(tumours / "tumours.csv")
    assert list(answers.columns) == ["prediction", "p_benign", "p_malignant"] or set(answers.columns) == {
        "prediction",
        "p_benign",
        "p_malignant",
    }
    assert (answers["prediction"] == truth["diagnosis"]).mean() > 0.9
    assert (answers["p_benign"] + answers["p_malignant"] - 1).abs().max() < 1e-9


def test_a_changed_model_file_is_refused(tumours: Path, tuned: dict[str, Any]) -> None:
    model = tumours / tuned["model"]
    file = max((path for path in model.iterdir() if path.name != "manifest.json"), key=lambda path: path.stat().st_size)
    good = file.read_bytes()
    file.write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
    try:
        done = luthier("predict", tuned["model"], "tumours.csv", cwd=tumours, check=2)
        assert "LU401" in done.stderr
        assert file.name in done.stderr
    finally:
        file.write_bytes(good)


def test_runs_lists_shows_and_removes(tumours: Path, tuned: dict[str, Any]) -> None:
    assert tuned["study"] in luthier("runs", cwd=tumours).stdout
    shown = json.loads(luthier("runs", "show", tuned["study"], "--json", cwd=tumours).stdout)
    assert (shown["state"], len(shown["trials"])) == ("finished", 4)
    again = luthier("tune", "tumours.csv", "--target", "diagnosis", *ONCE, "--seed", "1", "--json", cwd=tumours)
    other = json.loads(again.stdout)["study"]
    luthier("runs", "remove", other, "--yes", cwd=tumours)
    assert other not in luthier("runs", cwd=tumours).stdout
    assert "no study" in luthier("runs", "show", other, cwd=tumours, check=2).stderr


def test_people_get_lines_and_a_next_step(tumours: Path) -> None:
    done = luthier("tune", "tumours.csv", "--target", "diagnosis", *ONCE, "--seed", "2", cwd=tumours)
    assert done.stdout.splitlines()[-1].startswith("next: luthier predict ")
    assert "report.html" in done.stdout


def test_ctrl_c_keeps_the_study_and_the_same_command_goes_on(tumours: Path) -> None:
    command = ["tune", "tumours.csv", "--target", "diagnosis", "--budget", "8 trials", "--jobs", "1", "--seed", "3"]
    process = subprocess.Popen(
        [sys.executable, "-m", "luthier.cli", *command, "--models", "lightgbm"],
        cwd=tumours,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    assert first.startswith("study ")
    while not re.search(r"[1-9]\d* trials? done", process.stderr.readline()):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert "run the same command again" in rest
    study = first.split()[1]
    before = json.loads(luthier("runs", "show", study, "--json", cwd=tumours).stdout)
    assert before["state"] == "interrupted"
    done = luthier("runs", "resume", study, "--json", cwd=tumours)
    body = json.loads(done.stdout)
    assert body["study"] == study
    assert body["trials"] == 8
    after = json.loads(luthier("runs", "show", study, "--json", cwd=tumours).stdout)
    done_before = [trial for trial in before["trials"] if trial["state"] == "complete"]
    assert 1 <= len(done_before) < 8
    assert [trial for trial in after["trials"] if trial in done_before] == done_before


def test_doctor_finds_this_installation_fit(tmp_path: Path) -> None:
    body = json.loads(luthier_alone("doctor", "--json", cwd=tmp_path).stdout)
    assert body["ok"], body


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("tune", "nothing.csv", "--target", "diagnosis"), "LU101", "nothing.csv"),
        (("tune", "tumours.csv", "--target", "diagnossis"), "LU102", "diagnosis"),
        (("tune", "tumours.csv", "--target", "diagnosis", "--metric", "rmse"), "LU120", "rmse"),
        (("tune", "tumours.csv", "--target", "diagnosis", "--budget", "soon"), "LU209", "soon"),
        (("tune", "tumours.csv", "--target", "diagnosis", "--strategy", "oracle"), "LU130", "oracle"),
        (("tune", "tumours.csv", "--target", "diagnosis", "--models", "gpt"), "LU130", "gpt"),
        (("tune", "tumours.csv", "--target", "diagnosis", "--out", "/proc/nowhere"), "LU301", "/proc/nowhere"),
        (("predict", "no-such-model", "tumours.csv"), "LU403", "no-such-model"),
        (("runs", "show", "nothing"), "LU304", "nothing"),
    ],
)
def test_wrong_use_says_what_and_how_to_mend_it_and_writes_nothing(
    tumours: Path,
    tuned: dict[str, Any],
    words: tuple[str, ...],
    code: str,
    said: str,
) -> None:
    before = sorted(tumours.rglob("*"))
    told = luthier(*words, cwd=tumours, check=2).stderr
    assert code in told
    assert said in told
    assert "fix:" in told
    assert sorted(tumours.rglob("*")) == before


def test_an_error_under_json_is_an_object_too(tumours: Path) -> None:
    done = luthier("tune", "nothing.csv", "--target", "y", "--json", cwd=tumours, check=2)
    assert json.loads(done.stdout)["error"]["code"] == "LU101"


def test_a_budget_too_small_for_one_fit_leaves_no_study_behind(tmp_path: Path) -> None:
    load_diabetes(as_frame=True).frame.to_csv(tmp_path / "d.csv", index=False)
    done = luthier("tune", "d.csv", "--target", "target", "--budget", "0.001s", cwd=tmp_path, check=2)
    assert "LU210" in done.stderr
    assert json.loads(luthier("runs", "--json", cwd=tmp_path).stdout)["studies"] == []


def test_help_names_sections_of_files_as_they_are_written(tmp_path: Path) -> None:
    assert "[serve] in" in luthier("serve", "--help", cwd=tmp_path).stdout

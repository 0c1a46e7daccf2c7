"""Checks as a user meets them: by themselves, and on the way of a study."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import luthier
from luthier.api import show_study
from luthier.cli import main


def loans(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"income": rng.gamma(2, 20, n), "age": rng.integers(18, 80, n)})
    late = rng.random(n) < 0.2 + 0.4 * (frame["income"].to_numpy() < 30)
    return frame.assign(reminders=np.where(late, rng.integers(1, 4, n), 0), late=np.where(late, "yes", "no"))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    loans().to_csv("loans.csv", index=False)
    return "loans.csv"


def exit_code(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["luthier", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_leak_fails_the_gate_and_says_what_to_type(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exit_code(monkeypatch, "check", file, "--target", "late", "--json") == 3
    (finding,) = (f for f in json.loads(capsys.readouterr().out)["findings"] if f["severity"] == "error")
    assert finding.keys() == {"code", "title", "severity", "columns", "evidence", "fix"}
    assert (finding["code"], finding["columns"]) == ("leak.target", ["reminders"])
    assert exit_code(monkeypatch, "check", file, "--target", "late", "--drop", "reminders") == 0
    assert "next: luthier tune loans.csv --target late --drop reminders" in capsys.readouterr().out


def test_what_is_set_aside_needs_a_reason_and_passes_the_gate(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exit_code(monkeypatch, "check", file, "-t", "late", "--ignore", "leak.target") == 2
    capsys.readouterr()
    assert (
        exit_code(
            monkeypatch, "check", file, "-t", "late", "--ignore", "leak.target", "--why", "known in time", "--json"
        )
        == 0
    )
    (ignored,) = json.loads(capsys.readouterr().out)["ignored"]
    assert (ignored["code"], ignored["why"]) == ("leak.target", "known in time")


def test_a_study_checks_its_table_and_keeps_what_was_found_and_what_was_set_aside(file: str) -> None:
    run = luthier.tune(file, "late", budget="2 trials", models="linear", executor="inline", out="out")
    assert [f["severity"] for f in run.to_json()["findings"] if f.get("code") == "leak.target"] == ["error"]
    assert "reminders" in Path("out/report.html").read_text()
    assert "leak.target" in run.summary()
    record, _ = show_study(run.run.study)
    assert record["checks"]["provenance"] == record["provenance"]
    assert [source["path"] for source in record["provenance"]["files"]] == [file]
    again = luthier.tune(
        file, "late", budget="2 trials", models="linear", executor="inline", seed=1, ignore={"leak.target": "meant so"}
    )
    assert not [f for f in again.to_json()["findings"] if f.get("code") == "leak.target"]

"""A study that begins where earlier ones ended."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

import luthier
from luthier.api import list_studies, show_study
from luthier.errors import UnknownChoice, UnknownStudy
from luthier.tuning import Progress

FAMILIES = "linear,knn"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORE", raising=False)


def tumours(first: int, last: int) -> pd.DataFrame:
    frame: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    return frame.iloc[first:last].reset_index(drop=True)


def tuned(frame: pd.DataFrame, **options: object) -> luthier.TunedModel:
    usual = {"budget": "6 trials", "models": FAMILIES, "n_jobs": 1, "executor": "inline"}
    return luthier.tune(frame, "target", **{**usual, **options})  # type: ignore[arg-type]


def test_next_months_table_begins_with_what_did_best_on_this_months() -> None:
    before = tuned(tumours(0, 280), budget="12 trials")
    best = before.trials.dropna(subset="score").sort_values("score", ascending=False).iloc[0]
    after = tuned(tumours(280, 560), seed=1)
    body, _ = show_study(after.run.study)
    first, second = body["trials"][:2]
    assert first["mode"] == "default"
    assert second["config"] == show_study(before.run.study)[0]["trials"][int(best["trial"])]["config"]
    assert before.run.study in second["why"]
    assert any("earlier studies" in note.reason for note in after.facts.data.notes)
    cold = tuned(tumours(280, 560), seed=1, warm="off")
    assert show_study(cold.run.study)[0]["trials"][1]["config"] != second["config"]


def test_a_study_of_the_same_rows_is_left_out_unless_it_is_named() -> None:
    before = tuned(tumours(0, 280))
    again = tuned(tumours(0, 280), seed=1)
    assert not any(before.run.study in trial["why"] for trial in show_study(again.run.study)[0]["trials"])
    named = tuned(tumours(0, 280), seed=2, warm=before.run.study)
    assert before.run.study in show_study(named.run.study)[0]["trials"][1]["why"]


def test_a_study_taken_up_again_keeps_what_it_was_begun_with() -> None:
    first = tuned(tumours(0, 200))

    def stop(progress: Progress) -> None:
        if progress.history.n_evaluated >= 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuned(tumours(200, 400), on_progress=stop)
    later = tuned(tumours(400, 560), budget="12 trials")  # by now the store knows more
    resumed = tuned(tumours(200, 400))
    reasons = " ".join(trial["why"] for trial in show_study(resumed.run.study)[0]["trials"])
    assert len(list_studies()) == 3
    assert first.run.study in reasons
    assert later.run.study not in reasons


def test_a_study_that_cannot_be_begun_from_is_refused() -> None:
    frame = load_diabetes(as_frame=True).frame.iloc[:150]
    other = tuned(frame, budget="2 trials")
    with pytest.raises(UnknownChoice, match="no tuning of a binary table"):
        tuned(tumours(0, 200), warm=[other.run.study])
    with pytest.raises(UnknownStudy):
        tuned(tumours(0, 200), warm="nowhere")

"""What an evaluation adds to the report: for whom the model fails, in plain words, and no second opinion."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.report.test_html import EVIL, Page
from tests.report.test_words import everything, reading_grade

import luthier
from luthier.data.slices import Slice
from luthier.evaluation.evidence import WRONG, Part, Unanswered
from luthier.evaluation.slices.findings import SliceFinding, Slices
from luthier.report import render
from luthier.report.figures import NBSP
from luthier.report.reading_words import rows_in_words
from luthier.report.readings import Readings
from luthier.report.words import front_page
from luthier.scoring import Estimate


def found(*texts: str, error: str = WRONG) -> Slices:
    surplus = Estimate(0.3, 0.2, 0.4, 80, 0.95, "on rows the search did not see")
    findings = tuple(SliceFinding(Slice.parse(text), 80, 0.04, 0.4, 0.0372, surplus, 1e-6) for text in texts)
    return Slices(findings, error, 0.05, 2000, 9, 12_345, 20, enough=True, complete=True, false_share=0.05)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> luthier.TunedModel:
    rng, n = np.random.default_rng(0), 1500
    frame = pd.DataFrame({"age": rng.normal(40, 9, n), "calls": rng.normal(size=n), EVIL[:40]: rng.normal(size=n)})
    frame["region"] = rng.choice(["north", "south", "west"], n, p=[0.5, 0.42, 0.08])
    noisy = (frame["region"] == "west") & (rng.random(n) < 0.5)
    frame["left"] = np.where((frame["calls"] + 0.4 * rng.normal(size=n) > 0) ^ noisy, "yes", "no")
    store = tmp_path_factory.mktemp("readings")
    return luthier.tune(
        frame, "left", budget="3 trials", models="linear", executor="inline", store=store / "store", out=store / "out"
    )


@pytest.fixture(scope="module")
def page(run: luthier.TunedModel) -> str:
    assert run.facts.usage.report_path is not None
    return Path(run.facts.usage.report_path).read_text()


def test_the_report_of_a_run_has_every_chapter_that_applies(page: str) -> None:
    reader = Page(page)
    assert {"calibration", "decisions", "slices", "record"} <= set(reader.values("id"))
    assert "margins" not in reader.values("id")
    assert {link for link in reader.values("href") if link != "#"} <= {f"#{i}" for i in reader.values("id")}
    assert not reader.tags["script"]
    assert len(page.encode()) < 1_000_000
    assert re.search(r"Where region is west \(\d+ rows, \d+\s% of all\), it is wrong in", page)


def test_the_score_is_said_once_and_the_same_everywhere(run: luthier.TunedModel, page: str) -> None:
    evaluation = luthier.evaluate(run)
    assert evaluation["operating_point"].to_dict()["metrics"]["roc_auc"] == run.score.to_json()
    shown = f"{run.score.value:.3f}"[:5]
    row = re.search(r">ROC AUC</th><td class=\"num\">([\d.]+)</td>", page)
    assert row is not None
    assert row[1].startswith(shown[:4])


def test_an_evaluation_of_another_run_is_refused(run: luthier.TunedModel) -> None:
    parts: dict[str, Part] = dict(luthier.evaluate(run).parts)
    other = dataclasses.replace(run.facts.verdict, honest=Estimate(0.5, 0.4, 0.6, 1500))
    with pytest.raises(ValueError, match="of two runs"):
        render(dataclasses.replace(run.facts, verdict=other), parts)


def test_the_first_page_with_findings_can_still_be_read_by_anyone(run: luthier.TunedModel) -> None:
    for slices in (found("region = west", "age >= 52.0 & region = north"), found()):
        words = front_page(run.facts, Readings(slices=slices))
        assert reading_grade(everything(words)) <= 9


def test_whom_it_fails_is_said_in_words_with_both_figures(run: luthier.TunedModel) -> None:
    words = front_page(run.facts, Readings(slices=found("region = west & 40.0 <= age < 52.0")))
    (said,) = words.for_whom
    assert said == (
        f"Where region is west and age is from 40 to 52 (80 rows, 4{NBSP}% of all), it is wrong in 40 of 100 cases. "
        "Elsewhere it is wrong in 3.7."
    )
    assert any("let a person check" in step for step in words.next_steps)
    assert front_page(run.facts, Readings(slices=found())).for_whom[0].startswith("No part of the table does worse")
    assert front_page(run.facts).for_whom == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("income is missing", "income is not known"),
        ("age >= 52.5", "age is 52.50 or more"),
        ("last_call < 3.0", "last call is below 3"),
    ],
)
def test_conditions_are_said_as_people_say_them(text: str, words: str) -> None:
    assert rows_in_words(Slice.parse(text)) == words


def test_what_there_was_no_time_for_is_said(run: luthier.TunedModel) -> None:
    html = render(run.facts, {"operating_point": Unanswered("no time", for_want_of_time=True)})
    assert "There was no time in the budget to read operating point" in html


def test_the_full_report_can_be_written_later_from_the_study(run: luthier.TunedModel, tmp_path: Path) -> None:
    assert "For whom it fails" in run.report(tmp_path / "again.html").read_text()

"""The lines for the terminal."""

from __future__ import annotations

import dataclasses

from luthier.report import ReportFacts, UsageFacts, summary


def test_the_run_ends_with_its_scores_and_paths(samples: dict[str, ReportFacts]) -> None:
    lines = summary(samples["binary_with_gain"])
    assert lines[0].startswith("The tuned model beats the default.")
    told = dict(line.split(maxsplit=1) for line in lines[1:])
    assert told["score"] == "0.842 [0.825, 0.858]  ROC AUC on new rows, higher is better, 95 % interval"
    assert told["naive"].startswith("0.866  what most tools report: 0.024 too good")
    assert told["default"] == "0.801 [0.780, 0.822]  chance that it is as good: 1 %"
    assert told["settings"].startswith("linear: C=")
    assert told["model"] == "attrition-run/model"
    assert told["report"] == "attrition-run/report.html"


def test_what_is_not_known_has_no_line(samples: dict[str, ReportFacts]) -> None:
    names = [line.split()[0] for line in summary(samples["one_fit_only"])[1:]]
    assert names == ["score", "settings", "spent", "model"]


def test_lines_are_plain_text_for_any_terminal(sample: ReportFacts) -> None:
    facts = dataclasses.replace(
        sample, usage=UsageFacts(model_path="a\x1b[2Jb\nc"), best_config={"model": "x\x07", "x\x07.k": "\x9b1m"}
    )
    for line in summary(facts):
        assert line.isprintable()
        assert "\u202f" not in line

"""The first page in words: plain, true to the figures, and pointing the right way."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import pytest

from luthier.checks import Finding
from luthier.report import BaselineFacts, MetricFacts, ReportFacts, TrialFacts, VerdictFacts
from luthier.report.figures import NBSP, THIN
from luthier.report.words import METRIC_MEANINGS, FrontPage, explored, front_page
from luthier.scoring.estimate import Estimate
from luthier.scoring.metrics import METRICS


def everything(page: FrontPage) -> list[str]:
    questions = (page.how_sure, page.for_whom, page.against_default, page.not_measured, page.next_steps)
    return [page.headline, page.lead, *(sentence for answers in questions for sentence in answers)]


def reading_grade(sentences: list[str]) -> float:
    """Flesch-Kincaid grade (Kincaid et al. 1975): 0.39 words per sentence + 11.8 syllables per word - 15.59."""
    text = " ".join(s if s.endswith(".") else s + "." for s in sentences)
    words = re.findall(r"[A-Za-z]+|\d[\d.,]*", text)
    n_sentences = len(re.findall(r"[.:;?!](?=\s|$)", text))
    syllables = sum(syllables_of(word.lower()) for word in words)
    return 0.39 * len(words) / n_sentences + 11.8 * syllables / len(words) - 15.59


def syllables_of(word: str) -> int:
    groups = len(re.findall(r"[aeiouy]+", re.sub(r"(?<=[^l])e$|(?<=[^td])ed$", "", word)))
    return max(groups, 1)


def test_the_grade_formula_agrees_with_a_published_example() -> None:
    # "The cat sat on the mat." has grade -1.45: 6 words, 1 sentence, 6 syllables.
    assert reading_grade(["The cat sat on the mat."]) == pytest.approx(-1.45, abs=0.01)


def test_the_first_page_can_be_read_by_anyone(sample: ReportFacts) -> None:
    assert reading_grade(everything(front_page(sample))) <= 9


def with_verdict(facts: ReportFacts, **changes: Any) -> ReportFacts:
    return dataclasses.replace(facts, verdict=dataclasses.replace(facts.verdict, **changes))


@pytest.mark.parametrize(
    ("p", "words"), [(0.01, "beats the default"), (0.2, "is likely better"), (0.4, "may be a little better")]
)
def test_the_headline_is_as_sure_as_the_figures(samples: dict[str, ReportFacts], p: float, words: str) -> None:
    assert words in front_page(with_verdict(samples["binary_with_gain"], p_default_as_good=p)).headline


def warning(code: str, title: str) -> Finding:
    return Finding(code, title, "warning", (), {}, "look")


def test_a_leak_that_was_found_is_on_the_first_page_and_takes_the_gladness_off(samples: dict[str, ReportFacts]) -> None:
    facts = with_verdict(samples["binary_with_gain"], p_default_as_good=0.01)
    leak = warning("leak.row-order", "the order of the rows tells of the target")
    page = front_page(dataclasses.replace(facts, findings=(leak,)))
    assert (page.tone, page.headline) == ("fair", "The tuned model beats the default, yet the score may be too good")
    assert "The check of the data warns: the order of the rows tells of the target." in page.how_sure
    assert page.next_steps[0].startswith("First look into")
    assert reading_grade(everything(page)) <= 9


def test_of_many_warnings_the_gravest_are_said_and_the_rest_counted(samples: dict[str, ReportFacts]) -> None:
    many = tuple(warning("target.capped", f"warning {i}") for i in range(5))
    page = front_page(dataclasses.replace(samples["binary_with_gain"], findings=many))
    assert page.how_sure[-3:] == (
        "The check of the data warns: warning 0.",
        "The check of the data warns: warning 1.",
        "The full part lists 3 more.",
    )
    assert "too good" not in page.headline


def test_long_numbers_in_the_lead_are_written_as_everywhere(samples: dict[str, ReportFacts]) -> None:
    page = front_page(with_verdict(samples["binary_with_gain"], sentence="off by about 44953, of 1234 and 0.123456."))
    assert page.lead == f"off by about 44{THIN}953, of 1234 and 0.123456."


def test_a_kept_default_is_the_headline(samples: dict[str, ReportFacts]) -> None:
    page = front_page(samples["regression_default_kept"])
    assert "default stays" in page.headline
    assert any("58\u00a0%" in s for s in page.against_default)


def test_a_model_no_better_than_a_guess_is_not_praised(samples: dict[str, ReportFacts]) -> None:
    facts = with_verdict(samples["binary_with_gain"], baseline=BaselineFacts("say no", 0.83))
    page = front_page(facts)
    assert page.tone == "poor"
    assert page.headline == "This model is not surely better than a plain guess"
    assert page.next_steps[0].startswith("Do not rely on this model")


def test_for_a_loss_the_guess_is_beaten_from_below(samples: dict[str, ReportFacts]) -> None:
    assert front_page(samples["regression_default_kept"]).tone == "fair"
    worse = with_verdict(samples["regression_default_kept"], baseline=BaselineFacts("predict the average", 40000.0))
    assert front_page(worse).tone == "poor"


def test_differences_are_those_of_the_scores_as_they_are_written(samples: dict[str, ReportFacts]) -> None:
    # 0.8416 - 0.8014 = 0.0402, but the page says 0.842 and 0.801
    assert any("is 0.041 better" in s for s in front_page(samples["binary_with_gain"]).against_default)


def test_the_gain_of_the_page_is_that_of_the_lead_also_when_scores_are_known_roughly(
    samples: dict[str, ReportFacts],
) -> None:
    honest, default = Estimate(0.8052, 0.6325, 0.9092, 40), Estimate(0.7934, 0.6252, 0.8981, 40)
    page = front_page(with_verdict(samples["binary_with_gain"], honest=honest, default=default))
    assert "It scores 0.793 [0.625, 0.898]. The tuned model is 0.012 better." in page.against_default[0]


def test_no_replay_of_a_few_is_not_said_to_be_no_chance(samples: dict[str, ReportFacts]) -> None:
    facts = with_verdict(samples["binary_with_gain"], p_default_as_good=0.0, n_replays=79)
    assert f"The chance that the default does just as well is <{NBSP}2{NBSP}%." in front_page(facts).against_default


def test_a_difference_too_small_to_show_is_not_a_difference(samples: dict[str, ReportFacts]) -> None:
    facts = with_verdict(samples["binary_with_gain"], default=Estimate(0.84155, 0.82, 0.86, 1470))
    assert any("That is the same" in s for s in front_page(facts).against_default)


def test_a_sentence_from_the_evaluation_is_the_lead(samples: dict[str, ReportFacts]) -> None:
    facts = with_verdict(samples["binary_with_gain"], sentence="It works well enough.")
    assert front_page(facts).lead == "It works well enough."


def test_one_try_is_not_called_the_luckiest_of_many(samples: dict[str, ReportFacts]) -> None:
    said = " ".join(everything(front_page(samples["one_fit_only"])))
    assert "luck" not in said
    assert "Most tools" not in said
    assert "rough hint" in said


def test_many_failed_fits_lead_to_advice(samples: dict[str, ReportFacts]) -> None:
    facts = samples["binary_with_gain"]
    many = dataclasses.replace(facts, failures=(dataclasses.replace(facts.failures[0], count=100),))
    assert any("why 100 fits failed" in s for s in front_page(many).next_steps)
    assert not any("fits failed" in s for s in front_page(facts).next_steps)


def test_nothing_at_all_is_said_plainly(samples: dict[str, ReportFacts]) -> None:
    facts = dataclasses.replace(
        samples["one_fit_only"], verdict=VerdictFacts(), trials=(), shipped_trial=None, default_trial=None
    )
    page = front_page(facts)
    assert page.headline == "No model came out of this run"
    assert not any(re.search(r"nan|None", s) for s in everything(page))


def test_a_score_that_is_not_a_number_is_not_known(samples: dict[str, ReportFacts]) -> None:
    facts = with_verdict(samples["binary_with_gain"], honest=Estimate(math.nan, math.nan, math.nan, 0), naive=None)
    assert front_page(facts).lead == "How well it will do on new rows is not known."


def test_every_metric_we_ship_is_explained_in_plain_words() -> None:
    assert set(METRICS) <= set(METRIC_MEANINGS)


def test_a_metric_of_the_user_says_at_least_which_way_it_points(samples: dict[str, ReportFacts]) -> None:
    from luthier.report.words import metric_meaning

    facts = dataclasses.replace(samples["binary_with_gain"], metric=MetricFacts("profit", greater_is_better=True))
    assert metric_meaning(facts) == "Higher is better."


def with_modes(facts: ReportFacts, modes: list[str], grid: str = "") -> ReportFacts:
    trials = tuple(TrialFacts(number, "linear", score=0.5, mode=mode) for number, mode in enumerate(modes))
    run = dataclasses.replace(facts.run, grid=grid)
    return dataclasses.replace(facts, trials=trials, shipped_trial=None, default_trial=None, run=run)


def test_the_share_of_suggestions_that_explored_is_told_with_how_it_changed(sample: ReportFacts) -> None:
    facts = with_modes(sample, ["default", *["explore"] * 6, *["exploit"] * 5, "explore", *["exploit"] * 4])
    assert explored(facts).replace(NBSP, " ") == (
        "44 % of 16 suggestions looked around, the others built on good trials "
        "(100 % in the first quarter, 0 % in the last)"
    )
    assert explored(with_modes(sample, ["default", "explore"])).replace(NBSP, " ").startswith("100 % of 1 suggestion")
    assert explored(with_modes(sample, ["default"])) == ""


def test_of_a_grid_it_is_told_how_far_it_got(sample: ReportFacts) -> None:
    assert explored(with_modes(sample, ["default", "grid"], grid="all 6 points of a grid")) == "all 6 points of a grid"


def test_a_late_rise_advises_more_time_and_an_early_one_does_not(samples: dict[str, ReportFacts]) -> None:
    facts = samples["binary_with_gain"]
    assert any("more time" in s for s in front_page(facts).next_steps)
    early = dataclasses.replace(facts, progress=facts.progress[:3])
    assert not any("more time" in s for s in front_page(early).next_steps)
    assert any("bring little" in s for s in front_page(early).next_steps)
    short = dataclasses.replace(early, trials=tuple(TrialFacts(i, "linear", score=0.8) for i in (0, 121)),
                                run=dataclasses.replace(early.run, n_trials=2))  # fmt: skip
    assert not any("bring little" in s for s in front_page(short).next_steps)

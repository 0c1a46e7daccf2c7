"""The pictures: valid, named, told apart without colour, and the same figures as the tables."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET

import altair as alt
import pytest

from luthier.report import ReportFacts, TrialFacts
from luthier.report.charts import (
    MOST_DOTS,
    NARROW,
    WIDE,
    Chart,
    comparison,
    fold_scores,
    picture,
    progress,
    trial_scores,
)
from luthier.report.drawing import DARK, LIGHT, SHAPES, Drawing, colour_rules, element, fixed

ALL = (comparison, progress, trial_scores, fold_scores)
SVG = "{http://www.w3.org/2000/svg}"


def drawn(facts: ReportFacts) -> list[Chart]:
    return [chart for make in ALL if (chart := make(facts)) is not None]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "muted", "honest", "default"])
def test_words_and_marks_stand_out_from_the_paper(palette: dict[str, str], name: str) -> None:
    dark, light = sorted((luminance(palette[name]), luminance(palette["paper"])))
    assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, success criterion 1.4.3


def test_the_kinds_of_points_differ_in_shape_or_filling() -> None:
    assert len({(shape, filled) for shape, filled, _ in SHAPES.values()}) == len(SHAPES)


def test_drawings_are_well_formed_and_of_their_width(sample: ReportFacts) -> None:
    for chart in drawn(sample):
        for svg, width in ((chart.wide, WIDE), (chart.narrow, NARROW)):
            root = ET.fromstring(svg)  # our own drawing
            assert root.get("width") == str(width)
            assert root.get("role") == "img"


def test_every_drawing_has_a_name_and_a_description_it_points_to(sample: ReportFacts) -> None:
    for chart in drawn(sample):
        root = ET.fromstring(chart.wide)
        title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
        assert title is not None
        assert desc is not None
        assert title.text == chart.title
        assert desc.text == chart.text
        assert root.get("aria-labelledby") == title.get("id")
        assert root.get("aria-describedby") == desc.get("id")


def test_every_colour_of_a_drawing_turns_with_the_page(sample: ReportFacts) -> None:
    rules = colour_rules("svg ")
    for chart in drawn(sample):
        for form in (chart.wide, chart.narrow):
            for attribute, colour in re.findall(r'\b(fill|stroke)="([^"]+)"', form):
                assert colour == "none" or f'[{attribute}="{colour}"]' in rules


def test_the_same_facts_give_the_same_drawing(samples: dict[str, ReportFacts]) -> None:
    assert comparison(samples["binary_with_gain"]) == comparison(samples["binary_with_gain"])


def test_scores_in_the_comparison_are_those_of_the_table(samples: dict[str, ReportFacts]) -> None:
    chart = comparison(samples["binary_with_gain"])
    assert chart is not None
    assert ("Tuned model, honest score", "0.842", "[0.825, 0.858]") in chart.rows
    assert ">0.842 [0.825, 0.858]<" in chart.wide
    assert "Higher is better" in chart.text


def test_a_far_away_guess_does_not_squeeze_the_comparison(samples: dict[str, ReportFacts]) -> None:
    chart = comparison(samples["binary_with_gain"])
    assert chart is not None
    assert "guess" not in chart.text


def test_a_lower_is_better_metric_points_left(samples: dict[str, ReportFacts]) -> None:
    chart = comparison(samples["regression_default_kept"])
    assert chart is not None
    assert "← RMSE, lower is better" in chart.wide


def test_one_score_alone_is_no_comparison(samples: dict[str, ReportFacts]) -> None:
    assert comparison(samples["one_fit_only"]) is None
    assert trial_scores(samples["one_fit_only"]) is None


def test_windows_of_time_are_called_windows(samples: dict[str, ReportFacts]) -> None:
    chart = fold_scores(samples["one_fit_only"])
    assert chart is not None
    assert chart.title == "Score in every window"


def test_a_family_named_like_markup_is_drawn_as_text(samples: dict[str, ReportFacts]) -> None:
    name = '<script>alert("x")</script>'
    trials = tuple(TrialFacts(i, name, score=0.8 + i / 100) for i in range(3))
    facts = dataclasses.replace(samples["binary_with_gain"], trials=trials, shipped_trial=None, default_trial=None)
    chart = trial_scores(facts)
    assert chart is not None
    assert "<script" not in chart.wide
    texts = [t.text or "" for t in ET.fromstring(chart.wide).iter(f"{SVG}text")]
    assert any(t.startswith("<script>") for t in texts)


def test_of_thousands_of_trials_the_best_and_an_even_choice_are_drawn(samples: dict[str, ReportFacts]) -> None:
    trials = tuple(TrialFacts(i, "linear", score=0.5 + i / 10000) for i in range(3000))
    facts = dataclasses.replace(samples["binary_with_gain"], trials=trials, shipped_trial=2999)
    chart = trial_scores(facts)
    assert chart is not None
    assert len(chart.wide) < 150_000
    assert f"best {MOST_DOTS // 2} are drawn" in chart.note


def test_specifications_are_valid_vega_lite(samples: dict[str, ReportFacts], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, object]] = []
    original = Drawing.svg

    def watched(self: Drawing) -> str:
        seen.append(self.specification())
        return original(self)

    monkeypatch.setattr(Drawing, "svg", watched)
    drawn(samples["binary_with_gain"])
    assert len(seen) == 8
    for spec in seen:
        alt.LayerChart.from_dict(spec)  # validates against Vega-Lite's schema, raises where it does not fit


def test_text_that_looks_like_an_attribute_is_left_alone() -> None:
    drawing = Drawing(200, 10, 10, 10, 10, height=40)
    drawing.text([{"y": 20, "text": 'a class="x" role="y" opacity="1"'}], 0)
    svg = element(drawing.svg(), "t", "t", "t")
    assert 'a class="x" role="y" opacity="1"' in "".join(ET.fromstring(svg).itertext())


def test_a_mark_can_stand_at_a_fixed_place() -> None:
    drawing = Drawing(100, 10, 10, 10, 10, height=40)
    drawing.add("point", [{"a": 1}], {"x": fixed("X", 30), "y": fixed("Y", 20)}, fill=LIGHT["ink"])
    assert re.search(r"translate\(30(\.0+)?,20(\.0+)?\)", drawing.svg())


def test_the_picture_stands_alone_and_turns_dark(samples: dict[str, ReportFacts]) -> None:
    svg = picture(samples["binary_with_gain"], title="A & B", subtitle="c < d")
    ET.fromstring(svg)
    assert "prefers-color-scheme:dark" in svg
    assert f'fill="{LIGHT["ink"]}"' in svg
    assert "var(" not in svg
    assert not re.search(r"(?:href|src)=", svg)

"""The pictures of a comparison: the best so far over time, and the ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from luthier.evaluation.contenders import Contender
from luthier.report.axes import Axis, apart, typical_range
from luthier.report.charts import Chart, drawn_chart
from luthier.report.comparison_facts import ComparisonFacts
from luthier.report.comparison_words import comparison_style
from luthier.report.drawing import LIGHT, Drawing, Row, measured, placed
from luthier.report.figures import ScoreStyle, clipped, duration, money, number, share
from luthier.report.words import metric_meaning, metric_name

MOST_LINES = 8
"""Strategies drawn, the best first; more lines cannot be told apart, and the tables hold all."""

_COLOURS = ("honest", "default", "moss", "plum", "ink", "muted", "muted", "muted")
_DASHES: tuple[list[int] | None, ...] = (None, None, [7, 3], [2, 3], [9, 3, 2, 3], None, [5, 5], [2, 5])
"""Each line has its name at its end; colour and dashes only help the eye to follow it there."""


def curves(facts: ComparisonFacts) -> Chart:
    """Best score so far over each strategy's own time, with the span of its repeats."""
    style, comparison = comparison_style(facts), facts.comparison
    shown = comparison.contenders[:MOST_LINES]
    text = "; ".join(f"{clipped(c.name, 40)} ends at {style.score(c.score.value)}" for c in shown)
    text += ". All start from the default settings."
    note = f"{metric_name(facts)}. {metric_meaning(facts)} Lines are means over the repeats"
    note += ", bands run from the worst to the best of them." if comparison.repeats > 1 else "."
    return drawn_chart(
        "curves",
        f"Best {metric_name(facts)} so far over time",
        text,
        lambda width: _draw_curves(facts, shown, style, width),
        header=("Strategy", *_at_header(facts)),
        rows=[(clipped(c.name, 40), *(style.score(v) for v in c.at)) for c in comparison.contenders],
        note=note,
    )


def _at_header(facts: ComparisonFacts) -> tuple[str, ...]:
    from luthier.evaluation.contenders import FRACTIONS

    if facts.budget_s is None:
        return tuple(f"{share(f)} of the tries" for f in FRACTIONS)
    return tuple(f"after {duration(f * facts.budget_s)}" for f in FRACTIONS)


def _draw_curves(facts: ComparisonFacts, shown: Sequence[Contender], style: ScoreStyle, width: int) -> Drawing:
    import altair as alt

    narrow = width < 500
    longest = max(len(clipped(c.name, 14)) for c in shown)
    left, height = (50, 220) if narrow else (62, 300)
    right = (46 if narrow else 74) + 7 * longest
    drawing = Drawing(width, left, right, top=10, bottom=46, height=height)
    end = max(c.curve[-1].seconds for c in shown)
    values = [v for c in shown for p in c.curve for v in (p.value, p.low, p.high)]
    scores = typical_range(
        values,
        greater_is_better=facts.metric.greater_is_better,
        keep=[*(c.score.value for c in shown), facts.comparison.default_score],
    )
    unit, per = ("seconds", 1.0) if end <= 180 else ("minutes", 60.0) if end <= 3 * 3600 else ("hours", 3600.0)
    title = f"{unit} on each search's own clock"
    if facts.price_per_hour is not None and not narrow:
        title += f"; all of it costs {money(facts.money_of(end), clipped(facts.currency, 12))}"
    time = Axis.spanning(0.0, max(end / per, 1e-9), n_ticks=4 if narrow else 6)
    x = measured("X", "t", time, title, grid=False)

    def y(field: str) -> Any:
        return measured("Y", field, scores, None)

    look = {"strokeDash": [3, 4], "strokeWidth": 1.2, "color": LIGHT["faint"]}
    drawing.add("rule", [{"s": facts.comparison.default_score}], {"y": y("s")}, **look)
    # Drawn from the last to the first, so that the leader lies on top.
    for place in reversed(range(len(shown))):
        colour, curve = LIGHT[_COLOURS[place]], shown[place].curve
        rows: list[Row] = [{"t": p.seconds / per, "s": p.value, "low": p.low, "high": p.high} for p in curve]
        if facts.comparison.repeats > 1:
            band = {"x": x, "y": y("low"), "y2": alt.Y2("high")}
            drawing.add("area", rows, band, interpolate="step-after", color=colour, opacity=0.11, clip=True, line=False)
    for place in reversed(range(len(shown))):
        colour, curve = LIGHT[_COLOURS[place]], shown[place].curve
        rows = [{"t": p.seconds / per, "s": p.value} for p in curve]
        dashes = {} if (dash := _DASHES[place]) is None else {"strokeDash": dash}
        path = {"x": x, "y": y("s")}
        drawing.add("line", rows, path, interpolate="step-after", color=colour, clip=True,
                    strokeWidth=2.6 if place == 0 else 1.9, **dashes)  # fmt: skip
        drawing.add("point", rows[-1:], path, size=44, filled=True, opacity=1, color=colour)
    labels = [(clipped(c.name, 14), c.score.value, _COLOURS[i]) for i, c in enumerate(shown)]
    default = facts.comparison.default_score
    labels.append(("default", default, "muted"))
    wanted = [height * (1 - scores.share(score)) for _, score, _ in labels]
    for (word, score, name), at in zip(labels, apart(wanted, 17, 6, height - 6), strict=True):
        weight = 400 if word == "default" else 600
        text = word if narrow else f"{word}  {style.score(score)}"
        drawing.text([{"y": at, "text": text}], drawing.plot + 12, align="left", fontSize=12, fontWeight=weight,
                     color=LIGHT[name])  # fmt: skip
    return drawing


def ranks(facts: ComparisonFacts) -> Chart | None:
    """Mean rank of each strategy with its interval; None where there is nobody to rank against."""
    contenders = facts.comparison.contenders
    if len(contenders) < 2:
        return None
    shown = sorted(contenders, key=lambda c: c.rank.value)[: 2 * MOST_LINES]
    rows = [(clipped(c.name, 40), number(c.rank.value, 2), _interval(c)) for c in shown]
    note = "Rank 1 is ahead of everybody, on average over five moments of the budget. "
    note += (
        "One repeat leaves every rank open."
        if facts.comparison.repeats == 1
        else "The lines show how far luck may move it; overlapping lines are no clear order."
    )
    return drawn_chart(
        "ranks",
        "Mean rank of each strategy",
        "; ".join(f"{name}: {value} {interval}" for name, value, interval in rows) + ". Lower is better.",
        lambda width: _draw_ranks(facts, shown, width),
        header=("Strategy", "Mean rank", "95 % interval"),
        rows=rows,
        note=note,
    )


def _interval(c: Contender) -> str:
    return f"[{number(c.rank.low, 2)}, {number(c.rank.high, 2)}]"


def _draw_ranks(facts: ComparisonFacts, shown: Sequence[Contender], width: int) -> Drawing:
    import altair as alt

    narrow = width < 500
    contenders = facts.comparison.contenders
    left, right, pitch = (8, 8, 44) if narrow else (120, 130, 34)
    drawing = Drawing(width, left, right, top=4, bottom=46, height=pitch * len(shown) + 4)
    axis = Axis(0.8, len(contenders) + 0.2, tuple(float(k) for k in range(1, len(contenders) + 1)), 0)

    def x(field: str) -> Any:
        return measured("X", field, axis, "mean rank, 1 is best")

    for i, c in enumerate(shown):
        place = contenders.index(c)
        colour = LIGHT[_COLOURS[min(place, len(_COLOURS) - 1)]]
        at = pitch * (i + 0.5) + (10 if narrow else 2)
        row: Row = {"y": at, "value": c.rank.value, "low": c.rank.low, "high": c.rank.high}
        line = {"x": x("low"), "x2": alt.X2("high"), "y": placed()}
        drawing.add("rule", [row], line, color=colour, strokeWidth=2.5, strokeCap="round")
        drawing.add("point", [row], {"x": x("value"), "y": placed()}, size=100, filled=True, opacity=1, color=colour,
                    stroke=LIGHT["paper"], strokeWidth=1.2)  # fmt: skip
        name, value = clipped(c.name, 18), number(c.rank.value, 2)
        shift = -17 if narrow else 0
        drawing.text([{"y": at + shift, "text": name}], 0 if narrow else -left, align="left", fontWeight=600)
        said = value if narrow else f"{value} {_interval(c)}"
        drawing.text([{"y": at + shift, "text": said}], drawing.plot + (0 if narrow else right), align="right")
    return drawing

"""The pictures of a report: which figures each one shows, and the same figures in words and as a table.

Each chart comes in a wide and a narrow form, because text in a picture scaled down to a telephone cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from luthier.report.axes import Axis, apart, typical_range
from luthier.report.drawing import (
    DARK,
    FONT,
    LABEL,
    LIGHT,
    Drawing,
    Row,
    colour_rules,
    element,
    fixed,
    inside,
    measured,
    placed,
    size,
)
from luthier.report.facts import ProgressPoint, ReportFacts, TrialFacts, is_known
from luthier.report.figures import ScoreStyle, clipped, duration, money, number
from luthier.report.words import confidence_word, metric_meaning, metric_name
from luthier.scoring.estimate import Estimate

WIDE, NARROW = 760, 350
MOST_FOLDS = 50
"""Folds drawn one by one; repeated cross-validation beyond that says nothing more to the eye."""
MOST_FAMILIES = 12
MOST_DOTS = 400
"""Trials drawn one by one; of more, the best half of this number and an even choice of the others."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture with everything a reader needs who cannot see it.

    `wide` and `narrow` are SVG elements to stand in a page; `title` and `text` are the name and the description that a
    screen reader speaks; `note` stands below the picture for all; `header` and `rows` are the same figures as a table.
    """

    name: str
    title: str
    text: str
    note: str
    wide: Markup
    narrow: Markup
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def drawn_chart(
    name: str,
    title: str,
    text: str,
    draw: Callable[[int], Drawing],
    *,
    header: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    note: str,
) -> Chart:
    """A chart in both of its forms; `draw` makes the drawing of a given width."""
    wide = element(draw(WIDE).svg(), f"{name}-wide", title, text)
    narrow = element(draw(NARROW).svg(), f"{name}-narrow", title, text)
    return Chart(name, title, text, note, wide, narrow, header, tuple(rows))


# ---------------------------------------------------------------------------------------- honest, naive, default


@dataclass(frozen=True, slots=True)
class _Score:
    """One row of the comparison: what it is called, its figures, and how it is drawn."""

    label: str
    short: str
    kind: str
    shown: str
    value: float
    low: float
    high: float

    @property
    def interval(self) -> bool:
        return self.high > self.low


def comparison(facts: ReportFacts) -> Chart | None:
    """Honest score against the naive one and the default's, with intervals; None where there is nothing to compare."""
    style, scores = ScoreStyle.of(facts), _scores(facts)
    if not scores or (len(scores) == 1 and not scores[0].interval):
        return None
    level = facts.verdict.honest.level if facts.verdict.honest is not None else 0.95
    direction = "Higher is better" if facts.metric.greater_is_better else "Lower is better"
    return drawn_chart(
        "comparison",
        f"Honest, naive and default score ({metric_name(facts)})",
        "; ".join(f"{s.label}: {s.shown}" for s in scores) + f". {direction}.",
        lambda width: _draw_comparison(facts, scores, width),
        header=("Score", metric_name(facts), f"{confidence_word(level)} interval"),
        rows=[
            (s.label, style.score(s.value), f"[{style.score(s.low)}, {style.score(s.high)}]" if s.interval else "")
            for s in scores
        ],
        note=f"{metric_name(facts)}. {metric_meaning(facts)}",
    )


def picture(facts: ReportFacts, *, title: str, subtitle: str) -> str:
    """The comparison as an SVG file of its own, light or dark as the reader's system is: for a README or a slide.

    Raises
    ------
    ValueError
        There is no score to draw.
    """
    scores = _scores(facts)
    if not scores:
        raise ValueError("there is no score to draw")
    svg = _draw_comparison(facts, scores, WIDE).svg()
    edge, head = 30, 64
    width, height = (a + 2 * edge for a in size(svg))
    height += head
    look = f"@media (prefers-color-scheme:dark){{{colour_rules('', DARK)}}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(title)}. {escape(subtitle)}" font-family="{FONT}"><style>{look}</style>'
        f'<rect width="{width}" height="{height}" rx="10" fill="{LIGHT["paper"]}"/>'
        f'<g transform="translate({edge},{edge})">'
        f'<text y="16" font-size="19" font-weight="600" fill="{LIGHT["ink"]}">{escape(title)}</text>'
        f'<text y="40" font-size="13.5" fill="{LIGHT["muted"]}">{escape(subtitle)}</text></g>'
        f'<g transform="translate({edge},{edge + head})">{inside(svg)}</g></svg>\n'
    )


def _scores(facts: ReportFacts) -> list[_Score]:
    """The rows of the comparison, the shipped model first."""
    verdict, style = facts.verdict, ScoreStyle.of(facts)
    found: list[_Score] = []

    def add(label: str, short: str, kind: str, estimate: Estimate | None) -> None:
        if estimate is not None and is_known(estimate.value):
            known = is_known(estimate.low) and is_known(estimate.high)
            ends = (estimate.low, estimate.high) if known else (estimate.value, estimate.value)
            found.append(_Score(label, short, kind, style.estimate(estimate), estimate.value, *ends))

    def add_point(label: str, short: str, kind: str, value: float) -> None:
        found.append(_Score(label, short, kind, style.score(value), value, value, value))

    if verdict.default_kept:
        add("Default settings, kept", "Default, kept", "honest", verdict.honest)
    else:
        add("Tuned model, honest score", "Tuned, honest", "honest", verdict.honest)
    if is_known(facts.naive):
        add_point("Naive score, as most tools report", "Naive score", "naive", facts.naive)
    if not verdict.default_kept:
        add("Default settings", "Default", "default", verdict.default)
    baseline = verdict.baseline
    if baseline is not None and is_known(baseline.score):
        ends = [v for s in found for v in (s.low, s.high)]
        # A guess without a model may be far away; it is drawn only where it leaves room for what matters.
        if ends and min(abs(v - baseline.score) for v in ends) <= 2 * (max(ends) - min(ends)):
            add_point("Plain guess, without a model", "Plain guess", "baseline", baseline.score)
    return found


def _draw_comparison(facts: ReportFacts, scores: Sequence[_Score], width: int) -> Drawing:
    import altair as alt

    narrow = width < 500
    left, right, pitch = (8, 8, 48) if narrow else (232, 172, 38)
    drawing = Drawing(width, left, right, top=4, bottom=46, height=pitch * len(scores) + 4)
    axis = Axis.around([v for s in scores for v in (s.low, s.high)], n_ticks=4 if narrow else 5)
    rows: list[Row] = [
        {"y": pitch * (i + 0.5) + (12 if narrow else 2), "value": s.value, "low": s.low, "high": s.high, "kind": s.kind}
        for i, s in enumerate(scores)
    ]

    def x(field: str) -> Any:
        return measured("X", field, axis, _axis_title(facts, metric_name(facts)))

    y, bottom = placed(), fixed("Y2", drawing.height)
    whiskers = [r for r in rows if r["high"] > r["low"]]
    # The honest interval as a faint column: what lies outside it is not what to expect.
    honest = [r for r in whiskers if r["kind"] == "honest"]
    band = {"x": x("low"), "x2": alt.X2("high"), "y": fixed("Y", 0), "y2": bottom}
    drawing.add("rect", honest, band, fill=LIGHT["honest"], opacity=0.09)
    for kind, colour in (("honest", LIGHT["honest"]), ("default", LIGHT["default"])):
        ends = [r for r in whiskers if r["kind"] == kind]
        line = {"x": x("low"), "x2": alt.X2("high"), "y": y}
        drawing.add("rule", ends, line, color=colour, strokeWidth=2.5, strokeCap="round")
    drawing.symbols(rows, x("value"), y, size=110)
    labels = [{"y": r["y"], "text": s.short if narrow else s.label} for r, s in zip(rows, scores, strict=True)]
    shown = [{"y": r["y"], "text": s.shown} for r, s in zip(rows, scores, strict=True)]
    if narrow:
        drawing.text(labels, 0, align="left", dy=-19)
        drawing.text(shown, drawing.plot, align="right", dy=-19, fontWeight=600)
    else:
        drawing.text(labels, -left, align="left")
        drawing.text(shown, drawing.plot + right, align="right", fontWeight=600)
    return drawing


# -------------------------------------------------------------------------------------------- best so far, over time


def progress(facts: ReportFacts) -> Chart | None:
    """The best naive score over time, with the default's and where the honest score came to lie."""
    style = ScoreStyle.of(facts)
    points = _thinned(_running_best(facts), 300)
    if not points:
        return None
    elapsed = facts.run.elapsed_s if is_known(facts.run.elapsed_s) else 0.0
    end = max(elapsed, points[-1].seconds)
    first, last = points[0], points[-1]
    verb = "rose" if facts.metric.greater_is_better else "fell"
    text = f"The best score so far was {style.score(first.score)} after {duration(first.seconds)}"
    if len(points) > 1:
        text += f" and {verb} to {style.score(last.score)} after {duration(last.seconds)}"
    text += f"; the run ended after {duration(end)}."
    note = "The line is the naive score: it can only get better, so it promises more the longer one looks."
    if facts.verdict.honest is not None:
        note += " The dot beside it is where the honest score came to lie."
    steps = _thinned(points, 25)
    paid = any(is_known(p.money) for p in steps)
    currency = clipped(facts.run.currency, 12)
    return drawn_chart(
        "progress",
        "Best score so far over time",
        text,
        lambda width: _draw_progress(facts, style, points, end, width),
        header=("After", "Best so far (naive)", *(("Spent",) if paid else ())),
        rows=[
            (duration(p.seconds), style.score(p.score), *((money(p.money, currency),) if paid else ())) for p in steps
        ],
        note=note,
    )


def _running_best(facts: ReportFacts) -> list[ProgressPoint]:
    """Only the points at which the best score changed, in time order."""
    kept: list[ProgressPoint] = []
    known = (p for p in facts.progress if is_known(p.score) and is_known(p.seconds))
    for point in sorted(known, key=lambda p: p.seconds):
        if not kept or (facts.better_by(point.score, kept[-1].score) or 0.0) > 0:
            kept.append(point)
    return kept


def _thinned(points: Sequence[ProgressPoint], most: int) -> list[ProgressPoint]:
    """At most so many points, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    return [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]


def _draw_progress(
    facts: ReportFacts, style: ScoreStyle, points: Sequence[ProgressPoint], end: float, width: int
) -> Drawing:
    import altair as alt

    narrow = width < 500
    left, right, height = (50, 82, 190) if narrow else (62, 150, 240)
    drawing = Drawing(width, left, right, top=10, bottom=46, height=height)
    trial = facts.trial(facts.default_trial)
    default = trial.score if trial is not None and is_known(trial.score) else None
    honest = facts.verdict.honest
    ends = [honest.value, honest.low, honest.high] if honest is not None else []
    scores = Axis.around([*(p.score for p in points), default, *ends], n_ticks=4)
    unit, per = ("seconds", 1.0) if end <= 180 else ("minutes", 60.0) if end <= 3 * 3600 else ("hours", 3600.0)
    time = Axis.spanning(0.0, max(end / per, 1e-9), n_ticks=4 if narrow else 6)
    x = measured("X", "t", time, f"{unit} since the start", grid=False)

    def y(field: str) -> Any:
        return measured("Y", field, scores, None)

    line: list[Row] = [{"t": p.seconds / per, "s": p.score} for p in points]
    labels = [("naive best", points[-1].score, "ink")]
    if default is not None:
        drawing.add("rule", [{"s": default}], {"y": y("s")}, color=LIGHT["default"], strokeDash=[5, 4], strokeWidth=1.5)
        labels.append(("naive default", default, "default"))
    path = [*line, {"t": end / per, "s": points[-1].score}]
    drawing.add("line", path, {"x": x, "y": y("s")}, interpolate="step-after", strokeWidth=2, color=LIGHT["ink"])
    drawing.add("point", line, {"x": x, "y": y("s")}, size=20, filled=True, opacity=1, color=LIGHT["ink"])
    if honest is not None and is_known(honest.value):
        at = fixed("X", drawing.plot + 10)
        row = {"s": honest.value, "low": honest.low, "high": honest.high}
        if is_known(honest.low) and is_known(honest.high):
            whisker = {"x": at, "y": y("low"), "y2": alt.Y2("high")}
            drawing.add("rule", [row], whisker, color=LIGHT["honest"], strokeWidth=2.5, strokeCap="round")
        drawing.add("point", [{"s": honest.value}], {"x": at, "y": y("s")},
                    shape="circle", filled=True, opacity=1, size=90, color=LIGHT["honest"])  # fmt: skip
        labels.append(("honest", honest.value, "honest"))
    wanted = [height * (1 - scores.share(score)) for _, score, _ in labels]
    for (word, score, colour), place in zip(labels, apart(wanted, 30 if narrow else 17, 6, height - 6), strict=True):
        shown = style.score(score)
        text: Any = [word, shown] if narrow else f"{word} {shown}"
        row = {"y": place - (7 if narrow else 0), "text": text}
        look = {"fontSize": 12, "fontWeight": 600, "color": LIGHT[colour]}
        drawing.text([row], drawing.plot + 22, align="left", **look)
    return drawing


# ------------------------------------------------------------------------------------------------------ all trials


def trial_scores(facts: ReportFacts) -> Chart | None:
    """Every trial's naive score, by model family, later trials stronger; None with fewer than two scores."""
    scored = [t for t in facts.ranked_trials() if is_known(t.score)]
    if len(scored) < 2:
        return None
    style = ScoreStyle.of(facts)
    families: dict[str, list[TrialFacts]] = {}
    for trial in scored:  # best first, so a family's first trial is its best and families come best first
        families.setdefault(trial.family, []).append(trial)
    rows = [
        (clipped(name, 40), number(len(trials)), style.score(trials[0].score))
        for name, trials in list(families.items())[: 2 * MOST_FAMILIES]
    ]
    text = "; ".join(f"{name}: best {best} of {n}" for name, n, best in rows[:MOST_FAMILIES])
    note = "Scores far off the scale are held at its end as small arrows. In brackets: how many trials."
    if len(scored) > MOST_DOTS:
        note += f" The best {MOST_DOTS // 2} are drawn, and an even choice of the others."
    if len(families) > MOST_FAMILIES:
        note += f" {number(len(families) - MOST_FAMILIES)} more families are left out."
    return drawn_chart(
        "trials",
        "Scores of all trials by family",
        f"Naive {metric_name(facts)} by family. {text}.",
        lambda width: _draw_trials(facts, families, width),
        header=("Family", "Trials", "Best (naive)"),
        rows=rows,
        note=note,
    )


def _chosen_dots(facts: ReportFacts) -> set[int]:
    """Numbers of the trials that are drawn."""
    ranked = [t.number for t in facts.ranked_trials() if is_known(t.score)]
    if len(ranked) <= MOST_DOTS:
        return set(ranked)
    best, others = ranked[: MOST_DOTS // 2], ranked[MOST_DOTS // 2 :]
    even = {others[round(i * (len(others) - 1) / (MOST_DOTS // 2 - 1))] for i in range(MOST_DOTS // 2)}
    return {*best, *even, *(n for n in (facts.shipped_trial, facts.default_trial) if n in set(ranked))}


def _draw_trials(facts: ReportFacts, families: dict[str, list[TrialFacts]], width: int) -> Drawing:
    import altair as alt

    narrow = width < 500
    greater = facts.metric.greater_is_better
    shown = list(families.items())[:MOST_FAMILIES]
    left, right, pitch, drop = (8, 8, 50, 12) if narrow else (150, 24, 38, 0)
    drawing = Drawing(width, left, right, top=6, bottom=46, height=pitch * len(shown) + 4)
    drawn = _chosen_dots(facts)
    special = {facts.default_trial: "default", facts.shipped_trial: "honest"}
    all_scores = {t.number: t.score for _, trials in shown for t in trials if is_known(t.score)}
    keep = [all_scores[n] for n in special if n in all_scores]
    axis = typical_range(list(all_scores.values()), greater_is_better=greater, keep=keep)
    first, last = min(all_scores), max(all_scores)
    dots: list[Row] = []
    for i, (_, trials) in enumerate(shown):
        for t in trials:
            if t.number not in drawn:
                continue
            kind = special.get(t.number, "trial")
            # A fixed shuffle of heights (multiples of the golden ratio) keeps dots apart without chance.
            lift = 0.0 if kind != "trial" else ((t.number * 0.618033988749895) % 1 - 0.5) * 17
            score = all_scores[t.number]
            held = min(max(score, axis.low), axis.high)
            age = (t.number - first) / max(last - first, 1)
            dots.append({"value": held, "y": round(pitch * (i + 0.5) + drop + lift, 1), "kind": kind,
                         "age": round(0.22 + 0.55 * age, 2), "off": held != score})  # fmt: skip
    x = measured("X", "value", axis, _axis_title(facts, f"naive {metric_name(facts)}"))
    y = placed()
    opacity = alt.Opacity("age", type="quantitative", scale=None)
    # A score beyond the axis is a small arrow at its end.
    for off, shape in ((False, "circle"), (True, "triangle-left" if greater else "triangle-right")):
        common = [d for d in dots if d["kind"] == "trial" and d["off"] is off]
        drawing.add("point", common, {"x": x, "y": y, "opacity": opacity},
                    shape=shape, size=34, fill=LIGHT["ink"], stroke=None)  # fmt: skip
    drawing.symbols([d for d in dots if d["kind"] != "trial"], x, y, size=110)
    names = [
        {"y": pitch * (i + 0.5) + drop, "text": f"{clipped(name, 18)}  ({len(trials)})"}
        for i, (name, trials) in enumerate(shown)
    ]
    if narrow:
        drawing.text(names, 0, align="left", dy=-22)
    else:
        drawing.text(names, -left, align="left")
    return drawing


# ------------------------------------------------------------------------------------------------------- fold by fold


def fold_scores(facts: ReportFacts) -> Chart | None:
    """The shipped configuration's score in every fold beside the default's (or the best other trial's)."""
    shipped = facts.trial(facts.shipped_trial)
    if shipped is None or not shipped.fold_scores or not all(map(is_known, shipped.fold_scores)):
        return None
    if facts.verdict.default_kept:
        others = [t for t in facts.ranked_trials() if t.number != shipped.number and is_known(t.score)]
        name, rival_name, rival = "Default, kept", "Best other trial", others[0] if others else None
    else:
        name, rival_name, rival = "Tuned", "Default", facts.trial(facts.default_trial)
    if rival is not None and not (rival.fold_scores and all(map(is_known, rival.fold_scores))):
        rival = None
    ours = shipped.fold_scores[:MOST_FOLDS]
    theirs = rival.fold_scores[: len(ours)] if rival is not None else ()
    ours = ours[: len(theirs)] if theirs else ours
    style = ScoreStyle.of(facts)
    unit = fold_word(facts)
    text = f"{name}: {_listed(style, ours)}."
    if theirs:
        wins = sum((facts.better_by(a, b) or 0.0) > 0 for a, b in zip(ours, theirs, strict=True))
        text += f" {rival_name}: {_listed(style, theirs)}. {name.split(',')[0]} is better in {wins} of {len(ours)}."
    rows = [
        (f"{unit} {k + 1}", style.score(score), *((style.score(theirs[k]),) if theirs else ()))
        for k, score in enumerate(ours)
    ]
    kind = "naive" if facts.verdict.default_kept else "default"
    note = "Windows run from the oldest at the top to the newest." if unit == "Window" else ""
    if theirs:
        note = f"{note} Rows are split the same way for both, so each line is a fair pair.".strip()
    if len(shipped.fold_scores) > len(ours):
        note = f"{note} The first {len(ours)} of {len(shipped.fold_scores)} are shown.".strip()
    return drawn_chart(
        "folds",
        f"Score in every {unit.lower()}",
        text,
        lambda width: _draw_folds(facts, ours, theirs, kind, width),
        header=(unit, name, *((rival_name,) if theirs else ())),
        rows=rows,
        note=note,
    )


def fold_word(facts: ReportFacts) -> str:
    """What one split is called: a window where time runs through the splits."""
    return "Window" if facts.splits is not None and facts.splits.forward else "Fold"


def _listed(style: ScoreStyle, scores: Sequence[float]) -> str:
    shown = ", ".join(style.score(s) for s in scores[:10])
    return shown if len(scores) <= 10 else f"{shown} and {len(scores) - 10} more"


def _draw_folds(
    facts: ReportFacts, ours: Sequence[float], theirs: Sequence[float], rival_kind: str, width: int
) -> Drawing:
    import altair as alt

    narrow = width < 500
    named = len(ours) <= 20
    left = (84 if narrow else 150) if named else 24
    pitch = 30 if len(ours) <= 10 else 20 if named else 10
    drawing = Drawing(width, left, 24, top=6, bottom=46, height=pitch * len(ours) + 4)
    axis = Axis.around([*ours, *theirs], n_ticks=4 if narrow else 6)

    def x(field: str) -> Any:
        return measured("X", field, axis, _axis_title(facts, metric_name(facts)))

    y, dot = placed(), 90 if named else 34
    height = [pitch * (k + 0.5) + 2 for k in range(len(ours))]
    if theirs:
        pairs = [{"y": h, "value": a, "other": b} for h, a, b in zip(height, ours, theirs, strict=True)]
        link = {"x": x("value"), "x2": alt.X2("other"), "y": y}
        drawing.add("rule", pairs, link, color=LIGHT["faint"], strokeWidth=1.5)
        rivals = [{"y": h, "value": b, "kind": rival_kind} for h, b in zip(height, theirs, strict=True)]
        drawing.symbols(rivals, x("value"), y, size=dot)
    shipped = [{"y": h, "value": a, "kind": "honest"} for h, a in zip(height, ours, strict=True)]
    drawing.symbols(shipped, x("value"), y, size=dot)
    if named:
        unit = fold_word(facts)
        names = [{"y": h, "text": f"{unit} {k + 1}"} for k, h in enumerate(height)]
        drawing.text(names, -left, align="left", fontSize=LABEL - 0.5)
    return drawing


def _axis_title(facts: ReportFacts, name: str) -> str:
    """The axis named, with an arrow towards better."""
    return f"{name}, higher is better →" if facts.metric.greater_is_better else f"← {name}, lower is better"

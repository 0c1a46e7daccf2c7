"""The pictures of the full part that rest on an evaluation."""

from __future__ import annotations

from typing import Any

from luthier.report.axes import Axis
from luthier.report.charts import Chart, drawn_chart
from luthier.report.drawing import LIGHT, Drawing, Row, fixed, measured, placed
from luthier.report.figures import clipped, number, plain_value
from luthier.report.reading_words import rows_in_words
from luthier.report.readings import Readings

MOST_SLICES = 6


def reliability(readings: Readings) -> Chart | None:
    """How often came true what was said with which chance."""
    found = readings.calibration
    if found is None or not found.diagram:
        return None
    points: list[Row] = [
        {
            "value": 100 * p.predicted,
            "seen": 100 * p.observed,
            "low": 100 * p.low,
            "high": 100 * p.high,
            "kind": "honest",
        }
        for p in found.diagram
    ]
    rows = [
        (f"{number(p['value'], 1)}", number(p["seen"], 1), f"[{number(p['low'], 1)}, {number(p['high'], 1)}]")
        for p in points
    ]
    return drawn_chart(
        "reliability",
        "Chances as they were said, and how often they came true",
        "; ".join(f"said {said}, came true {seen}" for said, seen, _ in rows) + ", all in percent.",
        lambda width: _draw_reliability(points, width),
        header=("Said, in %", "Came true, in %", "95 % interval"),
        rows=rows,
        note="Each point holds about as many rows as the others. On the line, chances can be taken at their word.",
    )


def _draw_reliability(points: list[Row], width: int) -> Drawing:
    import altair as alt

    narrow = width < 500
    drawing = Drawing(width, 46, 16 if narrow else 220, top=10, bottom=46, height=250 if narrow else 330)
    axis = Axis.spanning(0.0, 100.0, n_ticks=5)
    x = measured("X", "value", axis, "said, in %", grid=False)

    def y(field: str) -> Any:
        return measured("Y", field, axis, None)

    ends = [{"value": 0.0, "seen": 0.0}, {"value": 100.0, "seen": 100.0}]
    drawing.add("line", ends, {"x": x, "y": y("seen")}, color=LIGHT["faint"], strokeDash=[5, 4], strokeWidth=1.5)
    whisker = {"x": x, "y": y("low"), "y2": alt.Y2("high")}
    drawing.add("rule", points, whisker, color=LIGHT["honest"], strokeWidth=2.2, strokeCap="round", opacity=0.75)
    drawing.symbols([{**point, "kind": "honest"} for point in points], x, y("seen"), size=70)
    drawing.text([{"y": 2, "text": "came true, in %"}], 8, align="left", fontSize=11.5, color=LIGHT["muted"])
    return drawing


def worst_slices(readings: Readings) -> Chart | None:
    """The error of the worst parts of the table beside that of the rest."""
    found = readings.slices
    if found is None or not found.findings:
        return None
    worst = found.findings[:MOST_SLICES]
    rows = [(rows_in_words(f.rows), plain_value(f.error), plain_value(f.rest)) for f in worst]
    pairs: list[Row] = [
        {"label": clipped(name, 64), "value": f.error, "other": f.rest}
        for (name, *_), f in zip(rows, worst, strict=True)
    ]
    return drawn_chart(
        "slices",
        f"{found.error.capitalize()} there and elsewhere",
        "; ".join(f"where {where}: {there}, elsewhere {rest}" for where, there, rest in rows) + ".",
        lambda width: _draw_slices(pairs, found.error, width),
        header=("Rows where", f"{found.error.capitalize()} there", "Elsewhere"),
        rows=rows,
        note="Filled: these rows. Ring: all other rows. Further right is worse.",
    )


def _draw_slices(pairs: list[Row], error: str, width: int) -> Drawing:
    import altair as alt

    pitch = 48
    drawing = Drawing(width, 8, 24, top=4, bottom=46, height=pitch * len(pairs) + 4)
    axis = Axis.around([0.0, *(v for p in pairs for v in (p["value"], p["other"]))], n_ticks=5)
    x = {field: measured("X", field, axis, f"{error}, lower is better") for field in ("value", "other")}
    height = [pitch * (k + 0.5) + 10 for k in range(len(pairs))]
    rows = [{**p, "y": h} for p, h in zip(pairs, height, strict=True)]
    link = {"x": x["value"], "x2": alt.X2("other"), "y": placed()}
    drawing.add("rule", rows, link, color=LIGHT["faint"], strokeWidth=1.5)
    drawing.symbols([{**r, "kind": "naive"} for r in rows], x["other"], placed(), size=80)
    drawing.symbols([{**r, "kind": "honest"} for r in rows], x["value"], placed(), size=100)
    wide = 70 if width > 500 else 44
    labels = [{"y": r["y"] - 20, "text": clipped(r["label"], wide)} for r in rows]
    drawing.add("text", labels, {"x": fixed("X", 0), "y": placed(), "text": alt.Text("text", type="nominal")},
                align="left", baseline="middle", fontSize=12.5, color=LIGHT["ink"])  # fmt: skip
    return drawing

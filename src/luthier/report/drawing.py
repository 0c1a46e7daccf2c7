"""From layers of marks to an SVG that stands in a page: Altair builds the specification, vl-convert draws it.

Every drawing is made in the light palette with plain colours, so that the SVG is right wherever it is shown; a style
sheet maps those very colours to variables (`colour_rules`), which is how the same drawing turns dark with the page.
Shapes and words carry what colours carry: the shipped model is a filled circle, the default a square, the naive score a
ring.

Sizes are fixed and padding is explicit, so a layout does not depend on the fonts of the machine that draws it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from luthier.report.axes import Axis
from luthier.report.figures import THIN

# Vermilion against blue: told apart in all common kinds of colour blindness (after Okabe & Ito 2008), and each at least
# 4.5:1 on its paper. The names are those of the style sheet's variables.
LIGHT = {
    "paper": "#fffefc", "ink": "#211d18", "muted": "#6a6257", "rule": "#e6dfd4", "faint": "#b7ad9e",
    "honest": "#b24a12", "default": "#22648f", "moss": "#4c6a12", "plum": "#8a3f78",
}  # fmt: skip
DARK = {
    "paper": "#181614", "ink": "#eee9e1", "muted": "#a79e91", "rule": "#38332d", "faint": "#6b6357",
    "honest": "#f2a15f", "default": "#7fbde3", "moss": "#a9c76a", "plum": "#dd9bc8",
}  # fmt: skip

SHAPES: Mapping[str, tuple[str, bool, str]] = {
    "honest": ("circle", True, "honest"),
    "naive": ("circle", False, "ink"),
    "default": ("square", True, "default"),
    "baseline": ("diamond", False, "muted"),
}
"""Shape, whether it is filled, and colour of each kind of point: the meaning survives without colour."""

FONT = "Helvetica Neue, Arial, sans-serif"
LABEL, SMALL = 12.5, 11.5  # px

Row = dict[str, Any]


@dataclass(slots=True)
class Drawing:
    """Marks laid over each other on a plot of an exact size, with exact room around it (all in px)."""

    width: int
    """Of the whole drawing, padding included."""
    left: int
    right: int
    top: int
    bottom: int
    height: int
    """Of the plot alone."""
    _layers: list[Any] = field(default_factory=list)
    _tables: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def plot(self) -> int:
        """Width of the plot alone."""
        return self.width - self.left - self.right

    def add(self, mark: str, rows: Sequence[Row], encode: Mapping[str, Any], **style: Any) -> None:
        """One layer of marks, one for each row."""
        import altair as alt

        if not rows:
            return
        table = f"t{len(self._tables)}"
        # Tables are named and handed over at the end: Altair copies a chart at every step, its data included.
        self._tables[table] = list(rows)
        chart = alt.Chart(alt.NamedData(table))
        # The drawing as a whole is one image with a name and a description; single marks are silent.
        self._layers.append(getattr(chart, f"mark_{mark}")(aria=False, **style).encode(**encode))

    def symbols(self, rows: Sequence[Row], x: Any, y: Any, *, size: float) -> None:
        """Points, each in the shape and colour of its `kind`."""
        for kind, (shape, filled, name) in SHAPES.items():
            colour, paper = LIGHT[name], LIGHT["paper"]
            self.add(
                "point", [r for r in rows if r["kind"] == kind], {"x": x, "y": y},
                shape=shape, size=size, opacity=1, fill=colour if filled else paper,
                stroke=paper if filled else colour, strokeWidth=1.2 if filled else 1.8,
            )  # fmt: skip

    def text(self, rows: Sequence[Row], left: float, **style: Any) -> None:
        """Words `left` px from the plot's left edge, at the height `y`; a list of words stands on several lines."""
        import altair as alt

        look = {"fontSize": LABEL, "color": LIGHT["ink"], "baseline": "middle", **style}
        words = alt.Text("text", type="nominal")
        self.add("text", rows, {"x": fixed("X", left), "y": placed(), "text": words}, **look)

    def specification(self) -> dict[str, Any]:
        """The drawing as a Vega-Lite specification."""
        import altair as alt

        chart = alt.layer(*self._layers).properties(width=self.plot, height=self.height)
        # Not validated here: no part of it comes from outside, and it would be the user's time. The tests validate.
        spec: dict[str, Any] = chart.to_dict(validate=False)
        spec["datasets"] = self._tables
        spec["padding"] = {"left": self.left, "right": self.right, "top": self.top, "bottom": self.bottom}
        spec["autosize"] = {"type": "none"}
        spec["config"] = _CONFIG
        return spec

    def svg(self) -> str:
        """The drawing as Vega draws it."""
        import vl_convert

        locale = {"decimal": ".", "thousands": THIN, "grouping": [3], "currency": ["", ""], "minus": "\u2212"}
        # No address is allowed, so a specification can never make the renderer fetch anything.
        return str(vl_convert.vegalite_to_svg(self.specification(), allowed_base_urls=[], format_locale=locale))


def start_engine() -> None:
    """Load what draws: the first picture of a process pays for it, a second on a slow machine."""
    import altair as alt  # noqa: F401
    import vl_convert

    vl_convert.vegalite_to_svg({"data": {"values": [{}]}, "mark": "point"}, allowed_base_urls=[])


_CONFIG = {
    "font": FONT,
    "background": "transparent",
    "view": {"stroke": None, "fill": None},
    "axis": {
        "gridColor": LIGHT["rule"], "labelColor": LIGHT["muted"], "titleColor": LIGHT["muted"],
        "labelFontSize": SMALL, "titleFontSize": SMALL, "titleFontWeight": "normal",
        "domain": False, "ticks": False, "labelPadding": 8, "titlePadding": 12,
        "labelOverlap": False, "labelFlush": False, "aria": False,
    },
}  # fmt: skip


def measured(channel: str, field_name: str, axis: Axis, title: str | None, *, grid: bool = True) -> Any:
    """A position that is read off an axis; `channel` is X or Y."""
    import altair as alt

    scale = alt.Scale(domain=[axis.low, axis.high], nice=False, zero=False)
    drawn = alt.Axis(values=list(axis.ticks), format=f",.{axis.decimals}f", title=title, grid=grid)
    return getattr(alt, channel)(field_name, type="quantitative", scale=scale, axis=drawn)


def placed(field_name: str = "y") -> Any:
    """A height given in px from the top of the plot."""
    import altair as alt

    return alt.Y(field_name, type="quantitative", scale=None, axis=None)


def fixed(channel: str, px: float) -> Any:
    """One place for all marks of a layer, in px; `channel` is X, Y, X2 or Y2."""
    import altair as alt

    return getattr(alt, f"{channel}Value")(px)


def colour_rules(scope: str, palette: Mapping[str, str] | None = None) -> str:
    """CSS that recolours drawings under `scope`: to the page's variables, or to the colours of `palette`."""
    return "".join(
        f'{scope}[{attribute}="{colour}"]{{{attribute}:{palette[name] if palette else f"var(--{name})"}}}\n'
        for name, colour in LIGHT.items()
        for attribute in ("fill", "stroke")
    )


def element(svg: str, ident: str, title: str, text: str) -> Markup:
    """The SVG as an element of a page, with a name and a description for those who hear the page."""
    width, height = size(svg)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-labelledby="{ident}-t" aria-describedby="{ident}-d">'
        f'<title id="{ident}-t">{escape(title)}</title><desc id="{ident}-d">{escape(text)}</desc>'
    )
    return Markup(head + inside(svg) + "</svg>")  # noqa: S704 - Vega escapes the text it draws, the rest is escaped here


def size(svg: str) -> tuple[int, int]:
    """Width and height of a drawing in px."""
    found = re.search(r'width="(\d+)(?:\.\d+)?" height="(\d+)(?:\.\d+)?"', svg)
    if found is None:
        raise ValueError("the drawing has no size")
    return int(found[1]), int(found[2])


def inside(svg: str) -> str:
    """What a drawing draws, without the attributes that only scripts and screen readers of single marks would use."""
    body = svg[svg.index(">") + 1 : svg.rindex("</svg>")]
    # Vega writes `&`, `<` and `>` of any text as entities, so what looks like markup below is markup.
    body = re.sub(r"<[a-z][^<>]*>", lambda tag: _ATTRIBUTES.sub("", tag[0]), body)
    body = re.sub(r'<path d="M0,0h0v0h0Z"[^<>]*/?>(?:</path>)?', "", body)
    body = re.sub(r'<path d="" display="none"[^<>]*/?>(?:</path>)?', "", body)
    body = re.sub(r'<path d="[^"]*"/>', "", body)  # a ground without a colour
    while (shorter := body.replace("<g></g>", "")) != body:
        body = shorter
    return body


_ATTRIBUTES = re.compile(
    r' (?:role|aria-[a-z]+|pointer-events|class|stroke-miterlimit)="[^"]*"| opacity="1"| font-weight="normal"'
    r'| stroke-width="1"|(?<=\d\.\d\d)\d+'
)

"""The facts as one page that needs nothing else: no script, no address, no font from elsewhere.

Everything that came from outside (names of columns, levels, errors, paths) passes through `clipped` and through Jinja's
escaping; and should both ever fail, the page's own content policy forbids scripts and every request.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from luthier.evaluation.evidence import Part
from luthier.report import charts, reading_charts, reading_tables, tables
from luthier.report.drawing import DARK, LIGHT, colour_rules, start_engine
from luthier.report.facts import ReportFacts, is_known
from luthier.report.figures import ScoreStyle, clipped, duration, money, number, share
from luthier.report.reading_words import chances, decision_words
from luthier.report.readings import Readings
from luthier.report.words import (
    GLOSSARY,
    confidence_word,
    explored,
    front_page,
    metric_meaning,
    metric_name,
    shipped_words,
    shown_gain,
    shown_optimism,
    spent,
)

TEMPLATE = "report.html.j2"


def prepare() -> None:
    """Pay in advance for what the first report of a process costs beyond the next."""
    environment().get_template(TEMPLATE)
    start_engine()


def render(facts: ReportFacts, parts: Mapping[str, Part] | None = None) -> str:
    """The report as one HTML document, below a megabyte.

    Parameters
    ----------
    facts
        What the page says. Figures that are None are left out or said to be unknown.
    parts
        The parts of an evaluation of the same run, by topic.

    Returns
    -------
    str
        The document. The same facts and parts give the same text.

    Raises
    ------
    ValueError
        The evaluation is not of this run.
    """
    readings = Readings.of(parts or {}, facts)
    style = ScoreStyle.of(facts)
    page = environment().get_template(TEMPLATE)
    html = page.render(
        facts=facts,
        front=front_page(facts, readings),
        readings=readings,
        style=style,
        metric=metric_name(facts),
        meaning=metric_meaning(facts),
        spent=spent(facts),
        explored=explored(facts),
        optimism=shown_optimism(facts, style),
        gain=shown_gain(facts, style),
        comparison=charts.comparison(facts),
        progress=charts.progress(facts),
        trial_scores=charts.trial_scores(facts),
        folds=charts.fold_scores(facts),
        trials=tables.trial_table(facts),
        settings=tables.setting_table(facts),
        members=tables.member_table(facts),
        shipped=shipped_words(facts),
        columns=tables.column_table(facts),
        families=tables.family_table(facts),
        notes=facts.data.notes[: tables.MOST_NOTES],
        sources=facts.data.sources[: tables.MOST_SOURCES],
        front_chances=chances(readings),
        decides=decision_words(facts),
        calibration=reading_tables.calibration_grid(readings),
        reliability=reading_charts.reliability(readings),
        recalibrators=reading_tables.recalibrator_grid(readings),
        metrics=reading_tables.metric_grid(readings),
        confusion=reading_tables.confusion_grid(readings),
        margins=reading_tables.margin_grid(readings),
        worst_slices=reading_charts.worst_slices(readings),
        slices=reading_tables.slice_grid(readings),
        groups=reading_tables.group_grids(readings),
        drivers=reading_tables.driver_grid(readings),
        dependences=reading_tables.dependence_grids(readings),
        course=reading_tables.course_grid(readings),
        learning_curve=reading_tables.learning_curve_grid(readings),
        stability=reading_tables.stability_grid(readings),
        importance=reading_tables.importance_grid(readings),
        glossary=GLOSSARY,
        **looks(),
    )
    return writable(html)


def looks() -> dict[str, Markup]:
    """What the style sheet asks for: the colours of the page, light and dark, and the rules that recolour drawings."""
    # Markup: constants of ours, in which quotation marks must stay what they are.
    return {
        "palette_light": Markup(_variables(LIGHT)),  # noqa: S704
        "palette_dark": Markup(_variables(DARK)),  # noqa: S704
        "colour_rules": Markup(colour_rules("svg ")),  # noqa: S704
    }


def writable(html: str) -> str:
    """The page without lone surrogates (of a file name that is not UTF-8, say), which no file takes."""
    return html.encode("utf-8", "replace").decode()


def _variables(palette: dict[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in palette.items())


@functools.cache
def environment() -> Environment:
    """Templates with the filters that write numbers and names."""
    made = Environment(
        loader=PackageLoader("luthier.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "name": lambda text, limit=tables.NAME: clipped(str(text), limit),
        "count": number,
        "duration": duration,
        "money": money,
        "share": share,
        "level": confidence_word,
        "lines": _printable_lines,
    }
    made.tests |= {"known": is_known}
    return made


def _printable_lines(text: str, most: int = 60) -> str:
    """Code ready to paste: line breaks kept, other control characters not."""
    return "\n".join("".join(c if c.isprintable() else " " for c in line[:400]) for line in text.splitlines()[:most])

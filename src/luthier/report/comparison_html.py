"""A comparison as one page that needs nothing else, in the looks of the tuning report."""

from __future__ import annotations

from luthier.report.comparison_charts import curves, ranks
from luthier.report.comparison_facts import ComparisonFacts
from luthier.report.comparison_tables import contender_rows, exploration_rows, reach_table
from luthier.report.comparison_words import GLOSSARY, comparison_page, comparison_style
from luthier.report.html import environment, looks, writable
from luthier.report.words import metric_meaning, metric_name


def render_comparison(facts: ComparisonFacts) -> str:
    """The comparison as one HTML document without scripts, below a megabyte.

    Parameters
    ----------
    facts
        What the page says.

    Returns
    -------
    str
        The document. The same facts give the same text.
    """
    heads, reached = reach_table(facts)
    html = (
        environment()
        .get_template("comparison.html.j2")
        .render(
            facts=facts,
            comparison=facts.comparison,
            page=comparison_page(facts),
            style=comparison_style(facts),
            metric=metric_name(facts),
            meaning=metric_meaning(facts),
            curves=curves(facts),
            ranks=ranks(facts),
            contenders=contender_rows(facts),
            exploration=exploration_rows(facts),
            reach_heads=heads,
            reached=reached,
            glossary=GLOSSARY,
            **looks(),
        )
    )
    return writable(html)

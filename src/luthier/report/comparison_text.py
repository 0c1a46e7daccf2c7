"""The end of a comparison in a few plain lines: the same figures in the same words as the page."""

from __future__ import annotations

from luthier.report.comparison_facts import ComparisonFacts
from luthier.report.comparison_tables import contender_rows
from luthier.report.comparison_words import comparison_style
from luthier.report.figures import NBSP, THIN, duration, number
from luthier.report.words import metric_name


def comparison_summary(facts: ComparisonFacts) -> list[str]:
    """The advice, one line for each strategy, and what sharing fits has saved."""
    comparison, style = facts.comparison, comparison_style(facts, group="")
    lines = [comparison.advice]
    rows = contender_rows(facts)
    widest = max(len(row.name) for row in rows)
    for row, c in zip(rows, comparison.contenders, strict=True):
        behind = "" if c.behind is None else f", {style.score(c.behind.value)} behind"
        if c.behind is not None and not c.surely_behind:
            behind += " (luck may explain it)"
        lines.append(f"  {row.name:<{widest}}  {style.score(c.score.value)}  rank {number(c.rank.value, 2)}{behind}")
    lines.append(f"  scores are {metric_name(facts)} of the best so far, for comparing only")
    lines.append(f"  {saving_words(facts)}")
    # Narrow and no-break spaces are for the page; a terminal may not have them.
    return [line.replace(NBSP, " ").replace(THIN, "").replace("\u2212", "-") for line in lines]


def saving_words(facts: ComparisonFacts) -> str:
    """What fitting once for all has saved, as one line."""
    apart = facts.fits + facts.saved_fits
    return (
        f"{number(facts.fits, group='')} fits in {duration(facts.elapsed_s)}; run apart it would have been "
        f"{number(apart, group='')}: {number(facts.saved_fits, group='')} fits and {duration(facts.saved_s)} saved"
    ).replace(NBSP, " ")

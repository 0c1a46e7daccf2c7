"""A comparison of live rows with their reference as a table for notebooks and pages."""

from __future__ import annotations

from luthier.monitoring import Drift
from luthier.report.drift_words import drift_headline, drift_lead, drift_note, drift_rows
from luthier.report.html import environment, writable

MOST_ROWS = 30
"""Columns shown; those that alarm come first, and are always shown."""


def render_drift_table(drift: Drift) -> str:
    """The verdict and the columns as an HTML fragment without scripts, in the colours of the page it stands on."""
    rows = drift_rows(drift)
    shown = max(MOST_ROWS, sum(row.alarms for row in rows))
    template = environment().get_template("drift_table.html.j2")
    html = template.render(
        headline=drift_headline(drift),
        lead=drift_lead(drift),
        rows=rows[:shown],
        hidden=max(0, len(rows) - shown),
        note=drift_note(drift),
    )
    return writable(html)

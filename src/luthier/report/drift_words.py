"""What a comparison of live rows with their reference says to people."""

from __future__ import annotations

from dataclasses import dataclass

from luthier.monitoring import ColumnDrift, Drift
from luthier.report.figures import UNKNOWN, clipped, number, share

SAID = {
    "drifted": "drifted",
    "changed": "changed",
    "small": "moved, too little to matter",
    "steady": "steady",
    "not compared": "not compared",
}


@dataclass(frozen=True, slots=True)
class DriftRow:
    """A column as it stands in a table."""

    name: str
    verdict: str
    said: str
    alarms: bool
    effect: str
    q: str
    words: str


def drift_headline(drift: Drift) -> str:
    """The outcome in a sentence."""
    names = drift.drifted_columns
    if names:
        shown = ", ".join(clipped(name, 40) for name in names[:3])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return f"{len(names)} of {len(drift.columns)} columns drifted: {shown}{more}"
    if drift.together:
        return "No single column drifted, but the columns together did"
    return "Nothing that matters has drifted"


def drift_lead(drift: Drift) -> str:
    """On how many rows it rests, and what all columns together say."""
    rows = f"{number(drift.n_current)} rows against {number(drift.n_reference)} of the reference."
    tested = drift.multivariate
    if tested.n == 0:
        return rows
    if not drift.together:
        return f"{rows} A classifier cannot tell them apart to an extent that matters (AUC {tested.auc:.2f})."
    ranked = sorted(zip(tested.importance, _compared(drift), strict=True), key=lambda pair: -pair[0])
    by = ", ".join(clipped(name, 40) for weight, name in ranked[:3] if weight > 0)
    return f"{rows} A classifier tells them apart (AUC {tested.auc:.2f}, p = {probability(tested.p)}), mostly by {by}."


def drift_rows(drift: Drift) -> list[DriftRow]:
    """Every column, those that alarm first and among them the farthest moved."""
    order = {name: k for k, name in enumerate(drift.drifted_columns)}
    rank = {"small": 1, "steady": 2, "not compared": 3}
    ranked = sorted(drift.columns, key=lambda c: (rank.get(c.verdict, 0), order.get(c.name, 0)))
    return [_row(column) for column in ranked]


def drift_note(drift: Drift) -> str:
    """How to read the verdicts."""
    return (
        f"A column drifts if chance is an unlikely reason (at most {share(drift.level)} of batches without drift raise "
        f"any alarm over all columns) and at least {share(drift.least_effect)} of the rows differ. Rows are taken as "
        "independent of each other."
    )


def drift_summary(drift: Drift) -> list[str]:
    """The outcome in a few lines of plain text."""
    lines = [drift_headline(drift), drift_lead(drift)]
    moved = [row for row in drift_rows(drift) if row.verdict in {"drifted", "changed", "small"}]
    width = max((len(clipped(row.name, 40)) for row in moved), default=0)
    for row in moved:
        lines.append(
            f"  {clipped(row.name, 40):<{width}}  {row.said:<27}  effect {row.effect:>5}  {clipped(row.words, 120)}"
        )
    skipped = [row for row in drift_rows(drift) if row.verdict == "not compared"]
    lines += [f"  {clipped(row.name, 40):<{width}}  not compared: {row.words}" for row in skipped[:6]]
    if drift.extra:
        lines.append(f"  not in the reference: {', '.join(clipped(name, 40) for name in drift.extra[:6])}")
    return [line.replace("\u202f", " ").replace("\u00a0", " ") for line in lines]


def probability(p: float) -> str:
    """A p-value in two significant digits.

    >>> probability(0.0312), probability(1e-9), probability(1.0)
    ('0.031', '< 0.0001', '1')
    """
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def _row(column: ColumnDrift) -> DriftRow:
    known = column.verdict != "not compared"
    return DriftRow(
        column.name,
        column.verdict,
        SAID[column.verdict],
        column.alarms,
        share(max(column.effect, *(getattr(column, name).effect for name in column.speaks), 0.0)) if known else UNKNOWN,
        probability(column.q) if known else UNKNOWN,
        column.words(),
    )


def _compared(drift: Drift) -> list[str]:
    return [column.name for column in drift.columns if column.verdict != "not compared"]

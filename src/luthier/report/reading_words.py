"""The sentences that rest on an evaluation: for whom the model fails, and what its chances are worth."""

from __future__ import annotations

from luthier.data.slices import Condition, Slice
from luthier.evaluation.slices.findings import SliceFinding, Slices
from luthier.report.facts import ReportFacts
from luthier.report.figures import clipped, duration, number, plain_value, share
from luthier.report.readings import Readings

MOST_SAID = 3
"""Slices that are put in words; the full part has them all."""
NAME = 40
LOOSE = 0.05
"""Points of chance that may hide in the noise without a word."""


def rows_in_words(rows: Slice) -> str:
    """The rows of a slice as one would say it: `region is west and age is 52 or more`."""
    return " and ".join(_condition(condition) for condition in rows.conditions)


def _condition(condition: Condition) -> str:
    name = clipped(condition.column.replace("_", " "), NAME)
    if condition.missing:
        return f"{name} is not known"
    if condition.level is not None:
        return f"{name} is {clipped(condition.level, NAME)}"
    if condition.low is None:
        return f"{name} is below {plain_value(condition.high)}"
    if condition.high is None:
        return f"{name} is {plain_value(condition.low)} or more"
    return f"{name} is from {plain_value(condition.low)} to {plain_value(condition.high)}"


def for_whom(readings: Readings | None) -> tuple[str, ...]:
    """For whom the model fails, each a short sentence; empty where nobody looked."""
    found = None if readings is None else readings.slices
    if found is None:
        return ()
    if not found.enough:
        return ("There are too few rows to see if it does worse for some than for others.",)
    if not found.findings:
        return (
            "No part of the table does worse than the rest by more than luck.",
            f"We looked at {number(found.n_searched)} parts. A very small one may still hide from us.",
        )
    said = [_finding(found, finding) for finding in found.findings[:MOST_SAID]]
    if len(found.findings) > MOST_SAID:
        said.append(f"The full part has {number(len(found.findings) - MOST_SAID)} more.")
    return tuple(said)


def _finding(found: Slices, finding: SliceFinding) -> str:
    where = f"{rows_in_words(finding.rows)} ({number(finding.n)} rows, {share(finding.share)} of all)"
    if found.is_share:
        # Rounded apart, a share inside and the rest must not read the same.
        return (
            f"Where {where}, it is wrong in {number(100 * finding.error, 0 if finding.error >= 0.1 else 1)} of 100 "
            f"cases. Elsewhere it is wrong in {number(100 * finding.rest, 0 if finding.rest >= 0.1 else 1)}."
        )
    return (
        f"Where {where}, it is off by {plain_value(finding.error)} on average. "
        f"Elsewhere it is off by {plain_value(finding.rest)}."
    )


def chances(readings: Readings | None) -> tuple[str, ...]:
    """Whether a stated chance can be taken at its word; empty where no chances are stated."""
    found = None if readings is None else readings.calibration
    if found is None:
        return ()
    error, mended = found.error, found.error_after
    if mended is not None:
        before = number(100 * error.typical, 1)
        return (f"The chances it gave were off by about {before} points of 100; that has been put right.",)
    if error.is_off:
        return (f"The chances it gives are off by about {number(100 * error.typical, 1)} points of 100.",)
    taken = "The chances it gives can be taken as they are: if it says 70 of 100, about 70 come true."
    _, most = error.typical_range
    if most < LOOSE:
        return (taken,)
    return (taken, f"They may still be off by up to {number(100 * most, 0)} points; the rows do not tell.")


def more_time(readings: Readings | None) -> str | None:
    """Whether a longer run is worth a try; None where nobody looked."""
    found = None if readings is None else readings.course
    if found is None or found.doubling is None:
        return None
    if found.rises_on:
        return "Give it more time: the score was still getting better when the run ended."
    return f"A longer run will likely bring little: the score stopped rising after {duration(found.enough.seconds)}."


def advice(readings: Readings | None) -> tuple[str, ...]:
    """What to do about what was found, most useful first."""
    found = None if readings is None else readings.slices
    if found is None or not found.findings:
        return ()
    where = rows_in_words(found.findings[0].rows)
    return (f"Where {where}, let a person check its answers. More such rows to learn from would help.",)


def decision_words(facts: ReportFacts) -> str:
    """Where the model cuts, and why; empty where it decides for no class."""
    final = facts.final
    if final is None or facts.data.task != "binary":
        return ""
    positive = clipped(facts.data.positive or "positive", NAME)
    why = f": {final.rule}" if final.rule else ", as nobody asked for another"
    return f"A case is called {positive} when its chance is above {number(final.threshold, 3)}{clipped(why, 160)}."

"""The tables of the full part that rest on an evaluation, as rows of ready words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from luthier.evaluation.groups import GroupedBy
from luthier.evaluation.operating import OperatingPoint
from luthier.evaluation.stability import CHANGES, WRONG_LABELS
from luthier.evaluation.words import with_interval
from luthier.report.figures import UNKNOWN, clipped, duration, number, plain_value, share
from luthier.report.reading_words import rows_in_words
from luthier.report.readings import Readings
from luthier.report.tables import NAME
from luthier.report.words import name_of_metric
from luthier.scoring.estimate import Estimate

MOST_CLASSES = 12
"""Classes of a confusion matrix that is shown as one; of more, the most frequent confusions are listed."""
MOST_CONFUSIONS, MOST_SLICES, MOST_DRIVERS = 20, 20, 20

Cells = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of words: what heads its columns, and its rows, of which `strong` are set off."""

    title: str
    header: tuple[str, ...]
    rows: Cells
    strong: tuple[int, ...] = ()
    note: str = ""


def interval(estimate: Estimate, decimals: int = 3) -> str:
    """`[0.825, 0.858]`; a dash where there is none."""
    if not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
        return UNKNOWN
    return f"[{number(estimate.low, decimals)}, {number(estimate.high, decimals)}]"


def metric_grid(readings: Readings) -> Grid | None:
    """Every usual metric at the operating point."""
    point = readings.operating
    if point is None:
        return None
    rows = tuple(
        (name_of_metric(name), plain_value(e.value), f"[{plain_value(e.low)}, {plain_value(e.high)}]", number(e.n))
        for name, e in point.metrics.items()
    )
    return Grid("All usual metrics, as expected on new rows", ("Metric", "Value", "95 % interval", "Rests on"), rows)


def confusion_grid(readings: Readings) -> Grid | None:
    """What is taken for what: a matrix of few classes, the most frequent confusions of many."""
    point = readings.operating
    if point is None or not point.confusion:
        return None
    names = list(dict.fromkeys(cell.true for cell in point.confusion))
    return _matrix(point, names) if len(names) <= MOST_CLASSES else _confusions(point)


def _matrix(point: OperatingPoint, names: list[str]) -> Grid:
    cells = {(cell.true, cell.decided): cell for cell in point.confusion}
    called = list(dict.fromkeys(cell.decided for cell in point.confusion))
    rows = tuple(
        (
            clipped(true, NAME),
            *(f"{number(cells[true, name].n)} ({share(cells[true, name].share, 1)})" for name in called),
        )
        for true in names
    )
    header = ("Truly", *(f"called {clipped(name, 24)}" for name in called))
    return Grid("What is taken for what", header, rows, note="In brackets: the share of the rows of the true class.")


def _confusions(point: OperatingPoint) -> Grid:
    wrong = sorted((c for c in point.confusion if c.true != c.decided and c.n > 0), key=lambda cell: -cell.n)
    rows = tuple(
        (clipped(c.true, NAME), clipped(c.decided, NAME), number(c.n), share(c.share, 1))
        for c in wrong[:MOST_CONFUSIONS]
    )
    return Grid("The most frequent confusions", ("Truly", "Called", "Rows", "Of the true class"), rows)


def calibration_grid(readings: Readings) -> Grid | None:
    """How far chances are from what happened, before and after recalibration, and class by class."""
    found = readings.calibration
    if found is None:
        return None
    errors = {"As the models give them": found.error}
    if found.error_after is not None:
        errors["After recalibration, as you get them"] = found.error_after
    errors |= {f"Of {clipped(name, NAME)}": error for name, error in list(found.by_class.items())[:MOST_CLASSES]}
    rows = tuple(
        (
            name,
            number(100 * e.typical, 1),
            f"[{number(100 * e.typical_range[0], 1)}, {number(100 * e.typical_range[1], 1)}]",
            number(100 * math.sqrt(e.plug_in), 1),
        )
        for name, e in errors.items()
    )
    header = ("Chances", "Off by, in points of 100", "95 % interval", "Noise left in")
    return Grid("How far chances are off", header, rows, note="Noise left in: what most tools would report.")


def recalibrator_grid(readings: Readings) -> Grid | None:
    """What every recalibrator would have brought."""
    found = None if readings.calibration is None else readings.calibration.recalibration
    if found is None or not found.gains:
        return None
    names = list(found.gains)
    rows = tuple(
        (name.replace("_", " "), number(found.gains[name].value, 4), interval(found.gains[name], 4)) for name in names
    )
    strong = (names.index(found.chosen),) if found.chosen in names else ()
    header = ("Recalibrator", "Lowers the log loss by", "95 % interval")
    return Grid("What recalibration would bring", header, rows, strong, f"{found.sentence.capitalize()}.")


def margin_grid(readings: Readings) -> Grid | None:
    """How far predicted values may be off."""
    if readings.intervals is None or not readings.intervals.margins:
        return None
    rows = tuple(
        (
            share(m.level),
            f"{plain_value(m.below)} to {plain_value(m.above)}",
            f"{share(m.coverage.value, 1)} ({share(m.coverage.low, 1)} to {share(m.coverage.high, 1)})",
        )
        for m in readings.intervals.margins
    )
    return Grid("How far off predictions may be", ("Of all cases", "Truth less prediction", "Covered in replays"), rows)


def course_grid(readings: Readings) -> Grid | None:
    """What would have been chosen had the search ended earlier."""
    found = readings.course
    if found is None:
        return None
    rows = tuple(
        (
            duration(stop.seconds),
            number(stop.trials),
            f"{plain_value(stop.honest.value)} {interval(stop.honest)}",
            plain_value(stop.naive),
            "the last" if stop is found.stops[-1] else share(stop.as_good),
        )
        for stop in found.stops
    )
    strong = (found.stops.index(found.enough),)
    header = ("Ended after", "Trials to the end", "Honest score", "Naive", "Chance to be as good as the last")
    note = "Set off: where the score stopped rising by more than luck. Of the best single model at each moment."
    return Grid("Had the search ended earlier", header, rows, strong, note)


def learning_curve_grid(readings: Readings) -> Grid | None:
    """What fewer rows would have cost."""
    found = readings.learning_curve
    if found is None:
        return None
    rows = tuple((number(point.rows), plain_value(point.lost.value), interval(point.lost, 4)) for point in found.points)
    head = ("Rows learned from", f"{name_of_metric(found.metric)} worse by", f"{share(found.doubling.level)} interval")
    return Grid("Had there been fewer rows", head, rows, note=f"Beside {number(found.rows)} rows of a fold.")


def stability_grid(readings: Readings) -> Grid | None:
    """What luck changes."""
    found = readings.stability
    if found is None:
        return None
    rows = tuple(
        (CHANGES[name], share(one.value, 1), f"{share(max(one.low, 0.0), 1)} to {share(one.high, 1)}")
        for name, one in found.changed.items()
    )
    head = ("Changed by", "Decisions" if found.decisions else "Share of the usual error", "90 % interval")
    note = (
        f"With {share(WRONG_LABELS)} of the training labels wrong, {name_of_metric(found.metric)} would be worse by "
        f"{with_interval(found.wrong_labels)}."
    )
    return Grid("What hangs on luck", head, rows, note=note)


def importance_grid(readings: Readings) -> Grid | None:
    """Which settings decided the score."""
    found = readings.settings
    if found is None:
        return None
    rows = tuple(
        (
            clipped(one.name, NAME),
            share(one.share),
            f"{share(one.low)} to {share(one.high)}",
            "yes" if one.matters else "not told from chance",
        )
        for one in found.settings
    )
    strong = tuple(i for i, one in enumerate(found.settings) if one.matters)
    note = (
        f"Share of the differences between {number(found.n_trials)} trials that a setting explains by itself; what "
        "settings do only together is in no share."
    )
    return Grid("Which settings mattered", ("Setting", "Share", "90 % interval", "Mattered"), rows, strong, note)


def driver_grid(readings: Readings) -> Grid | None:
    """What the answers rest on."""
    found = readings.drivers
    if found is None:
        return None
    rows = tuple(
        (clipped(one.column, NAME), plain_value(one.drop), f"[{plain_value(one.low)}, {plain_value(one.high)}]")
        for one in found.columns[:MOST_DRIVERS]
    )
    strong = tuple(i for i, one in enumerate(found.columns[:MOST_DRIVERS]) if one.matters)
    left = len(found.columns) - len(rows)
    note = "Set off: told to matter. Columns that say the same share it between them." + (
        f" {number(left)} columns that matter less are left out." if left else ""
    )
    head = ("Column", f"{name_of_metric(found.metric)} gets worse without it by", "95 % interval")
    return Grid("What the answers rest on", head, rows, strong, note)


def dependence_grids(readings: Readings) -> tuple[Grid, ...]:
    """How the answers move with the columns that matter most."""
    found = readings.drivers
    if found is None:
        return ()
    return tuple(
        Grid(
            f"With {clipped(one.column, NAME)} set to",
            ("Value", found.answer, "95 % interval"),
            tuple(
                (clipped(p.value, NAME), plain_value(p.mean), f"[{plain_value(p.low)}, {plain_value(p.high)}]")
                for p in one.dependence
            ),
        )
        for one in found.columns
        if one.dependence
    )


def slice_grid(readings: Readings) -> Grid | None:
    """The parts of the table that do worse."""
    found = readings.slices
    if found is None or not found.findings:
        return None
    rows = tuple(
        (
            rows_in_words(f.rows),
            f"{number(f.n)} ({share(f.share, 1)})",
            plain_value(f.error),
            plain_value(f.rest),
            f"{plain_value(f.surplus.value)} [{plain_value(f.surplus.low)}, {plain_value(f.surplus.high)}]",
            "less than 0.001" if f.p < 0.001 else number(f.p, 3),
        )
        for f in found.findings[:MOST_SLICES]
    )
    header = ("Rows where", "Rows", f"{found.error.capitalize()} there", "Elsewhere", "Surplus", "p")
    left_out = len(found.findings) - len(rows)
    return Grid(
        "Parts of the table that do worse", header, rows, note=f"{left_out} more are left out." * (left_out > 0)
    )


def group_grids(readings: Readings) -> tuple[Grid, ...]:
    """For every column that was named, the rates of its groups and how far apart they are."""
    return () if readings.groups is None else tuple(_grouped(by) for by in readings.groups.by)


def _grouped(by: GroupedBy) -> Grid:
    names = list(by.sizes)
    gaps = {gap.rate: gap for gap in by.gaps}

    def cell(of: Mapping[str, Estimate], name: str) -> str:
        return f"{plain_value(of[name].value)} {interval(of[name])}" if name in of else UNKNOWN

    rows = []
    for rate, of in by.rates.items():
        gap = gaps.get(rate)
        apart = UNKNOWN if gap is None else f"{number(gap.difference.value, 3)} {interval(gap.difference)}"
        rows.append((rate, *(cell(of, name) for name in names), apart))
    header = ("Rate", *(f"{clipped(name, 24) or 'missing'} ({number(n)})" for name, n in by.sizes.items()), "Apart by")
    strong = tuple(i for i, rate in enumerate(by.rates) if rate in gaps and gaps[rate].is_there)
    note = "Strong lines: the groups differ beyond chance. Intervals hold for all groups and rates at once."
    return Grid(f"Groups by {clipped(by.column, NAME)}", header, tuple(rows), strong, note)

"""What a model must show before it is released: the limits of a project, held against what was measured.

A gate whose fact nobody has measured is not met: a promise that was not checked is not kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from luthier.errors import BadSettings
from luthier.scoring import Estimate

Bound = Literal["at least", "at most"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a model that is to be released; None for what was not measured.

    Attributes
    ----------
    metric, greater_is_better
        Of the scores below.
    honest
        The score after selection.
    calibration_error
        Debiased calibration error, in [0, 1].
    worst_slice
        The score of the slice of rows for which the model does worst.
    findings
        What the checks found, as their JSON values: `code`, `severity`, `title`.
    waived
        Codes of findings somebody answers for.
    ms_per_1000_rows, size_mb
        Milliseconds to answer 1,000 rows in one call; millions of bytes of the model's files.
    """

    metric: str
    greater_is_better: bool
    honest: Estimate | None = None
    calibration_error: float | None = None
    worst_slice: Estimate | None = None
    findings: Sequence[Mapping[str, Any]] | None = None
    waived: frozenset[str] = frozenset()
    ms_per_1000_rows: float | None = None
    size_mb: float | None = None

    @property
    def open_errors(self) -> list[str] | None:
        """Codes of findings of severity "error" that nobody has waived."""
        if self.findings is None:
            return None
        return [f["code"] for f in self.findings if f["severity"] == "error" and f["code"] not in self.waived]


@dataclass(frozen=True, slots=True)
class GateResult:
    """Whether one gate was met, in numbers and in a sentence."""

    gate: str
    limit: float | bool
    measured: float | None
    passed: bool
    why: str

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "gate": self.gate,
            "limit": self.limit,
            "measured": self.measured,
            "passed": self.passed,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Gates:
    """The limits of a project, by the names below; a limit that is not set is no gate.

    `min_honest_low`, `max_honest_high`
        Ends of the honest score's interval: the lower end for metrics where more is better, the upper one for losses.
    `max_calibration_error`
        Debiased calibration error.
    `min_worst_slice_low`, `max_worst_slice_high`
        The same ends of the interval of the worst slice's score.
    `no_open_errors`
        true: no finding of severity "error" that nobody has waived.
    `max_ms_per_1000_rows`, `max_size_mb`
        What the model may cost.
    """

    limits: Mapping[str, float | bool]

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Gates:
        """Read the section `[gates]` of `luthier.toml`.

        Raises
        ------
        BadSettings
            A gate does not exist, or its limit is not a number (not true or false, for `no_open_errors`).
        """
        for gate, limit in settings.items():
            if gate not in GATES:
                raise BadSettings(f"[gates] knows no gate {gate!r}", fix=f"choose from: {', '.join(GATES)}")
            wants_bool = gate == "no_open_errors"
            is_number = isinstance(limit, (int, float)) and not isinstance(limit, bool) and math.isfinite(limit)
            if not (isinstance(limit, bool) if wants_bool else is_number):
                raise BadSettings(
                    f"[gates] {gate} = {limit!r} is not {'true or false' if wants_bool else 'a number'}",
                    fix=f"write {gate} = {'true' if wants_bool else '0.8'}, or leave the line out",
                )
        return cls({gate: limit for gate, limit in settings.items() if limit is not False})

    def check(self, measured: Measured) -> tuple[GateResult, ...]:
        """Hold every limit against what was measured, in the order of the settings."""
        return tuple(GATES[gate](gate, limit, measured) for gate, limit in self.limits.items())


def _within(gate: str, limit: float, value: float | None, bound: Bound, what: str, measure: str) -> GateResult:
    """Hold a number against its limit; `measure` says how to come by it where it is missing."""
    if value is None or math.isnan(value):
        return GateResult(gate, limit, None, False, f"{what} was not measured: {measure}")
    passed = value >= limit if bound == "at least" else value <= limit
    says = f"{what} is {value:.6g}, and {'must' if not passed else 'may'} be {bound} {limit:.6g}"
    return GateResult(gate, limit, value, passed, says)


def _end(estimate: Estimate | None, bound: Bound) -> float | None:
    return None if estimate is None else estimate.low if bound == "at least" else estimate.high


def _score_gate(gate: str, limit: float, measured: Measured, bound: Bound, what: str, part: str) -> GateResult:
    """Hold the cautious end of a score's interval against its limit, if that is the end that says how bad it may be."""
    if measured.greater_is_better != (bound == "at least"):
        other = f"max_{part}_high" if bound == "at least" else f"min_{part}_low"
        better = "higher" if measured.greater_is_better else "lower"
        why = f"of {measured.metric} the {better} is the better, so this limit says nothing: set {other} instead"
        return GateResult(gate, limit, None, False, why)
    estimate = measured.honest if part == "honest" else measured.worst_slice
    measure = "tune again" if part == "honest" else "evaluate the study first"
    end = "lower" if bound == "at least" else "upper"
    return _within(gate, limit, _end(estimate, bound), bound, f"the {end} end of {what}", measure)


def _honest_low(gate: str, limit: float, measured: Measured) -> GateResult:
    return _score_gate(gate, limit, measured, "at least", f"the honest {measured.metric}", "honest")


def _honest_high(gate: str, limit: float, measured: Measured) -> GateResult:
    return _score_gate(gate, limit, measured, "at most", f"the honest {measured.metric}", "honest")


def _slice_low(gate: str, limit: float, measured: Measured) -> GateResult:
    return _score_gate(gate, limit, measured, "at least", f"the worst slice's {measured.metric}", "worst_slice")


def _slice_high(gate: str, limit: float, measured: Measured) -> GateResult:
    return _score_gate(gate, limit, measured, "at most", f"the worst slice's {measured.metric}", "worst_slice")


def _calibration(gate: str, limit: float, measured: Measured) -> GateResult:
    error = measured.calibration_error
    return _within(gate, limit, error, "at most", "the calibration error", "evaluate the study first")


def _errors(gate: str, limit: float | bool, measured: Measured) -> GateResult:
    if (codes := measured.open_errors) is None:
        return GateResult(gate, limit, None, False, "the checks were not run: check the study's table first")
    if not codes:
        return GateResult(gate, limit, 0, True, "no finding of severity error is open")
    why = f"{len(codes)} findings of severity error are open: {', '.join(codes)}; mend them, or answer for them by name"
    return GateResult(gate, limit, len(codes), False, why)


def _latency(gate: str, limit: float, measured: Measured) -> GateResult:
    what = "the time to answer 1,000 rows (ms)"
    return _within(gate, limit, measured.ms_per_1000_rows, "at most", what, "tune again")


def _size(gate: str, limit: float, measured: Measured) -> GateResult:
    return _within(gate, limit, measured.size_mb, "at most", "the size of the model (MB)", "tune again")


GATES = {
    "min_honest_low": _honest_low,
    "max_honest_high": _honest_high,
    "max_calibration_error": _calibration,
    "min_worst_slice_low": _slice_low,
    "max_worst_slice_high": _slice_high,
    "no_open_errors": _errors,
    "max_ms_per_1000_rows": _latency,
    "max_size_mb": _size,
}
"""Every gate there is, by its name in `luthier.toml`."""

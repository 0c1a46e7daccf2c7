"""What was read off a study's predictions, as a report shows it: one verdict, and no block that contradicts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from luthier.evaluation.audit import Audit
from luthier.evaluation.balancing import Balancing
from luthier.evaluation.calibration import Calibration
from luthier.evaluation.course import Course
from luthier.evaluation.drivers import Drivers
from luthier.evaluation.evidence import Part, Unanswered
from luthier.evaluation.generalisation import Generalisation
from luthier.evaluation.groups import Groups
from luthier.evaluation.importance import Importance
from luthier.evaluation.intervals import Intervals
from luthier.evaluation.learning_curve import LearningCurve
from luthier.evaluation.operating import OperatingPoint
from luthier.evaluation.slices.findings import Slices
from luthier.evaluation.stability import Stability
from luthier.report.facts import ReportFacts

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Readings:
    """The answers of an evaluation; None where a question was not asked, or has no answer on such data.

    Attributes
    ----------
    course, calibration, operating, intervals, slices, groups, settings, drivers, balance, learning_curve, stability
        As in `luthier.evaluate`.
    audit
        Likewise.
    unread
        Topics for which there was no time.
    """

    course: Course | None = None
    calibration: Calibration | None = None
    operating: OperatingPoint | None = None
    intervals: Intervals | None = None
    slices: Slices | None = None
    groups: Groups | None = None
    settings: Importance | None = None
    drivers: Drivers | None = None
    learning_curve: LearningCurve | None = None
    balance: Balancing | None = None
    stability: Stability | None = None
    audit: Audit | None = None
    unread: tuple[str, ...] = ()

    @classmethod
    def of(cls, parts: Mapping[str, Part], facts: ReportFacts) -> Self:
        """The parts of an evaluation of the very run that the facts are of.

        Raises
        ------
        ValueError
            The evaluation promises another score than the verdict: it is that of another run.
        """
        promised = _if(Generalisation, parts.get("generalisation"))
        honest = facts.verdict.honest
        if promised is not None and honest is not None and promised.honest.to_json() != honest.to_json():
            raise ValueError(f"the evaluation promises {promised.honest}, the verdict {honest}: they are of two runs")
        return cls(
            course=_if(Course, parts.get("course")),
            calibration=_if(Calibration, parts.get("calibration")),
            operating=_if(OperatingPoint, parts.get("operating_point")),
            intervals=_if(Intervals, parts.get("intervals")),
            slices=_if(Slices, parts.get("slices")),
            groups=_if(Groups, parts.get("groups")),
            settings=_if(Importance, parts.get("settings")),
            drivers=_if(Drivers, parts.get("drivers")),
            audit=_if(Audit, parts.get("audit")),
            balance=_if(Balancing, parts.get("balance")),
            stability=_if(Stability, parts.get("stability")),
            learning_curve=_if(LearningCurve, parts.get("learning_curve")),
            unread=tuple(
                name for name, part in parts.items() if isinstance(part, Unanswered) and part.for_want_of_time
            ),
        )


def _if(kind: type[Kind], part: Any) -> Kind | None:
    return part if isinstance(part, kind) else None

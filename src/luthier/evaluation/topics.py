"""The questions that `luthier evaluate` asks, in the order in which they are answered: add a reading here."""

from __future__ import annotations

from collections.abc import Callable

from luthier.evaluation.calibration import calibration
from luthier.evaluation.evidence import Evidence, Part
from luthier.evaluation.generalisation import generalisation
from luthier.evaluation.groups import groups
from luthier.evaluation.intervals import intervals
from luthier.evaluation.operating import operating_point
from luthier.evaluation.slices.reading import slices

TOPICS: dict[str, Callable[[Evidence], Part]] = {
    "generalisation": generalisation,
    "calibration": calibration,
    "intervals": intervals,
    "operating_point": operating_point,
    "slices": slices,
    "groups": groups,
}

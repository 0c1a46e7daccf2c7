"""The slices of a study: for which rows what is shipped is more often wrong, or further off."""

from __future__ import annotations

from luthier.evaluation.evidence import Evidence, Unanswered
from luthier.evaluation.slices.findings import Slices
from luthier.evaluation.slices.looks import find_slices


def slices(evidence: Evidence) -> Slices | Unanswered:
    """Find the parts of the table on which the out-of-fold answers are worse than elsewhere."""
    judged = evidence.judged
    return find_slices(
        evidence.dataset.frame.iloc[judged.rows],
        judged.errors,
        units=judged.units,
        error=judged.error,
        rng=evidence.rng("slices"),
    )

"""What has changed: the feed, the customers, how many of them are positive, or what the inputs mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from luthier.monitoring import Watched

Kind = Literal["quality fault", "concept", "inputs", "nothing"]

FAULTY = 0.5
"""Share of the rows whose values must be gone, or far out of range, for a column to be called broken: our judgement.
Far is further outside the range that was seen before than it is wide, and than its greatest absolute value: winter
after a summer lies outside that range, and so does a price level after a year, and they are no faults; kelvin for
degrees Celsius lie far outside."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What has changed, and what that means for a response.

    Attributes
    ----------
    kind
        "quality fault": a column is gone, or mostly missing, unreadable or far out of range: to be mended at the
        source, never learned.
        "concept": what the inputs mean for the target has changed; by labels. "inputs": the rows have changed, without
        the losses being any worse than was to be expected of them. "nothing": neither.
    words
        In a sentence.
    columns
        Which columns speak for it.
    """

    kind: Kind
    words: str
    columns: tuple[str, ...] = ()

    @property
    def may_respond(self) -> bool:
        """Whether a new model could be an answer."""
        return self.kind != "quality fault"

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"kind": self.kind, "words": self.words, "columns": list(self.columns)}


def diagnose(watched: Watched) -> Diagnosis:
    """Say what has changed, by what a monitor saw.

    A fault is looked for first: a model that learned from a broken sensor would be wrong when it is mended.
    """
    latest = watched.latest
    broken: tuple[str, ...] = ()
    if latest is not None and latest.drift is not None:
        broken = tuple(
            column.name
            for column in latest.drift.columns
            if column.verdict == "changed" or (column.alarms and max(column.missing.effect, column.far) >= FAULTY)
        )
    if broken:
        return Diagnosis(
            "quality fault",
            f"the values of {', '.join(broken[:3])} no longer come as they did: mend the feed; nothing is learned from "
            "such rows (if they are right, tune anew on them with luthier tune)",
            broken,
        )
    detectors = {alarm.detector for alarm in watched.alarms}
    inputs = [alarm for alarm in watched.alarms if alarm.detector == "inputs"]
    moved = tuple(dict.fromkeys(name for alarm in inputs for name in alarm.subject))
    if detectors & {"losses", "calibration"}:
        beside = f", and {', '.join(moved[:3])} moved" if moved else ""
        return Diagnosis("concept", f"what the inputs mean for the target has changed{beside}", moved)
    if detectors & {"inputs", "predictions", "score without labels"}:
        return Diagnosis("inputs", "the rows have changed, and what they mean has not, as far as labels show", moved)
    return Diagnosis("nothing", "nothing has changed in a way that matters")

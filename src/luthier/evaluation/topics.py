"""The questions that `luthier evaluate` asks, in the order in which they are answered: add a reading here."""

from __future__ import annotations

from collections.abc import Callable

from luthier.evaluation.balancing import balancing
from luthier.evaluation.calibration import calibration
from luthier.evaluation.chain import replays_for
from luthier.evaluation.cost import blend_s, choose_recalibrator_s, margins_s, operating_s, replay_s, slices_s
from luthier.evaluation.course import course, course_s
from luthier.evaluation.evidence import Evidence, Part, Unanswered
from luthier.evaluation.generalisation import generalisation
from luthier.evaluation.groups import groups
from luthier.evaluation.importance import importance, importance_s
from luthier.evaluation.intervals import intervals
from luthier.evaluation.operating import operating_point
from luthier.evaluation.slices.reading import slices

TOPICS: dict[str, Callable[[Evidence], Part]] = {
    "generalisation": generalisation,
    "course": course,
    "calibration": calibration,
    "intervals": intervals,
    "slices": slices,
    "groups": groups,
    "operating_point": operating_point,
    "balance": balancing,
    "settings": importance,
}


def read_all(evidence: Evidence) -> dict[str, Part]:
    """Ask every question of the evidence."""
    return {topic: ask(evidence) for topic, ask in TOPICS.items()}


def read_within(evidence: Evidence, left_s: Callable[[], float], *, pace: float = 1.0) -> dict[str, Part]:
    """Ask the questions for which there is time.

    Parameters
    ----------
    evidence
        What to ask.
    left_s
        Seconds that are left now.
    pace
        How much slower than the machine of our measurements this one is.
    """
    parts: dict[str, Part] = {}
    for topic, ask in TOPICS.items():
        if pace * seconds_of(topic, evidence) <= left_s():
            parts[topic] = ask(evidence)
        else:
            parts[topic] = Unanswered("there was no time left in the budget", for_want_of_time=True)
    return parts


def seconds_of(topic: str, evidence: Evidence) -> float:
    """Seconds that a question takes, from above."""
    rows, outputs, configs = len(evidence.y), evidence.shipped.shape[1], len(evidence.table)
    metric, replays = evidence.metric, replays_for(len(evidence.y))
    if topic == "slices":
        return slices_s(rows=rows, columns=len(evidence.dataset.frame.columns))
    if topic == "intervals" and evidence.task == "regression":
        return margins_s(rows=rows)
    if topic == "calibration" and evidence.task != "regression":
        return choose_recalibrator_s(rows=rows, outputs=outputs)
    if topic == "settings":
        return importance_s(trials=len(evidence.history.trials), settings=len(evidence.plan.space.dimensions))
    units = len(set(evidence.table.splits.units.tolist()))
    size = {"rows": rows, "outputs": outputs, "configs": configs, "replays": replays}
    if topic == "course":
        return course_s(metric, units=units, **size)
    if topic == "balance":
        return 2 * replay_s(metric, units=units, **size) if evidence.balanced else 0.0
    if topic == "operating_point":
        chosen_s = blend_s(metric, **size) if evidence.chooser is not None else replay_s(metric, units=units, **size)
        return operating_s(rows=rows, outputs=outputs, replays=replays, chosen_s=chosen_s)
    return 0.05

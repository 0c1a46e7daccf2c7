"""`luthier.evaluate`: how far to believe a tuned model, read off what its study left behind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier.api.evidence import find_package, gather_evidence
from luthier.api.result import TunedModel
from luthier.evaluation.evidence import Evidence, Part
from luthier.evaluation.topics import TOPICS


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation found.

    Attributes
    ----------
    study
        The study whose model was evaluated.
    parts
        The answers by topic: `evaluation["calibration"]` is the same as `evaluation.parts["calibration"]`.
    """

    study: str
    parts: Mapping[str, Part]

    def __getitem__(self, topic: str) -> Part:
        return self.parts[topic]

    def to_json(self) -> dict[str, Any]:
        """The evaluation as `luthier evaluate --json` prints it."""
        return {"study": self.study, **{topic: part.to_dict() for topic, part in self.parts.items()}}

    def lines(self) -> list[str]:
        """The evaluation for people: a heading a topic, and its answer."""
        said: list[str] = []
        for topic, part in self.parts.items():
            said += ["", topic.replace("_", " ").upper(), *(f"  {line}" for line in part.lines())]
        return said[1:]

    def __repr__(self) -> str:
        return f"Evaluation({self.study!r}, {', '.join(self.parts)})"


def evaluate(
    what: TunedModel | str | os.PathLike[str],
    *,
    data: Any = None,
    store: str | os.PathLike[str] | None = None,
) -> Evaluation:
    r"""Say how far to believe a tuned model, without training anything.

    Everything is read off the out-of-fold predictions that the study kept.

    Parameters
    ----------
    what
        What `luthier.tune` returned, the folder of a saved model, or the id of a study.
    data
        The table of the study (a path or a frame), needed only where it was tuned from memory by another process, or
        is no longer where it was.
    store
        Where the study is kept. Default: `LUTHIER_STORE`, else `.luthier` in the current folder.

    Raises
    ------
    UnknownStudy
        There is no such study in the store, or none with a table.
    UsageError
        The study has not come to its end, or the data are not those it was tuned on.

    Examples
    --------
    >>> evaluation = luthier.evaluate(run)  # doctest: +SKIP
    >>> print("\n".join(evaluation.lines()))  # doctest: +SKIP
    """
    place = None if store is None else Path(store)
    if isinstance(what, TunedModel):
        return read(what.run.study, gather_evidence(what, store=place or what.store))
    found = find_package(Path(what))
    study = str(what) if found is None else found[1].manifest.study
    evidence = gather_evidence(study, data=data, store=place)
    return read(study, evidence)


def read(study: str, evidence: Evidence) -> Evaluation:
    """Ask every question of the evidence."""
    return Evaluation(study, {topic: ask(evidence) for topic, ask in TOPICS.items()})

"""The labels of a model in use that a response may learn from, and those that may judge it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.api.live_rows import logged_by_others
from luthier.api.refitting import Labelled
from luthier.api.resolving import opened_models
from luthier.api.watching import Observed
from luthier.monitoring import Live
from luthier.registry import ModelHistory
from luthier.serving import Predictor
from luthier.store import Store

JUDGED, PARTS = 0.4, 2
"""Share of the labels, the newest, on which responses are judged; and in how many parts, before each of which a
response is learned anew from all that came before. In one part it would be judged by what it was on fewer and older
labels than those it will be made of."""


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """The labels there are, oldest first: those that responses are learned on, and the newest, which judge them.

    Attributes
    ----------
    rows
        All of them.
    p
        (n, k): the champion's answers.
    begin
        The first row that may judge: the champion was fitted on what is before it, or may have been.
    """

    rows: Labelled
    p: NDArray[np.float64]
    begin: int = 0

    @property
    def cut(self) -> int:
        """The first row that judges."""
        return max(round((1 - JUDGED) * len(self.rows)), self.begin)

    @property
    def learn(self) -> Labelled:
        """What is learned on before anything is judged."""
        return self.rows[: self.cut]

    @property
    def judge(self) -> Labelled:
        """What judges."""
        return self.rows[self.cut :]

    def parts(self) -> list[tuple[int, int]]:
        """First and last row (exclusive) of every part that is judged."""
        n = len(self.judge)
        return list(pairwise(self.cut + round(n * part / PARTS) for part in range(PARTS + 1)))

    def answers(self, learned: Callable[[Labelled], Predictor]) -> NDArray[np.float64]:
        """(m, k): of a response on the judged rows, on each part by what was learned of all rows before it."""
        return np.concatenate(
            [learned(self.rows[:begin]).ask_frame(self.rows[begin:end].frame) for begin, end in self.parts()]
        )


def labels_of(seen: Observed, store: str | os.PathLike[str] | None) -> Labels:
    """The labels that may be trusted, from the log those of requests that other versions answered as well.

    Rows that the champion may have been fitted on are no judges of it: in the log, those that others answered before it
    was released; in files, those whose time is not after the last that it was fitted on, where the model knows of time.
    """
    suspicious = sorted(source.name for source in seen.watched.sources if source.suspicious)
    live = _trusted(seen.live, suspicious)
    if not seen.from_log:
        return _labels(live, _up_to(live, seen.predictor.schema.times(live.frame), _until(seen, store)))
    others = [_trusted(theirs, suspicious) for theirs in logged_by_others(seen.name, seen.found, seen.predictor)]
    released_us = _released_us(seen, store)
    fitted_on = [*(_up_to(theirs, theirs.at_us, released_us) for theirs in others), np.zeros(len(live), dtype=bool)]
    together = _one_after_the_other([*others, live])
    assert together.at_us is not None  # the log says when it was asked
    order = np.argsort(together.at_us, kind="stable")
    return _labels(together.take(order), np.concatenate(fitted_on)[order])


def _labels(live: Live, fitted_on: NDArray[np.bool_]) -> Labels:
    known = np.flatnonzero(fitted_on)
    return Labels(Labelled(live.frame, live.y), live.p, int(known[-1]) + 1 if len(known) else 0)


def _up_to(live: Live, moments: NDArray[Any] | None, last: float | None) -> NDArray[np.bool_]:
    """(n,): which rows are of no later moment; none where the moments or the last one are not known."""
    if moments is None or last is None:
        return np.zeros(len(live), dtype=bool)
    return np.asarray(moments <= last)


def _trusted(live: Live, suspicious: list[str]) -> Live:
    named = np.array([str(source or "") for source in live.sources], dtype=object)
    return live.take(np.flatnonzero(live.labelled & ~np.isin(named, suspicious)))


def _one_after_the_other(lives: list[Live]) -> Live:
    return Live(
        pd.concat([live.frame for live in lives], ignore_index=True),
        *(
            np.concatenate([getattr(live, name) for live in lives])
            for name in ("p", "at_us", "y", "labelled", "told_us", "sources")
        ),
    )


def _released_us(seen: Observed, store: str | os.PathLike[str] | None) -> float | None:
    """When the champion was released, microseconds since 1970; None where it never was."""
    if seen.found.version is None:
        return None
    with opened_models(store) as opened:
        history = ModelHistory.of(seen.name, opened.models.events(seen.name))
    return datetime.fromisoformat(history.version(seen.found.version).at_utc).timestamp() * 1e6


def _until(seen: Observed, store: str | os.PathLike[str] | None) -> float | None:
    """The last moment of the rows that the champion was fitted on, where that is known."""
    with Store.open(store, create=False) as opened:
        events = opened.load(seen.predictor.manifest.study).events()
    told = [event.body.get("until") for event in events if event.kind == "model.fitted"]
    return told[-1] if told else None

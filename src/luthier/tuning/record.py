"""The record of a study: an append-only chain of events in which every event seals the one before it.

Everything a study knows is read from here: resuming, lineage and audit are readings of the same events, and a changed,
missing or reordered event breaks the chain at its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from luthier.canonical import digest
from luthier.errors import StoreDamaged

GENESIS = "0" * 64
"""What the first event of a chain names as its predecessor."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes
    ----------
    seq
        Place in the chain, from 0.
    at_utc
        When, ISO 8601 with microseconds and a trailing Z.
    kind
        What, as `subject.verb`: `study.opened`, `trial.proposed`, `fold.finished`, ...
    body
        The facts, as JSON values.
    previous, digest
        The seal of the event before and of this one (SHA-256 of all the fields above and `previous`).
    """

    seq: int
    at_utc: str
    kind: str
    body: Mapping[str, Any]
    previous: str
    digest: str


def chained(last: Event | None, kind: str, body: Mapping[str, Any], at_utc: str) -> Event:
    """The next event of a chain whose newest event is `last` (None for an empty chain)."""
    seq, previous = (0, GENESIS) if last is None else (last.seq + 1, last.digest)
    return Event(seq, at_utc, kind, body, previous, digest([seq, at_utc, kind, body, previous]))


def check_chain(events: Iterable[Event]) -> None:
    """Recompute every seal from the first event on.

    Raises
    ------
    StoreDamaged
        Naming the first event that does not fit.
    """
    last: Event | None = None
    for event in events:
        if event != (expected := chained(last, event.kind, event.body, event.at_utc)):
            wrong = "is out of order" if event.seq != expected.seq else "does not carry the seal its content demands"
            raise StoreDamaged(
                f"event {event.seq} ({event.kind}) of the record {wrong}",
                fix="the record was changed or torn after it was written: restore it from a copy, or tune again",
            )
        last = event


class StudyLog(Protocol):
    """Where one study's record and its out-of-fold predictions live. Only the engine writes to it."""

    study: str

    def events(self) -> list[Event]:
        """All events so far, in order."""
        ...

    def append(self, events: Sequence[Event]) -> None:
        """Write events as one durable transaction: all or none, and acknowledged means kept."""
        ...

    def write_fold(self, trial: int, start: int, predictions: NDArray[np.float32]) -> None:
        """Put a fold's predictions at slab row `start` of a trial; durable before its event is appended."""
        ...

    def read_predictions(self, trials: Sequence[int]) -> NDArray[np.float32]:
        """(C, m, k) predictions of whole trials, in slab order."""
        ...

    def keep(self, data: bytes) -> str:
        """Keep bytes durably and return the digest they are found by."""
        ...

    def kept(self, digest: str) -> bytes:
        """The bytes kept under a digest, verified."""
        ...

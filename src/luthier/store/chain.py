"""Where a chain of events stands, and whether new events continue it."""

from __future__ import annotations

from collections.abc import Iterable

from luthier.tuning.record import GENESIS, Event

Tip = tuple[int, str]
"""Number and seal of the newest event."""

EMPTY: Tip = (-1, GENESIS)


def tip_of(events: list[Event]) -> Tip:
    """Where a chain stands after these events."""
    return (events[-1].seq, events[-1].digest) if events else EMPTY


def continued(study: str, tip: Tip, events: Iterable[Event]) -> Tip:
    """Where the chain stands once `events` follow `tip`.

    Only the links are looked at, which costs nothing; the seals are recomputed whenever a record is read.

    Raises
    ------
    ValueError
        When an event does not follow its predecessor.
    """
    seq, digest = tip
    for event in events:
        if (event.seq, event.previous) != (seq + 1, digest):
            raise ValueError(f"event {event.seq} does not continue the record of study {study} after event {seq}")
        seq, digest = event.seq, event.digest
    return seq, digest

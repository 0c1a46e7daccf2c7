"""Where a chain of events stands, and whether new events continue it."""

from __future__ import annotations

from collections.abc import Sequence

from luthier.tuning.record import GENESIS, Event

Tip = tuple[int, str]
"""Number and seal of the newest event."""

EMPTY: Tip = (-1, GENESIS)


def tip_of(events: Sequence[Event]) -> Tip:
    """Where a chain stands after these events."""
    return (events[-1].seq, events[-1].digest) if events else EMPTY


def continuation(study: str, tip: Tip, events: Sequence[Event]) -> Sequence[Event]:
    """Those of `events` that are still to be written after `tip`.

    Events up to the tip itself are passed over: Ctrl-C may strike after a commit and before its writer knows of it, and
    whoever is in doubt may say the same again. Only the links are looked at, which costs nothing; the seals are
    recomputed whenever a record is read.

    Raises
    ------
    ValueError
        When an event does not follow its predecessor.
    """
    known = next((place for place, event in enumerate(events, start=1) if (event.seq, event.digest) == tip), 0)
    seq, digest = tip
    for event in events[known:]:
        if (event.seq, event.previous) != (seq + 1, digest):
            raise ValueError(f"event {event.seq} does not continue the record of study {study} after event {seq}")
        seq, digest = event.seq, event.digest
    return events[known:]

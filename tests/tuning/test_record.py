from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import StoreDamaged
from luthier.tuning import Event, chained, check_chain


def a_record(n: int = 5) -> list[Event]:
    events: list[Event] = []
    for i in range(n):
        events.append(chained(events[-1] if events else None, "thing.happened", {"i": i}, f"2026-01-01T00:00:0{i}Z"))
    return events


def test_an_untouched_record_holds() -> None:
    check_chain(a_record())
    check_chain([])


@given(
    place=st.integers(0, 4),
    change=st.sampled_from([{"kind": "thing.else"}, {"body": {"i": 99}}, {"at_utc": "2027"}, {"previous": "f" * 64}]),
)
def test_any_change_is_named_by_its_place(place: int, change: dict[str, object]) -> None:
    events = a_record()
    events[place] = replace(events[place], **change)  # type: ignore[arg-type]
    with pytest.raises(StoreDamaged, match=rf"event {place} "):
        check_chain(events)


@given(st.integers(0, 3))
def test_a_removed_event_is_noticed(place: int) -> None:
    events = a_record()
    del events[place]
    with pytest.raises(StoreDamaged):
        check_chain(events)


def test_swapped_events_are_noticed() -> None:
    events = a_record()
    events[1], events[2] = events[2], events[1]
    with pytest.raises(StoreDamaged, match="out of order"):
        check_chain(events)

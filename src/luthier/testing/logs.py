"""What every place for a study's record must do: inherit `StudyLogSuite`, provide two fixtures, and the tests run.

class TestMyLog(StudyLogSuite):
    @pytest.fixture
    def log(self) -> StudyLog:            # empty, with slabs of shape SHAPE
        ...

    @pytest.fixture
    def reopened(self) -> Callable[[StudyLog], StudyLog]:   # the same study, as the next process would see it
        ...
"""

# ruff: noqa: D102  (a test's name is its documentation)
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from luthier.errors import LuthierError
from luthier.tuning.record import Event, StudyLog, chained

SHAPE = (7, 3)
"""(m, k) of the slabs of the logs under test."""

Reopen = Callable[[StudyLog], StudyLog]


def chain(*bodies: Mapping[str, Any], after: Event | None = None) -> list[Event]:
    """Events with these bodies, each sealing the one before it."""
    events: list[Event] = []
    for second, body in enumerate(bodies):
        last = events[-1] if events else after
        events.append(chained(last, "trial.proposed", body, f"2025-03-01T12:00:{second:02d}.000000Z"))
    return events


def predictions(n: int, seed: int = 0) -> NDArray[np.float32]:
    """(n, k) numbers to store."""
    return np.random.default_rng(seed).random((n, SHAPE[1]), dtype=np.float32)


class StudyLogSuite:
    """The promises of `luthier.tuning.record.StudyLog`."""

    def test_a_new_log_is_empty(self, log: StudyLog) -> None:
        assert log.events() == []
        assert log.read_predictions([]).shape == (0, *SHAPE)

    def test_what_was_appended_comes_back_in_order(self, log: StudyLog, reopened: Reopen) -> None:
        events = chain({"trial": 0}, {"trial": 1}, {"trial": 2})
        log.append(events[:1])
        log.append(events[1:])
        assert log.events() == events
        assert reopened(log).events() == events

    def test_bodies_come_back_as_they_were(self, log: StudyLog, reopened: Reopen) -> None:
        body = {
            "x": 0.1 + 0.2,
            "big": 2**60,
            "text": "naïve ☃ \x00 'quote'",
            "none": None,
            "deep": [{"a": [True, -0.0]}],
        }
        log.append(chain(body))
        assert reopened(log).events()[0].body == body

    def test_a_later_process_continues_the_chain(self, log: StudyLog, reopened: Reopen) -> None:
        first = chain({"trial": 0})
        log.append(first)
        later = reopened(log)
        more = chain({"trial": 1}, after=later.events()[-1])
        later.append(more)
        assert later.events() == first + more

    def test_appending_nothing_changes_nothing(self, log: StudyLog) -> None:
        log.append([])
        assert log.events() == []

    def test_an_append_that_was_interrupted_can_be_said_again(self, log: StudyLog, reopened: Reopen) -> None:
        events = chain({"trial": 0}, {"trial": 1}, {"trial": 2})
        log.append(events[:2])
        log.append(events[:2])
        log.append(events)
        assert reopened(log).events() == events

    def test_events_that_do_not_continue_the_chain_are_refused_whole(self, log: StudyLog, reopened: Reopen) -> None:
        events = chain({"trial": 0}, {"trial": 1}, {"trial": 2})
        log.append(events[:1])
        with pytest.raises(ValueError, match="does not continue"):
            log.append(events[2:])
        with pytest.raises(ValueError, match="does not continue"):
            log.append([events[1], replace(events[2], previous="0" * 64)])
        assert reopened(log).events() == events[:1]

    def test_a_body_that_is_no_json_is_refused_and_the_log_goes_on(self, log: StudyLog, reopened: Reopen) -> None:
        (good,) = chain({"trial": 0})
        with pytest.raises((TypeError, ValueError)):
            log.append([good, *chain({"score": float("nan")}, after=good)])
        log.append([good])
        assert reopened(log).events() == [good]

    def test_folds_fill_the_slab_of_their_trial(self, log: StudyLog, reopened: Reopen) -> None:
        whole = predictions(SHAPE[0])
        log.write_fold(0, 4, whole[4:])
        log.write_fold(0, 0, whole[:4])
        for reader in (log, reopened(log)):
            found = reader.read_predictions([0])
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, whole[None])

    def test_trials_come_back_in_the_order_asked_for(self, log: StudyLog) -> None:
        slabs = [predictions(SHAPE[0], seed) for seed in range(4)]
        for trial in (2, 0, 3, 1):
            log.write_fold(trial, 0, slabs[trial])
        for wanted in ([0, 1, 2, 3], [1, 2], [3, 0], [2]):
            np.testing.assert_array_equal(log.read_predictions(wanted), np.stack([slabs[trial] for trial in wanted]))

    def test_rows_nobody_predicted_cannot_pass_for_predictions(self, log: StudyLog) -> None:
        log.write_fold(2, 1, predictions(3))
        found = log.read_predictions([0, 1, 2])
        assert np.isnan(found[:2]).all()
        assert np.isnan(found[2]).all(axis=1).tolist() == [True, False, False, False, True, True, True]

    def test_a_fold_that_is_run_again_replaces_its_predictions(self, log: StudyLog) -> None:
        log.write_fold(0, 0, predictions(SHAPE[0], seed=1))
        log.write_fold(0, 2, predictions(2, seed=2))
        np.testing.assert_array_equal(log.read_predictions([0])[0, 2:4], predictions(2, seed=2))

    def test_trials_without_a_slab_are_refused(self, log: StudyLog) -> None:
        log.write_fold(1, 0, predictions(SHAPE[0]))
        for absent in ([2], [0, 9], [-1]):
            with pytest.raises(LuthierError):
                log.read_predictions(absent)

    def test_folds_that_do_not_fit_the_slab_are_refused(self, log: StudyLog) -> None:
        narrow = np.zeros((2, SHAPE[1] - 1), dtype=np.float32)
        for trial, start, block in (
            (0, SHAPE[0] - 1, predictions(2)),
            (0, -1, predictions(2)),
            (-1, 0, predictions(2)),
            (0, 0, narrow),
            (0, 0, predictions(2)[0]),
        ):
            with pytest.raises(ValueError, match="do not fit"):
                log.write_fold(trial, start, block)

    def test_what_was_read_cannot_be_written_to(self, log: StudyLog) -> None:
        for trial in range(3):
            log.write_fold(trial, 0, predictions(SHAPE[0]))
        for wanted in ([0, 1], [0, 2]):
            with pytest.raises(ValueError, match="read-only"):
                log.read_predictions(wanted)[:] = 0

"""What every pruner promises, and what each one's source says."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest

import luthier.tuning.pruning as room
from luthier.errors import UsageError
from luthier.tuning.pruning import PRUNERS, Halving, Hyperband, MedianPruner, PercentilePruner, Pruner, Reported

EVERY: list[Pruner] = [MedianPruner(n_startup_trials=1), PercentilePruner(25.0, 1), Halving(), Hyperband(1, 81)]


def test_every_file_of_the_room_is_listed() -> None:
    files = {path.stem for path in Path(room.__file__).parent.glob("*.py")} - {"__init__", "pruner", "choice"}
    assert files == set(PRUNERS)
    assert {pruner.name for pruner in EVERY} == set(PRUNERS)


@pytest.mark.parametrize("pruner", EVERY, ids=[pruner.name for pruner in EVERY])
def test_nothing_is_stopped_before_anything_is_known(pruner: Pruner) -> None:
    assert not pruner.stops(0, {}, [])
    assert not pruner.stops(0, {1: 5.0}, [])


@pytest.mark.parametrize("pruner", EVERY, ids=[pruner.name for pruner in EVERY])
def test_the_best_by_far_is_never_stopped_and_the_worst_by_far_is(pruner: Pruner) -> None:
    others = [Reported(k, {1: 1.0 + k / 100, 2: 1.0}, complete=True) for k in range(8)]
    assert not pruner.stops(8, {1: 0.0}, others)
    assert pruner.stops(8, {1: 9.0}, others)
    assert pruner.stops(8, {1: math.nan}, others)


def test_hyperbands_brackets_are_as_large_as_in_the_paper() -> None:
    # Li et al. (2018), table 1: R = 81, eta = 3
    sizes = Counter(Hyperband(1, 81).bracket(trial) for trial in range(81 + 34 + 15 + 8 + 5))
    assert sizes == {0: 81, 1: 34, 2: 15, 3: 8, 4: 5}
    assert [Hyperband(1, 81).halving(b).rungs(0) for b in range(5)] == [
        (1, 3, 9, 27, 81),
        (3, 9, 27, 81),
        (9, 27, 81),
        (27, 81),
        (81,),
    ]


def test_shares_of_the_resource_make_rungs_as_well_as_counts() -> None:
    assert Halving(0.125, 1.0, 2).rungs(0) == (0.125, 0.25, 0.5, 1.0)
    assert Hyperband(1 / 9, 1.0).rungs(0) == pytest.approx((1 / 9, 1 / 3, 1.0))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Halving(0),
        lambda: Halving(2, 1),
        lambda: Hyperband(1, 81, reduction_factor=1.5),
        lambda: PercentilePruner(101.0),
        lambda: MedianPruner(interval_steps=0),
        lambda: Halving().rungs(0),
    ],
)
def test_what_makes_no_sense_is_refused(make: object) -> None:
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]

"""The record of one study: the shared promises on both logs, then what only a disk can get wrong."""

import itertools
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from luthier.errors import StoreDamaged, StoreTooNew, StudyBusy, UnknownStudy, UnwritableFolder
from luthier.store import MemoryStudyLog, Store, StoredStudyLog, predictions_digest
from luthier.testing.logs import SHAPE, StudyLogSuite, chain, predictions
from luthier.tuning.record import StudyLog, chained

AT = "2025-03-01T12:00:00.000000Z"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def log(store: Store) -> StoredStudyLog:
    return store.create_study({}, "question", shape=SHAPE)


def table_of(store: Store, log: StoredStudyLog) -> Path:
    return store.folder / "tables" / f"{log.study}.oof"


class TestStoredStudyLog(StudyLogSuite):
    @pytest.fixture
    def reopened(self, tmp_path: Path) -> Iterator[Callable[[StudyLog], StudyLog]]:
        with Store.open(tmp_path / "store") as second:
            yield lambda log: second.load(log.study)


class TestMemoryStudyLog(StudyLogSuite):
    @pytest.fixture
    def log(self) -> MemoryStudyLog:
        return MemoryStudyLog(shape=SHAPE)

    @pytest.fixture
    def reopened(self) -> Callable[[StudyLog], StudyLog]:
        return lambda log: log


# --- the chain on disk ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement", ["UPDATE events SET body = '{}' WHERE seq = 1", "DELETE FROM events WHERE seq = 2"]
)
def test_the_database_itself_refuses_to_change_or_drop_events(
    store: Store, log: StoredStudyLog, statement: str
) -> None:
    log.append(chain({"trial": 0}, {"trial": 1}, {"trial": 2}))
    with (
        closing(sqlite3.connect(store.folder / "meta.db")) as raw,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        raw.execute(statement)
    assert len(log.events()) == 3


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE events SET body = '{\"trial\":7}' WHERE seq = 1", "event 1"),
        ("UPDATE events SET kind = 'trial.finished' WHERE seq = 0", "event 0"),
        ("UPDATE events SET at_utc = '2026-01-01T00:00:00.000000Z' WHERE seq = 2", "event 2"),
        ("UPDATE events SET body = '{\"trial' WHERE seq = 1", "event 1"),
        ("DELETE FROM events WHERE seq = 1", "event 2"),
    ],
)
def test_a_record_changed_behind_our_back_is_refused_at_the_place(
    store: Store, log: StoredStudyLog, change: str, named: str
) -> None:
    log.append(chain({"trial": 0}, {"trial": 1}, {"trial": 2}))
    with closing(sqlite3.connect(store.folder / "meta.db")) as raw:
        raw.execute("DROP TRIGGER events_are_never_changed")
        raw.execute("DROP TRIGGER events_go_only_with_their_study")
        raw.execute(change)
        raw.commit()
    with pytest.raises(StoreDamaged, match=named):
        log.events()


def test_ctrl_c_around_a_commit_leaves_a_record_that_goes_on(
    store: Store, log: StoredStudyLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlalchemy as sa

    events = chain(*({"trial": trial} for trial in range(6)))
    log.append(events[:1])
    for n, (verb, before) in enumerate((("do_commit", True), ("do_commit", False), ("do_execute", False)), start=2):
        dialect = log._database._engine.dialect
        act = getattr(dialect, verb)

        def strike(*args: Any, act: Any = act, before: bool = before) -> None:
            if not before:
                act(*args)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(dialect, verb, strike)
            with pytest.raises(KeyboardInterrupt):
                log.append(events[n - 1 : n])
        log.append(events[n - 1 : n])  # as an engine does that was never told
        assert log.events() == events[:n]
    writer = log._database._writer
    assert isinstance(writer, sa.Connection)
    writer.connection.dbapi_connection.execute("BEGIN IMMEDIATE")  # type: ignore[union-attr]  # and nobody noted it
    log.append(events[4:])
    assert log.events() == events


def test_two_processes_cannot_both_continue_a_record(tmp_path: Path, store: Store, log: StoredStudyLog) -> None:
    events = chain({"trial": 0}, {"trial": 1})
    log.append(events[:1])
    with Store.open(store.folder) as other:
        other.load(log.study).append(events[1:])
    with pytest.raises(StudyBusy, match=log.study):
        log.append([chained(events[0], "trial.proposed", {"trial": 9}, AT)])
    assert log.events() == events


def test_a_study_removed_under_its_engine_says_so(store: Store, log: StoredStudyLog) -> None:
    log.append(chain({"trial": 0}))
    store.remove(log.study)
    with pytest.raises(UnknownStudy, match="removed while it ran"):
        log.append(chain({"trial": 0}, {"trial": 1})[1:])


def test_records_of_two_studies_do_not_mix(store: Store, log: StoredStudyLog) -> None:
    other = store.create_study({}, "question", shape=SHAPE)
    log.append(chain({"trial": 0}))
    other.append(chain({"trial": 5}, {"trial": 6}))
    assert [event.body["trial"] for event in log.events()] == [0]
    assert [event.body["trial"] for event in other.events()] == [5, 6]


# --- predictions on disk ----------------------------------------------------------------------------------------------


def fold_finished(log: StoredStudyLog, trial: int, fold: int, start: int, block: NDArray[np.float32]) -> None:
    log.write_fold(trial, start, block)
    events = log.events()
    body = {"trial": trial, "fold": fold, "state": "DONE", "predictions": predictions_digest(block)}
    log.append([chained(events[-1] if events else None, "fold.finished", body, AT)])


def test_acknowledged_folds_are_verified_against_their_digests(store: Store, log: StoredStudyLog) -> None:
    for trial in range(3):
        fold_finished(log, trial, 0, 0, predictions(4, seed=trial))
        fold_finished(log, trial, 1, 4, predictions(3, seed=10 + trial))
    assert log.check_predictions(log.events(), [0, 4]) == 6
    with table_of(store, log).open("r+b") as file:
        file.seek(4096 + 1 * SHAPE[0] * SHAPE[1] * 4 + 5 * SHAPE[1] * 4)  # trial 1, row 5: its second fold
        file.write(b"\x00")
    with pytest.raises(StoreDamaged, match="trial 1 from row 4"):
        log.check_predictions(log.events(), [0, 4])


def test_of_a_fold_that_was_run_twice_the_latest_counts(log: StoredStudyLog) -> None:
    fold_finished(log, 0, 0, 0, predictions(7, seed=1))
    fold_finished(log, 0, 0, 0, predictions(7, seed=2))
    assert log.check_predictions(log.events(), [0]) == 1


def test_a_fold_reads_back_verified(log: StoredStudyLog) -> None:
    block = predictions(3)
    log.write_fold(0, 2, block)
    np.testing.assert_array_equal(log.read_fold(0, 2, 3, predictions_digest(block)), block)
    with pytest.raises(StoreDamaged, match="trial 0 from row 1"):
        log.read_fold(0, 1, 3, predictions_digest(block))


def test_a_file_cut_short_is_damage_and_not_an_empty_answer(store: Store, log: StoredStudyLog) -> None:
    for trial in range(3):
        log.write_fold(trial, 0, predictions(7, seed=trial))
    table = table_of(store, log)
    with table.open("r+b") as file:
        file.truncate(table.stat().st_size - 1)
    np.testing.assert_array_equal(log.read_predictions([0, 1])[1], predictions(7, seed=1))
    with pytest.raises(StoreDamaged, match="too short"):
        log.read_predictions([0, 1, 2])


@pytest.mark.parametrize("content", [b"", b"PAR1" + bytes(5000), b"{}".ljust(5000), b"[1]".ljust(5000)])
def test_a_file_of_another_kind_is_noticed_by_reader_and_writer(
    store: Store, log: StoredStudyLog, content: bytes
) -> None:
    table_of(store, log).write_bytes(content)
    for touch in (lambda: log.read_predictions([0]), lambda: log.write_fold(0, 0, predictions(7))):
        with pytest.raises(StoreDamaged, match="does not hold the predictions of this study"):
            touch()


def test_a_file_of_another_shape_is_noticed(store: Store, log: StoredStudyLog) -> None:
    other = store.create_study({}, "question", shape=(SHAPE[0] + 1, SHAPE[1]))
    other.write_fold(0, 0, predictions(8))
    table_of(store, log).write_bytes(table_of(store, other).read_bytes())
    with pytest.raises(StoreDamaged, match="7 rows, 3 outputs"):
        log.read_predictions([0])


def test_a_file_of_a_newer_form_says_upgrade(store: Store, log: StoredStudyLog) -> None:
    log.write_fold(0, 0, predictions(7))
    table = table_of(store, log)
    table.write_bytes(table.read_bytes().replace(b'"version": 1', b'"version": 2'))
    with pytest.raises(StoreTooNew, match="upgrade"):
        store.load(log.study).write_fold(1, 0, predictions(7))


def test_a_missing_file_is_damage(store: Store, log: StoredStudyLog) -> None:
    log.write_fold(0, 0, predictions(7))
    table_of(store, log).unlink()
    with pytest.raises(StoreDamaged, match="cannot read the predictions"):
        log.read_predictions([0])


def test_a_torn_write_beyond_the_acknowledged_folds_is_overwritten(store: Store, log: StoredStudyLog) -> None:
    log.write_fold(0, 0, predictions(7, seed=1))
    with table_of(store, log).open("ab") as file:
        file.write(b"\x00\x00\x80\x3f\x00\x00")  # what a killed process left: a value and a half
    log.write_fold(1, 3, predictions(2, seed=2))
    found = log.read_predictions([0, 1])
    np.testing.assert_array_equal(found[0], predictions(7, seed=1))
    np.testing.assert_array_equal(found[1, 3:5], predictions(2, seed=2))


@settings(max_examples=50)  # waits for a disk
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 4)),
    n_trials=st.integers(1, 4),
    data=st.data(),
)
def test_any_layout_of_folds_in_any_order_comes_back(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int], n_trials: int, data: st.DataObject
) -> None:
    from luthier.store.out_of_fold import OutOfFoldFile

    file = OutOfFoldFile(tmp_path_factory.mktemp("oof") / "study.oof", shape)
    table = np.random.default_rng(0).normal(size=(n_trials, *shape)).astype(np.float32)
    cuts = data.draw(st.sets(st.integers(1, shape[0]), max_size=4))
    edges = sorted({0, shape[0], *cuts})
    folds = [(trial, a, b) for trial in range(n_trials) for a, b in itertools.pairwise(edges)]
    for trial, a, b in data.draw(st.permutations(folds)):
        # Fortran order, as a model may hand its predictions over
        file.write(trial, a, np.asfortranarray(table[trial, a:b]))
    np.testing.assert_array_equal(file.read(range(n_trials)), table)


def test_a_disk_that_takes_nothing_more_is_said(store: Store, log: StoredStudyLog) -> None:
    log.write_fold(0, 0, predictions(7))
    table = table_of(store, log)
    table.unlink()
    table.mkdir()
    with pytest.raises(UnwritableFolder, match=str(table)):
        log.write_fold(1, 0, predictions(7))


def test_a_study_without_a_shape_holds_no_predictions(store: Store) -> None:
    for log in (store.create_study({}, "question"), MemoryStudyLog()):
        with pytest.raises(ValueError, match="without a shape"):
            log.write_fold(0, 0, predictions(7))
        with pytest.raises(ValueError, match="without a shape"):
            log.read_predictions([0])


# --- kept objects -----------------------------------------------------------------------------------------------------


def test_kept_bytes_come_back_and_are_stored_once(store: Store, log: StoredStudyLog) -> None:
    digest = log.keep(b"a model")
    assert log.keep(b"a model") == digest
    assert store.load(log.study).kept(digest) == b"a model"
    assert len([path for path in (store.folder / "objects").rglob("*") if path.is_file()]) == 1
    memory = MemoryStudyLog()
    assert memory.kept(memory.keep(b"a model")) == b"a model"
    assert memory.keep(b"a model") == digest


def test_kept_bytes_that_changed_or_vanished_are_damage(store: Store, log: StoredStudyLog) -> None:
    digest = log.keep(b"a model")
    path = store.folder / "objects" / digest[:2] / digest[2:]
    path.write_bytes(b"a virus")
    with pytest.raises(StoreDamaged, match="another digest"):
        log.kept(digest)
    path.unlink()
    with pytest.raises(StoreDamaged, match="cannot read"):
        log.kept(digest)
    with pytest.raises(StoreDamaged, match="not a SHA-256"):
        log.kept("../../meta.db")
    with pytest.raises(StoreDamaged, match="no bytes"):
        MemoryStudyLog().kept(digest)


def test_a_log_in_memory_touches_no_disk_and_needs_no_database_library() -> None:
    code = (
        "import sys\n"
        "opened = []\n"
        "from luthier.store import MemoryStudyLog\n"
        "import numpy as np\n"
        "sys.addaudithook(lambda event, args: opened.append(args[0]) if event == 'open' else None)\n"
        "log = MemoryStudyLog(shape=(2, 1))\n"
        "log.write_fold(0, 0, np.zeros((2, 1), dtype=np.float32)); log.read_predictions([0]); log.keep(b'x')\n"
        "assert not opened, opened\n"
        "assert 'sqlalchemy' not in sys.modules and 'alembic' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

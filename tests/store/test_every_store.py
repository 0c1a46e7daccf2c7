"""What every store promises, whichever database keeps its records and wherever its objects are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from luthier.errors import StoreDamaged, StoreTooNew, StudyBusy, UnknownModel, UnknownStudy
from luthier.registry.history import PROMOTED, RELEASED
from luthier.store import Step, Store, StoredStudyLog
from luthier.store.objects import FolderObjects
from luthier.store.remote_objects import RemoteObjects
from luthier.testing.logs import SHAPE, StudyLogSuite, chain, predictions
from luthier.tuning.record import StudyLog, chained

AT = "2025-03-01T12:00:00.000000Z"


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "store") if request.param == "sqlite" else str(request.getfixturevalue("postgresql"))


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "folder" else str(request.getfixturevalue("s3"))


@pytest.fixture
def opened(
    records: str, objects: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Store]]:
    """Open the store under test; again, when called again, as another process would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUTHIER_STORE", records)
    if objects is None:
        monkeypatch.delenv("LUTHIER_OBJECTS", raising=False)
    else:
        monkeypatch.setenv("LUTHIER_OBJECTS", objects)
    stores: list[Store] = []

    def open_store() -> Store:
        stores.append(Store.open())
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    return opened()


@pytest.fixture
def log(store: Store) -> StoredStudyLog:
    return store.create_study({"seed": 1}, "question", shape=SHAPE)


class TestEveryStudyLog(StudyLogSuite):
    @pytest.fixture
    def reopened(self, opened: Callable[[], Store]) -> Callable[[StudyLog], StudyLog]:
        return lambda log: opened().load(log.study)


# --- studies ----------------------------------------------------------------------------------------------------------


def test_what_one_process_wrote_another_reads(opened: Callable[[], Store], log: StoredStudyLog) -> None:
    log.append(chain({"trial": 0}, {"trial": 1}))
    log.write_fold(0, 0, predictions(7))
    other = opened()
    assert other.plan_of(log.study) == {"seed": 1}
    assert other.find_open("question") == log.study
    assert [event.body["trial"] for event in other.load(log.study).events()] == [0, 1]
    np.testing.assert_array_equal(other.load(log.study).read_predictions([0])[0], predictions(7))


def test_of_two_who_continue_a_record_the_second_is_told(opened: Callable[[], Store], log: StoredStudyLog) -> None:
    events = chain({"trial": 0}, {"trial": 1})
    log.append(events[:1])
    opened().load(log.study).append(events[1:])
    with pytest.raises(StudyBusy, match=log.study):
        log.append([chained(events[0], "trial.proposed", {"trial": 9}, AT)])
    assert log.events() == events


def test_a_study_is_run_by_one_process_at_a_time(opened: Callable[[], Store], log: StoredStudyLog) -> None:
    store, other = opened(), opened()
    assert [row.state for row in store.list_studies()] == ["interrupted"]
    with store.lock(log.study):
        assert [row.state for row in other.list_studies()] == ["running"]
        with pytest.raises(StudyBusy, match="is being run by"):
            other.lock(log.study)
        with pytest.raises(StudyBusy):
            other.remove(log.study)
    other.lock(log.study).release()
    assert [row.state for row in store.list_studies()] == ["interrupted"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET body = '{}' WHERE seq = 1",
        "DELETE FROM events WHERE seq = 1",
        "UPDATE model_events SET body = '{}'",
        "DELETE FROM model_events",
    ],
)
def test_the_database_itself_refuses_to_change_or_drop_events(
    store: Store, log: StoredStudyLog, statement: str
) -> None:
    log.append(chain({"trial": 0}, {"trial": 1}))
    release(store, b"model")
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), store._database.writing() as connection:
        connection.exec_driver_sql(statement)
    assert len(log.events()) == 2
    assert len(store.models.events("churn")) == 1


def test_a_transaction_that_fails_leaves_nothing(store: Store, log: StoredStudyLog) -> None:
    first, second, third = chain({"trial": 0}, {"trial": 1}, {"trial": 2})
    log.append([first])
    with pytest.raises(ValueError, match="continue"):
        log.append([second, third, third])
    assert log.events() == [first]


def test_a_removed_study_takes_its_objects_along_and_leaves_those_of_others(store: Store, log: StoredStudyLog) -> None:
    other = store.create_study({}, "q")
    mine, ours, released = log.keep(b"mine"), log.keep(b"ours"), log.keep(b"model")
    other.keep(b"ours")
    release(store, b"model")
    store.remove(log.study)
    with pytest.raises(StoreDamaged, match="cannot read"):
        other.kept(mine)
    assert (other.kept(ours), store.models.get(released)) == (b"ours", b"model")
    with pytest.raises(UnknownStudy):
        store.load(log.study)


def test_a_store_of_a_newer_version_says_upgrade(opened: Callable[[], Store], store: Store) -> None:
    with store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew, match=r"(?s)revision 9999.*fix: upgrade with"):
        opened()


def test_reading_commands_make_no_store(opened: Callable[[], Store], tmp_path: Path) -> None:
    with pytest.raises(UnknownStudy, match="no studies here"):
        Store.open(create=False)
    assert list(tmp_path.iterdir()) == []


# --- registered models ------------------------------------------------------------------------------------------------


def release(store: Store, content: bytes, name: str = "churn") -> int:
    def decide(history: Any, *_: Any) -> list[Step]:
        body = {"version": history.next_version, "digest": "d", "envelope": "e", "study": "s", "by": "ada", "why": ""}
        return [Step(RELEASED, body, (content,))]

    return store.models.record(name, decide, create=True).versions[-1].version


def test_releases_that_meet_are_numbered_one_after_the_other(opened: Callable[[], Store]) -> None:
    opened()
    numbers: list[int] = []
    failures: list[BaseException] = []

    def releases() -> None:
        try:
            with Store.open() as mine:
                numbers.extend(release(mine, b"model %d" % number) for number in range(5))
        except BaseException as error:  # noqa: BLE001  (whatever it is, the test shall show it)
            failures.append(error)

    threads = [threading.Thread(target=releases) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(numbers) == list(range(1, 21))
    assert [version.version for version in opened().models.history("churn").versions] == list(range(1, 21))


def test_a_decision_that_is_refused_leaves_no_model(store: Store) -> None:
    def refuse(*_: Any) -> list[Step]:
        raise UnknownModel("no", fix="no")

    with pytest.raises(UnknownModel, match="no"):
        store.models.record("churn", refuse, create=True)
    assert store.models.names() == []


def test_the_state_at_a_past_moment_is_what_held_then(store: Store) -> None:
    for content in (b"1", b"2"):
        release(store, content)
    then = store.models.events("churn")[-1].at_utc
    body = {"version": 2, "from": 1, "by": "ada", "why": ""}
    store.models.record("churn", lambda *_: [Step(PROMOTED, body)])
    assert store.models.history("churn").champion == 2
    assert store.models.history("churn", at_utc=then).champion == 1


# --- objects ----------------------------------------------------------------------------------------------------------


def test_objects_go_only_when_somebody_asks_and_nobody_refers_to_them(store: Store, log: StoredStudyLog) -> None:
    kept = log.keep(b"kept")
    release(store, b"released")
    stray = store._objects.put(b"left by a release that was cut short")
    assert store._objects.get(stray)
    assert (store.collect(dry_run=True).n_objects, store._objects.get(stray)[:4]) == (1, b"left")
    collected = store.collect()
    assert (collected.n_objects, collected.n_bytes) == (1, 36)
    with pytest.raises(StoreDamaged, match=stray[2:]):
        store._objects.get(stray)
    assert log.kept(kept) == b"kept"
    assert store.collect().n_objects == 0


def overwrite(store: Store, digest: str, data: bytes) -> None:
    objects = store._objects
    if isinstance(objects, FolderObjects):
        (objects.folder / digest[:2] / digest[2:]).write_bytes(data)
    else:
        assert isinstance(objects, RemoteObjects)
        objects._files.pipe_file(objects._path(digest), data)


def test_bytes_that_changed_or_went_away_are_noticed(store: Store, log: StoredStudyLog) -> None:
    digest = log.keep(b"a model")
    overwrite(store, digest, b"a modem")
    with pytest.raises(StoreDamaged, match="is not what was written"):
        log.kept(digest)
    store._objects.remove(digest)
    store._objects.remove(digest)
    with pytest.raises(StoreDamaged, match="cannot read"):
        log.kept(digest)
    with pytest.raises(StoreDamaged, match="is not a SHA-256 digest"):
        log.kept("../../etc/passwd")

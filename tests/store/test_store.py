"""Opening a store, and finding, listing, locking and removing its studies."""

import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from luthier.errors import (
    StoreDamaged,
    StoreTooNew,
    StoreUnreachable,
    StudyBusy,
    UnknownStudy,
    UnwritableFolder,
    UsageError,
)
from luthier.store import Store, StoredStudyLog
from luthier.store.tables import METADATA
from luthier.tuning.record import chained

AT = "2025-03-01T12:00:00.000000Z"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


def tell(log: StoredStudyLog, *events: tuple[str, dict[str, Any]]) -> None:
    last = log.events()[-1:]
    chain = last
    for kind, body in events:
        chain = [*chain, chained(chain[-1] if chain else None, kind, body, AT)]
    log.append(chain[len(last) :])


# --- opening ----------------------------------------------------------------------------------------------------------


def test_a_store_is_made_in_the_current_folder_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORE", raising=False)
    with Store.open() as store:
        assert store.folder.resolve() == tmp_path / ".luthier"
    assert stat.S_IMODE((tmp_path / ".luthier").stat().st_mode) == 0o700
    assert "\n*\n" in (tmp_path / ".luthier" / ".gitignore").read_text()


def test_the_environment_names_another_place_and_an_argument_overrules_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUTHIER_STORE", str(tmp_path / "deep" / "er"))
    with Store.open() as store:
        assert store.folder == tmp_path / "deep" / "er"
    with Store.open(tmp_path / "other") as store:
        assert store.folder == tmp_path / "other"


def test_what_was_stored_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        log = store.create_study({"seed": 1}, "q", shape=(4, 1))
        tell(log, ("study.opened", {}))
        log.write_fold(0, 0, np.ones((4, 1), dtype=np.float32))
    with Store.open(tmp_path / "s") as store:
        again = store.load(log.study)
        assert [event.kind for event in again.events()] == ["study.opened"]
        assert again.read_predictions([0]).sum() == 4
        assert store.plan_of(log.study) == {"seed": 1}


def test_reading_commands_leave_no_trace_where_there_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(UnknownStudy, match="no studies here"):
        Store.open(tmp_path / "s", create=False)
    assert list(tmp_path.iterdir()) == []


def test_an_up_to_date_store_opens_without_alembic_and_an_empty_folder_needs_it(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from luthier.store.store import Store\n"
        f"Store.open({str(tmp_path / 's')!r}).close()\n"
        "print('alembic' in sys.modules)\n"
    )
    answers = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
        for _ in range(2)
    ]
    assert answers == ["True", "False"]


def test_the_migrations_make_the_tables_the_code_speaks_of(store: Store) -> None:
    def form(columns: Sequence[Any]) -> list[tuple[Any, ...]]:
        return [(column["name"], str(column["type"]), column["nullable"]) for column in columns]

    engine = sa.create_engine(f"sqlite:///{store.folder / 'meta.db'}")
    fresh = sa.create_engine("sqlite://")
    METADATA.create_all(fresh)
    found, wanted = sa.inspect(engine), sa.inspect(fresh)
    assert set(found.get_table_names()) == {*wanted.get_table_names(), "alembic_version"}
    for table in wanted.get_table_names():
        assert form(found.get_columns(table)) == form(wanted.get_columns(table))
        assert found.get_indexes(table) == wanted.get_indexes(table)
        assert found.get_foreign_keys(table) == wanted.get_foreign_keys(table)
        assert found.get_pk_constraint(table) == wanted.get_pk_constraint(table)
    engine.dispose()
    fresh.dispose()


def test_the_newest_migration_is_the_one_the_code_asks_for() -> None:
    from luthier.store.database import REVISION
    from luthier.store.migrations import revisions

    assert revisions()[0] == REVISION


def test_acknowledged_means_on_disk(store: Store) -> None:
    log = store.create_study({}, "q")
    with log._database.writing() as connection:
        read = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")}
        assert read == {"journal_mode": "wal", "synchronous": 2}
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_many_threads_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def open_and_write() -> None:
        try:
            with Store.open(tmp_path / "s") as store:
                tell(store.create_study({}, "q"), ("study.opened", {}))
        except BaseException as error:  # noqa: BLE001  (whatever it is, the test shall show it)
            failures.append(error)

    threads = [threading.Thread(target=open_and_write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Store.open(tmp_path / "s") as store:
        assert len(store.list_studies()) == 6


def test_a_store_of_a_newer_version_says_upgrade_and_is_left_alone(store: Store) -> None:
    store.close()
    database = store.folder / "meta.db"
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()
    before = database.read_bytes()
    with pytest.raises(StoreTooNew, match=r"(?s)revision 9999.*fix: upgrade with"):
        Store.open(store.folder)
    assert database.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to be looked at" * 50, b"SQLite format 3\0"]
)
def test_a_file_that_is_no_database_is_damage(store: Store, content: bytes) -> None:
    store.close()
    (store.folder / "meta.db").write_bytes(content.ljust(8192, b"x"))
    with pytest.raises(StoreDamaged, match=re.escape(str(store.folder / "meta.db"))):
        Store.open(store.folder)


def test_a_database_with_a_scratched_page_is_damage_when_the_page_is_read(store: Store) -> None:
    log = store.create_study({}, "q")
    tell(log, *[("trial.proposed", {"trial": trial, "why": "x" * 500}) for trial in range(200)])
    store.close()
    database = store.folder / "meta.db"
    data = bytearray(database.read_bytes())
    for page in range(8 * 4096, len(data), 4096):
        data[page : page + 100] = b"\xff" * 100
    database.write_bytes(data)
    with pytest.raises(StoreDamaged, match="cannot be read"), Store.open(store.folder) as again:
        again.load(log.study).events()


def test_a_database_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "meta.db")) as raw:
        raw.execute("CREATE TABLE customers (id INTEGER)")
    with pytest.raises(StoreDamaged, match=r"not a store of ours \(it holds customers\)"):
        Store.open(tmp_path)
    with closing(sqlite3.connect(tmp_path / "meta.db")) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("customers",)]


@pytest.mark.parametrize("loss", ["emptied", "deleted"])
def test_a_lost_database_is_not_silently_replaced_by_an_empty_one(store: Store, loss: str) -> None:
    store.create_study({}, "q", shape=(1, 1)).write_fold(0, 0, np.ones((1, 1), dtype=np.float32))
    store.close()
    for file in store.folder.glob("meta.db*"):
        file.unlink()
    if loss == "emptied":
        (store.folder / "meta.db").touch()
    with pytest.raises(StoreDamaged, match="missing or empty"):
        Store.open(store.folder)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_place_that_takes_no_folder_is_said_and_nothing_is_left_behind(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(UnwritableFolder, match=str(tmp_path / place)):
        Store.open(tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UnwritableFolder):
        Store.open(tmp_path / "s")


def test_a_database_that_takes_no_changes_is_said_and_taken_up_when_it_does_again(store: Store) -> None:
    log = store.create_study({}, "q")
    with log._database.writing() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(UnwritableFolder, match="does not take changes"):
        tell(log, ("study.opened", {}))
    assert log.events() == []
    writer = log._database._writer
    assert writer is not None
    writer.connection.dbapi_connection.execute("PRAGMA query_only = OFF")  # type: ignore[union-attr]
    tell(log, ("study.opened", {}))
    assert len(log.events()) == 1


def test_a_full_disk_is_said_and_nothing_of_the_transaction_is_kept(store: Store) -> None:
    log = store.create_study({}, "q")
    with log._database.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    much = [("trial.proposed", {"trial": trial, "why": "x" * 2000}) for trial in range(20)]
    with pytest.raises(UnwritableFolder, match="full"):
        tell(log, *much)
    assert log.events() == []
    with log._database.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    tell(log, *much)
    assert len(log.events()) == 20


def test_a_writer_that_will_not_let_go_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from luthier.store import sqlite

    monkeypatch.setattr(sqlite, "BUSY_S", 0.05)
    with closing(sqlite3.connect(store.folder / "meta.db", isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        with Store.open(store.folder) as other, pytest.raises(StudyBusy, match="another process has been writing"):
            other.create_study({}, "q")
        hog.execute("ROLLBACK")
    store.create_study({}, "q")


@pytest.mark.parametrize("address", ["mysql://localhost/luthier", "s3://bucket/prefix", "postgresql+asyncpg://x"])
def test_an_address_of_another_kind_is_refused_in_words(address: str) -> None:
    with pytest.raises(UsageError, match="they live in a folder or in PostgreSQL"):
        Store.open(address)


def test_a_server_that_does_not_answer_is_said_without_its_password() -> None:
    with pytest.raises(StoreUnreachable, match="does not answer") as caught:
        Store.open("postgresql://ada:secret@127.0.0.1:1/luthier")
    assert "secret" not in str(caught.value)
    assert "postgresql://ada@127.0.0.1:1/luthier" in str(caught.value)


# --- finding ----------------------------------------------------------------------------------------------------------


def test_the_same_question_finds_the_interrupted_study_and_not_the_finished_one(store: Store) -> None:
    assert store.find_open("q") is None
    first, second = store.create_study({}, "q"), store.create_study({}, "q")
    store.create_study({}, "another")
    tell(first, ("study.opened", {}), ("study.paused", {}))
    tell(second, ("study.opened", {}), ("study.ended", {"reason": "budget"}), ("model.released", {}))
    assert store.find_open("q") == first.study
    tell(second, ("study.resumed", {}))
    assert store.find_open("q") == second.study
    tell(first, ("study.ended", {"reason": "budget"}))
    tell(second, ("study.ended", {"reason": "budget"}))
    assert store.find_open("q") is None


def test_a_study_killed_before_its_first_event_is_found(store: Store) -> None:
    log = store.create_study({}, "q")
    assert store.find_open("q") == log.study


def test_a_study_answers_to_its_id_its_name_and_parts_of_its_id(store: Store) -> None:
    log = store.create_study({}, "q", name="churn, spring")
    for word in (log.study, "churn, spring", log.study[:6], log.study[-4:]):
        assert store.load(word).study == log.study


def test_a_word_that_means_two_studies_is_never_guessed(store: Store) -> None:
    ids = sorted(store.create_study({}, "q", name="churn").study for _ in range(2))
    with pytest.raises(UnknownStudy, match=", ".join(ids)):
        store.load("churn")
    with pytest.raises(UnknownStudy, match="may mean 2 studies"):
        store.load(ids[0][:8])
    assert store.load(ids[0]).study == ids[0]


def test_an_unknown_study_lists_what_comes_close(store: Store) -> None:
    store.create_study({}, "q", name="churn-spring")
    with pytest.raises(UnknownStudy, match="did you mean churn-spring"):
        store.load("churn-sprnig")
    with pytest.raises(UnknownStudy, match="luthier runs list"):
        store.load("zzz")
    with pytest.raises(UnknownStudy):
        store.load("")


def test_ids_sort_by_age_and_never_meet(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime, timedelta

    from luthier.store import study_ids

    birth = datetime(2025, 3, 1, 23, 59, 59, tzinfo=UTC)
    ids = [study_ids.new_study_id(birth + timedelta(seconds=second)) for second in range(5)]
    assert sorted(ids) == ids
    assert all(study_ids.STUDY_ID.fullmatch(each) for each in ids)
    # With a single possible letter every id of one second is the same: the next one waits for no luck but another try.
    draws = iter("aaaaaaaaaaaaaaab")
    monkeypatch.setattr("secrets.choice", lambda _: next(draws))
    monkeypatch.setattr("luthier.store.store.new_study_id", lambda _: study_ids.new_study_id(birth))
    assert [store.create_study({}, "q").study[-4:] for _ in range(2)] == ["aaaa", "aaab"]


# --- listing ----------------------------------------------------------------------------------------------------------


def test_a_list_tells_state_trials_and_best_score(store: Store) -> None:
    plan = {"question": {"dataset": "churn", "target": "left"}, "greater_is_better": False}
    log = store.create_study(plan, "q", name="mine")
    tell(
        log,
        ("study.opened", {}),
        ("trial.finished", {"trial": 0, "state": "complete", "score": 0.4}),
        ("trial.finished", {"trial": 1, "state": "complete", "score": 0.3}),
        ("trial.finished", {"trial": 2, "state": "failed", "score": None}),
        ("trial.finished", {"trial": 3, "state": "dropped", "score": 0.1}),
    )
    (row,) = store.list_studies()
    assert (row.id, row.name, row.state) == (log.study, "mine", "interrupted")
    assert (row.n_trials, row.best_score, row.dataset, row.target) == (3, 0.3, "churn", "left")
    with store.lock(log.study):
        assert store.list_studies()[0].state == "running"
    tell(log, ("study.ended", {}), ("model.released", {}))
    assert store.list_studies()[0].state == "finished"


def test_where_larger_is_better_the_best_score_is_the_largest(store: Store) -> None:
    log = store.create_study({"greater_is_better": True}, "q")
    assert store.list_studies()[0].best_score is None
    tell(log, *[("trial.finished", {"trial": 0, "state": "complete", "score": score}) for score in (0.4, 0.9, 0.3)])
    assert store.list_studies()[0].best_score == 0.9


@pytest.mark.parametrize(
    "scratch", ["UPDATE studies SET plan = '{' WHERE id = ?", "UPDATE events SET body = '[]' WHERE study = ?"]
)
def test_a_damaged_record_does_not_hide_the_other_studies(store: Store, scratch: str) -> None:
    bad, good = store.create_study({}, "q"), store.create_study({}, "q")
    for log in (bad, good):
        tell(log, ("trial.finished", {"trial": 0, "state": "complete", "score": 0.5}))
    with closing(sqlite3.connect(store.folder / "meta.db")) as raw:
        raw.execute("DROP TRIGGER events_are_never_changed")
        raw.execute(scratch, (bad.study,))
        raw.commit()
    assert [(row.id, row.state) for row in store.list_studies()] == [
        (bad.study, "damaged"),
        (good.study, "interrupted"),
    ]


def test_a_list_begins_with_the_oldest(store: Store) -> None:
    ids = [store.create_study({}, "q").study for _ in range(5)]
    assert [row.id for row in store.list_studies()] == ids


# --- removing ---------------------------------------------------------------------------------------------------------


def test_removing_a_study_removes_its_files_and_nobody_elses(store: Store) -> None:
    gone, stays = (store.create_study({}, "q", shape=(2, 1)) for _ in range(2))
    for log in (gone, stays):
        tell(log, ("study.opened", {}))
        log.write_fold(0, 0, np.ones((2, 1), dtype=np.float32))
    own, shared = gone.keep(b"own"), gone.keep(b"shared")
    assert stays.keep(b"shared") == shared
    store.remove(gone.study)
    assert [row.id for row in store.list_studies()] == [stays.study]
    assert [path.name for path in (store.folder / "tables").iterdir()] == [f"{stays.study}.oof"]
    assert list((store.folder / "locks").iterdir()) == []
    with pytest.raises(StoreDamaged):
        gone.kept(own)
    assert stays.kept(shared) == b"shared"
    assert len(stays.events()) == 1
    with closing(sqlite3.connect(store.folder / "meta.db")) as raw:
        for table in ("events", "kept_objects"):
            assert raw.execute(f"SELECT DISTINCT study FROM {table}").fetchall() == [(stays.study,)]


def test_a_running_study_cannot_be_removed(store: Store) -> None:
    log = store.create_study({}, "q")
    with store.lock(log.study), pytest.raises(StudyBusy):
        store.remove(log.study)
    assert [row.id for row in store.list_studies()] == [log.study]


def test_a_removed_study_is_unknown(store: Store) -> None:
    log = store.create_study({}, "q")
    store.remove(log.study)
    for verb in (store.load, store.remove, store.lock, store.plan_of):
        with pytest.raises(UnknownStudy):
            verb(log.study)


# --- locking ----------------------------------------------------------------------------------------------------------


def test_a_study_has_one_runner_and_the_message_names_it(store: Store) -> None:
    log = store.create_study({}, "q")
    with store.lock(log.study), pytest.raises(StudyBusy, match=f"process {os.getpid()}"):
        store.lock(log.study)
    store.lock(log.study).release()


def test_the_lock_goes_when_its_holder_is_killed(store: Store) -> None:
    log = store.create_study({}, "q")
    code = (
        "import time\n"
        "from pathlib import Path\n"
        "from luthier.store.locks import StudyLock\n"
        f"lock = StudyLock(Path({str(store.folder / 'locks' / f'{log.study}.lock')!r}), 'study')\n"
        "print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StudyBusy, match=f"process {holder.pid}"):
            store.lock(log.study)
        assert store.list_studies()[0].state == "running"
        holder.send_signal(signal.SIGKILL)
    assert store.list_studies()[0].state == "interrupted"
    store.lock(log.study).release()


def test_a_look_at_the_list_does_not_cost_anybody_the_lock(store: Store) -> None:
    from luthier.store.locks import StudyLock

    log = store.create_study({}, "q")
    path = store.folder / "locks" / f"{log.study}.lock"
    store.lock(log.study).release()
    looker = StudyLock(path, "look")
    threading.Timer(0.05, looker.release).start()
    store.lock(log.study).release()


# --- objects elsewhere ------------------------------------------------------------------------------------------------


def test_a_place_for_objects_that_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for address, error, complaint in (
        ("nowhere://bucket", UsageError, "names no place for objects"),
        ("s3://", UsageError, "names no bucket"),
    ):
        monkeypatch.setenv("LUTHIER_OBJECTS", address)
        with pytest.raises(error, match=complaint):
            Store.open(tmp_path / "s")
    monkeypatch.setenv("LUTHIER_OBJECTS", str(tmp_path / "shared"))
    with Store.open(tmp_path / "s") as store:
        digest = store.create_study({}, "q").keep(b"bytes")
    assert (tmp_path / "shared" / digest[:2] / digest[2:]).read_bytes() == b"bytes"


def test_a_server_of_objects_that_does_not_answer_is_said(s3: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("LUTHIER_OBJECTS", s3.replace("//luthier/", "//no-such-bucket/"))
    with Store.open(tmp_path / "s") as store, pytest.raises(StoreUnreachable, match="no-such-bucket"):
        store.create_study({}, "q").keep(b"bytes")


def test_drafts_of_killed_writers_are_swept_when_they_are_old(store: Store) -> None:
    store.create_study({}, "q").keep(b"bytes")
    (folder,) = (store.folder / "objects").iterdir()
    old, new = folder / ".x.1234.tmp", folder / ".y.1234.tmp"
    for draft in (old, new):
        draft.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert store.collect().n_objects == 0
    assert (old.exists(), new.exists()) == (False, True)

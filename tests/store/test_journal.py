"""A log of lines: read exactly once, whatever happened to those who wrote them."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from luthier.errors import JournalBehind
from luthier.store.journal import Journal, days_of, pack_segment, select_all

COLUMNS = {"id": "VARCHAR", "x": "BIGINT"}
N_KILLS = 8


def lines(*numbers: int) -> bytes:
    return b"".join(json.dumps({"id": str(n), "x": n}).encode() + b"\n" for n in numbers)


def ids(folder: Path) -> list[int]:
    query = select_all(COLUMNS, days_of(folder))
    if query is None:
        return []
    with duckdb.connect() as connection:
        return sorted(int(row[0]) for row in connection.execute(f"SELECT id FROM ({query})").fetchall())


class Acknowledged:
    """Collects the tickets that come back."""

    def __init__(self) -> None:
        self.kept: list[int] = []
        self.lost: list[int] = []
        self._changed = threading.Condition()

    def __call__(self, tickets: list[Any], error: OSError | None) -> None:
        with self._changed:
            (self.kept if error is None else self.lost).extend(tickets)
            self._changed.notify()

    def wait_for(self, n: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.kept) + len(self.lost) >= n, timeout=20)


@pytest.mark.parametrize("promise", ["queued", "written", "synced"])
def test_every_line_is_read_once_while_it_is_written_and_when_it_is_packed(tmp_path: Path, promise: Any) -> None:
    told = Acknowledged()
    log = Journal(tmp_path, COLUMNS, promise=promise, on_kept=told)
    for n in range(50):
        log.append(lines(n), 1, n)
    if promise != "queued":
        told.wait_for(50)
        assert ids(tmp_path) == list(range(50))
    log.close()
    assert ids(tmp_path) == list(range(50))
    assert not list(tmp_path.glob("*/*.jsonl"))
    assert not list((tmp_path / "locks").iterdir())


def test_files_that_have_grown_are_packed_while_the_next_is_written(tmp_path: Path) -> None:
    told = Acknowledged()
    log = Journal(tmp_path, COLUMNS, on_kept=told, segment_bytes=200)
    for n in range(60):
        log.append(lines(n), 1, n)
        told.wait_for(n + 1)
    assert len(list(tmp_path.glob("*/*.parquet"))) > 3
    assert ids(tmp_path) == list(range(60))
    log.close()


def test_a_line_torn_by_a_crash_is_left_out_and_the_whole_ones_are_not(tmp_path: Path) -> None:
    day = tmp_path / "2026-01-05"
    day.mkdir()
    (day / "a.jsonl").write_bytes(lines(1, 2) + b'{"id": "3", "x"')
    assert ids(tmp_path) == [1, 2]
    pack_segment(day / "a.jsonl", COLUMNS)
    assert ids(tmp_path) == [1, 2]
    assert [path.name for path in day.iterdir()] == ["a.parquet"]


def test_a_crash_between_packing_and_removing_shows_no_line_twice(tmp_path: Path) -> None:
    day = tmp_path / "2026-01-05"
    day.mkdir()
    segment = day / "a.jsonl"
    segment.write_bytes(lines(1, 2))
    pack_segment(segment, COLUMNS)
    segment.write_bytes(lines(1, 2))
    assert ids(tmp_path) == [1, 2]
    Journal(tmp_path, COLUMNS).close()  # the next process tidies up
    assert [path.name for path in day.iterdir()] == ["a.parquet"]


def test_a_full_disk_is_told_and_leaves_no_half_written_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Acknowledged()
    log = Journal(tmp_path, COLUMNS, on_kept=told)
    log.append(lines(1), 1, 1)
    told.wait_for(1)
    write = os.write

    def full(handle: int, data: bytes) -> int:
        if len(data) > 10:
            return write(handle, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    log.append(lines(2), 1, 2)
    told.wait_for(2)
    assert told.lost == [2]
    assert str(log.lost).endswith("No space left on device")
    monkeypatch.setattr(os, "write", write)
    log.append(lines(3), 1, 3)
    told.wait_for(3)
    assert str(log.lost) == "None"
    log.close()
    assert ids(tmp_path) == [1, 3]


def test_who_asks_faster_than_the_disk_writes_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    going = threading.Event()
    write = os.write
    log = Journal(tmp_path, COLUMNS, capacity=10)
    monkeypatch.setattr(os, "write", lambda handle, data: (going.wait(20), write(handle, data))[1])
    log.append(lines(*range(10)), 10)
    with pytest.raises(JournalBehind, match="10 lines behind"):
        log.append(lines(10), 1)
    going.set()
    log.close()
    assert ids(tmp_path) == list(range(10))


def test_days_that_are_too_old_go_and_the_others_stay(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    for age in (0, 5, 40):
        day = tmp_path / (today - timedelta(days=age)).isoformat()
        day.mkdir(parents=True)
        (day / "a.jsonl").write_bytes(lines(age))
    Journal(tmp_path, COLUMNS, keep_days=7).close()
    assert ids(tmp_path) == [0, 5]


WRITER = """
import os, sys
from pathlib import Path
from luthier.store.journal import Journal
def kept(tickets, error):
    os.write(1, b"".join(b"%d\\n" % n for n in tickets))
first = int(sys.argv[2])
log = Journal(Path(sys.argv[1]), {"id": "VARCHAR", "x": "BIGINT"}, on_kept=kept, segment_bytes=20_000)
n = first
while True:
    try:
        log.append(b'{"id": "%d", "x": %d}\\n' % (n, n), 1, n)
        n += 1
    except Exception:
        os.sched_yield()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
def test_no_acknowledged_line_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    instants = random.Random(5)
    acknowledged: list[int] = []
    for k in range(N_KILLS):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(k * 10_000_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            acknowledged.append(int(writer.stdout.readline()))
            blow = threading.Timer(instants.uniform(0.0, 0.08), os.kill, (writer.pid, signal.SIGKILL))
            blow.start()
            rest = writer.stdout.read()
            acknowledged += [int(n) for n in rest[: rest.rfind(b"\n") + 1].split()]
    found = ids(tmp_path)
    assert len(found) == len(set(found))
    assert set(acknowledged) <= set(found)
    Journal(tmp_path, COLUMNS).close()
    assert ids(tmp_path) == found
    assert not list(tmp_path.glob("*/*.jsonl"))

"""Tables are read by DuckDB, which must not swallow what the user wants."""

from __future__ import annotations

import _thread
import signal
import threading
import time

import pytest

from luthier.data.duck import duck


@pytest.mark.parametrize("threads", ["1", "2", "8"])
def test_ctrl_c_ends_a_query_wherever_it_runs(threads: str) -> None:
    """Of the hour the query takes, hardly any is used: with several threads, the one that waits must hear it too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    began = time.process_time()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt), duck(threads=threads) as connection:
            connection.execute("SELECT sum(sqrt(a.range) * sqrt(b.range)) FROM range(1000000) a, range(1000000) b")
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert time.process_time() - began < 30


def test_a_connection_answers_as_duckdb_does() -> None:
    with duck() as connection:
        assert connection.execute("SELECT ? + 1", [2]).fetchone() == (3,)
        assert connection.execute("SELECT range FROM range(3)").fetchnumpy()["range"].tolist() == [0, 1, 2]


def test_what_goes_wrong_otherwise_is_not_taken_for_ctrl_c() -> None:
    with pytest.raises(RuntimeError, match="of ours"), duck():
        raise RuntimeError("of ours")

"""Tables are read by DuckDB, which must not swallow what the user wants."""

from __future__ import annotations

import _thread
import signal
import threading
import time

import pytest

from luthier.data.duck import duck


def test_ctrl_c_during_a_query_is_ctrl_c() -> None:
    """The query runs for minutes if nothing ends it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    start = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt), duck() as connection:
            connection.execute("SELECT sum(sqrt(a.range) * sqrt(b.range)) FROM range(1000000) a, range(1000000) b")
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - start < 30


def test_what_goes_wrong_otherwise_is_not_taken_for_ctrl_c() -> None:
    with pytest.raises(RuntimeError, match="of ours"), duck():
        raise RuntimeError("of ours")

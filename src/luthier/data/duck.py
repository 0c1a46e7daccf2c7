"""DuckDB as tables are read with it: nothing is fetched from the network, and Ctrl-C stays Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

_ALONE: dict[str, str | bool | int | float | list[str]] = {
    # extensions for CSV, JSON and Parquet are built in
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}

_PATIENCE_S = 0.1


@contextmanager
def duck(**config: str) -> Iterator[Any]:
    """Connect to a database in memory that dies with the block.

    Parameters
    ----------
    config
        Settings of DuckDB on top of ours.

    Raises
    ------
    KeyboardInterrupt
        The user interrupted a query, which has ended by then.
    """
    import duckdb

    with duckdb.connect(config={**_ALONE, **config}) as connection, ThreadPoolExecutor(1) as thread:
        yield _Interruptible(connection, thread)


class _Interruptible:
    """A connection whose queries run on a thread of their own, so that the thread that asks can hear Ctrl-C.

    DuckDB looks for signals between two tasks only. Where its other threads have taken the last of them, the one that
    waits hears nothing before the query has ended.
    """

    def __init__(self, connection: Any, thread: ThreadPoolExecutor) -> None:
        self._connection, self._thread = connection, thread

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._connection, name)

        def call(*arguments: Any) -> Any:
            answer = self._thread.submit(method, *arguments)
            try:
                while wait([answer], timeout=_PATIENCE_S).not_done:  # no wait without an end hears Ctrl-C everywhere
                    continue
            except KeyboardInterrupt:
                while wait([answer], timeout=_PATIENCE_S).not_done:  # a query not yet begun cannot be interrupted
                    self._connection.interrupt()
                raise
            found = answer.result()
            return self if found is self._connection else found

        return call

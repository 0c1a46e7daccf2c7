"""DuckDB as tables are read with it: nothing is fetched from the network, and Ctrl-C stays Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ALONE: dict[str, str | bool | int | float | list[str]] = {
    # extensions for CSV, JSON and Parquet are built in
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


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
        The user interrupted a query, of which DuckDB makes a `RuntimeError`.
    """
    import duckdb

    with duckdb.connect(config={**_ALONE, **config}) as connection:
        try:
            yield connection
        except RuntimeError as error:
            if str(error) == "Query interrupted":
                raise KeyboardInterrupt from error
            raise

"""Keep NumPy's linear algebra within the threads a fit was given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def at_most(threads: int) -> Iterator[None]:
    """Limit BLAS and OpenMP to `threads` threads inside the block; outside nothing changes."""
    with threadpool_limits(limits=threads):
        yield

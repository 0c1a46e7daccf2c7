"""The process that steers a search leaves the cores to those that do the work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from threadpoolctl import threadpool_limits

from luthier.executors.inline import InlineExecutor
from luthier.tuning.jobs import Executor


@contextlib.contextmanager
def steering_on_one_thread(executor: Executor) -> Iterator[None]:
    """Hold this process to one thread while it steers jobs that run in processes of their own.

    Suggestions and judgements are made of small matrices, which more threads do not make faster; threads that spin
    while they wait for each other, though, take the cores from the workers. Jobs that run in this very process keep the
    threads they have.
    """
    if isinstance(executor, InlineExecutor):
        yield
        return
    with threadpool_limits(limits=1):
        yield

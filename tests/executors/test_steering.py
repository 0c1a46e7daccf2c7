"""The process that steers a search leaves the cores to the workers."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
import threadpoolctl

from luthier.executors import make_executor
from luthier.executors.steering import steering_on_one_thread
from luthier.tuning.jobs import FoldResult, Job


class Idle:
    def run(self, job: Job, threads: int) -> FoldResult:
        raise NotImplementedError


def threads() -> list[int]:
    np.ones((2, 2)) @ np.ones((2, 2))  # so that there is a library to ask
    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]


@pytest.mark.parametrize(("name", "steers"), [("processes", True), ("inline", False)])
def test_one_thread_steers_workers_and_all_are_back_afterwards(name: str, steers: Any) -> None:
    with threadpoolctl.threadpool_limits(2):
        before = threads()
        with contextlib.closing(make_executor(name, Idle(), n_jobs=1)) as executor:
            with steering_on_one_thread(executor):
                during = threads()
            assert threads() == before
    assert during == ([1] * len(before) if steers else before)

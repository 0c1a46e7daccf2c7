"""What every executor does, whatever runs the jobs."""

from __future__ import annotations

import os
import random
import sys
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import threadpoolctl

import sklearn
from luthier.errors import UnknownChoice, UsageError
from luthier.executors import EXECUTORS, make_executor
from luthier.tuning.jobs import Executor, FoldResult, Job, Outcome


class Obedient:
    """Does what the configuration of the job says."""

    def __init__(self) -> None:
        self.table = np.arange(12.0).reshape(4, 3)

    def run(self, job: Job, threads: int) -> FoldResult:
        do = job.config.get("do")
        score = float(job.id)
        if do == "fail":
            raise ValueError("the solver\n  diverged")
        if do == "exit":
            sys.exit(3)
        if do == "out of memory":
            raise MemoryError
        if do == "global random numbers":
            score = random.random() + np.random.random()  # noqa: NPY002  (what careless code does)
        if do == "threads":
            rng = np.random.default_rng(0)
            rng.normal(size=(50, 50)) @ rng.normal(size=(50, 50))
            pools = {info["num_threads"] for info in threadpoolctl.threadpool_info()}
            assert pools == {threads}, pools
            score = float(threads)
        if do == "settings":
            assert sklearn.get_config()["enable_metadata_routing"]
            warnings.warn("quiet, please", RuntimeWarning, stacklevel=1)
        return FoldResult(np.full((2, 1), self.table.sum(), np.float32), score, 0.0)


@pytest.fixture(params=["inline", "processes"], scope="module")
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made = make_executor(request.param, Obedient(), n_jobs=1, threads=1)
    yield made
    made.close()


def job(number: int, do: str = "work", seed: int = 0) -> Job:
    return Job(number, trial=number, fold=0, config={"do": do}, seed=seed)


def everything(executor: Executor) -> dict[int, Outcome]:
    outcomes: list[Outcome] = []
    while arrived := executor.wait(30.0):
        outcomes += arrived
    assert len({outcome.job.id for outcome in outcomes}) == len(outcomes)
    return {outcome.job.id: outcome for outcome in outcomes}


def test_a_job_comes_back_done_with_its_result_and_the_seconds_it_took(executor: Executor) -> None:
    executor.submit(job(7))
    (outcome,) = executor.wait(30.0)
    assert (outcome.job, outcome.state, outcome.error) == (job(7), "DONE", None)
    assert outcome.result is not None
    assert outcome.result.score == 7.0
    assert outcome.result.predictions is not None
    assert outcome.result.predictions.dtype == np.float32
    assert outcome.result.predictions.tolist() == [[66.0], [66.0]]
    assert 0 <= outcome.seconds < 5


def test_an_exception_is_a_failed_fold_told_in_one_line_and_the_others_go_on(executor: Executor) -> None:
    for number in range(20):
        executor.submit(job(number, "fail" if number == 4 else "work"))
    outcomes = everything(executor)
    assert (outcomes[4].state, outcomes[4].error) == ("FAILED", "ValueError: the solver diverged")
    assert [n for n, outcome in outcomes.items() if outcome.state == "DONE"] == [n for n in range(20) if n != 4]


def test_sys_exit_in_user_code_ends_the_fold_and_not_the_study(executor: Executor) -> None:
    executor.submit(job(0, "exit"))
    executor.submit(job(1))
    outcomes = everything(executor)
    assert [outcomes[0].state, outcomes[1].state] == ["FAILED", "DONE"]


def test_a_memory_error_is_told_apart_from_other_failures(executor: Executor) -> None:
    executor.submit(job(0, "out of memory"))
    executor.submit(job(1))
    outcomes = everything(executor)
    assert [outcomes[0].state, outcomes[1].state] == ["OOM", "DONE"]


def test_jobs_run_in_the_order_they_were_submitted(executor: Executor) -> None:
    for number in (5, 3, 9, 1):
        executor.submit(job(number))
    assert list(everything(executor)) == [5, 3, 9, 1]


def test_waiting_for_nothing_returns_at_once(executor: Executor) -> None:
    assert executor.wait(None) == []
    assert executor.running() == ()


def test_a_job_is_running_from_submission_until_its_outcome_is_returned(executor: Executor) -> None:
    executor.submit(job(1))
    executor.submit(job(2))
    assert sorted(executor.running()) == [1, 2]
    everything(executor)
    assert executor.running() == ()


def test_a_stopped_job_that_waits_is_never_begun(executor: Executor) -> None:
    for number in range(4):
        executor.submit(job(number))
    executor.stop([2, 3, 99])
    outcomes = everything(executor)
    assert {n: outcome.state for n, outcome in outcomes.items()} == {0: "DONE", 1: "DONE", 2: "STOPPED", 3: "STOPPED"}


def test_global_random_numbers_depend_on_the_seed_of_the_job_alone(executor: Executor) -> None:
    for number, seed in enumerate((11, 12, 2**40 + 11, 11)):
        executor.submit(job(number, "global random numbers", seed))
    scores = {n: outcome.result.score for n, outcome in everything(executor).items() if outcome.result}
    random.seed(11)
    assert scores[0] == scores[3] == random.random() + np.random.RandomState(11).random_sample()
    assert scores[0] != scores[1]
    assert scores[0] != scores[2]


def test_libraries_are_held_to_the_threads_of_a_job(executor: Executor) -> None:
    executor.submit(job(0, "threads"))
    (outcome,) = executor.wait(30.0)
    assert outcome.state == "DONE", outcome.error
    assert outcome.result is not None
    assert outcome.result.score == 1.0


@pytest.mark.parametrize("name", ["inline", "processes"])
def test_a_fold_sees_the_caller_s_warning_filters_and_scikit_learn_settings(name: str) -> None:
    with warnings.catch_warnings(), sklearn.config_context(enable_metadata_routing=True):
        warnings.filterwarnings("error", "quiet", RuntimeWarning)
        executor = make_executor(name, Obedient(), n_jobs=1, threads=1)
        executor.submit(job(0, "settings"))
        (outcome,) = executor.wait(30.0)
        executor.close()
    assert outcome.error == "RuntimeWarning: quiet, please"


def test_the_executors_are_found_by_name_and_an_unknown_name_says_which_there_are() -> None:
    assert sorted(EXECUTORS) == ["inline", "processes"]
    with pytest.raises(UnknownChoice, match=r"(?s)no executor 'ray'.*use one of inline, processes, or auto"):
        make_executor("ray", Obedient())


def test_auto_means_processes_because_only_they_enforce_limits() -> None:
    executor = make_executor("auto", Obedient(), n_jobs=1)
    try:
        executor.submit(Job(0, 0, 0, {"do": "work"}, 0))
        assert everything(executor)[0].state == "DONE"
        assert type(executor).__name__ == "ProcessExecutor"
    finally:
        executor.close()


@pytest.mark.parametrize(("name", "n_jobs"), [("inline", 2), ("inline", -1), ("inline", 0), ("processes", 0)])
def test_a_number_of_jobs_the_executor_cannot_have_is_refused(name: str, n_jobs: int) -> None:
    with pytest.raises(UsageError, match="n_jobs"):
        make_executor(name, Obedient(), n_jobs=n_jobs)


def test_ctrl_c_in_an_inline_job_passes_through_and_the_job_counts_as_stopped() -> None:
    class Interrupted:
        def run(self, job: Job, threads: int) -> FoldResult:
            raise KeyboardInterrupt

    with make_executor("inline", Interrupted()) as executor:  # type: ignore[attr-defined]
        executor.submit(job(0))
        with pytest.raises(KeyboardInterrupt):
            executor.wait(None)
        (outcome,) = executor.wait(None)
    assert (outcome.job.id, outcome.state) == (0, "STOPPED")


def test_an_inline_job_leaves_the_caller_s_random_numbers_and_threads_alone() -> None:
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    expected = np.random.RandomState(3).random_sample(), random.Random(3).random()
    pools = [info["num_threads"] for info in threadpoolctl.threadpool_info()]
    with make_executor("inline", Obedient(), threads=1) as executor:  # type: ignore[attr-defined]
        executor.submit(job(0, "global random numbers", seed=99))
        assert executor.wait(None)[0].state == "DONE"
    assert (np.random.random_sample(), random.random()) == expected  # noqa: NPY002
    assert [info["num_threads"] for info in threadpoolctl.threadpool_info()] == pools


def test_the_process_of_an_inline_job_is_this_one() -> None:
    class Whose:
        def run(self, job: Job, threads: int) -> FoldResult:
            return FoldResult(None, float(os.getpid()), 0.0)

    with make_executor("inline", Whose()) as executor:  # type: ignore[attr-defined]
        executor.submit(job(0))
        (outcome,) = executor.wait(None)
    assert outcome.result is not None
    assert outcome.result.score == os.getpid()

"""Whole programs: scripts without a guard, programs from standard input, engines that are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

PROGRAM = """
import pathlib, sys
with open({ran!r}, "a") as file:
    file.write("ran ")
from luthier.executors import ProcessExecutor
from luthier.tuning.jobs import FoldResult, Job

factor = 3.0

class Mine:
    def run(self, job, threads):
        print("noise of a library")
        return FoldResult(None, factor * job.id, 0.0)

with ProcessExecutor(Mine(), 2, threads=1, start={start!r}) as executor:
    for number in range(4):
        executor.submit(Job(number, number, 0, {{}}, 0, limit_s=30.0))
    scores = []
    while arrived := executor.wait(60.0):
        scores += [outcome.result.score for outcome in arrived]
print(sorted(scores))
"""


@pytest.mark.parametrize(
    ("start", "how"),
    [("forked", "script"), ("forked", "stdin"), ("forked", "-c"), ("spawned", "script"), ("spawned", "-m")],
)
def test_a_program_without_a_main_guard_runs_once_and_to_its_end(tmp_path: Path, how: str, start: str) -> None:
    if start == "forked" and sys.platform != "linux":
        pytest.skip("forked workers are for Linux")
    ran = tmp_path / "ran"
    program = PROGRAM.format(ran=str(ran), start=start)
    (tmp_path / "unguarded.py").write_text(program)
    command = {"script": ["unguarded.py"], "stdin": ["-"], "-c": ["-c", program], "-m": ["-m", "unguarded"]}[how]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        input=program if how == "stdin" else None,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "[0.0, 3.0, 6.0, 9.0]\n", done.stderr
    assert "noise of a library" in done.stderr
    assert ran.read_text() == "ran "


ENGINE = """
import ctypes, os, subprocess, sys, time
from luthier.executors import ProcessExecutor
from luthier.tuning.jobs import FoldResult, Job

class Stuck:
    def run(self, job, threads):
        subprocess.Popen(["sleep", "600"])
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        os.write(2, b"in job\\n")
        if job.id == 0:
            ctypes.PyDLL(None).sleep(600)   # holds the interpreter's lock
        while True:
            pass

executor = ProcessExecutor(Stuck(), 2, threads=1)
executor.submit(Job(0, 0, 0, {}, 0))
executor.submit(Job(1, 1, 0, {}, 0))
executor.wait(600.0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what the kernel does for us is Linux")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_an_engine_that_is_killed_leaves_no_process_behind(name: str) -> None:
    engine = subprocess.Popen([sys.executable, "-c", ENGINE], stderr=subprocess.PIPE)
    assert engine.stderr is not None
    for _ in range(2):
        assert engine.stderr.readline() == b"in job\n"
    family = psutil.Process(engine.pid).children(recursive=True)
    assert len(family) == 3 + 4  # nursery, two workers, two children of each
    os.kill(engine.pid, getattr(signal, name))
    engine.wait(10)
    engine.stderr.close()
    _, alive = psutil.wait_procs(family, timeout=3.0)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.skipif(sys.platform != "linux", reason="what the kernel does for us is Linux")
def test_workers_die_with_their_nursery_even_when_they_hang(tmp_path: Path) -> None:
    engine = subprocess.Popen([sys.executable, "-c", ENGINE], stderr=subprocess.PIPE)
    assert engine.stderr is not None
    for _ in range(2):
        assert engine.stderr.readline() == b"in job\n"
    (nursery,) = psutil.Process(engine.pid).children()
    workers = nursery.children()
    left = [process for worker in workers for process in worker.children()]  # these nobody is left to end
    engine.kill()
    nursery.kill()
    engine.wait(10)
    engine.stderr.close()
    _, alive = psutil.wait_procs(workers, timeout=3.0)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):  # some ended with what they were started by
            process.kill()
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.skipif(sys.platform != "linux", reason="what the kernel does for us is Linux")
def test_a_fork_of_the_engine_does_not_keep_its_workers_alive() -> None:
    # The fork holds a copy of every descriptor of the engine, so the nursery sees no end of file when the engine dies.
    program = ENGINE.replace(
        "executor.wait(600.0)", "if os.fork() == 0: time.sleep(8); os._exit(0)\nexecutor.wait(600)"
    )
    engine = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
    assert engine.stderr is not None
    for _ in range(2):
        assert engine.stderr.readline() == b"in job\n"
    family = psutil.Process(engine.pid).children(recursive=True)
    (fork,) = [p for p in psutil.Process(engine.pid).children() if p.cmdline()[-1] == program]
    family.remove(fork)
    engine.kill()
    engine.wait(10)
    _, alive = psutil.wait_procs(family, timeout=3.0)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert fork.is_running()
    fork.kill()
    engine.stderr.close()
    time.sleep(0.01)

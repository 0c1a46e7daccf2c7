r"""The nursery: a small process that has the heavy libraries loaded, forks workers, and outlives none of them.

    engine --- control socket ---> nursery --- fork ---> worker, worker, ...
       \________________ one wire per worker _______________/

It exists because no library gives the three things together that a study of many hours needs (Linux only; see
`spawned` for other systems):

- A fresh worker starts in milliseconds, since everything is already imported, and never imports the user's `__main__`.
- The death of a worker, however it dies, costs that worker's job and nothing else: workers share no lock and no pipe.
- Nothing is left behind. The nursery hears of the engine's end from the kernel (end of file on the control socket, or
  a new parent) and kills every worker with its whole process group; if the nursery itself is killed, the kernel kills
  the workers (PR_SET_PDEATHSIG). Both hold while the engine, or a worker, hangs in C code. Only if the nursery is
  killed can processes that a worker itself had started stay.

The nursery is single-threaded and runs no user code, so forking from it is sound.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from luthier.executors.cores import threads_environment
from luthier.executors.cradle import Death
from luthier.executors.handoff import Handoff
from luthier.executors.worker import serve

PRELOAD = (
    "numpy",
    "scipy.sparse",
    "pandas",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.neighbors",
    "sklearn.neural_network",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.svm",
    "lightgbm",
)
"""What models are made of. None of them starts a thread when it is imported under OMP_NUM_THREADS=1."""

_IF_USED = (*PRELOAD, "xgboost")  # likewise, worth its time when the engine has it loaded (catboost starts threads)

_MESSAGE = 65536  # bytes; ours are a few hundred
_LOOK_S = 1.0  # between looks at the parent, in case a fork of the engine keeps its end of the socket open
_END_S = 10.0

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_PR_SET_CHILD_SUBREAPER = 36


class Nursery:
    """The engine's hold on a nursery process: a `Cradle` for Linux. A dead nursery is replaced at the next `start`.

    Parameters
    ----------
    preload
        Imported before the first fork, beside what the engine itself has loaded and is safe to: every worker has it.
    """

    look_s: float | None = None  # deaths are announced, nobody has to look

    def __init__(self, preload: Sequence[str] = PRELOAD) -> None:
        self._preload = tuple(preload)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._alive: set[int] = set()
        self._open()

    @property
    def channel(self) -> socket.socket | None:
        """Readable when `deaths` has news."""
        return self._control

    def start(self, number: int, sock: socket.socket, handoff: Handoff, threads: int, memory_mb: float | None) -> None:
        """Have a worker forked; it speaks for itself through `sock`."""
        if self._control is None:
            self._open()
        assert self._control is not None
        order = {"start": number, "threads": threads, "memory_mb": memory_mb}
        self._alive.add(number)
        with contextlib.suppress(OSError):  # a nursery that has died says so through `deaths`
            socket.send_fds(self._control, [json.dumps(order).encode()], [sock.fileno(), handoff.descriptor])

    def kill(self, number: int) -> None:
        """Have a worker and everything it started killed, at once; its death is announced as any other."""
        if self._control is not None:
            with contextlib.suppress(OSError):
                self._control.send(json.dumps({"kill": number}).encode())

    def deaths(self) -> list[Death]:
        """The workers that have died since the last call."""
        found: list[Death] = []
        while self._control is not None:
            try:
                message = self._control.recv(_MESSAGE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                message = b""
            if not message:  # the nursery is gone, and the kernel has killed its workers
                numbers, self._alive = sorted(self._alive), set()
                exit_code = self._end()
                return found + [Death(number, exit_code, 0.0) for number in numbers]
            death = Death(*json.loads(message))
            self._alive.discard(death.number)
            found.append(death)
        return found

    def close(self) -> None:
        """End the nursery and all its workers, and wait for that."""
        self._end()

    def _end(self) -> int:
        control, self._control = self._control, None
        process, self._process = self._process, None
        if control is not None:
            control.close()
        if process is None:
            return 0
        process.terminate()  # it heeds this while it loads libraries, which takes seconds, and never later: see `tend`
        try:
            return process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _open(self) -> None:
        # SEQPACKET: messages keep their bounds, and the end of either side is an end of file for the other.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        modules = list(dict.fromkeys([*self._preload, *(name for name in _IF_USED if name in sys.modules)]))
        # The whole of sys.path is given, so that workers import what the engine would; "" must not come first.
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from luthier.executors.nursery import tend; "
            f"tend({theirs.fileno()}, {os.getpid()}, {modules!r})"
        )
        # One thread while libraries load: no pool may start before the fork, and workers set their own number.
        # A fixed hash seed, so that user code that walks through a set does so in the same order in every run.
        environment = {"PYTHONHASHSEED": "0"} | dict(os.environ) | threads_environment(1)
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603  (this interpreter, our own words)
                    [sys.executable, "-c", code],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=_standard_error(),  # what a library prints must not mix with what we print
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # Ctrl-C and hang-ups of the terminal are for the engine to decide on
                )
            except BaseException:
                ours.close()
                raise
        self._control = ours


def _standard_error() -> int:
    try:
        os.fstat(2)
    except OSError:  # a service without a standard error
        return subprocess.DEVNULL
    return 2


# ---- inside the nursery process ----


def tend(control_fd: int, engine: int, modules: Sequence[str]) -> None:
    """Look after workers until the engine is gone; then end them all."""
    control = socket.socket(fileno=control_fd)
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(name, signal.SIG_IGN)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # whatever a worker leaves behind becomes ours, to be ended with the rest
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, even if idle, is what makes SIGCHLD write to `wake`
    for module in modules:
        if os.getppid() != engine:
            return
        # A library that is absent or broken is the worker's business, and only if the work uses it.
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(module)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # from now on there are workers to be ended first
    gc.collect()
    gc.freeze()  # keeps the collector of every worker off pages that are shared with us
    flock = _Flock(control, inherited=(control.fileno(), woken, wake))
    while os.getppid() == engine:
        ready, _, _ = select.select([control.fileno(), woken], [], [], _LOOK_S)
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
        flock.bury()
        if control.fileno() in ready and not flock.obey():
            break
    flock.end()


class _Flock:
    """The workers of a nursery."""

    def __init__(self, control: socket.socket, inherited: Sequence[int]) -> None:
        self._control = control
        self._inherited = inherited
        self._numbers: dict[int, int] = {}  # pid -> number

    def obey(self) -> bool:
        """Carry out one order; False when there will be no more."""
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE, 2, socket.MSG_CMSG_CLOEXEC)
        except ConnectionError:
            return False
        if not message:
            return False
        order: dict[str, Any] = json.loads(message)
        if "start" in order:
            self._fork(order, *descriptors)
        else:
            for pid, number in self._numbers.items():
                if number == order["kill"]:
                    _kill_group(pid)
        return True

    def bury(self) -> None:
        """Announce every worker that has died, after killing what remains of its group."""
        while True:
            try:
                # Look before reaping: until the dead leader is reaped, its process group cannot be anyone else's.
                dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if dead is None:
                return
            number = self._numbers.pop(dead.si_pid, None)
            if number is not None:
                _kill_group(dead.si_pid)
            _, status, usage = os.wait4(dead.si_pid, 0)
            if number is not None:
                death = [number, os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime]
                with contextlib.suppress(OSError):  # the engine is gone: the loop will see it
                    self._control.send(json.dumps(death).encode())

    def end(self) -> None:
        """Kill every worker, and what workers have left behind, until nothing is left."""
        for _ in range(200):  # 2 s: only a process stuck inside the kernel takes longer, and it dies when it gets out
            for pid in self._numbers:
                _kill_group(pid)
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.bury()
            try:
                os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            select.select([], [], [], 0.01)

    def _fork(self, order: dict[str, Any], sock_fd: int, handoff_fd: int) -> None:
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python 3.12 warns of any other thread; those that Arrow's allocators start know how to survive a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._become_worker(order, sock_fd, handoff_fd, parent)
        with contextlib.suppress(OSError):  # the child does it too, whoever is first
            os.setpgid(pid, pid)
        self._numbers[pid] = order["start"]
        os.close(sock_fd)
        os.close(handoff_fd)

    def _become_worker(self, order: dict[str, Any], sock_fd: int, handoff_fd: int, parent: int) -> None:
        code = 1
        try:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before we asked
                return
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for fd in self._inherited:
                os.close(fd)
            # If the machine runs out of memory, a worker is to die rather than the engine or the user's browser.
            with contextlib.suppress(OSError):
                Path("/proc/self/oom_score_adj").write_text("1000")
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not write gigabytes to the disk first
            with socket.socket(fileno=sock_fd) as sock:
                serve(sock, handoff_fd, order["threads"], order["memory_mb"])
            code = 0
        except (BrokenPipeError, ConnectionResetError):  # the engine hung up while we were talking
            code = 0
        except BaseException:  # noqa: BLE001  (the last thing this process can do is to say why it ends)
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stderr.flush()
                sys.stdout.flush()
            os._exit(code)  # not sys.exit: the nursery's own clean-up is not ours to run


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):  # both: right after the fork the group may not exist yet
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:  # a kernel without this file: process groups have done most of it
        return []


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)

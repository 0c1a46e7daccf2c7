"""Is this installation fit for work? Each part is tried, not only looked at."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from luthier.errors import LuthierError
from luthier.executors import make_executor
from luthier.store import Store
from luthier.tuning import FoldResult, Job

_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "lightgbm", "duckdb", "sqlalchemy", "skops", "altair")
_EXTRAS = {"xgboost": "xgboost", "catboost": "catboost", "optuna": "optuna", "cmaes": "cmaes", "polars": "polars"}


def diagnose() -> list[dict[str, Any]]:
    """What was looked at, what was found, whether it is good, and how to mend it."""
    findings = [_finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")]
    findings += [_library(name) for name in _LIBRARIES]
    present = [name for name, module in _EXTRAS.items() if find_spec(module) is not None]
    missing = [name for name in _EXTRAS if name not in present]
    found = f"{', '.join(present) or 'none'} installed"
    if missing:
        found += f"; available: {', '.join(missing)} (pip install 'luthier[{missing[0]}]')"
    findings.append(_finding("extras", found))
    findings.append(_tried("cores and memory", _machine))
    findings.append(_tried("store", _store))
    findings.append(_tried("worker process", _worker))
    return findings


def _finding(what: str, found: str, *, ok: bool = True, fix: str | None = None) -> dict[str, Any]:
    return {"what": what, "found": found, "ok": ok, "fix": fix}


def _library(name: str) -> dict[str, Any]:
    try:
        return _finding(name, version(name))
    except PackageNotFoundError:
        return _finding(name, "not installed", ok=False, fix="pip install luthier")


def _tried(what: str, attempt: Callable[[], str]) -> dict[str, Any]:
    try:
        return _finding(what, attempt())
    except LuthierError as error:
        return _finding(what, error.what, ok=False, fix=error.fix)
    except Exception as error:  # noqa: BLE001  (whatever is wrong with the machine is what the doctor is asked to say)
        return _finding(what, f"{type(error).__name__}: {error}", ok=False, fix="see the message")


def _machine() -> str:
    import psutil

    from luthier.executors.cores import share_cores

    free = psutil.virtual_memory().available / 2**30
    return f"{share_cores(None)[0]} cores to use, {free:.1f} GB of memory free"


def _store() -> str:
    """A store made and read in a throw-away folder: the user's own is opened only if it is there already."""
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store") as store:
        log = store.create_study({"question": {}}, question="doctor", shape=None)
        store.remove(log.study)
    try:
        with Store.open(create=False) as store:
            return f"{store.folder} opens; {len(store.list_studies())} studies"
    except LuthierError as error:
        if "no studies here" in error.what:
            return "none here yet; a new one works"
        raise


class _Ping:
    def run(self, job: Job, threads: int) -> FoldResult:  # noqa: ARG002  (the protocol's signature)
        return FoldResult(None, 1.0, 0.0)


def _worker() -> str:
    executor = make_executor("processes", _Ping(), n_jobs=1)
    try:
        executor.submit(Job(1, 0, 0, {}, 0))
        (outcome,) = executor.wait(60.0)
    finally:
        executor.close()
    if outcome.state != "DONE":
        raise RuntimeError(f"a worker process answered {outcome.state}: {outcome.error}")
    return f"answers in {outcome.seconds * 1000:.1f} ms"

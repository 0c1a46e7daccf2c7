"""The unit of work, one fold of one configuration, and the seams it passes through.

The engine decides which job comes next; an executor runs it somewhere; the work itself knows neither of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from luthier.space.config import Config

FoldState = Literal["DONE", "FAILED", "TIMEOUT", "OOM", "LOST", "STOPPED"]
"""How a fold ended. STOPPED is our own doing (deadline, Ctrl-C) and says nothing about the configuration."""


@dataclass(frozen=True, slots=True)
class Job:
    """One fold of one trial, ready to be run anywhere.

    Attributes
    ----------
    id
        Unique within one engine run.
    trial, fold
        Which cell of the study this is; `fold` counts in the order of the splits.
    config
        The configuration to fit.
    seed
        Derived from (study seed, trial, fold): the same whichever worker runs it.
    limit_s
        Seconds after which the executor ends the fold as TIMEOUT; None for no limit.
    keep_model
        Whether the fitted fold model is to come back with the result.
    brief
        What else the work should know of the study when the job starts; picklable.
    scout
        Whether the fold may settle a parameter for the whole trial: the one whose values a single fit can all be scored
        at (see `models.PathFamily`).
    """

    id: int
    trial: int
    fold: int
    config: Config
    seed: int
    limit_s: float | None = None
    keep_model: bool = False
    brief: Any = None
    scout: bool = False


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What a finished fold hands back.

    Attributes
    ----------
    predictions
        (n_valid, k) float32, one row per validation row in the order of the splits; None where the work has no rows.
    score
        The fold's own score, in the metric's sign.
    fit_s
        Seconds spent fitting, prediction excluded.
    model
        The fitted fold model as named files, when the job asked for it.
    predict_s
        Seconds spent predicting the validation rows.
    notes
        What else the work has to tell, as JSON values (see `objectives.Told`); the record keeps it.
    config
        The configuration that predictions and score are of, where a scout settled on another than the job's.
    """

    predictions: NDArray[np.float32] | None
    score: float
    fit_s: float
    model: Mapping[str, bytes] | None = None
    predict_s: float = 0.0
    notes: Mapping[str, Any] | None = None
    config: Config | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended. `seconds` is wall time from start to end; `error` is one line, None when DONE."""

    job: Job
    state: FoldState
    result: FoldResult | None
    seconds: float
    error: str | None = None

    def __post_init__(self) -> None:
        if (self.state == "DONE") != (self.result is not None):
            raise ValueError(f"a fold has a result exactly when it is DONE, not {self.state} with {self.result!r}")


class Work(Protocol):
    """What a worker executes. Handed to every worker once, so it may hold the whole data.

    Work with a true `fits_models` has the libraries that models are made of loaded once for all workers; other work is
    spared the seconds that takes.
    """

    def run(self, job: Job, threads: int) -> FoldResult:
        """Fit and predict one fold with at most `threads` threads; raises when that fails."""
        ...


class Executor(Protocol):
    """Where jobs run. `slots` is how many run at the same time; more may be submitted and wait."""

    slots: int

    def submit(self, job: Job) -> None:
        """Take a job; its outcome will arrive through `wait`, whatever happens to it."""
        ...

    def wait(self, timeout_s: float | None) -> list[Outcome]:
        """Outcomes that have arrived, at least one; [] when `timeout_s` passed first or nothing is running."""
        ...

    def stop(self, job_ids: Collection[int]) -> None:
        """End these jobs now; their outcomes arrive as STOPPED."""
        ...

    def running(self) -> tuple[int, ...]:
        """Ids of the jobs submitted and not yet returned."""
        ...

    def close(self) -> None:
        """End everything, leaving no process behind."""
        ...


def error_line(error: BaseException) -> str:
    """An exception as the single line an `Outcome` carries, bounded in length."""
    text: Any = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {text}"[:500]

"""Tell a job, when it starts, what other trials have reported: what its pruner compares with."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from luthier.tuning.history import History
from luthier.tuning.jobs import Executor, Job, Outcome
from luthier.tuning.objectives.told import Told
from luthier.tuning.plan import LAG
from luthier.tuning.pruning import Reported


@dataclass(slots=True)
class Briefed:
    """An executor whose jobs know what the study had learned when they were submitted.

    Meets `luthier.tuning.Executor`, and passes everything on to another one. With one worker a pruner so sees all
    earlier trials; with several it does not see those still running.

    Parameters
    ----------
    inner
        Where the jobs run.
    history
        Gives the study's history.
    sign
        1.0 to minimise, -1.0 to maximise.
    deterministic
        Tell only of trials so old that any number of workers has finished them.
    """

    inner: Executor
    history: Callable[[], History]
    sign: float
    deterministic: bool
    _reported: list[Reported] = field(default_factory=list)
    _waiting: list[int] = field(default_factory=list)
    _n_known: int = 0

    @property
    def slots(self) -> int:
        """Jobs at the same time."""
        return self.inner.slots

    @slots.setter
    def slots(self, number: int) -> None:
        self.inner.slots = number

    def submit(self, job: Job) -> None:
        """Pass a job on, briefed."""
        self.inner.submit(replace(job, brief=self._others(job.trial)))

    def wait(self, timeout_s: float | None) -> list[Outcome]:
        """Outcomes that have arrived."""
        return self.inner.wait(timeout_s)

    def stop(self, job_ids: Collection[int]) -> None:
        """Pass on."""
        self.inner.stop(job_ids)

    def running(self) -> tuple[int, ...]:
        """As the executor behind it."""
        return self.inner.running()

    def close(self) -> None:
        """Pass on."""
        self.inner.close()

    def _others(self, number: int) -> tuple[Reported, ...]:
        trials = self.history().trials
        waiting = [*self._waiting, *range(self._n_known, len(trials))]
        self._waiting, self._n_known = [], len(trials)
        for trial in (trials[k] for k in waiting):
            if trial.state == "running":
                self._waiting.append(trial.number)
            elif trial.notes is not None and trial.notes["steps"] and trial.state in ("complete", "dropped"):
                told = Told.from_json(trial.notes)
                curve = {step: self.sign * value for step, value in told.steps}
                self._reported.append(Reported(trial.number, curve, complete=trial.state == "complete"))
        if self.deterministic:
            return tuple(other for other in self._reported if other.trial <= number - LAG)
        return tuple(self._reported)

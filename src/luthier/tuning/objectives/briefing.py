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
    _told: dict[int, Reported] = field(default_factory=dict)

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
        visible = number - LAG + 1 if self.deterministic else len(trials)
        others = []
        for trial in trials[: max(visible, 0)]:
            if trial.notes is None or trial.state not in ("complete", "dropped") or not trial.notes["steps"]:
                continue
            if trial.number not in self._told:
                told = Told.from_json(trial.notes)
                curve = {step: self.sign * value for step, value in told.steps}
                self._told[trial.number] = Reported(trial.number, curve, complete=trial.state == "complete")
            others.append(self._told[trial.number])
        return tuple(others)

"""`luthier.tick`: one step in a model's life, from cron or by hand: prove, promote, drop, take back, or respond."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from luthier.api.challenging import BY
from luthier.api.project import settings
from luthier.api.registered import promote, retire, rollback
from luthier.api.resolving import materialised, opened_models
from luthier.api.retuning import RESPONDED, Retuned, respond
from luthier.api.watching import Observed, observe
from luthier.errors import NoBaseline, TooFewLabels, UnfitRows
from luthier.lifecycle import Decision, Policy, on_challenger, on_probation
from luthier.monitoring import BoundedLoss, PairedComparison
from luthier.monitoring.paired import PairedVerdict
from luthier.registry import ModelHistory, unpack
from luthier.registry.history import PROMOTED
from luthier.serving import Predictor
from luthier.store import Step, read_model
from luthier.tuning.record import Event

CONFIRMED = "lifecycle.confirmed"
"""Kind of the event that ends a champion's probation."""
MOST_LABELS = 20_000
"""Labels after which a challenger that is neither better nor worse is dropped."""
AGAIN = 2
"""Times as many labels as when an alarm was last responded to, for it to be responded to again: what was no better than
to go on may be by then."""
MONTH_S = 30 * 86_400.0

Did = Literal["nothing", "waited", "asked", "promoted", "dropped", "rolled back", "confirmed", "responded"]


@dataclass(frozen=True, slots=True, eq=False)
class Ticked:
    """What one step did.

    Attributes
    ----------
    name
        The model's.
    did
        "nothing", "waited" (evidence is gathered), "asked" (a person has to decide), "promoted", "dropped", "rolled
        back", "confirmed", or "responded".
    why
        In a sentence.
    evidence
        As JSON values.
    """

    name: str
    did: Did
    why: str
    evidence: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"model": self.name, "did": self.did, "why": self.why, "evidence": self.evidence}

    def summary(self) -> list[str]:
        """In a line for people."""
        return [f"{self.name}: {self.did}: {self.why}"]


def tick(name: str, *, now: float | None = None, seed: int = 0, store: str | os.PathLike[str] | None = None) -> Ticked:
    """Take the next step in a model's life, as the policy of `[lifecycle]` in `luthier.toml` allows.

    What the next step is follows from the model's history and the server's log alone, and every step is one event of
    that history. A tick that was killed is made up for by the next one; nothing is done twice.

    1. A champion that was promoted by itself is on probation: it is compared with the one before it on the first
       `probation_labels` requests since, and taken back as soon as it surely loses more.
    2. A challenger is compared with the champion on the requests since it was made, and promoted when it surely loses
       less, dropped when it surely loses more or nothing can be gained any more.
    3. Where there is no challenger the monitor is asked, on probation too; to an alarm, or when `every_days` have
       passed, the cheapest sufficient response is looked for, as `luthier.retune` does.

    Parameters
    ----------
    name
        Name of a registered model.
    now
        The present, seconds since 1970; the clock's when left out.
    seed
        Of all randomness.
    store
        Where the model is registered.

    Returns
    -------
    Ticked

    Raises
    ------
    UnknownModel, BadSettings
        There is no such model, or the policy says something that has no meaning.
    """
    policy = Policy.of(settings("lifecycle"))
    now = time.time() if now is None else now
    with opened_models(store) as opened:
        events = opened.models.events(name)
    history = ModelHistory.of(name, events)
    try:
        seen = observe(name, now=now, seed=seed, store=store)
    except NoBaseline as error:
        return Ticked(name, "nothing", error.what, {})
    probation = _probation(seen, history, events, policy, store)
    if probation is not None and probation.did != "waited":
        return probation
    step = _challenger(seen, history, events, policy, store)
    if step is None:
        step = _look_after(seen, events, policy, now, seed, store)
    return probation if probation is not None and step.did == "nothing" else step


def _probation(
    seen: Observed, history: ModelHistory, events: list[Event], policy: Policy, store: str | os.PathLike[str] | None
) -> Ticked | None:
    """The last promotion by this hand that is not settled yet."""
    version, previous = history.champion, history.previous
    promoted = [e for e in events if e.kind == PROMOTED and e.body["version"] == version and e.body["by"] == BY]
    if previous is None or not promoted:
        return None
    since = promoted[-1].at_utc
    if any(e.kind == CONFIRMED and e.body["version"] == version and e.at_utc >= since for e in events):
        return None
    own, others = _losses(seen, history, previous, since, store)
    first = slice(policy.probation_labels)
    found = _until(["worse"], PairedComparison(alpha=policy.alpha), others[first], own[first])
    decision = on_probation(found, policy)
    if decision.act == "roll back":
        rollback(seen.name, why=decision.words, by=BY, store=store)
        return _said(seen.name, "rolled back", decision)
    if decision.act == "confirm":
        with opened_models(store) as opened:
            opened.models.record(
                seen.name, lambda *_: [Step(CONFIRMED, {"version": version, "evidence": decision.evidence})]
            )
        return _said(seen.name, "confirmed", decision)
    return _said(seen.name, "asked" if decision.act == "ask" else "waited", decision)


def _challenger(
    seen: Observed, history: ModelHistory, events: list[Event], policy: Policy, store: str | os.PathLike[str] | None
) -> Ticked | None:
    version = history.challenger
    if version is None:
        return None
    proof = next(
        (
            Decision.from_dict(event.body["proof"])
            for event in reversed(events)
            if event.kind == RESPONDED and event.body["version"] == version and event.body.get("proof")
        ),
        None,
    )
    if proof is not None and proof.act == "promote":  # by a tick that was killed before it could
        return _settled(seen.name, version, proof, store)
    own, others = _losses(seen, history, version, history.version(version).at_utc, store)
    found = _until(["better", "worse"], PairedComparison(alpha=policy.alpha), own, others)
    decision = on_challenger(found, policy, most_labels=MOST_LABELS)
    if decision.act == "wait" and proof is not None and proof.act == "ask":
        decision = proof
    return _settled(seen.name, version, decision, store)


def _settled(name: str, version: int, decision: Decision, store: str | os.PathLike[str] | None) -> Ticked:
    """What was decided of a challenger, done."""
    called = f"{name}@{version}"
    if decision.act == "promote":
        promote(called, why=decision.words, by=BY, evidence=decision.evidence, store=store)
        return _said(name, "promoted", decision)
    if decision.act == "drop":
        retire(called, why=decision.words, by=BY, store=store)
        return _said(name, "dropped", decision)
    return _said(name, "asked" if decision.act == "ask" else "waited", decision)


def _losses(
    seen: Observed, history: ModelHistory, version: int, since_utc: str, store: str | os.PathLike[str] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the champion of now and of another version, on the requests the former answered since a moment.

    The other one is asked now what it would have answered: a version never changes, so that is what it answered in the
    shadow, and it needs none. Rows are in the order in which labels came: a bound that holds at every moment does so in
    that order.
    """
    with opened_models(store) as opened:
        other = Predictor.of(unpack(read_model(materialised(opened, seen.name, history.version(version)).folder)))
    live = seen.live
    since_us = int(datetime.fromisoformat(since_utc).timestamp() * 1e6)
    suspicious = {source.name for source in seen.watched.sources if source.suspicious}
    named = np.array([str(source or "") for source in live.sources], dtype=object)
    after = np.zeros(len(live), bool) if live.at_us is None else live.at_us >= since_us
    rows = np.flatnonzero(live.labelled & after & ~np.isin(named, sorted(suspicious)))
    if len(rows) == 0:
        return np.empty(0), np.empty(0)
    asked = live.take(rows[np.argsort(live.told_us[rows], kind="stable")])
    loss = BoundedLoss.of(seen.baseline.y, seen.baseline.p)
    return loss.per_row(asked.y, asked.p), loss.per_row(asked.y, other.ask_frame(asked.frame))


def _until(
    verdicts: Sequence[PairedVerdict],
    start: PairedComparison,
    champion: NDArray[np.float64],
    challenger: NDArray[np.float64],
) -> PairedComparison:
    """The comparison at the first label after which one of these is certain, else after all."""
    state = start
    for at in range(0, len(champion), 50):
        state = state.after(champion[at : at + 50], challenger[at : at + 50])
        if state.verdict in verdicts:
            break
    return state


def _look_after(
    seen: Observed,
    events: list[Event],
    policy: Policy,
    now: float,
    seed: int,
    store: str | os.PathLike[str] | None,
) -> Ticked:
    responded = [event for event in events if event.kind == RESPONDED]
    alarms = seen.watched.alarms
    causes = sorted({alarm.detector for alarm in alarms})
    labels = int(seen.live.labelled.sum())
    known = {
        cause
        for event in responded
        if event.body["champion"] == seen.found.version and labels < AGAIN * event.body["labels"]
        for cause in event.body["causes"]
    }
    last_s = _seconds(responded[-1] if responded else events[-1])
    due = policy.every_days is not None and now - last_s >= policy.every_days * 86_400
    if not due and not set(causes) - known:
        why = "nothing is alarming"
        if alarms:
            why = "every alarm has been responded to, and will be again with twice the labels"
        return Ticked(seen.name, "nothing", why, {"alarms": [alarm.to_dict() for alarm in alarms]})
    recent = [event for event in responded if now - _seconds(event) < MONTH_S]
    if len(recent) >= policy.retunes_per_month:
        why = f"{len(recent)} responses in thirty days are as many as [lifecycle] retunes_per_month allows"
        return Ticked(seen.name, "asked", why, {"alarms": [alarm.to_dict() for alarm in alarms]})
    try:
        outcome: Retuned = respond(seen, policy, seed=seed, store=store)
    except (TooFewLabels, UnfitRows) as error:
        return Ticked(seen.name, "waited", error.what, {"alarms": [alarm.to_dict() for alarm in alarms]})
    if outcome.version is not None and outcome.proof is not None and outcome.proof.act != "wait":
        return _settled(seen.name, outcome.version.version, outcome.proof, store)
    return Ticked(seen.name, "responded", outcome.why, outcome.to_dict())


def _seconds(event: Event) -> float:
    return datetime.fromisoformat(event.at_utc).timestamp()


def _said(name: str, did: Did, decision: Decision) -> Ticked:
    return Ticked(name, did, decision.words, decision.evidence)

"""`luthier.retune`: labels of a model in use in; the cheapest response that suffices out, released as a challenger."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from luthier.api.challenging import Recipe, challenger_of
from luthier.api.labels import JUDGED, Labels, labels_of
from luthier.api.problem import Order
from luthier.api.project import settings
from luthier.api.refitting import Labelled, best_recalibrator, refitted
from luthier.api.resolving import opened_models
from luthier.api.study import Means, answer
from luthier.api.warming import best_before
from luthier.api.watching import Observed, observe
from luthier.data import read_rows
from luthier.data.slices import Slice
from luthier.errors import BudgetTooSmall, GateNotMet, LuthierError, TooFewLabels
from luthier.lifecycle import (
    Decision,
    Diagnosis,
    Policy,
    Tried,
    cheapest_sufficient,
    cost_of_waiting,
    diagnose,
    on_response,
)
from luthier.models.catalogue import MODEL
from luthier.monitoring import BoundedLoss
from luthier.registry import FittedMember, ModelVersion
from luthier.serving import Predictor
from luthier.store import Step, Store
from luthier.tuning import Budget

if TYPE_CHECKING:
    import pandas as pd

RESPONDED = "lifecycle.responded"
"""Kind of the event of a model's history that says what was tried, and what came of it."""

WARM_SHARE = 0.3
"""Of the budget of a full re-tune."""


@dataclass(frozen=True, slots=True, eq=False)
class Retuned:
    """What `luthier.retune` did.

    Attributes
    ----------
    name
        The model's.
    diagnosis
        What has changed.
    tried
        Every response that was tried, as JSON values, the cheapest first.
    chosen
        Which of them became the challenger; None where none is better than to go on.
    version
        The challenger's release; None where there is none.
    why
        The outcome in a sentence.
    proof
        What the labels say of the challenger, and whether `[lifecycle] proof` lets it go into use on their word; None
        where there is no challenger.
    waiting
        What it cost to wait for the alarm in place of refitting on schedule; None where nothing is known of it.
    """

    name: str
    diagnosis: Diagnosis
    tried: tuple[dict[str, Any], ...]
    chosen: str | None
    version: ModelVersion | None
    why: str
    proof: Decision | None = None
    waiting: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "model": self.name,
            "diagnosis": self.diagnosis.to_dict(),
            "tried": list(self.tried),
            "chosen": self.chosen,
            "version": None if self.version is None else self.version.version,
            "why": self.why,
            "proof": None if self.proof is None else self.proof.to_dict(),
            "waiting": self.waiting,
        }

    def summary(self) -> list[str]:
        """The outcome in lines for people."""
        lines = [f"{self.name}: {self.diagnosis.words}"]
        lines += [
            f"  {one['response']:<13} loss {one['loss']:.4f}, gain {one['gain']:+.4f} ± {one['se']:.4f}, "
            f"{one['seconds']:.1f} s  ({one['words']})"
            for one in self.tried
        ]
        proof = None if self.proof is None else self.proof.words
        return [*lines, self.why, *(words for words in (proof, self.waiting) if words is not None)]


def retune(
    name: str,
    *,
    on: Any = None,
    budget: Any = None,
    seed: int = 0,
    now: float | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Retuned:
    """Find the cheapest response to what has changed, and release it as the model's challenger.

    Responses are learned on the earlier three fifths of the labels and judged on the later two, before the second of
    which they are learned anew, without searching again, from the four before it: recalibrating the champion, fitting
    it again on a window whose length is chosen, tuning again from the earlier study's best configurations, tuning anew.
    Dearer ones are tried only while the best so far loses more than was promised. Rows that the champion was fitted on
    are learned from, and judge nothing. The challenger is not promoted: `luthier tick` proves it on requests that had
    no part in its making, or, with `proof = "labels"`, on the labels that judged it.

    Parameters
    ----------
    name
        Name of a registered model.
    on
        Labelled rows to learn from instead of the server's log: files or a frame, with the target. Which of them the
        champion was fitted on is known by the model's time column; without one, give none of those.
    budget
        Of a full re-tune; what `[lifecycle] budget` in `luthier.toml` says when left out.
    seed
        Of all randomness.
    now
        The present, seconds since 1970; the clock's when left out.
    store
        Where the model is registered.

    Returns
    -------
    Retuned

    Raises
    ------
    TooFewLabels
        There are fewer trusted labels than `[lifecycle] least_labels`, or too few of rows that came after the champion
        was fitted.
    NoBaseline, UnknownModel, BadSettings
        As `monitor`.
    """
    policy = Policy.of(settings("lifecycle"))
    seen = observe(name, on=on, now=now, seed=seed, store=store)
    return respond(seen, policy, budget=budget, seed=seed, store=store)


def respond(
    seen: Observed,
    policy: Policy,
    *,
    budget: Any = None,
    seed: int = 0,
    store: str | os.PathLike[str] | None = None,
) -> Retuned:
    """Respond as `retune` does to what was observed, and record it in the model's history."""
    diagnosis = diagnose(seen.watched)
    if not diagnosis.may_respond:
        return _record(seen, Retuned(seen.name, diagnosis, (), None, None, diagnosis.words), store)
    labels = labels_of(seen, store)
    _check_enough(seen.name, labels, policy)
    loss = BoundedLoss.of(seen.baseline.y, seen.baseline.p)
    champion = loss.per_row(labels.judge.y, labels.p[labels.cut :])
    recipes: list[Recipe] = []
    left_out = ""
    full = Budget.parse(budget or policy.budget)
    training = _training_rows(seen, store)
    ways: dict[str, Callable[[], Recipe | None]] = {
        "recalibrate": lambda: _recalibrated(seen, labels, loss),
        "refit": lambda: _refitted(seen, labels, training, loss, seed),
        "warm re-tune": lambda: _tuned(seen, labels, loss, full, seed, store, warm=True),
        "full re-tune": lambda: _tuned(seen, labels, loss, full, seed, store, warm=False),
    }
    for response, way in ways.items():
        if response not in policy.responses:
            continue
        if response.endswith("re-tune") and _as_promised(recipes, champion, loss):
            break
        try:
            recipe = way()
        except BudgetTooSmall as error:
            left_out += f"; a {response} was not tried: {error.what}"
            continue
        if recipe is not None:
            recipes.append(recipe)
    chosen = cheapest_sufficient(champion, [recipe.tried for recipe in recipes])
    tried = tuple(recipe.tried.to_dict(champion) for recipe in recipes)
    if chosen is None:
        why = f"no response is better than to go on with the champion{left_out}"
        return _record(seen, Retuned(seen.name, diagnosis, tried, None, None, why), store)
    recipe = next(recipe for recipe in recipes if recipe.tried is chosen)
    try:
        version = challenger_of(seen, recipe, labels.judge, store, seed)
    except GateNotMet as error:
        return _record(seen, Retuned(seen.name, diagnosis, tried, None, None, error.what), store)
    why = f"{version.reference} is the challenger ({chosen.response}: {chosen.words}){left_out}"
    proof = on_response(champion, chosen.losses, policy)
    return _record(seen, Retuned(seen.name, diagnosis, tried, chosen.response, version, why, proof), store)


def _check_enough(name: str, labels: Labels, policy: Policy) -> None:
    fix = (
        f"send more feedback, give labelled rows (luthier retune {name} --on FILES), or lower [lifecycle] least_labels"
    )
    if len(labels.rows) < policy.least_labels:
        raise TooFewLabels(
            f"{name} has {len(labels.rows):,} labels that may be trusted; a response is learned and judged on no fewer "
            f"than {policy.least_labels:,}",
            fix=fix,
        )
    least = math.ceil(JUDGED * policy.least_labels)
    if len(labels.judge) < least:
        raise TooFewLabels(
            f"only {len(labels.judge):,} labels of {name} are of rows that came after it was fitted; a response is "
            f"judged on no fewer than {least:,}",
            fix=fix,
        )


def _as_promised(recipes: list[Recipe], champion: NDArray[np.float64], loss: BoundedLoss) -> bool:
    """Whether the best so far loses no more than was to be expected, so that nothing dearer need be tried."""
    losses = min([champion, *(recipe.tried.losses for recipe in recipes)], key=lambda one: float(one.mean()))
    return bool(losses.mean() <= loss.mean + 2 * loss.se + losses.std() / np.sqrt(len(losses)))


def _training_rows(seen: Observed, store: str | os.PathLike[str] | None) -> Labelled | None:
    """The table the model was tuned on, where it still is at its place; without rows of unknown outcome."""
    schema = seen.predictor.schema
    try:
        source = _plan_facts(seen, store).get("source")
        if source is None:
            return None
        frame = read_rows(source)
        known = frame[schema.target].notna() & (frame[schema.target].astype(str).str.strip() != "")
        frame = frame[known].reset_index(drop=True)
        return Labelled(frame.drop(columns=schema.target), schema.encode_target(frame[schema.target]))
    except (LuthierError, KeyError):  # moved, changed or never on disk: then live rows are all there is
        return None


# --- the responses ----------------------------------------------------------------------------------------------------


def _recalibrated(seen: Observed, labels: Labels, loss: BoundedLoss) -> Recipe | None:
    if seen.predictor.schema.task == "regression":
        return None
    begun = time.perf_counter()
    bare = replace(seen.predictor, recalibrator=None)
    rows = labels.rows
    raw = bare.ask_frame(rows.frame)
    mapped = [best_recalibrator(rows.y[:begin], raw[:begin])[1].apply(raw[begin:end]) for begin, end in labels.parts()]
    kind, fitted = best_recalibrator(rows.y, raw)
    p = np.concatenate(mapped)
    tried = Tried("recalibrate", f"{kind} on {len(rows):,} labels", loss.per_row(labels.judge.y, p), _since(begun))

    def build() -> tuple[Predictor, None, Any, Labelled]:
        return bare, None, fitted, rows

    return Recipe(tried, p, build)


def _refitted(seen: Observed, labels: Labels, training: Labelled | None, loss: BoundedLoss, seed: int) -> Recipe | None:
    """The same model on a window: which one is chosen on the last third of the learning rows."""
    begun = time.perf_counter()
    windows = _windows(training)
    early, late = labels.learn.first(2 / 3), labels.learn.rest(2 / 3)
    scored: dict[str, float] = {}
    for words, window in windows.items():
        try:
            p = refitted(seen.predictor, window(early), seed=seed)[0].ask_frame(late.frame)
        except (LuthierError, ValueError):  # a window without every class, or an estimator of the user's own
            continue
        scored[words] = float(loss.per_row(late.y, p).mean())
    if not scored:
        return None
    words = min(scored, key=lambda key: scored[key])
    window = windows[words]
    p = labels.answers(lambda before: refitted(seen.predictor, window(before), seed=seed)[0])
    tried = Tried("refit", f"on {words}", loss.per_row(labels.judge.y, p), _since(begun))

    def build() -> tuple[Predictor, list[FittedMember], None, Labelled]:
        predictor, members = refitted(seen.predictor, window(labels.rows), seed=seed)
        return predictor, members, None, window(labels.rows)

    return Recipe(tried, p, build)


def _windows(training: Labelled | None) -> dict[str, Callable[[Labelled], Labelled]]:
    windows: dict[str, Callable[[Labelled], Labelled]] = {
        "all live labels": lambda rows: rows,
        "the newest half of the live labels": lambda rows: rows.latest(max(len(rows) // 2, 1)),
    }
    if training is not None:
        windows["the training table and all live labels"] = lambda rows: rows.after(training)
    return windows


def _tuned(
    seen: Observed,
    labels: Labels,
    loss: BoundedLoss,
    budget: Budget,
    seed: int,
    store: str | os.PathLike[str] | None,
    *,
    warm: bool,
) -> Recipe | None:
    """Tune on the live labels; warm: among the families and from the configurations that did best before."""
    begun = time.perf_counter()
    schema, learn = seen.predictor.schema, labels.learn
    # The time of a row is no feature itself, but its hour or month may be, and later rows are to be judged by earlier.
    read = {feature.source for feature in schema.features} | {schema.time, schema.group}
    frame = learn.frame[[c.name for c in schema.columns if c.name in read and c.name in learn.frame]]
    frame = frame.assign(**{schema.target: schema.decode_labels(learn.y)})
    order = Order(
        schema.target,
        schema.task,
        seen.metric.name,
        budget,
        time=schema.time if schema.time in frame else False,
        group=schema.group if schema.group in frame else None,
        positive=schema.positive,
        seed=seed,
        **_wishes(seen, frame, store),
    )
    if warm:
        parent = seen.predictor.manifest.study
        before = best_before(parent, store)
        if not before:
            return None
        families = dict.fromkeys([member.family for member in seen.predictor.manifest.members])
        families |= dict.fromkeys(str(config[MODEL]) for config in before)
        order = replace(order, budget=_shorter(budget, WARM_SHARE), warm=(parent,), models=list(families))
    means = Means(store=store)
    run = answer(frame, order, means, started=time.monotonic(), resume=False, on_progress=lambda _: None)

    def learned(before: Labelled) -> Predictor:
        if len(before) == len(learn):
            return run.predictor
        return replace(refitted(run.predictor, before, seed=seed)[0], recalibrator=run.predictor.recalibrator)

    p = labels.answers(learned)
    words = f"{run.run.n_evaluated} trials on {len(learn):,} labels"
    tried = Tried("warm re-tune" if warm else "full re-tune", words, loss.per_row(labels.judge.y, p), _since(begun))

    def build() -> tuple[Predictor, list[FittedMember], Any, Labelled]:
        predictor, members = refitted(run.predictor, labels.rows, seed=seed)
        return predictor, members, run.predictor.recalibrator, labels.rows

    return Recipe(tried, p, build)


def _wishes(seen: Observed, frame: pd.DataFrame, store: str | os.PathLike[str] | None) -> dict[str, Any]:
    """What else was asked for when the model was tuned, and holds for its successors on these rows."""
    try:
        asked = _plan_facts(seen, store).get("order")
    except LuthierError:  # the study is gone
        return {}
    if asked is None:
        return {}
    order = Order.from_json(asked)
    told = [text for text in order.reweight if 0 < Slice.parse(text).mask(frame).sum() < len(frame)]
    return {
        "cost": order.cost,
        "threshold": order.threshold,
        "reweight": tuple(told),
        "reweight_by": order.reweight_by,
        "balance": order.balance,
    }


def _plan_facts(seen: Observed, store: str | os.PathLike[str] | None) -> dict[str, Any]:
    """What the plan of the model's study says of its table and its order."""
    with Store.open(None if store is None else Path(store), create=False) as opened:
        facts: dict[str, Any] = opened.plan_of(seen.predictor.manifest.study)["facts"]
    return facts


def _shorter(budget: Budget, share: float) -> Budget:
    """The same kinds of limits, each so much smaller."""
    return replace(
        budget,
        seconds=None if budget.seconds is None else share * budget.seconds,
        trials=None if budget.trials is None else max(1, round(share * budget.trials)),
        money=None if budget.money is None else share * budget.money,
    )


def _since(begun: float) -> float:
    return time.perf_counter() - begun


def _record(seen: Observed, outcome: Retuned, store: str | os.PathLike[str] | None) -> Retuned:
    """Write into the model's history what was tried and what came of it, with the alarms that asked for it."""
    causes = sorted({alarm.detector for alarm in seen.watched.alarms})
    with opened_models(store) as opened:
        before = [event.body["tried"] for event in opened.models.events(seen.name) if event.kind == RESPONDED]
    if seen.watched.alarms:  # who looks after a model on schedule has not waited for any
        outcome = replace(outcome, waiting=cost_of_waiting([*before, outcome.tried]))
    body = {
        **outcome.to_dict(),
        "champion": seen.found.version,
        "causes": causes,
        "labels": int(seen.live.labelled.sum()),
    }
    with opened_models(store) as opened:
        opened.models.record(seen.name, lambda *_: [Step(RESPONDED, body)])
    return outcome

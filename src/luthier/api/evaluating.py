"""`luthier.evaluate`: how far to believe a tuned model, read off what its study left behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from luthier.api.auditing import audit_of
from luthier.api.driving import drivers_of
from luthier.api.evidence import find_facts, find_package, gather_evidence, package_of
from luthier.api.group_columns import group_columns
from luthier.api.learning import learning_curve_of
from luthier.api.new_rows import score_new_rows
from luthier.api.problem import Problem
from luthier.api.result import TunedModel
from luthier.api.stabilities import stability_of
from luthier.evaluation.evidence import Evidence, Part
from luthier.evaluation.new_rows import NewRows
from luthier.evaluation.thresholds import Fixed, Rule, check_wish, read_wish
from luthier.evaluation.topics import read_all
from luthier.report import render
from luthier.scoring.metrics import Costs
from luthier.serving import Predictor
from luthier.store import write_text_atomic


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation found.

    Attributes
    ----------
    study
        The study whose model was evaluated.
    parts
        The answers by topic: `evaluation["calibration"]` is the same as `evaluation.parts["calibration"]`.
    """

    study: str
    parts: Mapping[str, Part]

    def __getitem__(self, topic: str) -> Part:
        return self.parts[topic]

    def to_json(self) -> dict[str, Any]:
        """The evaluation as `luthier evaluate --json` prints it."""
        return {"study": self.study, **{topic: part.to_dict() for topic, part in self.parts.items()}}

    @property
    def contradicted(self) -> bool:
        """Whether new rows have shown the model to be worse than promised."""
        part = self.parts.get("new_rows")
        return isinstance(part, NewRows) and part.standing == "broken"

    def lines(self) -> list[str]:
        """The evaluation for people: a heading a topic, and its answer."""
        said: list[str] = []
        for topic, part in self.parts.items():
            said += ["", topic.replace("_", " ").upper(), *(f"  {line}" for line in part.lines())]
        return said[1:]

    def __repr__(self) -> str:
        return f"Evaluation({self.study!r}, {', '.join(self.parts)})"


def evaluate(
    what: TunedModel | str | os.PathLike[str],
    *,
    cost: Costs | str | None = None,
    threshold: str | float | None = None,
    groups: Sequence[str] | str = (),
    on: Any = None,
    data: Any = None,
    report: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
    drivers: bool = False,
    learning_curve: bool = False,
    stability: bool = False,
    audit: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    r"""Say how far to believe a tuned model.

    Everything is read off the out-of-fold predictions that the study kept; nothing is trained but for `drivers`,
    `learning_curve`, `stability` and `audit`.

    Parameters
    ----------
    what
        What `luthier.tune` returned, the name of a registered model ("churn", "churn@3"), the folder of a saved one, or
        the id of a study.
    cost
        What decisions cost in your own money, as "fn=50,fp=2" (also tp and tn; a gain is below zero): the mean cost of
        a case is then among the metrics, and the threshold is the one that costs least. Two classes only.
    threshold
        How to choose the threshold otherwise: "f1", "f2", "precision>=0.9", "recall>=0.8", or a number.
    groups
        Columns of the table, features or not, whose values name groups to compare: how often each is called positive,
        found and wrongly called, with intervals that hold for all groups at once.
    on
        New rows with their outcome (a path or a frame): the model is scored on them instead, and held to its promise.
        The study is not needed for that, unless a cost or a rule asks for another threshold than the model's own: it is
        chosen on the study, as a threshold chosen on the rows that judge it would flatter it.
    data
        The table of the study (a path or a frame), needed only where it was tuned from memory by another process, or
        is no longer where it was.
    report
        Where to write the report of the study with everything that was found, as one HTML file.
    store
        Where the study is kept. Default: `LUTHIER_STORE`, else `.luthier` in the current folder.
    drivers
        Also work out which columns the answers rest on, and how: what is shipped is fitted once more on every fold for
        that, and asked about the rows it has not seen with one column after the other dealt out anew.
    learning_curve
        Also say whether more rows would help: what is shipped is fitted on an eighth, a quarter and half of the rows of
        every fold for that.
    stability
        Also say what hangs on luck: what is shipped is fitted on every fold with another seed, with a tenth of the rows
        left out and with a twentieth of the labels wrong, and asked about numbers that are slightly others.
    audit
        Also tune anew, three times on two thirds of the rows, and judge what comes of it on the others: the dear proof
        of the honest score, by a method that needs no theory.
    say
        Called with what these four will cost, before they begin, and how an audit goes on.

    Raises
    ------
    UnknownStudy
        There is no such study in the store, or none with a table.
    UnknownModel
        The registered model has no such version, or it was retired.
    UsageError
        The study has not come to its end, or the data are not those it was tuned on.
    BadMetric
        The cost or the threshold cannot be read, or there are not two classes.
    UnwritableFolder
        The report cannot be written there.
    UnfitRows
        New rows lack the outcome or a feature.
    BadColumn
        There is no column of that name to group by.

    Examples
    --------
    >>> evaluation = luthier.evaluate(run)  # doctest: +SKIP
    >>> print("\n".join(evaluation.lines()))  # doctest: +SKIP
    """
    costs, rule = read_wish(cost, threshold)
    if isinstance(what, TunedModel):
        store = store or what.store
    if on is not None:
        if rule is not None and not isinstance(rule, Fixed):
            _, _, evidence = _evidence_of(what, data, store)
            check_wish(cost, threshold, evidence.task)
            rule = Fixed(rule.choose(evidence.y, evidence.given[:, 0], evidence.weights))
        return _on_new_rows(what, on, rule=rule, costs=costs, store=store)
    study, problem, evidence = _evidence_of(what, data, store)
    if named := [name.strip() for name in (groups.split(",") if isinstance(groups, str) else groups) if name.strip()]:
        evidence = replace(evidence, groups=group_columns(evidence, named, data))
    check_wish(cost, threshold, evidence.task)
    order = evidence.plan.facts.get("order") or {}
    if rule is None:  # as it was tuned
        costs, rule = read_wish(cost or order.get("cost"), order.get("threshold"))
    evidence = replace(evidence, rule=rule, costs=costs)
    parts = read_all(evidence)
    if drivers:
        parts["drivers"] = drivers_of(problem, evidence, say)
    if learning_curve:
        parts["learning_curve"] = learning_curve_of(problem, evidence, say)
    if stability:
        parts["stability"] = stability_of(problem, evidence, say)
    if audit:
        parts["audit"] = audit_of(problem, evidence, data=data, say=say)
    if report is not None:
        facts = what.facts if isinstance(what, TunedModel) else find_facts(study, store=store)
        write_text_atomic(Path(report), render(facts, parts))
    return Evaluation(study, parts)


def _evidence_of(
    what: TunedModel | str | os.PathLike[str], data: Any, store: str | os.PathLike[str] | None
) -> tuple[str, Problem, Evidence]:
    """The study behind a model, its problem, and what it left."""
    if isinstance(what, TunedModel):
        return what.run.study, *gather_evidence(what.run.study, problem=what.problem, store=store)
    found = find_package(what, store=store)
    study = str(what) if found is None else found.manifest.study
    return study, *gather_evidence(study, data=data, store=store)


def _on_new_rows(
    what: TunedModel | str | os.PathLike[str],
    on: Any,
    *,
    rule: Rule | None,
    costs: Costs | None,
    store: str | os.PathLike[str] | None,
) -> Evaluation:
    metric = None
    if isinstance(what, TunedModel):
        predictor, metric = what.predictor, what.problem.metric
    else:
        predictor = Predictor.of(find_package(what, store=store) or package_of(str(what), store=store))
    found = score_new_rows(predictor, on, metric=metric, rule=rule, costs=costs)
    return Evaluation(predictor.manifest.study, {"new_rows": found})

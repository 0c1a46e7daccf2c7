"""`luthier.release`: a finished study in; an immutable, signed version of a model out."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from luthier.api.baselines import extra_files
from luthier.api.project import settings, signing_key, user
from luthier.api.resolving import model_folder
from luthier.api.result import TunedModel, findings
from luthier.canonical import digest
from luthier.errors import DamagedModel, GateNotMet, UnknownStudy, UsageError
from luthier.registry import (
    Dependency,
    GateResult,
    Gates,
    Link,
    Measured,
    ModelHistory,
    ModelPackage,
    ModelVersion,
    Waiver,
    check_name,
    dependencies_of,
    release_files,
    seal,
    unpack,
)
from luthier.registry.envelope import MAX_ENVELOPE_BYTES
from luthier.registry.history import RELEASED
from luthier.report import ReportFacts
from luthier.scoring import Estimate
from luthier.store import Step, Store, StoredStudyLog, Tip, read_model
from luthier.tuning.record import Event
from luthier.version import __version__

EVALUATED = "study.evaluated"
"""Kind of the event whose body may say `calibration_error` and `worst_slice` (an estimate)."""
CHECKED = "study.checked"
"""Kind of the event whose body lists the `findings` of the checks."""


def release(
    study: str | TunedModel,
    name: str,
    *,
    waive: Mapping[str, str] | None = None,
    why: str = "",
    by: str | None = None,
    store: str | os.PathLike[str] | None = None,
) -> ModelVersion:
    """Release a study's model as the next version of a name.

    The files are kept by their content and never change. A statement of what is known about them (hashes, honest
    score, fingerprints of data, code and environment, gates, findings, dependencies and their licences) is signed with
    the project's ed25519 key, as an in-toto statement in a DSSE envelope. The first version of a name becomes its
    champion, later ones its challenger.

    Parameters
    ----------
    study
        A finished study's id, name or the beginning of its id; or what `luthier.tune` returned.
    name
        What the model is to be called: lower-case letters, digits, ".", "_" and "-".
    waive
        Findings somebody answers for: why, by code.
    why, by
        Why and by whom it is released, for the record; `by` is the user's name when left out.
    store
        Where the study is and the model will be. Default: `LUTHIER_STORE`, else `.luthier` in the current folder.

    Returns
    -------
    ModelVersion
        With its `name`, `version`, `digest`, `study` and `gates`.

    Raises
    ------
    GateNotMet
        The model misses a limit that `luthier.toml` sets under `[gates]`; nothing was released.
    UnknownStudy
        There is no such study, or it has not ended.
    DamagedModel
        The study's model is not what was written.

    Examples
    --------
    >>> version = luthier.release(run, "churn")  # doctest: +SKIP
    >>> luthier.load("churn").predict(new_rows)  # doctest: +SKIP
    """
    return released(study, name, waive=waive, why=why, by=by, store=store)[0]


def released(
    study: str | TunedModel,
    name: str,
    *,
    waive: Mapping[str, str] | None = None,
    why: str = "",
    by: str | None = None,
    store: str | os.PathLike[str] | None = None,
) -> tuple[ModelVersion, ModelHistory]:
    """Release as `release` does; return the version and its model's history."""
    check_name(name)
    gates = Gates.from_settings(settings("gates"))
    key = signing_key()
    who = by or user()
    with Store.open(store, create=False) as opened:
        log = opened.load(study.run.study if isinstance(study, TunedModel) else study)
        events = log.events()
        facts = _facts(log, events)
        model, package = _model(opened, log, events)
        noted = _findings(events, facts)
        waivers = _waivers(waive or {}, noted, who)
        measured = _measured(events, facts, model, noted, waivers)
        results = gates.check(measured)
        _demand(results, name)
        files = release_files(model, extra_files(log))
        dependencies = dependencies_of(["luthier", *package.manifest.libraries])
        made: list[ModelVersion] = []

        def decide(history: ModelHistory, tip: Tip, at_utc: str) -> Sequence[Step]:
            version = ModelVersion(
                name=name,
                version=history.next_version,
                study=log.study,
                study_link=Link(len(events), events[-1].digest),
                history_link=Link(tip[0] + 1, tip[1]),
                released_at_utc=at_utc,
                by=who,
                why=why,
                metric=package.manifest.metric,
                score=package.manifest.score,
                naive_score=facts.verdict.naive,
                files=_hashes(files),
                data=_data(package, facts),
                code={"luthier": __version__, **_revision()},
                environment=_environment(dependencies),
                dependencies=dependencies,
                measured=_said(measured),
                gates=results,
                findings=tuple(noted),
                waivers=waivers,
            )
            envelope = seal(version, key)
            if len(envelope) > MAX_ENVELOPE_BYTES:
                raise UsageError("the findings are too many to be signed", fix="check fewer columns")
            made.append(version)
            body = {
                "version": version.version,
                "digest": version.digest,
                "envelope": _sha256(envelope),
                "study": log.study,
                "by": who,
                "why": why,
                "evidence": {
                    "metric": version.metric,
                    "score": version.score.to_json(),
                    "gates": [result.to_json() for result in results],
                },
            }
            return [Step(RELEASED, body, (envelope,))]

        history = opened.models.record(name, decide, create=True, objects=list(files.values()))
    return made[-1], history


# --- what is known of the study ---------------------------------------------------------------------------------------


def _facts(log: StoredStudyLog, events: Sequence[Event]) -> ReportFacts:
    for event in reversed(events):
        if event.kind == "study.ended" and "facts" in event.body:
            return ReportFacts.from_json(event.body["facts"])
    ended = any(event.kind == "study.ended" for event in events)
    if ended:
        raise UnknownStudy(
            f"study {log.study} made no model: it compared strategies, or optimised a function",
            fix="release a study of `luthier tune`: luthier runs",
        )
    raise UnknownStudy(
        f"study {log.study} has not ended, so it has no model yet", fix=f"luthier runs resume {log.study}"
    )


def _model(store: Store, log: StoredStudyLog, events: Sequence[Event]) -> tuple[dict[str, bytes], ModelPackage]:
    """The model's files, checked, from wherever the study put them."""
    (fitted,) = [event.body for event in events if event.kind == "model.fitted"][-1:]
    place = model_folder(store, log.study, fitted["folder"]) or Path(fitted["folder"])
    files = read_model(place)
    package = unpack(files)
    if package.manifest.study != log.study or fitted.get("digest", package.manifest.digest) != package.manifest.digest:
        raise DamagedModel(
            f"{place} no longer holds the model of study {log.study}, but one of study {package.manifest.study}",
            fix="release that study, or tune again with another --out",
        )
    return files, package


def _findings(events: Sequence[Event], facts: ReportFacts) -> list[Mapping[str, Any]]:
    """What the run noted, and what the checks found when they were run."""
    checks = [event.body["findings"] for event in events if event.kind == CHECKED]
    return [*findings(facts), *(checks[-1] if checks else [])]


def _waivers(waive: Mapping[str, str], noted: Sequence[Mapping[str, Any]], by: str) -> tuple[Waiver, ...]:
    known = {finding["code"] for finding in noted}
    for code, why in waive.items():
        if code not in known:
            raise UsageError(
                f"there is no finding {code!r} to waive", fix=f"choose from: {', '.join(sorted(known)) or 'none'}"
            )
        if not why.strip():
            raise UsageError(f"the waiver of {code} gives no reason", fix=f'write {code}="why it may be so"')
    return tuple(Waiver(code, by, why) for code, why in waive.items())


def _measured(
    events: Sequence[Event],
    facts: ReportFacts,
    model: Mapping[str, bytes],
    noted: Sequence[Mapping[str, Any]],
    waivers: Sequence[Waiver],
) -> Measured:
    evaluated: dict[str, Any] = {}
    for event in events:
        if event.kind == EVALUATED:
            evaluated |= event.body
    worst = evaluated.get("worst_slice")
    seconds = None if facts.final is None else facts.final.seconds_per_1000
    return Measured(
        metric=facts.metric.name,
        greater_is_better=facts.metric.greater_is_better,
        honest=facts.verdict.honest,
        calibration_error=evaluated.get("calibration_error"),
        worst_slice=None if worst is None else Estimate.from_json(worst),
        findings=noted if any(event.kind == CHECKED for event in events) else None,
        waived=frozenset(waiver.code for waiver in waivers),
        ms_per_1000_rows=None if seconds is None else 1000 * seconds,
        size_mb=sum(map(len, model.values())) / 1e6,
    )


def _said(measured: Measured) -> dict[str, Any]:
    return {
        "honest": None if measured.honest is None else measured.honest.to_json(),
        "calibration_error": measured.calibration_error,
        "worst_slice": None if measured.worst_slice is None else measured.worst_slice.to_json(),
        "open_errors": measured.open_errors,
        "ms_per_1000_rows": measured.ms_per_1000_rows,
        "size_mb": measured.size_mb,
    }


def _demand(results: Sequence[GateResult], name: str) -> None:
    missed = [result for result in results if not result.passed]
    if missed:
        raise GateNotMet(
            f"{name} does not meet {len(missed)} of {len(results)} gates: "
            + "; ".join(f"{result.gate}: {result.why}" for result in missed),
            fix="tune a better model, measure what is missing, or change [gates] in luthier.toml",
            gates=[result.to_json() for result in results],
        )


# --- fingerprints -----------------------------------------------------------------------------------------------------


def _data(package: ModelPackage, facts: ReportFacts) -> dict[str, Any]:
    sources = [{"name": s.name, "sha256": s.sha256, "n_rows": s.n_rows} for s in facts.data.sources]
    return {"name": facts.data.name, "fingerprint": package.manifest.fingerprint, "sources": sources}


def _revision() -> dict[str, Any]:
    """The project's own revision, where it is kept with git."""
    commit = _git("rev-parse", "HEAD")
    changed = None if commit is None else _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "changed_since": None if changed is None else bool(changed)}


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, timeout=5, check=True)  # noqa: S603, S607
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _environment(dependencies: Sequence[Dependency]) -> dict[str, Any]:
    body = {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "dependencies": [dependency.to_json() for dependency in dependencies],
    }
    return {key: body[key] for key in ("python", "system", "machine")} | {"fingerprint": digest(body)}


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: _sha256(content) for name, content in files.items()}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

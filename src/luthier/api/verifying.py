"""`luthier.verify`: recompute every hash, seal and signature, and name the first thing that does not fit."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from luthier.api.project import trusted_keys
from luthier.api.resolving import checked, kept_files, model_folder
from luthier.errors import DamagedModel, LuthierError, StoreDamaged, UnknownStudy
from luthier.registry import ModelHistory, ModelVersion, Reference, Released, check_release, is_name, unpack
from luthier.registry.envelope import ENVELOPE
from luthier.report import ReportFacts, render
from luthier.store import Store, StoredStudyLog, read_model
from luthier.tuning.record import Event

_STUDY_ID = re.compile(r"\d{8}-\d{6}-[0-9a-z]{4}")


@dataclass(frozen=True, slots=True)
class Verification:
    """What was recomputed, and the first thing that does not fit.

    Attributes
    ----------
    target, kind
        What was asked about, and what it is.
    checked
        How many things of each sort were recomputed and fit.
    problem
        The first thing that does not; None when everything does.
    """

    target: str
    kind: Literal["model", "study", "report", "release", "model folder"]
    checked: Mapping[str, int]
    problem: LuthierError | None = None

    @property
    def ok(self) -> bool:
        """Whether everything fits."""
        return self.problem is None

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "ok": self.ok,
            "target": self.target,
            "kind": self.kind,
            "checked": dict(self.checked),
            "problem": None if self.problem is None else self.problem.to_json(),
        }


def verify(
    target: str | os.PathLike[str],
    *,
    key: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Verification:
    """Recompute the hashes, signatures and event chain of a registered model, a study, a report or a model's folder.

    Parameters
    ----------
    target
        A registered name ("churn", "churn@3"), a study (as `luthier runs` names it), a report's file, or the folder of
        a model or release.
    key
        File of a public key to trust beside those of the project.
    store
        Where names and studies are kept.

    Returns
    -------
    Verification
        `ok`, or the first `problem`. Nothing is changed.

    Raises
    ------
    UnknownStudy
        There is nothing of that name.

    Notes
    -----
    The order is fixed: the event chain from its first event on, then for every version the signature, the files, and
    the places in other records to which it is anchored.
    """
    text = os.fspath(target)
    path = Path(text)
    tally: dict[str, int] = {}
    kind: Literal["model", "study", "report", "release", "model folder"]
    try:
        if path.is_file():
            kind = "report"
            _report(path, store, tally)
        elif path.is_dir() and not _is_registered(text, store):
            kind = "release" if (path / ENVELOPE).exists() else "model folder"
            _folder(path, key, tally)
        else:
            kind = "model" if _is_registered(text, store) else "study"
            with Store.open(store, create=False) as opened:
                if kind == "model":
                    _model(opened, Reference.parse(text), "@" in text, key, tally)
                else:
                    _study(opened, opened.load(text), tally)
    except (DamagedModel, StoreDamaged) as problem:
        return Verification(text, kind, tally, problem)
    return Verification(text, kind, tally)


def _is_registered(text: str, store: str | os.PathLike[str] | None) -> bool:
    name = text.partition("@")[0]
    if not is_name(name):
        return False
    try:
        with Store.open(store, create=False) as opened:
            return opened.models.is_registered(name)
    except UnknownStudy:
        return False


def _count(tally: dict[str, int], what: str, n: int = 1) -> None:
    tally[what] = tally.get(what, 0) + n


# --- registered models ------------------------------------------------------------------------------------------------


def _model(
    store: Store, reference: Reference, one: bool, key: str | os.PathLike[str] | None, tally: dict[str, int]
) -> None:
    """The chain of a name, then its versions: all of them, or the one that is meant."""
    events = store.models.events(reference.name)
    _count(tally, "events", len(events))
    history = ModelHistory.of(reference.name, events)
    for released in [history.find(reference)] if one else history.versions:
        files = kept_files(store, released)
        version = checked(reference.name, released, files, key)
        _count(tally, "signatures")
        _count(tally, "files", len(files))
        _anchors(store, released, version, events)
        _count(tally, "versions")


def _anchors(store: Store, released: Released, version: ModelVersion, events: Sequence[Event]) -> None:
    """The places in the two records to which a signed statement holds: whoever rewrites a record breaks them."""
    if not _holds(events, version.history_link.events, version.history_link.seal):
        raise StoreDamaged(
            f"the history of {version.name} before version {version.version} is not the one that its release signed",
            fix="the record was rewritten: restore the store from a copy",
        )
    try:
        study = store.load(released.study).events()
    except UnknownStudy:  # removed since, which its owner may do
        return
    if not _holds(study, version.study_link.events, version.study_link.seal):
        raise StoreDamaged(
            f"the record of study {released.study} is not the one that {version.reference} signed",
            fix="the record was rewritten: restore the store from a copy",
        )


def _holds(events: Sequence[Event], n: int, seal: str) -> bool:
    return n == 0 or (n <= len(events) and events[n - 1].digest == seal)


# --- studies and reports ----------------------------------------------------------------------------------------------


def _study(store: Store, log: StoredStudyLog, tally: dict[str, int]) -> None:
    """The chain of a study, its plan, its predictions, what it kept, and its model."""
    events = log.events()
    _count(tally, "events", len(events))
    plan = store.plan_of(log.study)
    if events and events[0].kind == "study.opened" and events[0].body["plan"] != plan:
        raise StoreDamaged(
            f"the plan of study {log.study} is not the one it was opened with",
            fix="the record was changed after it was written: restore it from a copy",
        )
    if (starts := plan.get("facts", {}).get("slab_starts")) is not None:
        _count(tally, "folds", log.check_predictions(events, starts))
    for event in events:
        if event.kind == "fold.finished":
            for digest in (event.body.get("model") or {}).values():
                log.kept(digest)
                _count(tally, "objects")
        elif event.kind == "model.fitted" and "digest" in event.body:
            folder = model_folder(store, log.study, event.body["folder"])
            if folder is not None:
                _model_of(folder, log.study, event.body["digest"], tally)


def _model_of(folder: Path, study: str, digest: str, tally: dict[str, int]) -> None:
    """The model a study wrote, unless its folder has since been given to another."""
    package = unpack(read_model(folder))
    if package.manifest.study != study:
        return
    if package.manifest.digest != digest:
        raise DamagedModel(
            f"the model in {folder} is not the one that study {study} fitted",
            fix="restore the folder from a copy, or tune again",
        )
    _count(tally, "files", len(package.files) + 1)


def _report(path: Path, store: str | os.PathLike[str] | None, tally: dict[str, int]) -> None:
    """A report: the very page that its study wrote, or one that follows from the study's record today."""
    try:
        page = path.read_bytes()
    except OSError as error:
        raise DamagedModel(f"cannot read {path}: {error.strerror or error}", fix="name a file you may read") from error
    named = list(dict.fromkeys(_STUDY_ID.findall(page.decode(errors="replace"))))
    with Store.open(store, create=False) as opened:
        for study in named:
            try:
                log = opened.load(study)
            except UnknownStudy:
                continue
            _report_of(path, page, log, tally)
            return
    raise UnknownStudy(
        f"{path} is no report of a study in this store (it names {', '.join(named[:3]) or 'none'})",
        fix="name the store it was made in with LUTHIER_STORE",
    )


def _report_of(path: Path, page: bytes, log: StoredStudyLog, tally: dict[str, int]) -> None:
    events = log.events()
    _count(tally, "events", len(events))
    ended = [event.body for event in events if event.kind == "study.ended"]
    written = [body["report"] for body in ended if "report" in body]
    if hashlib.sha256(page).hexdigest() not in written and page not in map(_drawn_again, ended):
        raise StoreDamaged(
            f"{path} is not what study {log.study} wrote, and does not follow from its record",
            fix=f"do not rely on the page; what was recorded is shown by `luthier runs show {log.study}`",
        )
    _count(tally, "reports")


def _drawn_again(ended: Mapping[str, Any]) -> bytes:
    return render(ReportFacts.from_json(ended["facts"])).encode() if "facts" in ended else b""


# --- folders ----------------------------------------------------------------------------------------------------------


def _folder(path: Path, key: str | os.PathLike[str] | None, tally: dict[str, int]) -> None:
    files = read_model(path)
    if ENVELOPE in files:
        check_release(files, trusted_keys(key))
        _count(tally, "signatures")
    else:
        unpack(files)
    _count(tally, "files", len(files))

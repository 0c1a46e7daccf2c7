"""Registered models after their release: promote, roll back, retire, list."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from luthier.api.project import at_utc, user
from luthier.api.resolving import checked, kept_files, materialised, opened_models
from luthier.errors import UnknownModel
from luthier.registry import ModelHistory, ModelVersion, Reference, Released, peek_release
from luthier.registry.history import DRILLED, PROMOTED, RETIRED, ROLLED_BACK, promotion, retirement, rollback_of
from luthier.store import Step, Store, read_model

_Path = str | os.PathLike[str]


def promote(
    model: str,
    *,
    why: str = "",
    by: str | None = None,
    evidence: Mapping[str, Any] | None = None,
    store: _Path | None = None,
) -> ModelHistory:
    """Make a version the champion: the one that answers to the bare name.

    Parameters
    ----------
    model
        "churn@3" or "churn@challenger"; "churn" alone means its challenger.
    why, by, evidence
        For the record. The honest scores of both versions are added to the evidence.
    store
        Where the model is registered.

    Returns
    -------
    ModelHistory
        With its new `champion` and `previous`.

    Raises
    ------
    UnknownModel
        There is no such version, it was retired, or it is the champion already.
    BadSignature, DamagedModel, StoreDamaged
        Its files are not what was released: it is not promoted.
    """
    reference = Reference.parse(model if "@" in model else f"{model}@challenger")
    who = by or user()
    with opened_models(store) as opened:
        history = opened.models.history(reference.name)
        chosen = history.version(promotion(history, reference))
        checked(reference.name, chosen, kept_files(opened, chosen))
        scores = {"promoted": _score(opened, chosen)}
        if history.champion is not None:
            scores["champion"] = _score(opened, history.version(history.champion))

        def decide(now: ModelHistory, *_: Any) -> list[Step]:
            version = promotion(now, Reference(reference.name, chosen.version))
            said = {"version": version, "from": now.champion, "by": who, "why": why}
            return [Step(PROMOTED, said | {"evidence": {**scores, **dict(evidence or {})}})]

        return opened.models.record(reference.name, decide)


def rollback(
    model: str, *, why: str = "", by: str | None = None, drill: bool = False, store: _Path | None = None
) -> dict[str, Any]:
    """Make the previous champion the champion again.

    Parameters
    ----------
    model
        The model's name.
    why, by
        For the record.
    drill
        Roll back, load what is then the champion as a server would, return to where we were, and record how long it
        took. While it lasts, requests are answered by the previous champion.
    store
        Where the model is registered.

    Returns
    -------
    dict
        `name`, `from`, `to` (versions), `seconds` until the rollback was recorded, `aliases`; for a drill also
        `seconds_to_effect`: until the other version was loaded and ready.

    Raises
    ------
    UnknownModel
        There is no such model, or no champion before this one.
    BadSignature, DamagedModel, StoreDamaged
        The previous champion's files are not what was released: nothing is changed.
    """
    begun = time.perf_counter()
    name = Reference.parse(model).name
    who = by or user()
    with opened_models(store) as opened:
        history = opened.models.history(name)
        bad, good = rollback_of(history)
        checked(name, history.version(good), kept_files(opened, history.version(good)))
        back = opened.models.record(name, lambda now, *_: [_rolled_back(now, who, why or ("a drill" if drill else ""))])
        done: dict[str, Any] = {"name": name, "from": bad, "to": good, "seconds": time.perf_counter() - begun}
        if not drill:
            return {**done, "aliases": back.aliases}
        done["seconds_to_effect"] = None
        from luthier.serving import Predictor  # who takes a champion back in earnest does not wait for its libraries

        try:
            found = materialised(opened, name, back.find(Reference(name)))
            Predictor.of(read_model(found.folder))
            done["seconds_to_effect"] = time.perf_counter() - begun
        finally:
            after = opened.models.record(name, lambda *_: _drill_is_over(done, who))
        return {**done, "aliases": after.aliases}


def _rolled_back(history: ModelHistory, by: str, why: str) -> Step:
    bad, good = rollback_of(history)
    return Step(ROLLED_BACK, {"version": good, "from": bad, "by": by, "why": why})


def _drill_is_over(done: dict[str, Any], by: str) -> list[Step]:
    back = {"version": done["from"], "from": done["to"], "by": by, "why": "the drill is over"}
    return [Step(PROMOTED, back), Step(DRILLED, {**done, "by": by})]


def retire(model: str, *, why: str, by: str | None = None, store: _Path | None = None) -> ModelHistory:
    """Take a version out of use for good: it stays in the record, but nothing loads it any more.

    Parameters
    ----------
    model
        "churn@3" or "churn@previous"; a name alone is not enough.
    why, by
        For the record; whoever asks for the version later is told why.
    store
        Where the model is registered.

    Raises
    ------
    UnknownModel
        There is no such version, it was retired before, or it is the champion while there are others.
    """
    if "@" not in model:
        raise UnknownModel(f"{model!r} does not say which version to retire", fix=f"write {model}@VERSION")
    reference, who = Reference.parse(model), by or user()
    with opened_models(store) as opened:
        return opened.models.record(
            reference.name,
            lambda now, *_: [Step(RETIRED, {"version": retirement(now, reference), "by": who, "why": why})],
        )


def list_models(*, at: str | None = None, store: _Path | None = None) -> list[dict[str, Any]]:
    """Every registered model with the versions behind its aliases, now or at a moment; none where there is no store.

    Parameters
    ----------
    at
        ISO 8601, UTC unless it says otherwise; models that did not exist then are left out.
    """
    moment = None if at is None else at_utc(at)
    try:
        opened = opened_models(store)
    except UnknownModel:
        return []
    with opened:
        histories = [opened.models.history(name, at_utc=moment) for name in opened.models.names()]
        return [_row(opened, history) for history in histories if history.versions]


def show_model(model: str, *, at: str | None = None, store: _Path | None = None) -> tuple[dict[str, Any], list[str]]:
    """Everything known of a registered model, now or at a moment: as JSON values, and as lines for people.

    Raises
    ------
    UnknownModel
        There is no such model, or there was none at that moment.
    """
    name = Reference.parse(model).name
    with opened_models(store) as opened:
        history = opened.models.history(name, at_utc=None if at is None else at_utc(at))
        if not history.versions:
            raise UnknownModel(f"{name} had no version at {at}", fix="give a later moment, or none")
        body = _row(opened, history)
        body["versions"] = [_version(opened, history, version) for version in history.versions]
        body["moves"] = [move.to_json() for move in history.moves]
    lines = [f"{name}: {_aliases(history)}"]
    for version in body["versions"]:
        state = f"retired: {version['retired_why']}" if version["retired_at_utc"] else ", ".join(version["aliases"])
        lines.append(
            f"  {name}@{version['version']}  {version['metric']} {version['score_text']}  study {version['study']}"
            f"  {version['released_at_utc'][:16]}  {state}".rstrip()
        )
    lines.append("history:")
    for move in history.moves:
        why = f": {move.why}" if move.why else ""
        lines.append(f"  {move.at_utc[:19]}  {move.what} of {name}@{move.version} by {move.by}{why}")
    return body, lines


def _row(store: Store, history: ModelHistory) -> dict[str, Any]:
    champion = None if history.champion is None else _release(store, history.version(history.champion))
    return {
        "name": history.name,
        "aliases": history.aliases,
        "n_versions": len(history.versions),
        "metric": None if champion is None else champion.metric,
        "score": None if champion is None else champion.score.to_json(),
        "study": None if champion is None else champion.study,
        "changed_at_utc": history.moves[-1].at_utc,
    }


def _version(store: Store, history: ModelHistory, released: Released) -> dict[str, Any]:
    release = _release(store, released)
    return {
        "version": released.version,
        "digest": released.digest,
        "study": released.study,
        "released_at_utc": released.at_utc,
        "by": release.by,
        "why": release.why,
        "metric": release.metric,
        "score": release.score.to_json(),
        "score_text": str(release.score),
        "aliases": [alias for alias, version in history.aliases.items() if version == released.version],
        "retired_at_utc": released.retired_at_utc,
        "retired_why": released.retired_why,
        "gates": [gate.to_json() for gate in release.gates],
        "waivers": [waiver.to_json() for waiver in release.waivers],
    }


def _score(store: Store, released: Released) -> dict[str, Any]:
    release = _release(store, released)
    return {"version": released.version, "metric": release.metric, "score": release.score.to_json()}


def _release(store: Store, released: Released) -> ModelVersion:
    return peek_release(store.models.get(released.envelope))


def _aliases(history: ModelHistory) -> str:
    held = [f"{alias} {version}" for alias, version in history.aliases.items() if version is not None]
    return ", ".join(held) or "no champion"

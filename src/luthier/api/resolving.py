"""From what people call a model to a folder of checked files: a path, or the name of a registered model."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from luthier.api.project import trusted_keys
from luthier.errors import DamagedModel, LuthierError, UnknownModel, UnknownStudy
from luthier.registry import (
    ALIASES,
    MANIFEST,
    ModelHistory,
    ModelVersion,
    Reference,
    Released,
    check_release,
    is_name,
    peek_release,
)
from luthier.registry.envelope import ENVELOPE
from luthier.store import Store, read_model, write_model


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model that was found.

    Attributes
    ----------
    folder
        Its files, as `luthier.load` reads them.
    name, version, digest
        What it is registered as, and the SHA-256 of its signed statement; None for a folder that was never released.
    """

    folder: Path
    name: str | None = None
    version: int | None = None
    digest: str | None = None


def resolve(model: str | os.PathLike[str], *, store: str | os.PathLike[str] | None = None) -> Resolved:
    """Find a model by the path of its folder or by its registered name.

    Parameters
    ----------
    model
        "churn" (its champion), "churn@challenger", "churn@3", or the path of a model's folder or of what `--out` named.
        A name that is registered goes before a folder that is called the same: write "./churn" for that.
    store
        Where names are registered. Default: `LUTHIER_STORE`, else `.luthier` in the current folder.

    Raises
    ------
    UnknownModel
        Neither is there, or the version was retired.
    BadSignature, DamagedModel
        A released file is not what was signed, or was signed by a key that is not trusted here.
    """
    found = find_registered(model, store=store)
    if found is not None:
        return found
    if isinstance(model, str) and _is_reference(model) and not Path(model).exists():
        raise _nothing(model)
    folder = Path(model)
    if (folder / ENVELOPE).is_file():  # a release that was copied out of its store
        version, _ = check_release(read_model(folder), trusted_keys())
        return Resolved(folder / "model", version.name, version.version, version.digest)
    return Resolved(folder_of(folder) or folder)


def folder_of(path: str | os.PathLike[str]) -> Path | None:
    """The folder of a saved model at a path: itself, or within what `--out` named; None where there is none."""
    return next((folder for folder in (Path(path), Path(path) / "model") if (folder / MANIFEST).is_file()), None)


def find_registered(model: str | os.PathLike[str], *, store: str | os.PathLike[str] | None = None) -> Resolved | None:
    """Find a model by its registered name; None where nothing of that name is registered.

    Raises
    ------
    UnknownModel
        The name is registered, and has no such version or has retired it.
    BadSignature, DamagedModel
        As `resolve`.
    """
    if not (isinstance(model, str) and _is_reference(model)):
        return None
    reference = Reference.parse(model)
    try:
        with Store.open(store, create=False) as opened:
            if not opened.models.is_registered(reference.name):
                return None
            return materialised(opened, reference.name, opened.models.history(reference.name).find(reference))
    except UnknownStudy:  # there is no store
        return None


def history_of(name: str, *, at: str | None = None, store: str | os.PathLike[str] | None = None) -> ModelHistory:
    """The versions of a registered model and who held its aliases, now or at a moment (ISO 8601 text, UTC).

    Raises
    ------
    UnknownModel
        There is no model of that name.
    """
    with opened_models(store) as opened:
        return opened.models.history(name, at_utc=at)


def opened_models(store: str | os.PathLike[str] | None = None) -> Store:
    """The store, for what needs a registered model to be there.

    Raises
    ------
    UnknownModel
        There is no store.
    """
    try:
        return Store.open(store, create=False)
    except UnknownStudy as error:
        raise UnknownModel(
            "no models are registered here: there is no store in this folder",
            fix="run `luthier tune` and `luthier release` first, or name the store with LUTHIER_STORE",
        ) from error


def materialised(store: Store, name: str, released: Released) -> Resolved:
    """A version's files in a folder of the store, checked against its signature; copied there when they are not yet.

    Raises
    ------
    BadSignature, DamagedModel, StoreDamaged
        What is kept is not what was released.
    """
    folder = store.releases / released.digest
    files = None
    if folder.is_dir():
        try:
            files = read_model(folder)
            checked(name, released, files)
        except LuthierError:  # the copy is damaged, not the release: make another
            shutil.rmtree(folder)
            files = None
    if files is None:
        files = kept_files(store, released)
        checked(name, released, files)
        write_model(folder, files)
    return Resolved(folder / "model", name, released.version, released.digest)


def kept_files(store: Store, released: Released) -> dict[str, bytes]:
    """The files of a release from the store's objects.

    Raises
    ------
    StoreDamaged
        An object is missing or changed.
    BadSignature
        The envelope is none.
    """
    envelope = store.models.get(released.envelope)
    files = {name: store.models.get(sha256) for name, sha256 in peek_release(envelope).files.items()}
    return {ENVELOPE: envelope, **files}


def checked(
    name: str, released: Released, files: dict[str, bytes], key: str | os.PathLike[str] | None = None
) -> ModelVersion:
    """Check a release's files against their signature and against what its model's history says of it.

    Parameters
    ----------
    name, released
        The model's name, and what its history says of the version.
    files
        Of the release, by name.
    key
        File of a public key to trust beside those of the project.

    Raises
    ------
    BadSignature, DamagedModel
        Naming the first thing that does not fit.
    """
    version, _ = check_release(files, trusted_keys(key))
    if (version.name, version.version, version.digest) != (name, released.version, released.digest):
        raise DamagedModel(
            f"the files of {name}@{released.version} are signed as {version.reference}, which is another release",
            fix="restore the store from a copy, or release again",
        )
    return version


def model_folder(store: Store, study: str, written: str) -> Path | None:
    """Where the model of a study is, by the path its record holds: as written, beside the store, or in the store."""
    places = (Path(written), store.folder.parent / written, store.folder / "runs" / study / "model")
    return next((place for place in places if place.is_dir()), None)


def _is_reference(text: str) -> bool:
    name, _, which = text.partition("@")
    return is_name(name) and (not which or which in ALIASES or which.removeprefix("v").isdigit())


def _nothing(model: str) -> UnknownModel:
    return UnknownModel(
        f"there is no registered model and no folder {model!r} here",
        fix="list the registered models with `luthier models`, or give the path of a model's folder",
    )

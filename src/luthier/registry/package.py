"""A model packed as named bytes, and unpacked only when every byte is what the manifest says.

The bytes are only described here; the shell writes them to a folder or sends them elsewhere. The hashes reveal damage
and changes to single files. Who can rewrite a file and the manifest too can forge a model, but not make it run code:
nothing in it is executed.
"""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from luthier.data import Schema
from luthier.errors import DamagedModel
from luthier.models import Facts
from luthier.registry.manifest import MANIFEST, Manifest, Member, StoredFile
from luthier.scoring import Estimate
from luthier.scoring.pool import Pool
from luthier.version import __version__

MAX_FILES = 64
MAX_FILE_BYTES = 2 * 2**30
"""Far beyond any model of ours."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_LIBRARIES = {
    "lightgbm": ("lightgbm",),
    "xgboost": ("xgboost-cpu", "xgboost"),
    "catboost": ("catboost",),
    "estimator": ("skops",),
}


@dataclass(frozen=True, slots=True, eq=False)
class ModelPackage:
    """A model whose bytes have been checked: the manifest and the family's own files."""

    manifest: Manifest
    files: Mapping[str, bytes]

    def files_of(self, member: Member) -> dict[str, bytes]:
        """The files of one member, by the names its family gave them."""
        n = len(member.prefix)
        return {name[n:]: content for name, content in self.files.items() if name.startswith(member.prefix)}


@dataclass(frozen=True, slots=True, eq=False)
class FittedMember:
    """A fitted model on its way into a package: its family, configuration, files and weight in the blend."""

    family: str
    config: Mapping[str, Any]
    files: Mapping[str, bytes]
    weight: float = 1.0


def pack_blend(members: Sequence[FittedMember], pool: Pool, **known: Any) -> dict[str, bytes]:
    """Pack fitted models that answer together, the heaviest first; see `pack` for what else is to be known.

    Raises
    ------
    ValueError
        As `pack`.
    """
    # One model alone keeps its own file names.
    prefixes = [""] if len(members) == 1 else [f"{i}." for i in range(len(members))]
    files = {p + name: data for p, m in zip(prefixes, members, strict=True) for name, data in m.files.items()}
    listed = tuple(Member(m.family, m.config, m.weight, p) for p, m in zip(prefixes, members, strict=True))
    return _pack(files, listed, pool, **known)


def pack(files: Mapping[str, bytes], *, family: str, config: Mapping[str, Any], **known: Any) -> dict[str, bytes]:
    """Pack a fitted model's files with their manifest; see `Manifest` for what else is to be known.

    Raises
    ------
    ValueError
        A file's name is not a plain name, or the model is larger than a reader accepts.
    """
    return _pack(files, (Member(family, config),), "linear", **known)


def _pack(
    files: Mapping[str, bytes],
    members: tuple[Member, ...],
    pool: Pool,
    *,
    schema: Schema,
    facts: Facts,
    metric: str,
    score: Estimate,
    study: str,
    fingerprint: str,
    trained_on: str,
    created_at_utc: str,
    recalibrator: Mapping[str, Any] | None = None,
    threshold: float = 0.5,
) -> dict[str, bytes]:
    for name, content in files.items():
        wrong = _wrong_name(name) or _wrong_size(len(content))
        if wrong is not None:
            raise ValueError(f"the file {name!r} {wrong}")
    if len(files) > MAX_FILES:
        raise ValueError(f"a model has at most {MAX_FILES} files, not {len(files)}")
    manifest = Manifest(
        created_at_utc=created_at_utc,
        libraries=_versions([member.family for member in members]),
        members=members,
        pool=pool,
        schema=schema,
        facts=facts,
        metric=metric,
        score=score,
        study=study,
        fingerprint=fingerprint,
        trained_on=trained_on,
        files=tuple(_stored(name, files[name]) for name in sorted(files)),
        recalibrator=recalibrator,
        threshold=threshold,
    )
    return {MANIFEST: manifest.to_bytes(), **files}


def unpack(files: Mapping[str, bytes]) -> ModelPackage:
    """Check every byte of a packed model.

    Raises
    ------
    DamagedModel
        Names the first file that is missing, unknown, or not what the manifest says.
    """
    if MANIFEST not in files:
        raise _damaged(MANIFEST, "is missing")
    manifest = Manifest.from_bytes(files[MANIFEST])
    if len(manifest.files) > MAX_FILES:
        raise _damaged(MANIFEST, f"lists more than {MAX_FILES} files")
    for stored in manifest.files:
        wrong = _wrong_name(stored.name) or _wrong_size(stored.n_bytes)
        if wrong is not None:
            raise _damaged(MANIFEST, f"lists a file {stored.name!r} that {wrong}")
        if stored.name not in files:
            raise _damaged(stored.name, "is missing")
        if _stored(stored.name, files[stored.name]) != stored:
            raise _damaged(stored.name, "is not what was written: its hash does not fit the manifest")
    listed = {stored.name for stored in manifest.files}
    for name in files:
        if name != MANIFEST and name not in listed:
            raise _damaged(name, "does not belong to the model: the manifest does not list it")
    return ModelPackage(manifest, {name: files[name] for name in sorted(listed)})


def _stored(name: str, content: bytes) -> StoredFile:
    return StoredFile(name, len(content), hashlib.sha256(content).hexdigest())


def _wrong_name(name: str) -> str | None:
    if name == MANIFEST:
        return "has the manifest's name"
    return None if _NAME.fullmatch(name) else "has a name that is not plain letters, digits, '.', '_' and '-'"


def _wrong_size(n_bytes: Any) -> str | None:
    fits = isinstance(n_bytes, int) and 0 <= n_bytes <= MAX_FILE_BYTES
    return None if fits else f"is larger than {MAX_FILE_BYTES} bytes"


def _damaged(name: str, why: str) -> DamagedModel:
    return DamagedModel(f"the model file {name!r} {why}", fix="copy the whole model folder again, or tune again")


def _versions(families: Sequence[str]) -> dict[str, str]:
    """Versions of what computes with the model; a library that is not installed here is left out."""
    own = [library for family in families for library in _LIBRARIES.get(family, ())]
    found = {"python": platform.python_version(), "luthier": __version__}
    for distribution in ("numpy", "scipy", "scikit-learn", *dict.fromkeys(own)):
        try:
            found[distribution] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return found

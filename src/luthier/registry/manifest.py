"""What a packed model is: everything needed to read it, to know where it came from, and to notice a changed byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, Self

from luthier.canonical import canonical_json, digest
from luthier.data import Schema
from luthier.errors import DamagedModel
from luthier.models import Facts
from luthier.scoring import Estimate
from luthier.scoring.pool import Pool

MANIFEST = "manifest.json"
FORMAT = 3
"""Version of the manifest's form; a reader refuses newer ones. Format 1 had a single member and named it at the top,
format 2 no recalibrator and no threshold."""
MAX_MANIFEST_BYTES = 64 * 2**20
"""Far beyond any schema: what is larger is not parsed."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the package and what it must be."""

    name: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Member:
    """One of the models that answer together; `prefix` leads the names of its files."""

    family: str
    config: Mapping[str, Any]
    weight: float = 1.0
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The description of a packed model.

    Parameters
    ----------
    created_at_utc
        When it was packed, ISO 8601.
    libraries
        Versions of Python, Luthier and the libraries that read or compute with the model.
    members, pool
        The models, the heaviest first, and how their answers are averaged; mostly there is one.
    schema
        How rows are read: features, classes, target.
    facts
        Of the table it was tuned on.
    metric, score
        The honest score after selection, in the metric's own unit and sign.
    study
        Name of the study that produced it.
    fingerprint
        Of the table it was tuned on.
    trained_on
        The rows the shipped model was fitted on, in words.
    files
        Every other file of the package.
    recalibrator
        What maps the chances of the members to the chances that are given, as JSON values; None where nothing does.
    threshold
        The chance above which a case of two classes is called positive.
    """

    kind: ClassVar[str] = "luthier model"

    created_at_utc: str
    libraries: Mapping[str, str]
    members: tuple[Member, ...]
    pool: Pool
    schema: Schema
    facts: Facts
    metric: str
    score: Estimate
    study: str
    fingerprint: str
    trained_on: str
    files: tuple[StoredFile, ...]
    recalibrator: Mapping[str, Any] | None = None
    threshold: float = 0.5

    @property
    def family(self) -> str:
        """The family of the heaviest member."""
        return self.members[0].family

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration of the heaviest member."""
        return self.members[0].config

    def to_json(self) -> dict[str, Any]:
        """As JSON values, the digest over all others with them."""
        body: dict[str, Any] = {
            "kind": self.kind,
            "format": FORMAT,
            "created_at_utc": self.created_at_utc,
            "libraries": dict(self.libraries),
            "members": [
                {"family": m.family, "config": dict(m.config), "weight": m.weight, "prefix": m.prefix}
                for m in self.members
            ],
            "pool": self.pool,
            "schema": self.schema.to_json(),
            "facts": self.facts.to_json(),
            "metric": self.metric,
            "score": self.score.to_json(),
            "study": self.study,
            "fingerprint": self.fingerprint,
            "trained_on": self.trained_on,
            "recalibrator": None if self.recalibrator is None else dict(self.recalibrator),
            "threshold": self.threshold,
            "files": {file.name: {"n_bytes": file.n_bytes, "sha256": file.sha256} for file in self.files},
        }
        return {**body, "digest": digest(body)}

    def to_bytes(self) -> bytes:
        """In canonical form: no other bytes say the same, so that a changed one is always noticed."""
        return canonical_json(self.to_json())

    @property
    def digest(self) -> str:
        """SHA-256 that identifies the model: it covers the description and, through their hashes, all files."""
        return str(self.to_json()["digest"])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Back from `to_bytes`.

        Raises
        ------
        DamagedModel
            A byte is not what it was, or the manifest was written by a newer Luthier.
        """
        if len(data) > MAX_MANIFEST_BYTES:
            _refuse("is larger than any manifest")
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            _refuse("is not JSON")
        if not isinstance(document, dict) or document.get("kind") != cls.kind:
            _refuse("does not describe a Luthier model")
        version = document.get("format")
        if isinstance(version, int) and version > FORMAT:
            raise DamagedModel(
                f"the model was saved by a newer Luthier (format {version}; this one reads up to {FORMAT})",
                fix="pip install --upgrade luthier",
            )
        body = {key: value for key, value in document.items() if key != "digest"}
        try:
            sound = digest(body) == document.get("digest") and canonical_json(document) == data
        except ValueError:  # NaN, which Python's reader takes and we never write
            sound = False
        if not sound:
            _refuse("is not what was written: its digest does not fit")
        try:
            return cls._read(document)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise DamagedModel(
                f"{MANIFEST} cannot be read: {error}", fix="load it with the version of Luthier that saved the model"
            ) from error

    @classmethod
    def _read(cls, document: Mapping[str, Any]) -> Self:
        first_format = document["format"] == 1
        members = (
            [{"family": document["family"], "config": document["config"]}] if first_format else document["members"]
        )
        if not members or (pool := document.get("pool", "linear")) not in ("linear", "logarithmic"):
            raise ValueError("its members and their pool make no model")
        return cls(
            created_at_utc=document["created_at_utc"],
            libraries=document["libraries"],
            members=tuple(Member(**member) for member in members),
            pool=pool,
            schema=Schema.from_json(document["schema"]),
            facts=Facts.from_json(document["facts"]),
            metric=document["metric"],
            score=Estimate.from_json(document["score"]),
            study=document["study"],
            fingerprint=document["fingerprint"],
            trained_on=document["trained_on"],
            files=tuple(StoredFile(name, **file) for name, file in document["files"].items()),
            recalibrator=document.get("recalibrator"),
            threshold=float(document.get("threshold", 0.5)),
        )


def _refuse(why: str) -> NoReturn:
    raise DamagedModel(f"{MANIFEST} {why}", fix="copy the whole model folder again, or tune again")

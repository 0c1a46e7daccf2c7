"""A released version of a model: files that never change, and a signed statement of what is known about them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Self

from luthier.errors import BadSignature, DamagedModel
from luthier.registry import envelope
from luthier.registry.dependencies import Dependency
from luthier.registry.envelope import ENVELOPE
from luthier.registry.gates import GateResult
from luthier.registry.package import ModelPackage, unpack
from luthier.registry.reference import is_name
from luthier.scoring import Estimate

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PREDICATE_TYPE = "urn:luthier:release:v1"
MODEL = "model/"
"""Where the model's own files lie within a release."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """A finding that somebody answers for: its code, who, and why."""

    code: str
    by: str
    why: str

    def to_json(self) -> dict[str, str]:
        """JSON values."""
        return {"code": self.code, "by": self.by, "why": self.why}


@dataclass(frozen=True, slots=True)
class Link:
    """A place in a chain of events: how many there were, and the seal of the newest. It ties one record to another."""

    events: int
    seal: str

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"events": self.events, "seal": self.seal}


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """What a release states about itself, under its signature.

    Attributes
    ----------
    name, version
        How it is called: `name@version`.
    study, study_link
        The study that produced it, and where that study's record stood.
    history_link
        Where the record of the name's own versions stood.
    released_at_utc, by, why
        When, by whom and why it was released.
    metric, score, naive_score
        The honest score after selection, and what others would have reported.
    files
        SHA-256 of every file by its name within the release.
    data, code, environment
        Fingerprints: of the table and its sources; of Luthier and of the project's own revision; of the machine's kind
        and everything in `dependencies`.
    dependencies
        Libraries the model needs, with versions and licences.
    measured
        What the gates were held against.
    gates
        What they said.
    findings
        What the checks found; None when they were not run.
    waivers
        Findings somebody answers for.
    """

    name: str
    version: int
    study: str
    study_link: Link
    history_link: Link
    released_at_utc: str
    by: str
    why: str
    metric: str
    score: Estimate
    naive_score: float | None
    files: Mapping[str, str]
    data: Mapping[str, Any]
    code: Mapping[str, Any]
    environment: Mapping[str, Any]
    dependencies: tuple[Dependency, ...]
    measured: Mapping[str, Any]
    gates: tuple[GateResult, ...] = ()
    findings: tuple[Mapping[str, Any], ...] | None = None
    waivers: tuple[Waiver, ...] = ()

    @property
    def reference(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    @property
    def digest(self) -> str:
        """SHA-256 of the statement: it covers everything said here and, through their hashes, all files."""
        return hashlib.sha256(self.to_payload()).hexdigest()

    def to_payload(self) -> bytes:
        """The in-toto statement, in canonical form."""
        return envelope.statement(self.files, PREDICATE_TYPE, self._predicate())

    def _predicate(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "study": self.study,
            "study_link": self.study_link.to_json(),
            "history_link": self.history_link.to_json(),
            "released_at_utc": self.released_at_utc,
            "by": self.by,
            "why": self.why,
            "metric": self.metric,
            "score": self.score.to_json(),
            "naive_score": self.naive_score,
            "data": dict(self.data),
            "code": dict(self.code),
            "environment": dict(self.environment),
            "dependencies": [dependency.to_json() for dependency in self.dependencies],
            "measured": dict(self.measured),
            "gates": [gate.to_json() for gate in self.gates],
            "findings": None if self.findings is None else [dict(finding) for finding in self.findings],
            "waivers": [waiver.to_json() for waiver in self.waivers],
        }

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Back from `to_payload`.

        Raises
        ------
        BadSignature
            It is a statement about something else, or one that makes no sense.
        """
        try:
            document = json.loads(payload)
            said = dict(document["predicate"])
            read = cls(
                **said
                | {
                    "files": {subject["name"]: subject["digest"]["sha256"] for subject in document["subject"]},
                    "study_link": Link(**said["study_link"]),
                    "history_link": Link(**said["history_link"]),
                    "score": Estimate.from_json(said["score"]),
                    "dependencies": tuple(Dependency(**dependency) for dependency in said["dependencies"]),
                    "gates": tuple(GateResult(**gate) for gate in said["gates"]),
                    "findings": None if said["findings"] is None else tuple(said["findings"]),
                    "waivers": tuple(Waiver(**waiver) for waiver in said["waivers"]),
                }
            )
            ours = is_name(read.name) and read.to_payload() == payload  # the kind of the statement with it
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise BadSignature(
                f"{ENVELOPE} does not state a release of a model: {error}",
                fix="copy the release again, or upgrade with `pip install --upgrade luthier`",
            ) from error
        if not ours:
            raise BadSignature(
                f"{ENVELOPE} is signed, but states something else than a release of a model",
                fix="copy the release again, or release again",
            )
        return read


def release_files(model: Mapping[str, bytes], extra: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Return the files of a release by name.

    Parameters
    ----------
    model
        A packed model.
    extra
        What goes with it, by names of their own.
    """
    return {MODEL + name: content for name, content in model.items()} | dict(extra or {})


def seal(version: ModelVersion, key: Ed25519PrivateKey) -> bytes:
    """Return the signed file that makes these facts a release."""
    return envelope.sign(version.to_payload(), key)


def open_release(data: bytes, trusted: Sequence[Ed25519PublicKey]) -> ModelVersion:
    """Read a signed release.

    Raises
    ------
    BadSignature
        No trusted key signed these very bytes, or they do not state a release.
    """
    return ModelVersion.from_payload(envelope.open_envelope(data, trusted))


def peek_release(data: bytes) -> ModelVersion:
    """Read what a release states without asking who signed it.

    Raises
    ------
    BadSignature
        It is no release.
    """
    return ModelVersion.from_payload(envelope.peek(data))


def check_release(files: Mapping[str, bytes], trusted: Sequence[Ed25519PublicKey]) -> tuple[ModelVersion, ModelPackage]:
    """Check every byte of a release: the signature first, then each file against it, then the model's own manifest.

    Parameters
    ----------
    files
        Everything that lies in the release's folder, by name.
    trusted
        Keys whose word counts.

    Raises
    ------
    BadSignature
        As `open_release`.
    DamagedModel
        Naming the first file that is missing, unknown or not what was signed.
    """
    if ENVELOPE not in files:
        _refuse(ENVELOPE, "is missing")
    version = open_release(files[ENVELOPE], trusted)
    for name, sha256 in version.files.items():
        if name not in files:
            _refuse(name, "is missing")
        if hashlib.sha256(files[name]).hexdigest() != sha256:
            _refuse(name, "is not what was signed: its hash does not fit")
    for name in files:
        if name != ENVELOPE and name not in version.files:
            _refuse(name, "does not belong to the release: its statement does not list it")
    package = unpack({name.removeprefix(MODEL): files[name] for name in version.files if name.startswith(MODEL)})
    if package.manifest.study != version.study:
        _refuse(f"{MODEL}manifest.json", f"is of study {package.manifest.study!r}, not of {version.study!r}")
    return version, package


def _refuse(name: str, why: str) -> NoReturn:
    raise DamagedModel(f"the file {name!r} of the release {why}", fix="copy the release again, or release again")

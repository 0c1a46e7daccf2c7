"""Models that somebody made to harm whoever loads them: none of their code runs, and each is refused with its reason.

The attacker here knows the formats, so every hash fits what it is a hash of, except where the test is about hashes.
Boosters and arrays whose indices point outside of them are in `tests/models`.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import random
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

import luthier
from luthier.api import resolve
from luthier.api.project import trusted_keys
from luthier.canonical import canonical_json, digest
from luthier.errors import LuthierError
from luthier.models.archive import dump_estimator
from luthier.registry import check_release
from luthier.store import read_model

from .conftest import MakeStudy, fitted

Files = dict[str, bytes]
CANARY = "luthier_was_here"


class Payload:
    """Runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, (CANARY,)


PICKLE = pickle.dumps(Payload())


def resealed(files: Files, **changes: Any) -> Files:
    """The files with fitting hashes, and a manifest that says `changes`."""
    files = dict(files)
    if "model.json" in files:
        document = json.loads(files["model.json"])
        document["sha256"] = {
            name: hashlib.sha256(files[name]).hexdigest()
            for name in files
            if name not in ("manifest.json", "model.json")
        }
        files["model.json"] = canonical_json(document)
    body = json.loads(files.pop("manifest.json"))
    del body["digest"]
    body["files"] = {
        name: {"n_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
    }
    body |= changes
    return {**files, "manifest.json": canonical_json({**body, "digest": digest(body)})}


def with_file(name: str, data: bytes, **changes: Any) -> Callable[[Files], Files]:
    return lambda files: resealed({**files, name: data}, **changes)


def saying(**changes: Any) -> Callable[[Files], Files]:
    return lambda files: resealed(files, **changes)


def listing(name: str) -> Callable[[Files], Files]:
    return with_manifest(lambda body: body["files"].update({name: {"n_bytes": 1, "sha256": "0" * 64}}))


def with_manifest(change: Callable[[dict[str, Any]], Any]) -> Callable[[Files], Files]:
    def changed(files: Files) -> Files:
        body = json.loads(files["manifest.json"])
        del body["digest"]
        change(body)
        return {**files, "manifest.json": canonical_json({**body, "digest": digest(body)})}

    return changed


def npz(name: str, header: bytes) -> bytes:
    """An archive of arrays with a member of our own making."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, header)
    return buffer.getvalue()


def npy(described: str) -> bytes:
    """An array that says it is what is described."""
    said = described.encode() + b" " * (118 - len(described)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(said).to_bytes(2, "little") + said


def object_array() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, coef=np.array([Payload()], dtype=object))
    return buffer.getvalue()


def packed(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"\0" * 10**8)
    return buffer.getvalue()


def archive_of(estimator: Any, change: Callable[[dict[str, Any]], Any] | None = None) -> Callable[[Files], Files]:
    """A model whose estimator is a skops archive, its schema changed."""

    def made(files: Files) -> Files:
        data = dump_estimator(estimator)
        if change is not None:
            buffer = io.BytesIO()
            with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
                for name in old.namelist():
                    content = old.read(name)
                    if name == "schema.json":
                        schema = json.loads(content)
                        change(schema)
                        content = json.dumps(schema).encode()
                    new.writestr(name, content)
            data = buffer.getvalue()
        target = {"task": "binary", "n_classes": 2, "present": [0, 1], "center": 0.0, "scale": 1.0}
        files = {"manifest.json": files["manifest.json"], "estimator.skops": data}
        files["model.json"] = canonical_json({"target": target})
        body = json.loads(files["manifest.json"])
        return resealed(files, members=[{**body["members"][0], "family": "estimator"}])

    return made


FITTED = LogisticRegression().fit(np.arange(6.0).reshape(-1, 1), [0, 0, 0, 1, 1, 1])


def as_type(module: str, name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda schema: schema.update(__module__=module, __class__=name)


FORGERIES: dict[str, tuple[Callable[[Files], Files], str]] = {
    # pickles under other names
    "a pickle as the manifest": (lambda files: {**files, "manifest.json": PICKLE}, "is not JSON"),
    "a pickle as the description": (
        lambda files: {
            **resealed(files),
            "model.json": PICKLE,
            **with_manifest(
                lambda body: body["files"].update(
                    {"model.json": {"n_bytes": len(PICKLE), "sha256": hashlib.sha256(PICKLE).hexdigest()}}
                )
            )({"manifest.json": files["manifest.json"]}),
        },
        "is not JSON",
    ),
    "a pickle as the arrays": (with_file("arrays.npz", PICKLE), "cannot be read"),
    "a pickle within the arrays": (with_file("arrays.npz", object_array()), "cannot be read"),
    "a pickle beside the files": (lambda files: {**files, "model.pkl": PICKLE}, "does not belong to the model"),
    "a pickle as a booster": (
        lambda files: resealed(
            {**files, "booster.txt": PICKLE},
            members=[{**json.loads(files["manifest.json"])["members"][0], "family": "lightgbm"}],
        ),
        "LU401",
    ),
    "a pickle as an estimator": (
        lambda files: resealed(
            {**archive_of(FITTED)(files), "estimator.skops": PICKLE},
        ),
        "cannot be read",
    ),
    "a joblib file as an estimator": (
        lambda files: resealed({**archive_of(FITTED)(files), "estimator.skops": b"\x80\x04" + PICKLE}),
        "cannot be read",
    ),
    # skops archives of types nobody trusts
    "an estimator of a function that runs commands": (archive_of(FITTED, as_type("os", "system")), "not trusted"),
    "an estimator that starts processes": (archive_of(FITTED, as_type("subprocess", "Popen")), "not trusted"),
    "an estimator that evaluates": (archive_of(FITTED, as_type("builtins", "eval")), "not trusted"),
    "an estimator of a module that does not exist": (archive_of(FITTED, as_type("evil", "Model")), "not trusted"),
    "an estimator with a function of the system in it": (
        archive_of(FunctionTransformer(os.path.exists)),
        "not trusted",
    ),
    "an estimator that imports": (archive_of(FITTED, as_type("importlib", "import_module")), "not trusted"),
    "an archive without its description": (
        lambda files: resealed({**archive_of(FITTED)(files), "estimator.skops": npz("other.json", b"{}")}),
        "cannot be read",
    ),
    # names that lead elsewhere
    "a file above the folder": (
        listing("../evil"),
        "has a name that is not",
    ),
    "a file at the root": (listing("/etc/passwd"), "has a name that is not"),
    "a file on another drive": (listing("C:\\x"), "has a name that is not"),
    "a manifest that lists itself": (
        listing("manifest.json"),
        "has the manifest's name",
    ),
    "an array that unpacks above the folder": (
        with_file("arrays.npz", npz("../../evil.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (0,)}"))),
        "LU401",
    ),
    # swapped parts
    "the weights of another model": (
        lambda files: {**files, "arrays.npz": fitted("other", seed=3)["arrays.npz"]},
        "is not what was written: its hash",
    ),
    "the weights of another model, and a manifest that says so": (
        lambda files: with_manifest(
            lambda body: body["files"].update(json.loads(fitted("other", seed=3)["manifest.json"])["files"])
        )({**files, "arrays.npz": fitted("other", seed=3)["arrays.npz"]}),
        "is not what was written",
    ),
    "a file that is missing": (lambda files: {k: v for k, v in files.items() if k != "arrays.npz"}, "is missing"),
    # more than a machine has
    "an array of a thousand gigabytes": (
        with_file(
            "arrays.npz", npz("coef.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (125000000000,)}"))
        ),
        "cannot be read",
    ),
    "arrays that unpack to any size": (with_file("arrays.npz", packed("coef.npy")), "is compressed"),
    "a file that says it is enormous": (
        with_manifest(lambda body: body["files"]["arrays.npz"].update(n_bytes=10**15)),
        "is larger than",
    ),
    "a manifest of a million brackets": (lambda files: {**files, "manifest.json": b"[" * 10**6}, "is not JSON"),
    # manifests that make no sense
    "a manifest of something else": (saying(kind="another model"), "does not describe a Luthier model"),
    "a manifest of a newer Luthier": (saying(format=99), "newer Luthier"),
    "a family nobody knows": (
        lambda files: resealed(
            files, members=[{**json.loads(files["manifest.json"])["members"][0], "family": "os.system"}]
        ),
        "does not know",
    ),
    "a model without members": (saying(members=[]), "cannot be read"),
    "members that are mixed in another way": (saying(pool="__import__('os')"), "cannot be read"),
    "a schema that is none": (saying(schema={"features": "evil"}), "LU401"),
    "a manifest with a digest of its own": (
        lambda files: {**files, "manifest.json": files["manifest.json"].replace(b'"roc_auc"', b'"roc_bad"')},
        "its digest does not fit",
    ),
    "a manifest that says a thing twice": (
        lambda files: {**files, "manifest.json": b'{"kind":"x",' + files["manifest.json"][1:]},
        "LU401",
    ),
}


@pytest.fixture(scope="module")
def sound() -> Files:
    return fitted("study")


def written(files: Files, folder: Path) -> Path:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_model_is_refused_with_its_reason_and_runs_nothing(forgery: str, sound: Files, project: Path) -> None:
    forge, reason = FORGERIES[forgery]
    with pytest.raises(LuthierError, match=reason) as caught:
        luthier.load(written(forge(sound), project / "model"))
    assert caught.value.fix
    assert sorted(path.name for path in project.iterdir()) == ["model"]  # nothing ran, nothing was unpacked


def test_an_honest_model_made_by_the_same_means_is_loaded(sound: Files, project: Path) -> None:
    luthier.load(written(resealed(sound), project / "model"))
    luthier.load(written(archive_of(FITTED)(sound), project / "estimator"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes and links")
@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "pipe"])
def test_what_is_no_ordinary_file_is_not_read(kind: str, sound: Files, project: Path) -> None:
    folder = written(sound, project / "model")
    if kind == "pipe":
        os.mkfifo(folder / "extra")
    else:
        (folder / "extra").symlink_to("/etc/passwd" if kind == "link to a file" else "/etc")
    with pytest.raises(LuthierError, match=r"is a link|is not an ordinary file"):
        luthier.load(folder)


def test_each_of_a_thousand_changed_bytes_of_a_release_is_noticed(make_study: MakeStudy) -> None:
    luthier.release(make_study(), "churn")
    files = read_model(resolve("churn").folder.parent)
    keys = trusted_keys()
    check_release(files, keys)
    rng = random.Random(11)
    places = [(name, at) for name, data in files.items() for at in range(len(data))]
    for name, at in rng.sample(places, 1000):
        data = bytearray(files[name])
        data[at] ^= rng.randrange(1, 256)
        with pytest.raises(LuthierError):
            check_release({**files, name: bytes(data)}, keys)

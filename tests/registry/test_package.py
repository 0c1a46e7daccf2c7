from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.canonical import canonical_json, digest
from luthier.data import Dataset, make_dataset
from luthier.errors import DamagedModel
from luthier.models import FAMILIES, Facts
from luthier.registry import MANIFEST, pack, unpack
from luthier.scoring import Estimate


def packed() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80)})
    frame["y"] = np.where(frame["a"] > 0, "ja", "nein")
    dataset: Dataset = make_dataset(frame, "y")
    facts, family = Facts.of(dataset), FAMILIES["linear"]()
    config = family.default(facts)
    return pack(
        family.fit(config, facts, dataset.X, dataset.y).dump(),
        family="linear",
        config=config,
        schema=dataset.schema,
        facts=facts,
        metric="roc_auc",
        score=Estimate(0.9, 0.8, float("nan"), 80),
        study="a study",
        fingerprint=dataset.fingerprint,
        trained_on="all",
        created_at_utc="2026-01-01T00:00:00Z",
    )


PACKED = packed()


def test_a_package_says_again_what_was_packed() -> None:
    package = unpack(PACKED)
    manifest = package.manifest
    assert set(package.files) | {MANIFEST} == set(PACKED)
    assert (manifest.family, manifest.metric, manifest.study) == ("linear", "roc_auc", "a study")
    assert manifest.schema.classes == ("ja", "nein") or set(manifest.schema.classes) == {"ja", "nein"}
    assert manifest.facts.n_rows == 80
    assert manifest.score.low == 0.8
    assert np.isnan(manifest.score.high)
    assert {"python", "luthier", "numpy", "scikit-learn"} <= set(manifest.libraries)
    assert manifest.to_bytes() == PACKED[MANIFEST]
    assert len(manifest.digest) == 64


def test_packing_the_same_model_gives_the_same_bytes() -> None:
    assert packed() == PACKED


@settings(max_examples=300)
@given(data=st.data())
def test_any_changed_byte_is_noticed_and_its_file_named(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(PACKED)))
    at = data.draw(st.integers(0, len(PACKED[name]) - 1))
    content = bytearray(PACKED[name])
    content[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedModel, match=r"(?s)LU401.*fix:") as caught:
        unpack({**PACKED, name: bytes(content)})
    assert name in str(caught.value) or "newer Luthier" in str(caught.value)  # the byte of the version itself


@given(cut=st.integers(0, 10**6), name=st.sampled_from(sorted(PACKED)))
def test_a_torn_file_is_noticed(cut: int, name: str) -> None:
    with pytest.raises(DamagedModel, match=name):
        unpack({**PACKED, name: PACKED[name][: cut % len(PACKED[name])]})


@pytest.mark.parametrize("extra", [b" ", b"\n", b"{}"])
def test_not_even_a_space_may_be_added_to_the_manifest(extra: bytes) -> None:
    with pytest.raises(DamagedModel, match=MANIFEST):
        unpack({**PACKED, MANIFEST: PACKED[MANIFEST] + extra})


@pytest.mark.parametrize("name", sorted(PACKED))
def test_a_missing_file_is_named(name: str) -> None:
    with pytest.raises(DamagedModel, match=rf"'{name}' is missing"):
        unpack({key: value for key, value in PACKED.items() if key != name})


def test_a_file_nobody_listed_is_named() -> None:
    with pytest.raises(DamagedModel, match=r"'extra\.bin' does not belong"):
        unpack({**PACKED, "extra.bin": b""})


def forged(**changes: Any) -> dict[str, bytes]:
    """A package whose manifest was rewritten, digest and all."""
    body = {**json.loads(PACKED[MANIFEST]), **changes}
    body.pop("digest")
    return {**PACKED, MANIFEST: canonical_json({**body, "digest": digest(body)})}


def test_a_model_of_a_newer_luthier_says_to_upgrade() -> None:
    with pytest.raises(DamagedModel, match=r"(?s)newer Luthier \(format 99.*pip install --upgrade luthier"):
        unpack(forged(format=99))


def test_a_model_of_the_first_format_which_named_its_only_member_at_the_top_is_still_read() -> None:
    body = json.loads(PACKED[MANIFEST])
    (member,) = body.pop("members")
    first = {key: value for key, value in body.items() if key not in {"pool", "digest"}}
    first |= {"format": 1, "family": member["family"], "config": member["config"]}
    old = {**PACKED, MANIFEST: canonical_json({**first, "digest": digest(first)})}
    manifest = unpack(old).manifest
    assert manifest.members == unpack(PACKED).manifest.members
    assert manifest.pool == "linear"


@pytest.mark.parametrize("name", ["../model.json", "a/b", "..", "", ".hidden", "a\\b", "x" * 200, MANIFEST, "a\nb"])
def test_names_that_lead_elsewhere_are_refused_on_both_sides(name: str) -> None:
    with pytest.raises(DamagedModel, match="LU401"):
        unpack(
            {**forged(files={name: {"n_bytes": 0, "sha256": "0" * 64}}), name: b""}
            | ({} if name != MANIFEST else forged(files={name: {"n_bytes": 0, "sha256": "0" * 64}}))
        )
    manifest = unpack(PACKED).manifest
    known = {key: getattr(manifest, key) for key in ("family", "config", "schema", "facts", "metric", "score", "study")}
    with pytest.raises(ValueError, match="file"):
        pack({name: b""}, **known, fingerprint="", trained_on="", created_at_utc="")


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "something else"},
        {"files": {"model.json": {"n_bytes": 2**40, "sha256": "0" * 64}}},
        {"files": {f"f{i}": {"n_bytes": 0, "sha256": "0" * 64} for i in range(100)}},
        {"files": {"model.json": {}}},
        {"files": 3},
        {"schema": {}},
        {"facts": {"task": "binary"}},
        {"score": None},
    ],
)
def test_a_forged_manifest_that_makes_no_sense_is_a_damaged_model(changes: dict[str, Any]) -> None:
    with pytest.raises(DamagedModel, match=r"(?s)LU401.*fix:"):
        unpack(forged(**changes))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"kind":"luthier model","x":NaN}']
)
def test_a_manifest_that_is_something_else_is_a_damaged_model(content: bytes) -> None:
    with pytest.raises(DamagedModel, match=MANIFEST):
        unpack({**PACKED, MANIFEST: content})


def test_no_manifest_no_model() -> None:
    with pytest.raises(DamagedModel, match=f"'{MANIFEST}' is missing"):
        unpack({})

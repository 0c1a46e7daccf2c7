"""Which model is which: a model as named bytes with a manifest that vouches for every one of them."""

from __future__ import annotations

from luthier.registry.manifest import FORMAT, MANIFEST, Manifest, Member, StoredFile
from luthier.registry.package import FittedMember, ModelPackage, pack, pack_blend, unpack

__all__ = [
    "FORMAT",
    "MANIFEST",
    "FittedMember",
    "Manifest",
    "Member",
    "ModelPackage",
    "StoredFile",
    "pack",
    "pack_blend",
    "unpack",
]

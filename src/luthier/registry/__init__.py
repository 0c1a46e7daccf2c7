"""Which model is which: a model as named bytes with a manifest that vouches for every one of them."""

from __future__ import annotations

from luthier.registry.manifest import FORMAT, MANIFEST, Manifest, StoredFile
from luthier.registry.package import ModelPackage, pack, unpack

__all__ = ["FORMAT", "MANIFEST", "Manifest", "ModelPackage", "StoredFile", "pack", "unpack"]

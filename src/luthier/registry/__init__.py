"""Which model is which: a model as named bytes with a manifest that vouches for every one of them, and its releases.

The files by subject: `manifest` and `package` (a model as files), `release` (a version of it, and what is stated about
it), `envelope` (the signature), `dependencies`, `gates` (what a version must show), `reference` (what people call it)
and `history` (who was champion when).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from luthier.lazily import lazily

if TYPE_CHECKING:
    from luthier.registry.dependencies import Dependency, dependencies_of
    from luthier.registry.gates import GateResult, Gates, Measured
    from luthier.registry.history import ModelHistory, Move, Released
    from luthier.registry.manifest import FORMAT, MANIFEST, Manifest, Member, StoredFile
    from luthier.registry.package import FittedMember, ModelPackage, pack, pack_blend, unpack
    from luthier.registry.reference import ALIASES, Reference, check_name, is_name
    from luthier.registry.release import (
        Link,
        ModelVersion,
        Waiver,
        check_release,
        open_release,
        peek_release,
        release_files,
        seal,
    )

__all__ = [
    "ALIASES",
    "FORMAT",
    "MANIFEST",
    "Dependency",
    "FittedMember",
    "GateResult",
    "Gates",
    "Link",
    "Manifest",
    "Measured",
    "Member",
    "ModelHistory",
    "ModelPackage",
    "ModelVersion",
    "Move",
    "Reference",
    "Released",
    "StoredFile",
    "Waiver",
    "check_name",
    "check_release",
    "dependencies_of",
    "is_name",
    "open_release",
    "pack",
    "pack_blend",
    "peek_release",
    "release_files",
    "seal",
    "unpack",
]

__getattr__ = lazily(
    __name__,
    {
        "registry.dependencies": ("Dependency", "dependencies_of"),
        "registry.gates": ("GateResult", "Gates", "Measured"),
        "registry.history": ("ModelHistory", "Move", "Released"),
        "registry.manifest": ("FORMAT", "MANIFEST", "Manifest", "Member", "StoredFile"),
        "registry.package": ("FittedMember", "ModelPackage", "pack", "pack_blend", "unpack"),
        "registry.reference": ("ALIASES", "Reference", "check_name", "is_name"),
        "registry.release": (
            "Link",
            "ModelVersion",
            "Waiver",
            "check_release",
            "open_release",
            "peek_release",
            "release_files",
            "seal",
        ),
    },
)

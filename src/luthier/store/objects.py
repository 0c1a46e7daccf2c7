"""Bytes named by their content: what was put in comes out unchanged, or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from luthier.errors import StoreDamaged
from luthier.store.atomic import unwritable, write_bytes_atomic

_DIGEST = re.compile(r"[0-9a-f]{64}")
_ABANDONED_S = 86_400.0
"""A draft that is a day old belongs to a process that was killed."""


class Objects(Protocol):
    """A place for blobs, each under the SHA-256 of its bytes."""

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their digest. Putting the same bytes again costs nothing.

        Raises
        ------
        UnwritableFolder, StoreUnreachable
            When the place does not take them.
        """

    def get(self, digest: str) -> bytes:
        """The bytes of that digest, verified.

        Raises
        ------
        StoreDamaged
            When they are missing, or are not what the digest says.
        StoreUnreachable
            When the place does not answer.
        """

    def remove(self, digest: str) -> None:
        """Forget these bytes; nothing happens when they are gone already."""

    def sizes(self) -> dict[str, int]:
        """Digest -> number of bytes of everything that is kept."""

    def sweep(self) -> None:
        """Remove what writers that were killed left half-written."""


class FolderObjects:
    """Meets `Objects` in a folder.

    Parameters
    ----------
    folder
        Where they live; made when the first is put.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Keep the bytes, synced to the disk."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if not path.exists():
            write_bytes_atomic(path, data)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of that digest, verified."""
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise missing(str(path), str(error.strerror or error)) from error
        return verified(data, digest, str(path))

    def remove(self, digest: str) -> None:
        """Forget these bytes."""
        path = self._path(digest)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(path, error) from error

    def sizes(self) -> dict[str, int]:
        """Digest -> number of bytes."""
        return {
            path.parent.name + path.name: path.stat().st_size
            for path in self._files()
            if _DIGEST.fullmatch(path.parent.name + path.name)
        }

    def sweep(self) -> None:
        """Remove drafts that nobody will finish."""
        for path in self._files():
            if path.suffix == ".tmp" and time.time() - path.stat().st_mtime > _ABANDONED_S:
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[Path]:
        for parent, _, names in os.walk(self.folder):
            yield from (Path(parent, name) for name in names)

    def _path(self, digest: str) -> Path:
        check_digest(digest)
        return self.folder / digest[:2] / digest[2:]


def check_digest(digest: str) -> None:
    """Raise StoreDamaged unless it is one: digests come from records, and must not name files elsewhere."""
    if not _DIGEST.fullmatch(digest):
        raise StoreDamaged(f"{digest!r} is not a SHA-256 digest", fix="the record was changed: restore it from a copy")


def verified(data: bytes, digest: str, where: str) -> bytes:
    """The bytes, unless they are not what their digest says."""
    if hashlib.sha256(data).hexdigest() != digest:
        raise StoreDamaged(
            f"{where} is not what was written: its content has another digest than its name",
            fix="restore the file from a copy, or tune again",
        )
    return data


def missing(where: str, why: str) -> StoreDamaged:
    """The letter for an object that is not there."""
    return StoreDamaged(
        f"cannot read {where}, which the record refers to: {why}", fix="restore the file from a copy, or tune again"
    )

"""Bytes named by their content: what was put in comes out unchanged, or not at all."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from luthier.errors import StoreDamaged
from luthier.store.atomic import write_bytes_atomic

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Objects:
    """A folder of blobs, each under the SHA-256 of its bytes.

    Parameters
    ----------
    folder
        Where they live; made when the first is put.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their digest. Putting the same bytes again costs nothing.

        Raises
        ------
        UnwritableFolder
            When the disk does not take them.
        """
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if not path.exists():
            write_bytes_atomic(path, data)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of that digest, verified.

        Raises
        ------
        StoreDamaged
            When they are missing, or are not what the digest says.
        """
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreDamaged(
                f"cannot read {path}, which the record refers to: {error.strerror or error}",
                fix="restore the file from a copy, or tune again",
            ) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise StoreDamaged(
                f"{path} is not what was written: its content has another digest than its name",
                fix="restore the file from a copy, or tune again",
            )
        return data

    def remove(self, digest: str) -> None:
        """Forget these bytes; nothing happens when they are gone already."""
        self.path(digest).unlink(missing_ok=True)

    def path(self, digest: str) -> Path:
        """Where the bytes of a digest live."""
        # Digests come from records, and a record that was tampered with must not name files elsewhere.
        if not _DIGEST.fullmatch(digest):
            raise StoreDamaged(
                f"{digest!r} is not a SHA-256 digest", fix="the record was changed: restore it from a copy"
            )
        return self.folder / digest[:2] / digest[2:]

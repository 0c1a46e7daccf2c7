"""Files that are there whole or not at all, whatever instant the machine stops at."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from luthier.errors import UnwritableFolder


def write_text_atomic(path: str | Path, text: str) -> None:
    """Write a text as UTF-8, replacing what was there in one step.

    Parameters
    ----------
    path
        The file; missing folders above it are made.
    text
        Its new content.

    Raises
    ------
    UnwritableFolder
        When the folder does not take files (missing rights, full disk, a folder of that name).
    """
    write_bytes_atomic(path, text.encode())


def write_bytes_atomic(path: str | Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write bytes as `write_text_atomic` does: a reader sees the old content or the new, never a part.

    Parameters
    ----------
    path, data
        The file and its new content.
    mode
        Rights of the file, less the umask.

    Raises
    ------
    UnwritableFolder
        When the folder does not take files.

    Notes
    -----
    The bytes go to a new file beside it, are synced, and the file is renamed into place; then the folder is synced, so
    that the new name survives a power cut as well.
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_synced(draft, data, mode)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error


def write_synced(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write a new file and wait until the disk has it."""
    # 0o666 less the umask, as any program's files: reports are made to be shared, and private folders shield their own.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the folder's names. Windows cannot, and orders its own metadata."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def unwritable(path: Path, error: OSError) -> UnwritableFolder:
    """The letter for a path that did not take what was written."""
    return UnwritableFolder(
        f"cannot write {path}: {error.strerror or error}",
        fix="choose a folder you may write to, or make room on the disk",
    )


_BINARY = getattr(os, "O_BINARY", 0)  # Windows would translate line ends without it

"""A model as a folder of files: written whole or not at all, read without trusting what lies in it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from luthier.errors import DamagedModel, UnwritableFolder
from luthier.store.atomic import sync_folder, unwritable, write_synced

MANIFEST = "manifest.json"
"""The file that names the others. A folder is only ever replaced when its manifest vouches for everything in it."""

MAX_FILES = 1000
MAX_BYTES = 4 << 30
"""Far beyond any model of ours: what is larger was not written by us, and is not read into memory."""


def write_model(folder: str | Path, files: Mapping[str, bytes]) -> None:
    """Write a model's files, replacing an older model in one step.

    Parameters
    ----------
    folder
        Where; missing folders above it are made.
    files
        Content by name; names are relative, with forward slashes.

    Raises
    ------
    UnwritableFolder
        When the place does not take files, or holds anything that is not a model of ours: nothing is deleted then.
    ValueError
        When a name leads out of the folder.

    Notes
    -----
    The files are written and synced in a new folder beside it. An older model steps aside to `.<name>.previous`, the
    new one takes its name, and the older one is deleted. `read_model` knows the name of the one that stepped aside, so
    there is a whole model to read at every instant.
    """
    folder = Path(folder).absolute()
    for name in files:
        if not _is_inside(name):
            raise ValueError(f"{name!r} is no name for a file within a model folder")
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        previous = _previous(folder)
        if previous.exists() and not os.path.lexists(folder):
            previous.rename(folder)  # an earlier replacement was cut short: its older model is the model
        _check_replaceable(folder)
        try:
            _write_files(draft, files)
            if folder.exists():
                if previous.exists():
                    shutil.rmtree(previous)
                folder.rename(previous)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        sync_folder(folder.parent)
        if previous.exists():
            shutil.rmtree(previous)
    except OSError as error:
        raise unwritable(folder, error) from error


def read_model(folder: str | Path, *, max_bytes: int = MAX_BYTES) -> dict[str, bytes]:
    """Read every file of a model folder.

    Parameters
    ----------
    folder
        The model's folder.
    max_bytes
        Refuse more than this in total.

    Returns
    -------
    dict
        Content by name, with forward slashes.

    Raises
    ------
    DamagedModel
        When there is no such folder, or it holds links, devices, too many files or too much.
    """
    folder = Path(folder).absolute()
    if not folder.exists() and _previous(folder).is_dir():
        folder = _previous(folder)
    if not folder.is_dir():
        wrong = "is a file, not a model folder" if folder.exists() else "does not exist"
        raise DamagedModel(f"{folder} {wrong}", fix="give the folder that `luthier tune` named as the model")
    files: dict[str, bytes] = {}
    left = max_bytes
    try:
        for name, path in _walk(folder):
            if len(files) == MAX_FILES:
                raise _odd(folder, f"it holds more than {MAX_FILES} files")
            files[name] = _read_regular(path, left, folder)
            left -= len(files[name])
    except OSError as error:
        raise _odd(folder, f"{error.filename or folder} cannot be read: {error.strerror or error}") from error
    return files


def _read_regular(path: Path, limit: int, folder: Path) -> bytes:
    # Opened without following links and without waiting for a pipe, then looked at through the handle: what was checked
    # is what is read.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _odd(folder, f"{path.name} is not an ordinary file")
        if status.st_size > limit:
            raise _odd(folder, "it is larger than any model")
        return file.read(limit)


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below, by its name with forward slashes, in a fixed order."""
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders.sort()
        for name in sorted([*names, *(each for each in folders if Path(parent, each).is_symlink())]):
            path = Path(parent, name)
            if path.is_symlink():
                raise _odd(folder, f"{path.relative_to(folder)} is a link")
            yield path.relative_to(folder).as_posix(), path


def _raise(error: OSError) -> None:
    raise error


def _odd(folder: Path, what: str) -> DamagedModel:
    return DamagedModel(f"{folder} is not a model we can trust: {what}", fix="restore it from a copy, or tune again")


def _is_inside(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and not set(name) & set('\\:\0*?"<>|')


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")


def _check_replaceable(folder: Path) -> None:
    """Only what a manifest of ours names may be deleted: a wrong `--out` must not cost anybody their files."""
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise UnwritableFolder(f"{folder} is there and is not a folder", fix="choose another place for the model")
    found = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    }
    strangers = sorted(found - _vouched_for(folder))
    if strangers:
        raise UnwritableFolder(
            f"{folder} holds files that are not a model's ({', '.join(strangers[:3])}), so it is not replaced",
            fix="choose another place for the model, or move those files away",
        )


def _vouched_for(folder: Path) -> set[str]:
    """Every word of the folder's manifest; the names of its files are among them."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return set()
    return {MANIFEST, *_words(manifest)}


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_synced(path, data)
    for parent in {folder, *(path for path in folder.rglob("*") if path.is_dir())}:
        sync_folder(parent)

"""How fitted models are written: one JSON document, one file of plain arrays, nothing that can run.

`model.json` says what the arrays mean. `arrays.npz` is NumPy's own container, uncompressed, and read with pickle
refused. A library's native text (a booster) stands beside them under its own name.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from luthier.canonical import canonical_json
from luthier.errors import DamagedModel

DOCUMENT = "model.json"
ARRAYS = "arrays.npz"


def write_files(
    document: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]] | None = None,
    native: Mapping[str, bytes] | None = None,
) -> dict[str, bytes]:
    """Write a document, its arrays and a library's native files; the same values give the same bytes.

    The document carries a SHA-256 of every other file: some libraries abort the process on a torn model, so nothing
    reaches them that is not what was written.
    """
    files = dict(native or {})
    if arrays is not None:
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]  # the stub takes a name for the option allow_pickle
        files[ARRAYS] = buffer.getvalue()
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return {DOCUMENT: canonical_json({**document, "sha256": digests}), **files}


def damaged(name: str, why: str) -> DamagedModel:
    """Build the error for a model file that is not what it should be."""
    return DamagedModel(
        f"the model file {name!r} {why}", fix="copy the whole model folder again, or tune again with the same command"
    )


def read_bytes(files: Mapping[str, bytes], name: str) -> bytes:
    """Read one of the files beside the document, or raise DamagedModel when it is missing or not what was written."""
    digests = read_document(files).get("sha256")
    if name not in files:
        raise damaged(name, "is missing")
    if not isinstance(digests, dict) or digests.get(name) != hashlib.sha256(files[name]).hexdigest():
        raise damaged(name, "is not what was written")
    return files[name]


def read_document(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Read `model.json`."""
    if DOCUMENT not in files:
        raise damaged(DOCUMENT, "is missing")
    try:
        document = json.loads(files[DOCUMENT])
    except (ValueError, RecursionError) as error:
        raise damaged(DOCUMENT, "is not JSON") from error
    if not isinstance(document, dict):
        raise damaged(DOCUMENT, "does not hold a JSON object")
    return document


def read_count(files: Mapping[str, bytes], name: str) -> int:
    """Read a count from `model.json`."""
    value = read_document(files).get(name)
    if not isinstance(value, int) or value < 0:
        raise damaged(DOCUMENT, f"has no count {name!r}")
    return value


class Arrays:
    """The arrays of a model file, each checked against the shape and kind its reader expects."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        data = read_bytes(files, ARRAYS)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                # We never compress, so a compressed member is not ours (and could unpack to any size).
                if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                    raise damaged(ARRAYS, "is compressed, which Luthier never does")
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                self._arrays: dict[str, NDArray[Any]] = {name: archive[name] for name in archive.files}
        except (ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile, KeyError) as error:
            raise damaged(ARRAYS, f"cannot be read ({type(error).__name__})") from error

    def take(
        self, name: str, kind: Literal["f", "i", "b"], ndim: int, rows: int | None = None, *, infinite: bool = False
    ) -> NDArray[Any]:
        """Return one array; `kind` is its NumPy kind: floats, integers or booleans.

        Raises
        ------
        DamagedModel
            It is missing, of another kind or shape, or holds NaN, or infinities unless `infinite` allows them.
        """
        array = self._arrays.get(name)
        if array is None:
            raise damaged(ARRAYS, f"lacks the array {name!r}")
        if array.dtype.kind != kind or array.ndim != ndim or (rows is not None and len(array) != rows):
            raise damaged(ARRAYS, f"holds {name!r} as {array.dtype} of shape {array.shape}, which does not fit")
        if kind == "f" and (np.isnan(array).any() or not (infinite or np.isfinite(array).all())):
            raise damaged(ARRAYS, f"holds values in {name!r} that are not numbers")
        return array

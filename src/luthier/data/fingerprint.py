"""A fingerprint of what a table says, the same whichever file or frame it comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from luthier.canonical import digest
from luthier.data.cells import Cells, undeclared


def fingerprint(cells: Mapping[str, Cells]) -> str:
    """SHA-256 of names and contents, as 64 hexadecimal digits.

    The order of rows counts, for it may be the order of time. The order of columns counts too: it is the order of the
    feature matrix, and the same fits are to be had only from the same matrix. Types of storage do not count: whole
    floats equal integers, float32 equals its shortest decimal, text that spells a column of numbers equals the numbers,
    and empty text is missing. Dates count to the microsecond.
    """
    return digest(["luthier.table/1", [[name, content_digest(column)] for name, column in cells.items()]])


def content_digest(cells: Cells) -> str:
    """SHA-256 of what one column holds, its name left out."""
    cells = undeclared(cells)
    hashed = hashlib.sha256(f"{cells.kind} {len(cells)}\n".encode())
    if cells.levels is not None:
        # Codes count from the first appearance, so equal words in equal rows give equal codes.
        for word in cells.levels:
            encoded = str(word).encode("utf-8", "surrogatepass")
            hashed.update(len(encoded).to_bytes(8, "little") + encoded)
        hashed.update(cells.array.astype("<i8", copy=False).tobytes())
    elif cells.kind == "datetime":
        hashed.update(cells.array.astype("datetime64[us]").view(np.int64).astype("<i8", copy=False).tobytes())
    elif cells.array.dtype.kind == "i" and _beyond_float(cells):
        hashed.update(b"whole" + cells.array.astype("<i8", copy=False).tobytes())
    else:
        numbers = cells.array.astype("<f8") + 0.0  # + 0.0: minus zero is zero
        numbers[np.isnan(numbers)] = np.nan  # of the many NaNs, one
        hashed.update(numbers.tobytes())
    return hashed.hexdigest()


def _beyond_float(cells: Cells) -> bool:
    return len(cells) > 0 and bool(((cells.array > 2**53) | (cells.array < -(2**53))).any())

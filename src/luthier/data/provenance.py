"""Where a table came from, so that somebody else can find the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file as it was read.

    Parameters
    ----------
    path
        As the user wrote it, or as the pattern found it.
    n_bytes, sha256
        Size and SHA-256 of the file as it lies on the disk (compressed if it is).
    rows
        Rows read from it.
    """

    path: str
    n_bytes: int
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the rows came from and which of them were left out.

    Parameters
    ----------
    kind
        "csv", "jsonl", "parquet", "pandas", "polars" or "arrow".
    files
        Empty for frames.
    options
        How the files were read: pairs of option and value, such as ("delimiter", ";").
    rows_read
        Rows before any was dropped.
    rows_dropped
        Pairs of reason and number of rows.
    """

    kind: str
    files: tuple[SourceFile, ...]
    options: tuple[tuple[str, str], ...]
    rows_read: int
    rows_dropped: tuple[tuple[str, int], ...] = ()

    def without(self, reason: str, rows: int) -> Self:
        """The same, with so many more rows dropped for this reason."""
        return replace(self, rows_dropped=(*self.rows_dropped, (reason, rows))) if rows else self

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "kind": self.kind,
            "files": [asdict(file) for file in self.files],
            "options": dict(self.options),
            "rows_read": self.rows_read,
            "rows_dropped": dict(self.rows_dropped),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(
            kind=value["kind"],
            files=tuple(SourceFile(**file) for file in value["files"]),
            options=tuple(value["options"].items()),
            rows_read=value["rows_read"],
            rows_dropped=tuple(value["rows_dropped"].items()),
        )

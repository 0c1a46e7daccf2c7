"""Reading tables: CSV, TSV, JSONL and Parquet files by path or glob, and frames.

DuckDB reads the files (the one place of the core that touches a disk). Text stays text on the way: what it spells is
judged by `data.cells`, by one rule for all sources, and not by a CSV sniffer that turns "007" into 7.
"""

from __future__ import annotations

import csv
import glob
import gzip
import hashlib
import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.data.cells import Values
from luthier.data.duck import duck
from luthier.data.frames import Table, check_names, open_frame
from luthier.data.provenance import Provenance, SourceFile
from luthier.data.suggest import closest, listing
from luthier.data.words import PLAIN_INTEGER, PLAIN_NUMBER
from luthier.errors import BadColumn, UnreadableData

# ruff: noqa: S608 - queries hold nothing of the user's but file names and delimiters, both quoted by `_quoted`

FORMATS: Final = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_DELIMITERS = (",", ";", "\t", "|")


@contextmanager
def open_table(source: Any, *, as_written: bool = False) -> Iterator[tuple[Table, Provenance]]:
    """The table behind a path, a glob or a frame, and where it came from.

    Its columns can be read inside the `with` only.

    Parameters
    ----------
    source
        A path or glob of CSV, TSV, JSONL or Parquet files (.gz and .zst too; several files are read in the order of
        their names, one below the other), or a pandas, polars or Arrow frame.
    as_written
        Leave numbers in text files as the text they are. For prediction, where the schema says how a column is read.

    Raises
    ------
    UnreadableData
        The file does not exist, is empty, is not UTF-8 or not well formed, or is of no format read here.
    BadColumn
        Two columns have the same name, or the files of a glob have different columns.
    """
    if not isinstance(source, (str, os.PathLike)):
        table = open_frame(source)
        yield table, Provenance(table.kind, (), (), table.n_rows)
        return
    paths = _find_files(os.fspath(source))
    kinds = {_format(path) for path in paths}
    if len(kinds) > 1:
        raise UnreadableData(
            f"{os.fspath(source)!r} matches files of different formats: {', '.join(sorted(kinds))}",
            fix="name one kind of file, such as 'data/*.csv'",
        )
    with duck() as connection:
        kind = kinds.pop()
        loader = {"csv": _load_csv, "jsonl": _load_jsonl, "parquet": _load_parquet}[kind]
        names, counts, options = loader(connection, paths)
        files = tuple(
            SourceFile(path, Path(path).stat().st_size, _sha256(path), rows)
            for path, rows in zip(paths, counts, strict=True)
        )
        reader = _Reader(connection, names, ", ".join(paths), as_written=as_written)
        yield Table(kind, names, sum(counts), reader.column), Provenance(kind, files, options, sum(counts))


def read_rows(source: Any) -> pd.DataFrame:
    """The rows of a path, a glob or a frame as a pandas frame, to predict for. Text is left as it is written.

    Raises
    ------
    UnreadableData, BadColumn
        As `open_table`.
    """
    if isinstance(source, pd.DataFrame):
        return source
    with open_table(source, as_written=True) as (table, _):
        return frame_of(table)


def frame_of(table: Table) -> pd.DataFrame:
    """All columns of an open table as a pandas frame (n_rows, n_columns)."""
    columns = {name: table.column(name) for name in table.names}
    return pd.DataFrame(columns, index=pd.RangeIndex(table.n_rows), columns=list(table.names))


class _Reader:
    """Fetches columns of the loaded relation "data", whose columns are called c0, c1, ... whatever their names are."""

    def __init__(self, connection: Any, names: Sequence[str], place: str, *, as_written: bool) -> None:
        self._connection, self._place, self._as_written = connection, place, as_written
        self._at = {name: f"c{i}" for i, name in enumerate(names)}
        described = connection.execute("DESCRIBE data").fetchall()
        self._types = {str(row[0]): str(row[1]) for row in described}

    def column(self, name: str) -> Values:
        at = self._at[name]
        kind = self._types[at]
        if kind == "VARCHAR":
            return self._text(at)
        if kind == "BOOLEAN":
            return _with_gaps(self._fetch(at), object)
        if kind in {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "FLOAT", "DOUBLE"}:
            return _with_gaps(self._fetch(at), float)
        if kind in {"UBIGINT", "HUGEINT", "UHUGEINT"} or kind.startswith("DECIMAL"):
            return _with_gaps(self._fetch(f"CAST({at} AS DOUBLE)"), float)
        if kind == "DATE" or kind.startswith("TIMESTAMP"):
            return _stamps(self._fetch(f"epoch_us({at})"))
        if kind == "JSON":
            return _with_gaps(self._fetch(f"json_extract_string({at}, '$')"), object)
        if kind == "BLOB" or kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION")):
            rendered = _with_gaps(self._fetch(f"CAST({at} AS VARCHAR)"), object)
            return np.array([None if value is None else str(value).encode() for value in rendered], dtype=object)
        return _with_gaps(self._fetch(f"CAST({at} AS VARCHAR)"), object)  # times of day, intervals, UUIDs, enumerations

    def _text(self, at: str) -> Values:
        if not self._as_written:
            # Most columns of a CSV are numbers throughout: DuckDB says so, and casts them, in a fraction of the time.
            whole = f"regexp_full_match({at}, '{PLAIN_INTEGER}') AND TRY_CAST({at} AS BIGINT) IS NOT NULL"
            number = f"regexp_full_match({at}, '{PLAIN_NUMBER}')"
            all_whole, all_numbers = self._connection.execute(
                f"SELECT bool_and({whole}), bool_and({number}) FROM data"  # NULL if there is no value at all
            ).fetchone()
            if all_whole:
                return _with_gaps(self._fetch(f"CAST({at} AS BIGINT)"), float)
            if all_numbers:
                return _with_gaps(self._fetch(f"CAST({at} AS DOUBLE)"), float)
        return _with_gaps(self._fetch(at), object)

    def _fetch(self, expression: str) -> NDArray[Any]:
        rows = _execute(self._connection, f"SELECT {expression} AS c FROM data", self._place)
        fetched: NDArray[Any] = rows.fetchnumpy()["c"]
        return fetched


def _with_gaps(values: NDArray[Any], wider: type) -> NDArray[Any]:
    """Without the mask: gaps become NaN in floats (or None in objects), to which integers and booleans give way."""
    if not isinstance(values, np.ma.MaskedArray) or not np.ma.getmaskarray(values).any():
        return np.asarray(values)
    gap: Any = np.nan if wider is float else None
    return np.where(np.ma.getmaskarray(values), gap, values.data)


def _stamps(microseconds: NDArray[Any]) -> NDArray[Any]:
    stamps = np.asarray(microseconds).astype("datetime64[us]")
    return np.where(np.ma.getmaskarray(microseconds), np.datetime64("NaT", "us"), stamps)


# --- finding the files ---


def _find_files(source: str) -> list[str]:
    path = Path(source).expanduser()
    if path.is_file():
        return [str(path)]
    if path.is_dir():
        inside = sorted(
            p.name for p in path.iterdir() if p.name.lower().partition(".")[2] and _suffix(p.name) in FORMATS
        )
        example = path / f"*{_suffix(inside[0])}" if inside else path / "*.csv"
        raise UnreadableData(f"{source!r} is a folder", fix=f"name its files by a pattern: '{example}'")
    if glob.has_magic(source):
        # Path.glob takes no absolute patterns.
        found = sorted(p for p in glob.glob(str(path), recursive=True) if Path(p).is_file())  # noqa: PTH207
        if found:
            return found
        raise UnreadableData(f"no file matches {source!r}", fix=f"look at what is there: ls {path.parent}")
    raise _missing(source, path)


def _missing(source: str, path: Path) -> UnreadableData:
    if not path.parent.is_dir():
        return UnreadableData(
            f"there is no file {source!r}: the folder {str(path.parent)!r} does not exist", fix="check the path"
        )
    here = sorted(p.name for p in path.parent.iterdir() if p.is_file())
    meant = closest(path.name, here)
    tables = [name for name in here if _suffix(name) in FORMATS]
    if meant is not None:
        fix = f"did you mean {str(path.with_name(meant))!r}?"
    elif tables:
        fix = f"the folder holds {listing(tables, most=6)}"
    else:
        fix = f"look at what is there: ls {path.parent}"
    return UnreadableData(f"there is no file {source!r}", fix=fix)


def _suffix(name: str) -> str:
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    while suffixes and suffixes[-1] in {".gz", ".zst"}:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _format(path: str) -> str:
    kind = FORMATS.get(_suffix(path))
    if kind is None:
        raise UnreadableData(
            f"{path!r} is of no format read here: {', '.join(sorted(FORMATS))}, each also with .gz or .zst",
            fix="save it as CSV or Parquet, or read it with pandas and give the frame",
        )
    return kind


def _sha256(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _place(path: str) -> str:
    # The name is a file, not a pattern, even where it holds brackets.
    return _quoted(glob.escape(path))


# --- loading: each gives the names, the rows of every file, and the options to be recorded ---

_Loaded = tuple[tuple[str, ...], list[int], tuple[tuple[str, str], ...]]


def _load_csv(connection: Any, paths: Sequence[str]) -> _Loaded:
    names: tuple[str, ...] = ()
    counts: list[int] = []
    delimiters: list[str] = []
    for path in paths:
        delimiter, own = _header(connection, path)
        names = names or own
        _check_same_columns(names, own, paths[0], path)
        columns = ", ".join(f"'c{names.index(name)}': 'VARCHAR'" for name in own)
        query = (
            f"SELECT {', '.join(f'c{i}' for i in range(len(names)))} FROM read_csv({_place(path)}, "
            f"delim={_quoted(delimiter)}, quote='\"', escape='\"', comment='', skip=0, header=true, "
            f"auto_detect=false, columns={{{columns}}})"
        )
        _load(connection, query, path, first=path == paths[0])
        counts.append(_count(connection) - sum(counts))
        delimiters.append("tab" if delimiter == "\t" else delimiter)
    options = (("delimiter", " ".join(dict.fromkeys(delimiters))), ("quote", '"'), ("encoding", "utf-8"))
    return names, counts, options


def _header(connection: Any, path: str) -> tuple[str, tuple[str, ...]]:
    """The delimiter and the column names of a CSV file, from its first line."""
    start = _start(connection, path)
    line = start.partition("\n")[0]
    if not line.strip():
        what = "begins with a blank line" if start.strip() else "is empty"
        raise UnreadableData(f"{path!r} {what}", fix="give a file whose first line names the columns")
    if "\ufffd" in line:
        raise _not_utf8(path, f"{path!r}, line 1")
    try:
        # From the whole start, for a quoted name may hold a line break.
        split = {delimiter: next(csv.reader(io.StringIO(start), delimiter=delimiter)) for delimiter in _DELIMITERS}
    except csv.Error as error:
        raise UnreadableData(
            f"{path!r}: the first line cannot be read: {error}", fix="check that a quoted name ends"
        ) from error
    delimiter = "\t" if _suffix(path) in {".tsv", ".tab"} else max(_DELIMITERS, key=lambda d: len(split[d]))
    names = [name.strip() or f"unnamed_{i}" for i, name in enumerate(split[delimiter])]
    return delimiter, check_names(names, place=f"the header of {path!r}")


def _start(connection: Any, path: str) -> str:
    """The beginning of a text file, with U+FFFD where it is not UTF-8."""
    if path.lower().endswith(".zst"):
        query = (  # DuckDB unpacks it; with a delimiter that text hardly holds a line is one column
            f"SELECT line FROM read_csv({_place(path)}, delim='\x01', quote='', escape='', comment='', header=false, "
            "auto_detect=false, ignore_errors=true, columns={'line': 'VARCHAR'}) LIMIT 1"
        )
        rows = _execute(connection, query, path).fetchall()
        return str(rows[0][0] or "\n") if rows else ""
    unpack = gzip.open if path.lower().endswith(".gz") else open
    try:
        with unpack(path, "rb") as file:
            return file.read(2**20).removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    except (gzip.BadGzipFile, EOFError) as error:
        raise UnreadableData(f"{path!r} cannot be unpacked: {error}", fix="check that the file is whole") from error


def _check_same_columns(names: tuple[str, ...], own: tuple[str, ...], first: str, path: str) -> None:
    if set(own) != set(names):
        odd = [name for name in (*names, *own) if (name in names) != (name in own)]
        raise BadColumn(
            f"{path!r} and {first!r} do not have the same columns: {listing(odd)} is in one of them only",
            fix="give files with the same columns, or read and join them with pandas and give the frame",
        )


def _load_jsonl(connection: Any, paths: Sequence[str]) -> _Loaded:
    files = f"[{', '.join(_place(path) for path in paths)}]"
    kind = "auto" if all(_suffix(path) == ".json" for path in paths) else "newline_delimited"
    place = ", ".join(paths)
    query = (
        f"SELECT * FROM read_json({files}, format='{kind}', records=true, sample_size=-1, union_by_name=true, "
        "map_inference_threshold=-1, field_appearance_threshold=0)"
    )
    _execute(connection, f"CREATE TEMP TABLE raw AS {query}", place)
    names = tuple(str(row[0]) for row in connection.execute("DESCRIBE raw").fetchall())
    _name_by_position(connection, "SELECT * FROM raw", len(names), place)
    if len(paths) == 1:
        return names, [_count(connection)], ()
    objects = [f"SELECT count(*) FROM read_json_objects({_place(path)}, format='{kind}')" for path in paths]
    return names, [_execute(connection, query, place).fetchone()[0] for query in objects], ()


def _load_parquet(connection: Any, paths: Sequence[str]) -> _Loaded:
    names: tuple[str, ...] = ()
    for path in paths:
        # DuckDB renames columns that differ in capitals only; the file itself knows their names.
        rows = _execute(connection, f"SELECT name, num_children FROM parquet_schema({_place(path)})", path).fetchall()
        own = check_names(_top_level(rows), place=repr(path))
        names = names or own
        _check_same_columns(names, own, paths[0], path)
    files, place = f"[{', '.join(_place(path) for path in paths)}]", ", ".join(paths)
    _name_by_position(connection, f"SELECT * FROM read_parquet({files}, union_by_name=true)", len(names), place)
    counted = f"SELECT file_name, num_rows FROM parquet_file_metadata({files})"
    rows = {str(file): int(count) for file, count in _execute(connection, counted, place).fetchall()}
    return names, [rows[path] for path in paths], ()


def _top_level(rows: Sequence[tuple[str, int | None]]) -> list[str]:
    """The names of the columns in a Parquet schema, which is a tree written down depth first."""
    names, i = [], 1
    while i < len(rows):
        names.append(rows[i][0])
        waiting = 1
        while waiting:  # past everything below this column
            waiting += (rows[i][1] or 0) - 1
            i += 1
    return names


def _name_by_position(connection: Any, query: str, n_columns: int, place: str) -> None:
    """Make "data" of the query, its columns called c0, c1, ... so that no name needs quoting or clashes."""
    names = ", ".join(f"c{i}" for i in range(n_columns))
    _execute(connection, f"CREATE TEMP VIEW data AS SELECT {names} FROM ({query}) AS t({names})", place)


def _count(connection: Any) -> int:
    return int(connection.execute("SELECT count(*) FROM data").fetchone()[0])


def _load(connection: Any, query: str, path: str, *, first: bool) -> None:
    _execute(connection, f"CREATE TEMP TABLE data AS {query}" if first else f"INSERT INTO data {query}", path)


# --- what DuckDB complains of, in our words ---


def _execute(connection: Any, query: str, path: str) -> Any:
    import duckdb

    try:
        return connection.execute(query)
    except duckdb.Error as error:
        raise _explained(str(error), path) from error


def _explained(message: str, path: str) -> UnreadableData | BadColumn:
    line = re.search(r"(?:CSV Error on Line: |in line )(\d+)", message)
    where = f"{path!r}" + (f", line {line[1]}" if line else "")
    lowered = message.lower()
    if "unicode" in lowered or "utf-8" in lowered or "utf8" in lowered:
        return _not_utf8(path, where)
    expected = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if expected:
        return UnreadableData(
            f"{where}: {expected[2]} values where the header names {expected[1]} columns{_original(message)}",
            fix="mend that line: text that holds the delimiter or a line break belongs in double quotes",
        )
    if "quote" in lowered:
        return UnreadableData(
            f"{where}: a quoted text does not end{_original(message)}",
            fix='write a double quote inside quoted text twice: "say ""yes"""',
        )
    if "non-record" in lowered:
        return UnreadableData(
            f"{where} holds no rows: every line should be one object", fix='write lines like {"age": 41, "churn": "no"}'
        )
    duplicate = re.search(r'duplicate key "([^"]+)"', message)
    if duplicate:
        return BadColumn(f"{where}: the object has two keys named {duplicate[1]!r}", fix="rename or remove one of them")
    first = message.partition(": ")[2].splitlines()[0] if ": " in message else message
    return UnreadableData(
        f"{where} cannot be read: {first}", fix="check that the file is whole and of the format its name says"
    )


def _original(message: str) -> str:
    line = re.search(r"Original Line: ?(.*)", message)
    return f" ({line[1][:80]!r})" if line and line[1].strip() else ""


def _not_utf8(path: str, where: str) -> UnreadableData:
    if Path(path).is_file():
        with Path(path).open("rb") as file:
            start = file.read(2)
        encoding = "utf-16" if start in {b"\xff\xfe", b"\xfe\xff"} else "latin1"
    else:
        encoding = "latin1"
    return UnreadableData(
        f"{where}: the text is not UTF-8 (it may be {encoding})",
        fix=f"convert it: iconv -f {encoding} -t utf-8 {path} > utf8-{Path(path).name}",
    )

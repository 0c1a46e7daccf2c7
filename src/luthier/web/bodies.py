"""What may come in: bodies within limits, as rows.

JSON is read by a parser that refuses NaN, infinities and deep nesting; tables are read as the training table was, by
DuckDB from a file, or by Arrow from memory.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from luthier.data.readers import frame_of, open_table
from luthier.errors import LuthierError, MissingExtra, UnreadableData
from luthier.web.refusals import Refused, bad_request
from luthier.web.settings import Limits

Row = Mapping[str, Any]

JSON = "application/json"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
ARROW = "application/vnd.apache.arrow.stream"
TABLES: Mapping[str, str] = {CSV: "csv", PARQUET: "parquet", ARROW: "arrow"}


async def read_body(request: Request, limits: Limits) -> bytes:
    """The whole body.

    Raises
    ------
    Refused
        It is larger (413) or slower (408) than is allowed.
    """
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > limits.body_bytes:
        raise _too_large(limits)
    parts: list[bytes] = []
    n_bytes = 0
    try:
        async with asyncio.timeout(limits.body_s):
            async for part in request.stream():
                n_bytes += len(part)
                if n_bytes > limits.body_bytes:
                    raise _too_large(limits)
                parts.append(part)
    except TimeoutError as error:
        raise bad_request(
            408, f"the body did not arrive within {limits.body_s:g} s", fix="send it faster, or less of it", close=True
        ) from error
    except ClientDisconnect as error:
        raise bad_request(400, "the client went away", fix="send the whole body") from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limits: Limits) -> Refused:
    megabytes = limits.body_bytes / 2**20
    return bad_request(
        413, f"the body is larger than {megabytes:g} MB", fix="send the rows in several requests", close=True
    )


def content_type(request: Request) -> str:
    """The body's type, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request, limits: Limits) -> Any:
    """The body as JSON values.

    Raises
    ------
    Refused
        As `read_body`; it is no JSON (400), or does not say that it is (415).
    """
    if content_type(request) != JSON:
        raise bad_request(
            415,
            f"the body's type is {content_type(request)!r}",
            fix=f"send the header content-type: {JSON}",
            close=True,
        )
    return parse_json(await read_body(request, limits))


def parse_json(body: bytes) -> Any:
    """JSON values; NaN and infinities are no JSON.

    Raises
    ------
    Refused
        It is no JSON (400).
    """
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise bad_request(400, f"the body is no JSON: {error}", fix="send one row as an object, or a list") from error


async def read_request_rows(request: Request, limits: Limits, n_fields: int) -> Sequence[Row]:
    """The rows of a request: an object, a list of objects, `{"rows": [...]}`, or a table.

    Raises
    ------
    Refused
        The body is of a type that is not read (415), no such thing (400, 422), or beyond a limit (413).
    """
    kind = content_type(request)
    if kind == JSON:
        rows = _rows(parse_json(await read_body(request, limits)))
    elif kind in TABLES:
        body = await read_body(request, limits)
        rows = await asyncio.to_thread(_table_rows, body, TABLES[kind], limits)
    else:
        allowed = ", ".join((JSON, *TABLES))
        raise bad_request(415, f"the body's type is {kind!r}", fix=f"send as content-type one of {allowed}", close=True)
    check_size(rows, limits, n_fields)
    return rows


def check_size(rows: Sequence[Row], limits: Limits, n_fields: int) -> None:
    """Refuse too many rows or columns."""
    if not rows:
        raise bad_request(422, "there are no rows", fix="send at least one row")
    _check_rows(len(rows), limits)
    most = max(limits.columns, 2 * n_fields)
    widest = max(map(len, rows))
    if widest > most:
        raise bad_request(
            413, f"a row has {widest:,} fields; {most:,} is the most", fix=f"send only the {n_fields} the model reads"
        )


def _check_rows(n_rows: int, limits: Limits) -> None:
    if n_rows > limits.rows:
        raise bad_request(
            413, f"{n_rows:,} rows are more than the {limits.rows:,} of one request", fix="send them in several"
        )


def _rows(value: Any) -> Sequence[Row]:
    if isinstance(value, dict):
        # No field of a row can be a list, so this is no row that happens to have a column "rows".
        if not (len(value) == 1 and isinstance(value.get("rows"), list)):
            return (value,)
        value = value["rows"]
    if not isinstance(value, list):
        raise bad_request(
            422,
            f"the body is a {_called(value)}, where rows are expected",
            fix='send {"field": value, ...} or a list of them',
        )
    for i, row in enumerate(value):
        if not isinstance(row, dict):
            raise bad_request(
                422, f"row {i + 1} is a {_called(row)}, where an object is expected", fix='send {"field": value, ...}'
            )
    return value


def _called(value: Any) -> str:
    names = {str: "string", bool: "boolean", int: "number", float: "number", list: "list", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _table_rows(body: bytes, kind: str, limits: Limits) -> Sequence[Row]:
    try:
        frame = _arrow(body, limits) if kind == "arrow" else _file(body, kind, limits)
    except MissingExtra as error:
        raise Refused(415, error) from error
    except LuthierError as error:
        raise bad_request(400, f"the body is no {kind} table: {error.what}", fix="send a whole file") from error
    names = [str(name) for name in frame.columns]
    columns = [[_plain(value) for value in frame.iloc[:, i].tolist()] for i in range(frame.shape[1])]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _file(body: bytes, kind: str, limits: Limits) -> pd.DataFrame:
    with tempfile.TemporaryDirectory(prefix="luthier-") as folder:
        path = Path(folder) / f"body.{kind}"
        path.write_bytes(body)
        try:
            with open_table(str(path), as_written=True) as (table, _):
                # Before they are fetched: a kilobyte of Parquet can be a billion rows.
                _check_rows(table.n_rows, limits)
                return frame_of(table)
        except LuthierError as error:  # where our copy of the body lies is nobody's business
            raise UnreadableData(error.what.replace(str(path), path.name), fix=error.fix) from error


def _arrow(body: bytes, limits: Limits) -> pd.DataFrame:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtra(
            "Arrow bodies need pyarrow, which is not installed here",
            fix="pip install 'luthier[polars]', or send Parquet",
        ) from error
    batches, n_rows = [], 0
    try:
        with pa.ipc.open_stream(pa.BufferReader(body)) as stream:
            for batch in stream:
                n_rows += batch.num_rows
                _check_rows(n_rows, limits)  # a column of nulls takes no bytes, however long it is
                batches.append(batch)
            frame: pd.DataFrame = pa.Table.from_batches(batches, stream.schema).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise bad_request(400, f"the body is no Arrow stream: {error}", fix="send an Arrow IPC stream") from error
    return frame


def _plain(value: Any) -> Any:
    """A cell of a frame as JSON would have brought it; dates stay dates."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, (list, dict, bytes)):
        return value
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)

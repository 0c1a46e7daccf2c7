"""How a request is refused: one shape of answer for every reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from luthier.errors import BadRequest, JournalBehind, LuthierError, NoAccess, UnfitRows, UsageError
from luthier.serving import Problem

SAFE_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
}
"""On every answer: nothing is kept by caches, guessed by browsers, told to others, or loaded from elsewhere."""


class Refused(Exception):
    """A request that is refused with a status of its own.

    Parameters
    ----------
    status
        Of HTTP.
    error
        The letter.
    problems
        The cells that cannot be read.
    headers
        Beside the usual ones.
    """

    def __init__(
        self,
        status: int,
        error: LuthierError,
        *,
        problems: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error.what)
        self.status, self.error, self.problems, self.headers = status, error, problems, headers or {}


def bad_request(status: int, what: str, *, fix: str, close: bool = False) -> Refused:
    """A refusal of the request's form; `close` hangs up on a client that is still sending."""
    return Refused(status, BadRequest(what, fix=fix), headers={"connection": "close"} if close else None)


def unfit_rows(problems: Sequence[Problem], fix: str = "") -> Refused:
    """A refusal that names every field, what was got, and what is allowed."""
    first = problems[0]
    what = f"row {first.row + 1}, field {first.field!r}: got {first.to_json()['got']!r}, allowed is {first.allowed}"
    more = f"; and {len(problems) - 1} more" if len(problems) > 1 else ""
    return Refused(422, UnfitRows(what + more, fix=fix or "correct the fields listed"), problems=problems)


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response with the safe headers."""
    return Response(to_json(body), status, {**SAFE_HEADERS, **(headers or {})}, "application/json")


async def say_refused(_: Request, refused: Exception) -> Response:
    """The response for `Refused`."""
    assert isinstance(refused, Refused)
    body: dict[str, Any] = dict(refused.error.to_json())
    if refused.problems:
        body["fields"] = [problem.to_json() for problem in refused.problems]
    return json_answer({"error": body}, refused.status, refused.headers)


async def say_error(_: Request, error: Exception) -> Response:
    """The response for an error of ours that escaped a verb."""
    assert isinstance(error, LuthierError)
    headers = {"retry-after": "1"} if isinstance(error, JournalBehind) else None
    return json_answer({"error": error.to_json()}, _status(error), headers)


async def say_http(_: Request, error: Exception) -> Response:
    """The response for what the router refuses: an address that does not exist, a method that does not fit."""
    assert isinstance(error, HTTPException)
    letter = BadRequest(str(error.detail), fix="GET /openapi.json says what there is")
    return json_answer({"error": letter.to_json()}, error.status_code, error.headers)


def _status(error: LuthierError) -> int:
    if isinstance(error, JournalBehind):
        return 503
    if isinstance(error, NoAccess):
        return 403
    return 422 if isinstance(error, UsageError) else 500

"""Who may do what: tokens where the address is not this machine's alone, and not too often."""

from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path

from pydantic_core import to_json
from starlette.types import ASGIApp, Receive, Scope, Send

from luthier.errors import LuthierError, NoAccess
from luthier.store.tokens import ROLES, hashed, read_tokens
from luthier.web.refusals import SAFE_HEADERS
from luthier.web.settings import ServeSettings

_FREE = frozenset({"/health", "/ready"})
_RELOAD_S = 0.5
_BURST = 10
_MOST_CLIENTS = 10_000


class Access:
    """Lets requests through that may pass; probes of life always may."""

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app = app
        self._known = None if settings.is_private or settings.tokens is None else _Tokens(settings.tokens)
        rate = settings.limits.requests_per_s
        self._rate = None if rate is None else _Rate(rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401, 403 or 429."""
        if scope["type"] != "http" or scope["path"] in _FREE or (self._known is None and self._rate is None):
            await self._app(scope, receive, send)
            return
        client = (scope.get("client") or ("",))[0]
        if self._known is not None:
            token = _token(scope)
            role = None if token is None else self._known.role(token)
            if role is None:
                letter = NoAccess("there is no valid token", fix="send the header authorization: Bearer TOKEN")
                await _refuse(send, 401, letter, (b"www-authenticate", b"Bearer"))
                return
            needed = "predictor" if scope["method"] == "POST" else "reader"
            if ROLES.index(role) < ROLES.index(needed):
                letter = NoAccess(
                    f"a token with the role {role} may not do this; it takes the role {needed}",
                    fix=f"make one with `luthier token new --role {needed}`",
                )
                await _refuse(send, 403, letter)
                return
            client = token
        if self._rate is not None and not self._rate.takes(str(client)):
            letter = NoAccess("these are too many requests", fix="ask less often, with more rows at a time")
            await _refuse(send, 429, letter, (b"retry-after", b"1"))
            return
        await self._app(scope, receive, send)


def _token(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if kind.lower() == "bearer" else None
    return None


async def _refuse(send: Send, status: int, letter: LuthierError, *more: tuple[bytes, bytes]) -> None:
    body = to_json({"error": letter.to_json()})
    headers = [(name.encode(), value.encode()) for name, value in SAFE_HEADERS.items()]
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Tokens:
    """The file of tokens, read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked = 0.0
        self._stamp: tuple[int, int] | None = None
        self._roles: dict[str, str] = {}

    def role(self, token: str) -> str | None:
        now = time.monotonic()
        if now - self._looked > _RELOAD_S:
            self._looked = now
            stamp = self._stat()
            if stamp != self._stamp:
                self._roles = {entry.sha256: entry.role for entry in read_tokens(self._path)}
                self._stamp = stamp
        return self._roles.get(hashed(token))

    def _stat(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino


class _Rate:
    """A bucket for every client: it fills at the rate, and a request takes one out."""

    def __init__(self, per_s: float) -> None:
        self._per_s, self._most = per_s, max(1.0, _BURST * per_s)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def takes(self, client: str) -> bool:
        now = time.monotonic()
        filled, at = self._buckets.pop(client, (self._most, now))
        filled = min(self._most, filled + (now - at) * self._per_s)
        taken = filled >= 1
        self._buckets[client] = (filled - taken, now)
        while len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return taken

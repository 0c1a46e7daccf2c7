"""A connection that says what it wants, within a time and a size, or is hung up on.

The server underneath waits for the head of a request as long as a client likes, and keeps as much of it as is sent; a
thousand such clients would be all it can carry.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_S = 10.0
HEAD_BYTES = 64 << 10


class Connection(AutoHTTPProtocol):  # type: ignore[valid-type, misc]  # one of two classes, by what is installed
    """One of uvicorn's, with `HEAD_S` seconds and `HEAD_BYTES` bytes for the address and headers of a request."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Stop the clock when a head is whole, start it when the next begins; refuse one that goes on and on."""
        before: Any = self.cycle
        if before is not None and before.response_complete and not before.more_body:
            self._await_head()
        super().data_received(data)
        if self.cycle is not before:
            self._head_is_there()
        elif self._deadline is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._head_is_there()
                self.send_400_response("The headers of the request are too large.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._head_is_there()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self.transport.close)

    def _head_is_there(self) -> None:
        self._head_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

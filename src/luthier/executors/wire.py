"""Whole messages over a stream socket. The engine never waits on half a message, so limits hold while one arrives."""

from __future__ import annotations

import pickle
import select
import socket
import struct
from typing import Any

_HEAD = struct.Struct("<Q")  # length of the pickle that follows
_PATIENCE_S = 30.0  # for a peer to take a message: a healthy worker is listening, so this means it never will


class Wire:
    """One end of a connection between the engine and a worker.

    The messages are pickles, and that is safe here: the socket has no name, and its only two ends are this process and
    a child of its own. They are as large as memory allows; 100 MB of predictions are fine.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.closed = False  # the peer has hung up
        self._head = bytearray(_HEAD.size)
        self._into = memoryview(self._head)  # what is being filled
        self._body: bytearray | None = None
        self._filled = 0

    def send(self, message: object) -> None:
        """Send one message, waiting until the peer has taken it.

        Raises
        ------
        OSError
            The peer is gone, or does not read.
        """
        body = pickle.dumps(message, protocol=5)
        for part in (_HEAD.pack(len(body)), body) if len(body) > 65536 else (_HEAD.pack(len(body)) + body,):
            rest = memoryview(part)
            while rest:
                try:
                    rest = rest[self.sock.send(rest) :]
                except BlockingIOError:
                    if not select.select([], [self.sock], [], _PATIENCE_S)[1]:
                        raise TimeoutError("the peer does not read") from None

    def receive(self) -> Any:
        """The next message, waiting for it (on a blocking socket).

        Raises
        ------
        EOFError
            The peer has hung up.
        """
        while not self.closed:
            for message in self._step():
                return message
        raise EOFError

    def arrived(self) -> list[Any]:
        """Every message that is completely here, without waiting (on a non-blocking socket)."""
        messages: list[Any] = []
        while not self.closed:
            try:
                messages += self._step()
            except BlockingIOError:
                break
        return messages

    def close(self) -> None:
        """Hang up."""
        self.closed = True
        self.sock.close()

    def _step(self) -> list[Any]:
        """Read once; the message that this completed, if it did."""
        try:
            n = self.sock.recv_into(self._into[self._filled :])
        except ConnectionError:
            n = 0
        if n == 0:
            self.closed = True
            return []
        self._filled += n
        if self._filled < len(self._into):
            return []
        self._filled = 0
        if self._body is None:
            self._body = bytearray(_HEAD.unpack(self._head)[0])
            self._into = memoryview(self._body)
            return []
        body, self._body, self._into = self._body, None, memoryview(self._head)
        return [pickle.loads(body)]  # noqa: S301  (our own process tree: see the class)
